//! Clients of the terminal: attaching, typing, sizes.

use std::time::Instant;

use podfleet_harness::ScreenState;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::limits::PAGE_BYTES;
use podfleet_protocol::method::{ScreenResult, ScrollbackParams, ScrollbackResult};

use super::Controller;
use super::keys::{has_key, source_of};
use crate::attach::{ClientId, Input, Scrollback, Source};
use crate::command::NewClient;

/// Lines of scrollback that a new client's repaint carries.
const REPAINT_SCROLLBACK: usize = 500;

/// Returns how many lines of scrollback a repaint carries.
pub(super) const fn tail(scrollback: Scrollback) -> usize {
    match scrollback {
        Scrollback::Tail => REPAINT_SCROLLBACK,
        Scrollback::None => 0,
    }
}

impl Controller {
    pub(super) fn attach(&mut self, client: NewClient) {
        let NewClient {
            name,
            params,
            frames,
            answer,
        } = client;
        let attached = self
            .live
            .clients
            .attach(name, &params, frames, Instant::now());
        let in_control = attached.as_ref().is_ok_and(|(_, result)| result.in_control);
        if let Err(Ok((id, _))) = answer.send(attached) {
            self.live.clients.detach(id);
        } else if in_control {
            self.settle_typing(None);
            self.geometry_changed();
        }
    }

    pub(super) fn gone(&mut self, id: ClientId) {
        self.live.clients.detach(id);
        self.gave_up(id);
    }

    /// Has the log count what was typed, but for a client that goes on typing: whoever types next is
    /// somebody else, or nobody is left to name.
    pub(super) fn settle_typing(&mut self, unless: Option<ClientId>) {
        let typed = self.live.keys.settle(unless);
        self.count_typing(typed);
    }

    fn gave_up(&mut self, id: ClientId) {
        if self.live.keys.are_of(id) {
            self.settle_typing(None);
        }
    }

    pub(super) fn count_typing(&self, typed: Option<Entry>) {
        if let Some(entry) = typed {
            self.setup.shared.journal.note(entry);
        }
    }

    pub(super) fn frame(&mut self, id: ClientId, frame: Frame) {
        match frame {
            Frame::Input(bytes) => self.input(id, &bytes),
            Frame::Resize(size) => {
                if self.live.clients.resize(id, size, Instant::now()) {
                    self.geometry_changed();
                }
            }
            Frame::Ack(offset) => self.live.clients.acknowledge(id, offset),
            Frame::Release => {
                self.live.clients.release(id, Instant::now());
                self.gave_up(id);
            }
            Frame::Ping(payload) => self.live.clients.pong(id, payload),
            Frame::Repaint => self.live.clients.repaint(id),
            // Anything else is none of a client's frames.
            _ => self.gone(id),
        }
    }

    fn input(&mut self, id: ClientId, bytes: &[u8]) {
        let now = Instant::now();
        let source = source_of(bytes);
        match self.live.clients.input(id, source, now) {
            // What no person typed is not counted as typing.
            Input::Allowed if source == Source::Terminal => {
                self.live.keys.reported(bytes);
                return self.release_keys();
            }
            Input::Allowed => {}
            Input::TookControl => self.geometry_changed(),
            Input::Discarded | Input::Violation => return,
        }
        self.settle_typing(Some(id));
        let name = self.live.clients.name(id).unwrap_or_default();
        if let Some(entry) = self.live.keys.typed((id, name), bytes, now) {
            self.setup.shared.journal.input(entry);
        }
        self.release_keys();
    }

    pub(super) fn input_logged(&mut self) {
        self.live.keys.logged();
        self.release_keys();
    }

    pub(super) fn release_keys(&mut self) {
        let typing = self.live.delivery.is_typing() || self.live.answering.is_some();
        if let Some(keys) = self.live.keys.release(typing, self.live.outgoing.len()) {
            let works = self.live.classification.state == ScreenState::Busy;
            if works && has_key(&keys, &self.setup.harness.submit().interrupt) {
                self.live.delivery.interrupted();
            }
            self.live.outgoing.extend_from_slice(&keys);
        }
    }

    pub(super) fn screen(&self) -> ScreenResult {
        let screen = self.live.terminal.screen();
        ScreenResult {
            size: self.live.terminal.size(),
            cursor_row: screen.cursor.row,
            cursor_column: screen.cursor.column,
            title: screen.title,
            alternate: screen.alternate,
            rows: screen.rows.into_iter().map(|row| row.text).collect(),
        }
    }

    pub(super) fn scrollback(&self, params: ScrollbackParams) -> ScrollbackResult {
        let wanted = usize::try_from(params.lines).unwrap_or(usize::MAX);
        let terminal = &self.live.terminal;
        let page = terminal.tail_page(wanted, params.before, PAGE_BYTES, params.ansi);
        ScrollbackResult {
            lines: page.lines,
            earlier: page.earlier,
            position: self.live.clients.position(),
            alternate: self.live.terminal.screen().alternate,
        }
    }
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::session_log::SessionReader;
    use podfleet_protocol::RunEnd;
    use podfleet_protocol::method::{AttachParams, AttachRole};
    use tokio::sync::oneshot;

    use super::super::tests::controller;
    use super::*;
    use crate::attach::outbox;
    use crate::testing::Bench;

    fn join(controller: &mut Controller, name: &str) -> ClientId {
        let (answer, mut answered) = oneshot::channel();
        let params = AttachParams {
            role: AttachRole::Controller,
            take: true,
            size: None,
            from: None,
        };
        controller.attach(NewClient {
            name: name.into(),
            params,
            frames: outbox().0,
            answer,
        });
        answered.try_recv().unwrap().unwrap().0
    }

    fn types(controller: &mut Controller, id: ClientId, keys: &'static [u8]) {
        for key in keys.chunks(1) {
            controller.frame(id, Frame::Input(bytes::Bytes::from_static(key)));
        }
    }

    async fn typed(bench: Bench) -> Vec<(String, u64)> {
        bench.shared.journal.flush().await;
        let records = SessionReader::open(bench.files.clone()).unwrap();
        let typed = records.filter_map(|found| match found.unwrap().record.entry {
            Entry::Input { client, bytes } => Some((client, bytes)),
            _ => None,
        });
        typed.collect()
    }

    fn entry(client: &str, bytes: u64) -> (String, u64) {
        (client.to_owned(), bytes)
    }

    #[tokio::test]
    async fn what_is_typed_is_recorded_as_its_typists_when_control_changes_hands() {
        let bench = Bench::new();
        let mut controller = controller(&bench);
        let ada = join(&mut controller, "ada");
        types(&mut controller, ada, b"four");
        let bob = join(&mut controller, "bob");
        types(&mut controller, ada, b"discarded");
        types(&mut controller, bob, b"no");
        controller.frame(bob, Frame::Release);
        let eve = join(&mut controller, "eve");
        types(&mut controller, eve, b"abc");
        controller.gone(eve);
        let all = [
            entry("ada", 1),
            entry("ada", 3),
            entry("bob", 1),
            entry("bob", 1),
            entry("eve", 1),
            entry("eve", 2),
        ];
        assert_eq!(typed(bench).await, all);
    }

    #[tokio::test]
    async fn what_was_typed_last_is_recorded_when_the_agent_ends() {
        let bench = Bench::new();
        let mut controller = controller(&bench);
        let ada = join(&mut controller, "ada");
        types(&mut controller, ada, b"exit");
        controller.ended(RunEnd::Exited(0)).await;
        types(&mut controller, ada, b"more");
        controller.farewell().await;
        let all = [1, 3, 1, 3].map(|bytes| entry("ada", bytes));
        assert_eq!(typed(bench).await, all);
    }
}
