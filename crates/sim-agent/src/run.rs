//! The loop that gives the agent a terminal, a clock and signals.
//!
//! One thread that waits in `poll(2)` for input, signals and the agent's next deadline; an idle
//! agent has no deadline and is not woken.

use std::os::fd::AsFd;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::agent::{Agent, Effect, End, Event};
use crate::input::KeyParser;
use crate::journal::{Journal, Kind};
use crate::options::Options;
use crate::paint::Painter;
use crate::prompt::{LineReader, PromptPainter};
use crate::screen::{block, title};
use crate::signals::{Caught, Signals};
use crate::terminal::{Mode, Terminal};
use crate::{Faults, SimError};

/// How long after an ESC it is taken for the Escape key.
const ESCAPE_DELAY: Duration = Duration::from_millis(100);
/// What a stubborn child runs. It ends by itself, so that a failed test leaves nothing for ever.
const STUBBORN_CHILD: &str = "trap '' HUP TERM; exec sleep 600";

/// How the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus {
    code: u8,
}

impl ExitStatus {
    /// Returns the exit code that the process should end with.
    #[must_use]
    pub fn code(self) -> u8 {
        self.code
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code)
    }
}

/// Runs the simulated agent on the process's standard input and output until it ends.
///
/// The terminal is given back as it was found, also on errors and panics. Where the fault script
/// wants an end by a signal, this does not return.
///
/// # Errors
///
/// [`SimError`] when standard input or output is no terminal, the journal cannot be kept, or the
/// terminal refuses an operation.
pub fn run(options: Options) -> Result<ExitStatus, SimError> {
    let end = Runner::open(options)?.run()?;
    match end {
        End::Code(code) => Ok(ExitStatus { code }),
        End::Signal(signal) => {
            // Does not return for the signals that end a process.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            Ok(ExitStatus {
                code: 128_u8.wrapping_add(u8::try_from(signal).unwrap_or(0)),
            })
        }
    }
}

/// The agent between its terminal, its journal, the clock and the signals.
struct Runner {
    agent: Agent,
    front: Front,
    terminal: Terminal,
    /// Whether the terminal is still there.
    connected: bool,
    journal: Option<Journal>,
    signals: Signals,
    began: Instant,
    end: Option<End>,
}

/// How input is read and output drawn.
enum Front {
    Screen {
        parser: KeyParser,
        escape_at: Option<Duration>,
        painter: Painter,
    },
    Prompt {
        reader: LineReader,
        painter: PromptPainter,
    },
}

impl Front {
    fn new(faults: &Faults, terminal: &Terminal) -> Self {
        if faults.canonical {
            return Self::Prompt {
                reader: LineReader::default(),
                painter: PromptPainter::default(),
            };
        }
        let painter = Painter::new(terminal.size(), faults.alternate_screen);
        Self::Screen {
            parser: KeyParser::new(),
            escape_at: None,
            painter,
        }
    }

    fn escape_at(&self) -> Option<Duration> {
        match self {
            Self::Screen { escape_at, .. } => *escape_at,
            Self::Prompt { .. } => None,
        }
    }
}

impl Runner {
    fn open(options: Options) -> Result<Self, SimError> {
        let faults = &options.faults;
        let journal = options
            .journal_path()
            .map(|path| Journal::open(path))
            .transpose()?;
        let mode = if faults.canonical {
            Mode::Canonical {
                echo: !faults.no_echo,
            }
        } else {
            Mode::Raw
        };
        // Signals before the terminal's modes: from then on every end goes through `Drop`.
        let signals = Signals::catch()?;
        let terminal = Terminal::open(mode, faults.alternate_screen)?;
        Ok(Self {
            front: Front::new(faults, &terminal),
            agent: Agent::new(options),
            terminal,
            connected: true,
            journal,
            signals,
            began: Instant::now(),
            end: None,
        })
    }

    fn run(mut self) -> Result<End, SimError> {
        let mut buffer = vec![0; 16 * 1024];
        self.dispatch(Event::Start)?;
        loop {
            self.draw()?;
            if let Some(end) = self.end {
                self.leave();
                return Ok(end);
            }
            let (readable, signalled) = self.wait()?;
            if signalled {
                self.take_signals()?;
            }
            if readable {
                self.read(&mut buffer)?;
            }
            self.flush_escape()?;
            self.dispatch(Event::Tick)?;
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for the terminal, a signal, or the next deadline.
    fn wait(&self) -> Result<(bool, bool), SimError> {
        let deadline = self
            .agent
            .deadline()
            .into_iter()
            .chain(self.front.escape_at())
            .min();
        let left = deadline.map(|deadline| deadline.saturating_sub(self.now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut waited = vec![PollFd::from_borrowed_fd(
            self.signals.as_fd(),
            PollFlags::IN,
        )];
        if self.connected {
            waited.push(PollFd::from_borrowed_fd(
                self.terminal.as_fd(),
                PollFlags::IN,
            ));
        }
        match poll(&mut waited, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(SimError::terminal("waiting for the terminal", error)),
        }
        let is_ready = |at: usize| waited.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok((is_ready(1), is_ready(0)))
    }

    fn take_signals(&mut self) -> Result<(), SimError> {
        for caught in self.signals.take() {
            match caught {
                Caught::Signal(signal) => self.dispatch(Event::Signal(signal))?,
                Caught::Resize => self.resize()?,
            }
        }
        Ok(())
    }

    fn resize(&mut self) -> Result<(), SimError> {
        let (size, now) = (self.terminal.size(), self.now());
        let Front::Screen { painter, .. } = &mut self.front else {
            return Ok(());
        };
        if size == painter.size() {
            return Ok(());
        }
        let text = painter.resize(
            size,
            self.agent.transcript(),
            &block(&self.agent.view(now), size),
        );
        self.write(&text)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SimError> {
        let now = self.now();
        let bytes = self.terminal.read(buffer);
        if bytes.is_empty() {
            self.connected = false;
            return self.dispatch(Event::Hangup);
        }
        let events: Vec<Event> = match &mut self.front {
            Front::Prompt { reader, .. } => {
                reader.feed(bytes).into_iter().map(Event::Line).collect()
            }
            Front::Screen {
                parser, escape_at, ..
            } => {
                parser.set_bracketed_paste(self.agent.bracketed_paste());
                let keys = parser.feed(bytes);
                *escape_at = parser.has_lone_escape().then_some(now + ESCAPE_DELAY);
                keys.into_iter().map(Event::Key).collect()
            }
        };
        events
            .into_iter()
            .try_for_each(|event| self.dispatch(event))
    }

    fn flush_escape(&mut self) -> Result<(), SimError> {
        let now = self.now();
        let Front::Screen {
            parser, escape_at, ..
        } = &mut self.front
        else {
            return Ok(());
        };
        if escape_at.take_if(|at| now >= *at).is_none() {
            return Ok(());
        }
        match parser.flush() {
            Some(key) => self.dispatch(Event::Key(key)),
            None => Ok(()),
        }
    }

    /// Gives the agent an event and carries out its effects, in order.
    fn dispatch(&mut self, event: Event) -> Result<(), SimError> {
        let now = self.now();
        for effect in self.agent.handle(event, now) {
            match effect {
                Effect::Record { kind, text, turn } => self.record(kind, &text, turn)?,
                Effect::Write(text) => self.write(text)?,
                Effect::SpawnStubbornChild => self.spawn_stubborn_child()?,
                Effect::End(end) => self.end = Some(end),
            }
        }
        Ok(())
    }

    fn record(&mut self, kind: Kind, text: &str, turn: Option<u64>) -> Result<(), SimError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        journal.append(kind, text, turn, at_ms)
    }

    fn spawn_stubborn_child(&mut self) -> Result<(), SimError> {
        let child = Command::new("setsid")
            .args(["sh", "-c", STUBBORN_CHILD])
            .spawn()
            .map_err(|error| SimError::terminal("starting `setsid sh`", error))?;
        self.record(Kind::Child, &child.id().to_string(), None)
    }

    fn draw(&mut self) -> Result<(), SimError> {
        let now = self.now();
        if !self.agent.take_redraw(now) {
            return Ok(());
        }
        let transcript = self.agent.transcript();
        let text = match &mut self.front {
            Front::Prompt { painter, .. } => {
                painter.frame(transcript, self.agent.turns(), self.agent.is_idle())
            }
            Front::Screen { painter, .. } => {
                let view = self.agent.view(now);
                let frame = painter.frame(transcript, &block(&view, painter.size()));
                painter.title(title(&view)) + &frame
            }
        };
        self.agent.trim_transcript();
        self.write(&text)
    }

    fn leave(&mut self) {
        let text = match &self.front {
            Front::Screen { painter, .. } => painter.leave(),
            Front::Prompt { .. } => return,
        };
        if self.connected {
            // The terminal may be gone with what ended the agent.
            let _ = self.terminal.write(&text);
        }
    }

    /// Writes to the terminal; a terminal that is gone is an event, not an error.
    fn write(&mut self, text: &str) -> Result<(), SimError> {
        if !self.connected || self.terminal.write(text).is_ok() {
            return Ok(());
        }
        self.connected = false;
        self.dispatch(Event::Hangup)
    }
}
