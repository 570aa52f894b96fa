//! An agent with a clock and a journal in memory, for the tests of its behaviour.

use std::time::Duration;

use podfleet_sim_agent::agent::{Agent, Effect, End, Event, Signal};
use podfleet_sim_agent::input::KeyParser;
use podfleet_sim_agent::screen::{Size, block, entry_lines, title};
use podfleet_sim_agent::{Faults, Kind, Options};

/// Size of the screen that tests look at.
pub(crate) const SIZE: Size = Size {
    rows: 24,
    columns: 40,
};

/// A started agent.
pub(crate) struct Session {
    agent: Agent,
    parser: KeyParser,
    now: Duration,
    /// What the journal holds, one `kind: text` a line.
    pub(crate) journal: Vec<String>,
    pub(crate) written: String,
    pub(crate) children: usize,
    pub(crate) end: Option<End>,
}

impl Session {
    /// Starts an agent with a fault script.
    pub(crate) fn start(faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        let options = Options {
            faults,
            directory: "/work".into(),
            ..Options::default()
        };
        let mut session = Self {
            agent: Agent::new(options),
            parser: KeyParser::new(),
            now: Duration::ZERO,
            journal: Vec::new(),
            written: String::new(),
            children: 0,
            end: None,
        };
        session.event(Event::Start);
        session
    }

    /// Sends bytes as the terminal would.
    pub(crate) fn send(&mut self, bytes: &str) -> &mut Self {
        self.parser
            .set_bracketed_paste(self.agent.bracketed_paste());
        for key in self.parser.feed(bytes.as_bytes()) {
            self.event(Event::Key(key));
        }
        self.event(Event::Tick)
    }

    /// Sends a paste, framed.
    pub(crate) fn paste(&mut self, text: &str) -> &mut Self {
        self.send(&format!("\x1b[200~{text}\x1b[201~"))
    }

    /// Sends the Escape key.
    pub(crate) fn escape(&mut self) -> &mut Self {
        self.send("\x1b");
        let key = self.parser.flush().unwrap();
        self.event(Event::Key(key))
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> &mut Self {
        self.event(Event::Signal(signal))
    }

    /// Sends a line in canonical mode.
    pub(crate) fn line(&mut self, line: &str) -> &mut Self {
        self.event(Event::Line(line.to_owned())).event(Event::Tick)
    }

    pub(crate) fn hangup(&mut self) -> &mut Self {
        self.event(Event::Hangup)
    }

    /// Lets time pass, waking the agent at each of its deadlines as the real loop does.
    pub(crate) fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now + Duration::from_millis(ms);
        while let Some(deadline) = self.agent.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(deadline);
            self.agent.take_redraw(self.now);
            self.event(Event::Tick);
        }
        self.now = end;
        self.event(Event::Tick)
    }

    /// Returns whether the agent will do something without being asked.
    pub(crate) fn sleeps_for_ever(&mut self) -> bool {
        self.agent.take_redraw(self.now);
        self.agent.deadline().is_none()
    }

    pub(crate) fn take_redraw(&mut self) -> bool {
        self.agent.take_redraw(self.now)
    }

    /// Returns the journal lines since the last call.
    pub(crate) fn journal(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal)
    }

    /// Returns the transcript and the block below it as text.
    pub(crate) fn screen(&self) -> String {
        let transcript = self.agent.transcript().since(0);
        let lines = transcript.flat_map(|entry| entry_lines(entry, SIZE.columns));
        lines
            .chain(block(&self.agent.view(self.now), SIZE).lines)
            .map(|line| format!("{}{}\n", line.plain, line.faint))
            .collect()
    }

    pub(crate) fn title(&self) -> Option<String> {
        title(&self.agent.view(self.now))
    }

    fn event(&mut self, event: Event) -> &mut Self {
        for effect in self.agent.handle(event, self.now) {
            match effect {
                Effect::Record { kind, text, .. } => self.journal.push(line(kind, &text)),
                Effect::Write(text) => self.written.push_str(text),
                Effect::SpawnStubbornChild => self.children += 1,
                Effect::End(end) => self.end = Some(end),
            }
        }
        self
    }
}

fn line(kind: Kind, text: &str) -> String {
    let kind = serde_json::to_value(kind).unwrap();
    let kind = kind.as_str().unwrap();
    if text.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}: {text}")
    }
}
