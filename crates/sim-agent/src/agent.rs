//! The agent as a pure state machine: events and the time go in, effects come out.
//!
//! Time is the [`Duration`] since the process began. Nothing here reads, writes, sleeps or looks
//! at a clock; [`run`](crate::run()) does that. Effects are to be carried out in order, and all of
//! them before the screen is drawn, so that the journal is ahead of what can be seen.

mod keys;
mod start;
mod turns;

use std::collections::VecDeque;
use std::time::Duration;

use crate::composer::Composer;
use crate::dialog::{Dialog, Question};
use crate::faults::{DialogPoint, Faults};
use crate::flood::FloodState;
use crate::input::Key;
use crate::journal::Kind;
use crate::options::Options;
use crate::screen::View;
use crate::transcript::{Entry, Transcript};

/// Something that happened to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The process began.
    Start,
    /// A key or a paste came in.
    Key(Key),
    /// A line came in, in canonical mode.
    Line(String),
    /// Input is used up, or a deadline has come.
    Tick,
    /// A signal came.
    Signal(Signal),
    /// The terminal is gone.
    Hangup,
}

/// The signals that the agent catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    fn name_and_number(self) -> (&'static str, u8) {
        match self {
            Self::Hangup => ("SIGHUP", 1),
            Self::Interrupt => ("SIGINT", 2),
            Self::Terminate => ("SIGTERM", 15),
        }
    }
}

/// Something to be done for the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append a line to the journal, durably.
    Record {
        /// What happened.
        kind: Kind,
        /// Its text.
        text: String,
        /// The turn it belongs to.
        turn: Option<u64>,
    },
    /// Write control sequences to the terminal.
    Write(&'static str),
    /// Start the child that does not want to end.
    SpawnStubbornChild,
    /// End the process.
    End(End),
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With an exit code.
    Code(u8),
    /// By a signal.
    Signal(i32),
}

/// How far the start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not ready before this time.
    Starting(Duration),
    Ready,
}

/// A turn under way.
#[derive(Debug)]
struct Turn {
    message: String,
    script: crate::turn::Script,
    started: Duration,
    /// `None` if it never ends.
    ends: Option<Duration>,
    /// When a permission dialog opens in it.
    asks: Option<Duration>,
    /// When the spinner moves; `None` where it is not shown.
    next_frame: Option<Duration>,
    flood: Option<FloodState>,
}

/// The simulated agent.
#[derive(Debug)]
pub struct Agent {
    faults: Faults,
    options: Options,
    phase: Phase,
    unanswered_queries: u8,
    composer: Composer,
    transcript: Transcript,
    dialog: Option<Dialog>,
    dialog_opened: Duration,
    dialog_points: Vec<DialogPoint>,
    swallows_left: u32,
    queue: VecDeque<String>,
    turn: Option<Turn>,
    turns: u64,
    flood: Option<FloodState>,
    exit_armed_until: Option<Duration>,
    lost: String,
    dirty_since: Option<Duration>,
    ended: bool,
    out: Vec<Effect>,
}

impl Agent {
    /// Creates an agent; its first event is [`Event::Start`].
    #[must_use]
    pub fn new(mut options: Options) -> Self {
        let faults = std::mem::take(&mut options.faults);
        Self {
            phase: Phase::Starting(Duration::ZERO),
            unanswered_queries: 0,
            composer: Composer::default(),
            transcript: Transcript::default(),
            dialog: None,
            dialog_opened: Duration::ZERO,
            dialog_points: faults.dialog_on.clone(),
            swallows_left: faults.swallow_submits,
            queue: VecDeque::new(),
            turn: None,
            turns: 0,
            flood: None,
            exit_armed_until: None,
            lost: String::new(),
            dirty_since: None,
            ended: false,
            out: Vec::new(),
            faults,
            options,
        }
    }

    /// Takes in an event and returns what is to be done, in order.
    ///
    /// After an [`Effect::End`] nothing has an effect any more.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        if self.ended {
            return Vec::new();
        }
        match event {
            Event::Start => self.begin(now),
            Event::Key(key) => self.key(key, now),
            Event::Line(line) => self.submit(line, now),
            Event::Tick => self.tick(now),
            Event::Signal(signal) => self.signal(signal),
            Event::Hangup => self.hangup(),
        }
        std::mem::take(&mut self.out)
    }

    /// Returns when the next [`Event::Tick`] or redraw is due; `None` while nothing happens by
    /// itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.ended {
            return None;
        }
        let late = Duration::from_millis(self.faults.late_redraw_ms);
        let start = match self.phase {
            Phase::Starting(until) if self.waits_only_for_time() => Some(until),
            _ => None,
        };
        let flood = self.flood.as_ref().filter(|flood| !flood.is_over());
        let turn = self.turn.as_ref().filter(|_| self.dialog.is_none());
        [
            start,
            self.dirty_since.map(|since| since + late),
            self.dialog.as_ref().and_then(|dialog| dialog.closes_at),
            self.exit_armed_until,
            flood.map(FloodState::deadline),
            turn.and_then(Turn::deadline),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Returns whether the screen has to be drawn now, and takes it for drawn.
    pub fn take_redraw(&mut self, now: Duration) -> bool {
        let late = Duration::from_millis(self.faults.late_redraw_ms);
        let due = self.dirty_since.is_some_and(|since| now >= since + late);
        if due {
            self.dirty_since = None;
        }
        due
    }

    /// Returns whether the terminal has been asked to frame pastes.
    #[must_use]
    pub fn bracketed_paste(&self) -> bool {
        self.phase == Phase::Ready && !self.faults.no_bracketed_paste
    }

    /// Returns whether the agent neither works nor starts nor asks.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Ready && self.turn.is_none() && self.dialog.is_none()
    }

    /// Returns how many turns have begun.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Returns the fault script.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns the transcript.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Forgets transcript entries beyond a bound; to be called once they are drawn.
    pub fn trim_transcript(&mut self) {
        self.transcript.trim();
    }

    /// Returns what the screen's lower part shows at this time.
    #[must_use]
    pub fn view(&self, now: Duration) -> View<'_> {
        let turn = self.turn.as_ref().filter(|_| !self.faults.silent_busy);
        let listed = turn.is_some() && self.faults.queue_footer;
        View {
            starting: self.phase != Phase::Ready,
            dialog: self.dialog.as_ref(),
            busy: turn.map(|turn| now.saturating_sub(turn.started)),
            queued: self
                .queue
                .iter()
                .filter(|_| listed)
                .map(String::as_str)
                .collect(),
            composer: &self.composer,
            ghost: self.faults.ghost_text.as_deref(),
            picker: self.faults.slash_picker,
            exit_armed: self.exit_armed_until.is_some(),
        }
    }

    fn tick(&mut self, now: Duration) {
        self.flush_lost();
        self.finish_start(now);
        if self.exit_armed_until.is_some_and(|until| now >= until) {
            self.exit_armed_until = None;
            self.touch(now);
        }
        if self
            .dialog
            .as_ref()
            .is_some_and(|dialog| dialog.closes_at.is_some_and(|at| now >= at))
        {
            self.close_dialog(Kind::DialogClosed, now);
        }
        self.advance_flood(now);
        self.advance_turn(now);
    }

    fn advance_flood(&mut self, now: Duration) {
        if let Some(text) = self.flood.as_mut().and_then(|flood| flood.advance(now)) {
            self.say(Entry::Output(text), now);
        }
    }

    fn signal(&mut self, signal: Signal) {
        let (name, number) = signal.name_and_number();
        self.record(Kind::Signal, name);
        let ignored = self.faults.ignore_sigterm && signal != Signal::Interrupt;
        if !ignored {
            self.end(End::Code(128 + number));
        }
    }

    fn hangup(&mut self) {
        self.record(Kind::Hangup, "");
        if !self.faults.ignore_sigterm {
            // In canonical mode this is the end of input, which a person may have typed.
            let code = if self.faults.canonical { 0 } else { 129 };
            self.end(End::Code(code));
        }
    }

    /// Opens a permission dialog if the script has one at this point that has not opened yet.
    fn open_dialog_at(&mut self, point: DialogPoint, now: Duration) -> bool {
        let opens = self.take_point(point);
        if opens {
            self.open_dialog(Question::Permission, now);
        }
        opens
    }

    /// Returns whether the script has a dialog at this point, the first time it is asked.
    fn take_point(&mut self, point: DialogPoint) -> bool {
        let at = self
            .dialog_points
            .iter()
            .position(|&planned| planned == point);
        at.map(|at| self.dialog_points.swap_remove(at)).is_some()
    }

    fn open_dialog(&mut self, question: Question, now: Duration) {
        self.record(Kind::Dialog, question.name());
        let open_for = self
            .faults
            .dialog_ms
            .filter(|_| question == Question::Permission);
        let closes_at = open_for.map(|ms| now + Duration::from_millis(ms));
        self.dialog = Some(Dialog {
            question,
            selected: 0,
            closes_at,
        });
        self.dialog_opened = now;
        self.touch(now);
    }

    /// Closes the dialog; a turn's clock goes on where it stopped.
    fn close_dialog(&mut self, how: Kind, now: Duration) {
        let Some(dialog) = self.dialog.take() else {
            return;
        };
        self.record(how, dialog.question.name());
        let stopped = now.saturating_sub(self.dialog_opened);
        if let Some(turn) = &mut self.turn {
            turn.postpone(stopped);
        }
        self.touch(now);
        match (dialog.question, how) {
            (Question::Trust, Kind::Deny) => self.end(End::Code(1)),
            (Question::Trust, _) => self.open_for_input(now),
            (Question::Permission, Kind::Deny) => self.deny_turn(now),
            (Question::Permission, _) => {}
        }
    }

    fn say(&mut self, entry: Entry, now: Duration) {
        self.transcript.push(entry);
        self.touch(now);
    }

    fn touch(&mut self, now: Duration) {
        self.dirty_since.get_or_insert(now);
    }

    fn record(&mut self, kind: Kind, text: impl Into<String>) {
        let turn = self.turn.as_ref().map(|_| self.turns);
        self.out.push(Effect::Record {
            kind,
            text: text.into(),
            turn,
        });
    }

    fn end(&mut self, end: End) {
        let text = match end {
            End::Code(code) => format!("code {code}"),
            End::Signal(signal) => format!("signal {signal}"),
        };
        self.record(Kind::Exit, text);
        self.out.push(Effect::End(end));
        self.ended = true;
    }
}
