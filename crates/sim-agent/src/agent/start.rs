//! From the start of the process to the first prompt.

use std::time::Duration;

use super::{Agent, Effect, End, Phase};
use crate::dialog::Question;
use crate::faults::{DialogPoint, FloodPoint};
use crate::flood::FloodState;
use crate::input::Reply;
use crate::journal::Kind;
use crate::transcript::Entry;

/// DA1, cursor position, foreground and background colour.
const QUERIES: &str = "\x1b[c\x1b[6n\x1b]10;?\x1b\\\x1b]11;?\x1b\\";
const QUERY_COUNT: u8 = 4;

impl Agent {
    pub(super) fn begin(&mut self, now: Duration) {
        self.record(Kind::Start, self.options.directory.display().to_string());
        let arguments = [
            (Kind::Model, self.options.model.clone()),
            (Kind::Resume, self.options.resume.clone()),
            (Kind::SystemPrompt, self.options.system_prompt.clone()),
        ];
        for (kind, text) in arguments {
            if let Some(text) = text {
                self.record(kind, text);
            }
        }
        if let Some(exit) = self.faults.exit_at_once {
            return self.end(End::Code(exit.code));
        }
        if self.faults.stubborn_child {
            self.out.push(Effect::SpawnStubbornChild);
        }
        if self.faults.alternate_screen && !self.faults.canonical {
            self.out.push(Effect::Write("\x1b[?1049h"));
        }
        if self.faults.query_terminal && !self.faults.canonical {
            self.unanswered_queries = QUERY_COUNT;
            self.out.push(Effect::Write(QUERIES));
        }
        self.flood = self.flood_at(FloodPoint::Start, now);
        self.phase = Phase::Starting(now + Duration::from_millis(self.faults.start_delay_ms));
        self.touch(now);
        self.finish_start(now);
    }

    /// Returns whether nothing but the start delay keeps the agent from being ready.
    pub(super) fn waits_only_for_time(&self) -> bool {
        !self.faults.never_ready && self.unanswered_queries == 0
    }

    pub(super) fn finish_start(&mut self, now: Duration) {
        let Phase::Starting(until) = self.phase else {
            return;
        };
        if now < until || !self.waits_only_for_time() {
            return;
        }
        self.flush_lost();
        self.phase = Phase::Ready;
        if !self.faults.canonical {
            let paste = !self.faults.no_bracketed_paste;
            self.out.push(Effect::Write(if paste {
                "\x1b[?2004h\x1b[?1004h"
            } else {
                "\x1b[?1004h"
            }));
        }
        self.greet(now);
        self.record(Kind::Ready, "");
        if self.faults.trust_dialog && !self.faults.canonical {
            self.open_dialog(Question::Trust, now);
        } else {
            self.open_for_input(now);
        }
    }

    /// Opens the dialog of the start, once nothing else is in front of it.
    pub(super) fn open_for_input(&mut self, now: Duration) {
        if !self.faults.canonical {
            self.open_dialog_at(DialogPoint::Start, now);
        }
    }

    pub(super) fn reply(&mut self, reply: Reply, now: Duration) {
        let text = match reply {
            Reply::DeviceAttributes(parameters) => format!("da1 {parameters}"),
            Reply::CursorPosition(position) => format!("cursor {position}"),
            Reply::Foreground(colour) => format!("foreground {colour}"),
            Reply::Background(colour) => format!("background {colour}"),
        };
        self.record(Kind::Reply, text);
        self.unanswered_queries = self.unanswered_queries.saturating_sub(1);
        self.finish_start(now);
    }

    /// Returns the script's flood if it begins at this point.
    pub(super) fn flood_at(&self, point: FloodPoint, now: Duration) -> Option<FloodState> {
        let flood = self.faults.flood.filter(|flood| flood.at == point)?;
        Some(FloodState::new(flood.bytes, flood.bytes_per_second, now))
    }

    pub(super) fn greet(&mut self, now: Duration) {
        let directory = self.options.directory.display();
        let model = self
            .options
            .model
            .as_ref()
            .map(|model| format!(" · {model}"));
        let banner = format!("sim-agent 0.1 · {directory}{}", model.unwrap_or_default());
        self.say(Entry::Banner(banner), now);
        if let Some(session) = &self.options.resume {
            let note = format!("resumed {session}");
            self.say(Entry::Note(note), now);
        }
    }
}
