//! The terminal of an agent: a model of its screen, the answers to its questions, and the stream
//! that attached clients see of it.
//!
//! The pod is the agent's terminal whether somebody is attached or not. [`Terminal`] reads the
//! agent's output, answers its questions always in the same way, and can at any time render
//! the bytes that bring another terminal to the same state. [`ViewStream`] is what clients get in
//! between: the same output without what would make *their* terminals answer. Both apply one list
//! of what is let through, so the model and every client see the same bytes.
//!
//! The model claims to be a plain xterm-256color. It differs on purpose in that it counts columns
//! by grapheme clusters as the agents do, and that tab stops are fixed at every eighth column.
//!
//! Memory has a bound: two screens of cells (24 bytes each), and a scrollback of 2 KiB a line on
//! average; neither the agent's titles, links nor unfinished sequences can exceed it.
//!
//! ```
//! use podfleet_pod::terminal::Terminal;
//! use podfleet_protocol::Size;
//!
//! let mut terminal = Terminal::new(Size { columns: 80, rows: 24 }, 2000);
//! let answers = terminal.feed(b"\x1b[1mhello\x1b[6n");
//! assert_eq!(answers, b"\x1b[1;6R");
//! assert_eq!(terminal.screen().rows[0].text, "hello");
//! ```

mod answers;
mod cluster;
mod color;
mod csi;
mod emulator;
mod filter;
mod interpreter;
mod keyboard;
mod lexer;
mod line;
mod modes;
mod query;
mod repaint;
mod screen;
mod scrollback;
mod sgr;
mod title;
mod view;
mod whole;

use std::fmt;
use std::ops::{Bound, RangeBounds};

use podfleet_harness::Screen;
use podfleet_protocol::Size;

pub use answers::{CELL_HEIGHT, CELL_WIDTH};
pub use color::{Colors, Rgb};
use emulator::Emulator;
use filter::Filter;
use interpreter::Interpreter;
pub use modes::{Modes, MouseEncoding, MouseTracking};
pub use view::ViewStream;
pub(crate) use whole::whole;

/// The bytes that take back every mode and colour that a view stream or a repaint can have set in
/// a client's terminal, for when the client detaches. The screen and scrollback are left as they
/// are.
pub const LEAVE: &[u8] = repaint::RESET;

/// Memory for what the filter let through that is kept between calls, in bytes.
const PASSED_KEPT: usize = 64 * 1024;

/// The model of an agent's terminal.
pub struct Terminal {
    filter: Filter,
    /// Memory for what the filter lets through; empty between calls.
    passed: Vec<u8>,
    screen: Interpreter,
    colors: Colors,
}

/// Some of the last lines of a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailPage {
    /// The lines, oldest first.
    pub lines: Vec<String>,
    /// The end of the page before, if there is one: lines keep their places as further ones come.
    pub earlier: Option<u64>,
}

impl Terminal {
    /// Returns a blank terminal of `size`, brought into 2 to 1,000 columns and 1 to 1,000 rows, that
    /// keeps up to `scrollback_lines` lines that left its screen.
    #[must_use]
    pub fn new(size: Size, scrollback_lines: usize) -> Self {
        Self {
            filter: Filter::new(),
            passed: Vec::new(),
            screen: Interpreter::new(Emulator::new(size, scrollback_lines)),
            colors: Colors::default(),
        }
    }

    /// Reads the agent's output; returns the answers to the questions in it, to be written back to
    /// the agent, in order.
    ///
    /// The answers are never longer than a small multiple of `bytes`, but an agent that asks and
    /// never reads can make them pile up: the writer has to bound them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut seen = std::mem::take(&mut self.passed);
        let answers = self.feed_seen(bytes, &mut seen);
        seen.clear();
        seen.shrink_to(PASSED_KEPT);
        self.passed = seen;
        answers
    }

    /// Does what [`feed`](Self::feed) does, and appends to `seen` what clients may see of `bytes`: what
    /// a [`ViewStream`] that was fed the same from the beginning on would.
    pub fn feed_seen(&mut self, bytes: &[u8], seen: &mut Vec<u8>) -> Vec<u8> {
        let mut answers = Vec::new();
        // Up to here the emulator has read.
        let mut read = seen.len();
        let (screen, colors) = (&mut self.screen, &self.colors);
        self.filter.feed(bytes, seen, |query, seen| {
            screen.read(&seen[read..]);
            read = seen.len();
            answers.extend(answers::answer(&query, &screen.emulator, colors));
        });
        self.screen.read(&seen[read..]);
        answers
    }

    /// Changes the size, as the agent's PTY does. Long lines of the main screen are wrapped anew,
    /// what no longer fits goes to the scrollback, and the margins are reset.
    pub fn resize(&mut self, size: Size) {
        self.screen.emulator.resize(size);
    }

    /// Returns the size, which is never less than two columns.
    #[must_use]
    pub fn size(&self) -> Size {
        self.screen.emulator.size()
    }

    /// Returns the visible screen.
    #[must_use]
    pub fn screen(&self) -> Screen {
        screen::screen(&self.screen.emulator)
    }

    /// Returns the modes that the agent has set.
    #[must_use]
    pub fn modes(&self) -> Modes {
        self.screen.emulator.modes()
    }

    /// Returns how many lines the scrollback has.
    #[must_use]
    pub fn scrollback_len(&self) -> usize {
        self.screen.emulator.scrollback().len()
    }

    /// Returns lines of text, oldest first: the scrollback and then the rows of the screen shown,
    /// counted from 0 over both.
    ///
    /// With `ansi` each line has its colours as SGR sequences and ends in the default ones. Lines
    /// outside of what there is are left out.
    #[must_use]
    pub fn text(&self, lines: impl RangeBounds<usize>, ansi: bool) -> Vec<String> {
        let start = match lines.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let scrollback = self.screen.emulator.scrollback();
        let rows: Vec<_> = screen::rows(&self.screen.emulator)
            .skip(start.saturating_sub(scrollback.len()))
            .collect();
        scrollback
            .from(start)
            .chain(&rows)
            .zip(start..)
            .take_while(|(_, number)| lines.contains(number))
            .map(|(line, _)| screen::text(line, ansi))
            .collect()
    }

    /// Returns the last `count` lines of text up to the last row that is not blank.
    ///
    /// While the alternate screen is shown these are its rows only: the scrollback belongs to the
    /// main one.
    #[must_use]
    pub fn tail(&self, count: usize, ansi: bool) -> Vec<String> {
        self.tail_page(count, None, usize::MAX, ansi).lines
    }

    /// Returns as many of the lines of [`tail`](Self::tail) as `room` bytes have room for, one at
    /// least, the last of them; or of the `count` lines before those of another page.
    #[must_use]
    pub fn tail_page(
        &self,
        count: usize,
        before: Option<u64>,
        room: usize,
        ansi: bool,
    ) -> TailPage {
        let scrollback = self.screen.emulator.scrollback();
        let rows: Vec<_> = screen::rows(&self.screen.emulator).collect();
        let blank = |line: &&line::Line| line.trimmed().is_empty();
        let filled = rows.len() - rows.iter().rev().take_while(blank).count();
        let from = if self.modes().alternate_screen {
            scrollback.len()
        } else {
            0
        };
        let place = |before: u64| before.saturating_sub(scrollback.gone());
        let before = before.map_or(usize::MAX, |before| {
            usize::try_from(place(before)).unwrap_or(usize::MAX)
        });
        let end = (scrollback.len() + filled).min(before);
        let start = end.saturating_sub(count).max(from).min(end);
        let all: Vec<_> = scrollback.from(start).chain(&rows).collect();
        let rows_before = start.saturating_sub(scrollback.len());
        let all = &all[rows_before..][..end - start];
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for line in all.iter().rev() {
            let text = screen::text(line, ansi);
            bytes += text.len();
            if bytes > room && !lines.is_empty() {
                break;
            }
            lines.push(text);
        }
        lines.reverse();
        let first = end - lines.len();
        TailPage {
            lines,
            earlier: (first > start).then(|| scrollback.gone() + first as u64),
        }
    }

    /// Renders the bytes that bring a client's terminal of the same size to the state of this one:
    /// the last `scrollback_tail` lines of the scrollback, both screens, modes, margins, title,
    /// colours, saved and present cursor.
    ///
    /// The client's terminal may be in any state that the view stream can have brought it to. Its
    /// scrollback is added to, never erased: for a client that saw the lines before, the tail is 0.
    #[must_use]
    pub fn repaint(&self, scrollback_tail: usize) -> Vec<u8> {
        repaint::repaint(&self.screen.emulator, scrollback_tail)
    }

    /// Sets the colours that the terminal claims to have.
    pub fn set_colors(&mut self, colors: Colors) {
        self.colors = colors;
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Terminal")
            .field("size", &self.size())
            .field("scrollback_len", &self.scrollback_len())
            .field("modes", &self.modes())
            .finish_non_exhaustive()
    }
}
