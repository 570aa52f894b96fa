//! The clients of an agent's terminal: who sees what, who may type, and how far each has read.
//!
//! It is a state machine without I/O: frames go into one unbounded queue a client, which stays
//! bounded because a client that does not read gets no more than a repaint and [`ATTACH_WINDOW`]
//! bytes. A slow client never slows the agent or another client: it skips to a
//! repaint.

mod control;
mod ring;

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use podfleet_protocol::frame::{Frame, RESET_HEAD};
use podfleet_protocol::limits::{ATTACH_WINDOW, MAX_FRAME};
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Generation, Run, RunEnd, Size};
use tokio::sync::mpsc::UnboundedSender;

use control::Control;
pub(crate) use control::{Input, Source};
use ring::Ring;

/// Names a client within its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

#[derive(Debug)]
struct Client {
    name: String,
    role: AttachRole,
    frames: UnboundedSender<Frame>,
    /// Up to where the stream was sent, and acknowledged.
    sent: u64,
    acknowledged: u64,
    needs_reset: bool,
    /// Whether a repaint is on its way to it: no further one follows before it was written out.
    painting: bool,
    /// Whether it has not seen anything yet: its first repaint brings scrollback along, which a
    /// later one would only double.
    new: bool,
    size: Option<Size>,
    /// The epoch of which it was told that it is not in control, since it last showed that it
    /// reads: who types on and never reads gets no more frames for that.
    told_off: Option<u32>,
}

/// How much scrollback a repaint brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrollback {
    None,
    Tail,
}

/// All attached clients and the view stream that they follow.
#[derive(Debug)]
pub(crate) struct Clients {
    generation: Generation,
    run: Run,
    size: Size,
    ring: Ring,
    clients: BTreeMap<ClientId, Client>,
    next_id: u64,
    control: Option<Control>,
    /// The size that a view left behind, while nobody has control.
    left: Option<Size>,
    /// The view that left it, and when: its next size counts too, once.
    owes_size: Option<(ClientId, Instant)>,
    epoch: u32,
}

impl Clients {
    pub(crate) fn new(generation: Generation, size: Size) -> Self {
        Self {
            generation,
            run: Run(0),
            size,
            ring: Ring::default(),
            clients: BTreeMap::new(),
            next_id: 1,
            control: None,
            left: None,
            owes_size: None,
            epoch: 0,
        }
    }

    /// Returns the end of the view stream.
    pub(crate) fn position(&self) -> Position {
        Position {
            generation: self.generation,
            run: self.run,
            offset: self.ring.end(),
        }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.clients.len()).unwrap_or(u32::MAX)
    }

    /// Returns the name of a client.
    pub(crate) fn name(&self, id: ClientId) -> Option<&str> {
        self.clients.get(&id).map(|client| client.name.as_str())
    }

    /// Takes a client in. Its stream begins where it left off if that is still there, else with a
    /// repaint at the next [`pump`](Self::pump).
    ///
    /// # Errors
    /// Fails when it wants control that another client has and does not take it. A view that has not
    /// typed for a while gives way: whoever looked at it may have left.
    pub(crate) fn attach(
        &mut self,
        name: String,
        params: &AttachParams,
        frames: UnboundedSender<Frame>,
        now: Instant,
    ) -> Result<(ClientId, AttachResult), RpcError> {
        if params.role == AttachRole::Controller
            && !(params.take || self.is_idle_view(now))
            && let Some(holder) = self.controller()
        {
            return Err(RpcError::new(
                ErrorCode::ControlTaken,
                format!("{holder} has control; watch instead, or take control (`--take`)"),
            ));
        }
        let id = ClientId(self.next_id);
        self.next_id += 1;
        let resumed = params.from.filter(|from| self.can_resume(*from));
        let sent = resumed.map_or(self.ring.end(), |from| from.offset);
        let client = Client {
            name,
            role: params.role,
            frames,
            sent,
            acknowledged: sent,
            needs_reset: resumed.is_none(),
            painting: false,
            new: resumed.is_none(),
            told_off: None,
            size: params.size.map(Size::clamped),
        };
        self.clients.insert(id, client);
        if params.role == AttachRole::Controller {
            self.give_control(Some(id));
        }
        let result = AttachResult {
            position: Position {
                offset: sent,
                ..self.position()
            },
            size: self.size,
            in_control: self.has_control(id),
            controller: self.controller().map(str::to_owned),
            epoch: self.epoch,
        };
        Ok((id, result))
    }

    fn can_resume(&self, from: Position) -> bool {
        from.generation == self.generation && from.run == self.run && self.ring.holds(from.offset)
    }

    /// Lets a client go. Returns whether control became free by it.
    pub(crate) fn detach(&mut self, id: ClientId) -> bool {
        let had_control = self.has_control(id);
        self.clients.remove(&id);
        if had_control {
            self.give_control(None);
        }
        had_control
    }

    pub(crate) fn acknowledge(&mut self, id: ClientId, offset: u64) {
        if let Some(client) = self.clients.get_mut(&id) {
            let acknowledged = offset.clamp(client.acknowledged, client.sent);
            if acknowledged > client.acknowledged {
                client.told_off = None;
            }
            client.acknowledged = acknowledged;
        }
    }

    pub(crate) fn repaint(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.needs_reset = true;
        }
    }

    /// Takes notice that a client's connection took a repaint.
    pub(crate) fn painted(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.painting = false;
        }
    }

    pub(crate) fn pong(&self, id: ClientId, payload: Bytes) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.frames.send(Frame::Pong(payload));
        }
    }

    fn send_off(&mut self, id: ClientId, why: &str) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.frames.send(Frame::Error(why.to_owned()));
        }
        self.detach(id);
    }

    /// Appends output to the view stream.
    pub(crate) fn output(&mut self, bytes: Bytes) {
        self.ring.push(bytes);
    }

    /// Begins the stream of a new run.
    pub(crate) fn begin_run(&mut self, run: Run) {
        self.run = run;
        self.ring = Ring::default();
        for client in self.clients.values_mut() {
            client.sent = 0;
            client.acknowledged = 0;
            client.needs_reset = true;
        }
    }

    /// Tells everybody how a run ended.
    pub(crate) fn end_run(&self, end: &RunEnd) {
        for client in self.clients.values() {
            let _ = client.frames.send(Frame::Exit {
                offset: self.ring.end(),
                run: self.run,
                end: end.to_string(),
            });
        }
    }

    /// Tells everybody the terminal's new size; what was sent before is of no use at it.
    pub(crate) fn geometry(&mut self, size: Size) {
        self.size = size;
        self.ring.forget();
        for client in self.clients.values_mut() {
            let offset = self.ring.end();
            let _ = client.frames.send(Frame::Geometry { offset, size });
            client.needs_reset = true;
        }
    }

    /// Sends to every client what it lacks and has room for. `repaint` renders the terminal, with
    /// scrollback for clients that are new.
    pub(crate) fn pump(&mut self, repaint: impl Fn(Scrollback) -> Vec<u8>) {
        let (end, position, size) = (self.ring.end(), self.position(), self.size);
        for client in self.clients.values_mut() {
            let in_flight = client.sent.saturating_sub(client.acknowledged);
            if in_flight >= ATTACH_WINDOW {
                continue;
            }
            if client.needs_reset || !self.ring.holds(client.sent) {
                if client.painting {
                    continue;
                }
                let scrollback = if client.new {
                    Scrollback::Tail
                } else {
                    Scrollback::None
                };
                for frame in reset_frames(&repaint(scrollback), position, size) {
                    let _ = client.frames.send(frame);
                }
                client.needs_reset = false;
                client.painting = true;
                client.new = false;
                client.sent = end;
                client.acknowledged = end;
                continue;
            }
            let room = ATTACH_WINDOW - in_flight;
            for (offset, bytes) in self.ring.read(client.sent, room) {
                client.sent = offset + bytes.len() as u64;
                let _ = client.frames.send(Frame::Output { offset, bytes });
            }
        }
    }
}

/// Cuts a repaint into frames.
fn reset_frames(bytes: &[u8], position: Position, size: Size) -> Vec<Frame> {
    let first = bytes.len().min(MAX_FRAME - RESET_HEAD);
    let (head, tail) = bytes.split_at(first);
    let parts = tail.len().div_ceil(MAX_FRAME);
    let mut frames = vec![Frame::Reset {
        offset: position.offset,
        generation: position.generation,
        run: position.run,
        size,
        bytes: Bytes::copy_from_slice(head),
        more: parts > 0,
    }];
    for (index, part) in tail.chunks(MAX_FRAME).enumerate() {
        frames.push(Frame::ResetPart {
            offset: position.offset,
            bytes: Bytes::copy_from_slice(part),
            more: index + 1 < parts,
        });
    }
    frames
}

#[cfg(test)]
mod tests;
