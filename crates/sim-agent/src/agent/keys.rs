//! What each key does.

use std::time::Duration;

use super::{Agent, End, Phase};
use crate::faults::DialogPoint;
use crate::input::Key;
use crate::journal::Kind;
use crate::screen::COMMANDS;
use crate::transcript::Entry;

/// How long the first ctrl-C waits for the second.
const EXIT_ARMED: Duration = Duration::from_secs(2);

impl Agent {
    pub(super) fn key(&mut self, key: Key, now: Duration) {
        match key {
            Key::Ignored => {}
            Key::Reply(reply) => self.reply(reply, now),
            Key::StrayPasteMark => self.record(Kind::StrayPasteMark, ""),
            key if self.phase != Phase::Ready => self.lose(key),
            key if self.dialog.is_some() => self.dialog_key(key, now),
            key => {
                if key != Key::Control('c') {
                    self.exit_armed_until = None;
                }
                self.composer_key(key, now);
                self.touch(now);
            }
        }
    }

    fn composer_key(&mut self, key: Key, now: Duration) {
        match key {
            Key::Char(c) => self.composer.insert(c.encode_utf8(&mut [0; 4])),
            Key::AltEnter => self.composer.insert("\n"),
            Key::Backspace => self.composer.backspace(),
            Key::Control('u') => self.composer.clear(),
            Key::Control('d') if self.composer.is_empty() => self.end(End::Code(0)),
            Key::Control('c') => self.control_c(now),
            Key::Escape => self.interrupt(now),
            Key::Up => self.recall_queue(),
            Key::Paste(text) => self.paste(&text, now),
            Key::Enter => self.submit_key(now),
            _ => {}
        }
    }

    /// Clears the composer; where it is empty interrupts the turn; else asks to be pressed again.
    fn control_c(&mut self, now: Duration) {
        if !self.composer.is_empty() {
            self.composer.clear();
        } else if self.turn.is_some() {
            self.interrupt(now);
        } else if self.exit_armed_until.is_some() {
            self.end(End::Code(0));
        } else {
            self.exit_armed_until = Some(now + EXIT_ARMED);
        }
    }

    fn recall_queue(&mut self) {
        if self.queue.is_empty() || !self.composer.is_empty() {
            return;
        }
        let text = self.queue.drain(..).collect::<Vec<_>>().join("\n");
        self.composer.insert(&text);
        self.record(Kind::Recalled, text);
    }

    fn paste(&mut self, text: &str, now: Duration) {
        self.record(Kind::Paste, text);
        if !self.faults.eat_paste {
            let end = self
                .faults
                .truncate_paste
                .and_then(|kept| text.char_indices().nth(kept))
                .map_or(text.len(), |(at, _)| at);
            self.composer
                .paste(&text[..end], self.faults.paste_placeholder);
        }
        self.open_dialog_at(DialogPoint::Paste, now);
    }

    fn submit_key(&mut self, now: Duration) {
        if self.composer.is_empty() {
            return;
        }
        let opens_dialog = self.dialog_points.contains(&DialogPoint::FirstSubmit);
        if opens_dialog || self.swallows_left > 0 {
            self.swallows_left = self.swallows_left.saturating_sub(1);
            self.record(Kind::KeySwallowed, self.composer.text());
            self.open_dialog_at(DialogPoint::FirstSubmit, now);
            return;
        }
        let text = self.composer.take();
        if self.faults.slash_picker && text.starts_with('/') {
            self.command(&text, now);
        } else if let Some(shell) = text.strip_prefix('!') {
            // Real agents run this in a shell; the simulated one only says that it would.
            self.record(Kind::Shell, text.clone());
            self.say(Entry::Note(format!("would run in a shell: {shell}")), now);
        } else {
            self.submit(text, now);
        }
    }

    fn command(&mut self, text: &str, now: Duration) {
        self.record(Kind::Command, text);
        let typed = text.trim_end();
        match COMMANDS.iter().find(|(name, _)| name.starts_with(typed)) {
            Some(("/clear", _)) => self.clear_conversation(now),
            Some(("/exit", _)) => self.end(End::Code(0)),
            _ => self.say(Entry::Note(format!("unknown command: {typed}")), now),
        }
    }

    fn clear_conversation(&mut self, now: Duration) {
        self.record(Kind::Cleared, "");
        self.transcript.clear();
        self.greet(now);
        self.say(Entry::Note("conversation cleared".to_owned()), now);
    }

    fn dialog_key(&mut self, key: Key, now: Duration) {
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        match key {
            Key::Up => dialog.selected = 0,
            Key::Down => dialog.selected = 1,
            Key::Enter if dialog.selected == 0 => self.close_dialog(Kind::Approve, now),
            Key::Enter => self.close_dialog(Kind::Deny, now),
            Key::Char('1') => self.close_dialog(Kind::Approve, now),
            Key::Char('2') | Key::Escape | Key::Control('c') => self.close_dialog(Kind::Deny, now),
            other => self.lose(other),
        }
        self.touch(now);
    }

    /// Keeps account of input that nothing takes.
    fn lose(&mut self, key: Key) {
        match key {
            Key::Char(c) => self.lost.push(c),
            Key::Enter | Key::AltEnter => self.lost.push('\n'),
            Key::Paste(text) => self.lost.push_str(&text),
            _ => {}
        }
    }

    /// Records lost input in one line rather than character by character.
    pub(super) fn flush_lost(&mut self) {
        if !self.lost.is_empty() {
            let lost = std::mem::take(&mut self.lost);
            self.record(Kind::Lost, lost);
        }
    }
}
