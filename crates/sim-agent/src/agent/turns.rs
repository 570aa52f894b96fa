//! Messages and the turns that they start.

use std::time::Duration;

use super::{Agent, End, Turn};
use crate::dialog::Question;
use crate::faults::{DialogPoint, FloodPoint};
use crate::flood::FloodState;
use crate::journal::Kind;
use crate::screen::SPINNER_PERIOD;
use crate::transcript::Entry;
use crate::turn::{Script, answer};

impl Turn {
    /// Returns when it goes on by itself; its end waits for a flood that has an end.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let flood = self.flood.as_ref().filter(|flood| !flood.is_over());
        let ends = self
            .ends
            .filter(|_| flood.is_none_or(FloodState::is_endless));
        [
            ends,
            self.asks,
            self.next_frame,
            flood.map(FloodState::deadline),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn is_over(&self, now: Duration) -> bool {
        let flooding = self
            .flood
            .as_ref()
            .is_some_and(|flood| !flood.is_over() && !flood.is_endless());
        self.ends.is_some_and(|ends| now >= ends) && !flooding
    }

    /// Lets the time stand still that a dialog was open.
    pub(super) fn postpone(&mut self, by: Duration) {
        self.ends = self.ends.map(|ends| ends + by);
    }
}

impl Agent {
    /// Takes a message: its turn begins, or it waits for the end of the present one.
    pub(super) fn submit(&mut self, message: String, now: Duration) {
        if message.is_empty() {
            return;
        }
        if self.turn.is_some() {
            self.record(Kind::Queued, message.clone());
            self.queue.push_back(message);
            self.touch(now);
        } else {
            self.start_turn(message, Kind::Submit, now);
        }
    }

    fn start_turn(&mut self, message: String, kind: Kind, now: Duration) {
        let script = Script::parse(&message);
        let lasts = script
            .sleep
            .unwrap_or(Duration::from_millis(self.faults.turn_ms));
        self.turns += 1;
        let stuck = self.faults.stuck_busy && self.turns == 1;
        let asks = !self.faults.canonical && (script.ask || self.take_point(DialogPoint::Turn));
        let flood = match script.flood {
            Some(bytes) => Some(FloodState::new(Some(bytes), None, now)),
            None => self.flood_at(FloodPoint::Turn, now),
        };
        self.turn = Some(Turn {
            message: message.clone(),
            started: now,
            ends: (!stuck).then_some(now + lasts),
            asks: asks.then_some(now + lasts / 2),
            next_frame: (!self.faults.silent_busy).then_some(now + SPINNER_PERIOD),
            flood,
            script,
        });
        self.record(kind, message.clone());
        self.say(Entry::User(message), now);
    }

    /// Lets the present turn go on to where it should be by now.
    pub(super) fn advance_turn(&mut self, now: Duration) {
        if self.dialog.is_some() {
            return;
        }
        let Some(turn) = &mut self.turn else { return };
        let mut redraw = false;
        if turn.next_frame.is_some_and(|at| now >= at) {
            turn.next_frame = Some(now + SPINNER_PERIOD);
            redraw = true;
        }
        let output = turn.flood.as_mut().and_then(|flood| flood.advance(now));
        let asks = turn.asks.take_if(|at| now >= *at).is_some();
        let over = turn.is_over(now);
        if redraw {
            self.touch(now);
        }
        if let Some(text) = output {
            self.say(Entry::Output(text), now);
        }
        if asks {
            self.open_dialog(Question::Permission, now);
        } else if over {
            self.finish_turn(now);
        }
    }

    fn finish_turn(&mut self, now: Duration) {
        let Some(turn) = &self.turn else { return };
        let exit = turn.script.exit;
        if let Some(status) = turn.script.fail {
            let error = api_error(status);
            self.record(Kind::Error, error.clone());
            self.say(Entry::Answer(error), now);
        } else if self.faults.no_answer {
            self.record(Kind::NoAnswer, "");
        } else {
            let text = answer(&turn.message, &turn.script);
            self.record(Kind::Answer, text.clone());
            self.say(Entry::Answer(text), now);
        }
        if let Some(code) = exit {
            self.end(End::Code(code));
        } else if let Some(crash) = self.faults.crash_after_turns
            && self.turns >= crash.turns
        {
            self.end(
                crash
                    .signal
                    .map_or(End::Code(crash.code.unwrap_or(1)), End::Signal),
            );
        } else {
            self.end_turn(now);
        }
    }

    /// Ends the turn with a denied permission.
    pub(super) fn deny_turn(&mut self, now: Duration) {
        if self.turn.is_some() {
            self.record(Kind::NoAnswer, "");
            self.say(Entry::Note("denied".to_owned()), now);
            self.end_turn(now);
        }
    }

    /// Ends the turn as Escape does in real agents: the message stands in the composer again.
    pub(super) fn interrupt(&mut self, now: Duration) {
        let Some(turn) = &self.turn else { return };
        let message = turn.message.clone();
        self.record(Kind::Interrupt, message.clone());
        self.say(Entry::Note("interrupted".to_owned()), now);
        let restore = self.composer.is_empty() && self.queue.is_empty();
        self.end_turn(now);
        if restore {
            self.composer.insert(&message);
        }
    }

    fn end_turn(&mut self, now: Duration) {
        self.turn = None;
        self.touch(now);
        if let Some(next) = self.queue.pop_front() {
            self.start_turn(next, Kind::Dequeued, now);
        }
    }
}

fn api_error(status: u16) -> String {
    let name = match status {
        401 => "unauthorized",
        429 => "rate limited",
        500 => "internal error",
        529 => "overloaded",
        _ => "failed",
    };
    format!("API Error: {status} {name}")
}
