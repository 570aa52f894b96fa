//! Where a command writes: data to standard output, all else to standard error.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width, terminal_size_of};

use crate::render::wrap::wrap_lines;

/// Columns that a line may have where no terminal says otherwise.
pub(crate) const DEFAULT_WIDTH: usize = 80;

/// The two streams of a command, with what the user wants to see on them.
pub(crate) struct Output {
    data: Box<dyn Write>,
    data_is_plain: bool,
    messages: Box<dyn Write>,
    verbosity: Verbosity,
    width: usize,
    data_is_terminal: bool,
}

/// How much the user wants to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors alone.
    Quiet,
    /// What is done.
    #[default]
    Normal,
    /// And what was decided, and why.
    Verbose,
}

/// Whoever read what the command writes is gone, as `head` is once it has its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReaderGone;

impl std::error::Error for ReaderGone {}

impl Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whoever read the output is gone")
    }
}

impl From<ReaderGone> for io::Error {
    fn from(gone: ReaderGone) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, gone)
    }
}

/// An output of the command itself: that its reader is gone is told apart from other broken pipes,
/// such as a socket's.
pub(crate) struct Own<W>(pub(crate) W);

impl<W: Write> Write for Own<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(own)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).map_err(own)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(own)
    }
}

fn own(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => ReaderGone.into(),
        _ => error,
    }
}

/// What a command told that runs within another program.
#[cfg(feature = "fleet")]
#[derive(Clone, Default)]
pub(crate) struct Said(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

#[cfg(feature = "fleet")]
impl Said {
    /// Returns it as plain text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).trim().to_owned()
    }
}

#[cfg(feature = "fleet")]
impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    /// Collects what would go to standard error; data goes nowhere.
    #[cfg(feature = "fleet")]
    pub(crate) fn to(said: &Said) -> Self {
        let plain: Box<dyn Write> = Box::new(said.clone());
        Self {
            data: Box::new(io::sink()),
            data_is_plain: true,
            messages: Box::new(anstream::StripStream::new(plain)),
            verbosity: Verbosity::Normal,
            width: DEFAULT_WIDTH,
            data_is_terminal: false,
        }
    }

    /// Opens the process's own streams.
    pub(crate) fn open(verbosity: Verbosity) -> Self {
        let data_is_terminal = io::stdout().is_terminal();
        Self {
            data: Box::new(Own(io::stdout())),
            data_is_plain: AutoStream::choice(&io::stdout()) == ColorChoice::Never,
            messages: Box::new(Own(AutoStream::auto(io::stderr()))),
            verbosity,
            width: terminal_width().unwrap_or(DEFAULT_WIDTH),
            data_is_terminal,
        }
    }

    /// Returns the columns that a line of data may have.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Returns whether a person looks at the data as it comes.
    pub(crate) const fn data_is_terminal(&self) -> bool {
        self.data_is_terminal
    }

    /// Writes data, as it is, but without styles where nobody sees them.
    pub(crate) fn data(&mut self, text: impl Display) -> io::Result<()> {
        let mut text = text.to_string();
        if self.data_is_plain {
            text = strip_str(&text).to_string();
        }
        // In one piece, so that the reader of a pipe does not wake up for each line.
        self.data.write_all(text.as_bytes())?;
        self.data.flush()
    }

    /// Writes a line of data.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        self.data(format_args!("{text}\n"))
    }

    /// Writes a value as a JSON document.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(text)
    }

    /// Writes a value as one line of JSON, for streams of them.
    pub(crate) fn json_line(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(text)
    }

    /// Tells what was done; left out with `--quiet`. Lines that are too wide are broken.
    pub(crate) fn say(&mut self, text: impl Display) -> io::Result<()> {
        self.tell(Verbosity::Normal, &text.to_string())
    }

    /// Tells what was decided and why; only with `--verbose`.
    pub(crate) fn explain(&mut self, text: impl Display) -> io::Result<()> {
        self.tell(Verbosity::Verbose, &text.to_string())
    }

    fn tell(&mut self, verbosity: Verbosity, text: &str) -> io::Result<()> {
        if self.verbosity >= verbosity {
            writeln!(self.messages, "{}", wrap_lines(text))?;
        }
        Ok(())
    }

    /// Tells what went wrong, whatever the verbosity.
    pub(crate) fn complain(&mut self, text: impl Display) -> io::Result<()> {
        write!(self.messages, "{text}")
    }
}

/// Returns the width of the terminal that we write to; of two the narrower one.
pub(crate) fn narrowest_terminal() -> Option<usize> {
    let errors = columns(terminal_size_of(io::stderr()));
    terminal_width().into_iter().chain(errors).min()
}

/// Returns the width of the terminal that standard output goes to.
fn terminal_width() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    size.map(|(width, _)| usize::from(width.0))
        .filter(|columns| *columns > 0)
}
