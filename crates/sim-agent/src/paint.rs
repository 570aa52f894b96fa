//! From lines to terminal bytes.
//!
//! The inline painter draws as the real inline agents do: it goes up to the top of its block,
//! writes the new transcript lines over it, which scrolls the screen where need be, and writes
//! the block again below them.

use std::fmt::Write as _;

use crate::screen::{Block, Line, Size, entry_lines};
use crate::transcript::Transcript;

/// Draws frames; remembers what is on the screen.
#[derive(Debug)]
pub struct Painter {
    size: Size,
    alternate_screen: bool,
    drawn: Option<Drawn>,
    title: Option<String>,
}

/// The last frame.
#[derive(Debug)]
struct Drawn {
    transcript_end: u64,
    transcript_clears: u64,
    block: Block,
    /// The row of the block that the cursor was left on.
    cursor_row: usize,
}

impl Painter {
    /// Creates a painter for a terminal that shows nothing of ours yet.
    #[must_use]
    pub fn new(size: Size, alternate_screen: bool) -> Self {
        Self {
            size,
            alternate_screen,
            drawn: None,
            title: None,
        }
    }

    /// Returns the size that is drawn for.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Takes a new size and returns the bytes that draw everything anew in it.
    pub fn resize(&mut self, size: Size, transcript: &Transcript, block: &Block) -> String {
        self.size = size;
        self.repaint(transcript, block)
    }

    /// Returns the bytes that set the title, if it changed.
    pub fn title(&mut self, title: Option<String>) -> String {
        if title.is_none() || title == self.title {
            return String::new();
        }
        self.title = title;
        format!("\x1b]2;{}\x07", self.title.as_deref().unwrap_or_default())
    }

    /// Returns the bytes that bring the screen up to date.
    pub fn frame(&mut self, transcript: &Transcript, block: &Block) -> String {
        let Some(drawn) = &self.drawn else {
            if self.alternate_screen {
                return self.repaint(transcript, block);
            }
            return self.advance(0, 0, transcript, block);
        };
        if drawn.transcript_clears != transcript.clears() {
            return self.repaint(transcript, block);
        }
        if drawn.transcript_end == transcript.end() {
            if drawn.block == *block {
                return String::new();
            }
        } else if self.alternate_screen {
            return self.repaint(transcript, block);
        }
        let (row, end) = (drawn.cursor_row, drawn.transcript_end);
        self.advance(row, end, transcript, block)
    }

    /// Returns the bytes that leave the screen as a shell wants it: the cursor below our block.
    #[must_use]
    pub fn leave(&self) -> String {
        match &self.drawn {
            Some(drawn) if !self.alternate_screen => {
                let down = drawn.block.lines.len() - drawn.cursor_row;
                format!("{}\x1b[?25h", "\r\n".repeat(down.max(1)))
            }
            _ => "\x1b[?25h".to_owned(),
        }
    }

    /// Draws the transcript from `from` on and the block, over the block that is there.
    fn advance(&mut self, row: usize, from: u64, transcript: &Transcript, block: &Block) -> String {
        let mut out = String::from("\r");
        move_by(&mut out, row, 'A');
        for entry in transcript.since(from) {
            for line in entry_lines(entry, self.size.columns) {
                self.line(&mut out, &line);
                out.push_str("\r\n");
            }
        }
        self.block(&mut out, transcript, block);
        out
    }

    /// Clears the screen and draws the end of the transcript and the block.
    fn repaint(&mut self, transcript: &Transcript, block: &Block) -> String {
        // Not `ESC [ 2 J`, at which terminals put the old screen into the scrollback.
        let mut out = String::from("\x1b[H\x1b[J");
        let space = usize::from(self.size.rows).saturating_sub(block.lines.len());
        let mut lines = Vec::new();
        for entry in transcript.newest_first() {
            if lines.len() >= space {
                break;
            }
            lines.extend(entry_lines(entry, self.size.columns).into_iter().rev());
        }
        for line in lines.iter().take(space).rev() {
            self.line(&mut out, line);
            out.push_str("\r\n");
        }
        self.block(&mut out, transcript, block);
        out
    }

    fn block(&mut self, out: &mut String, transcript: &Transcript, block: &Block) {
        for (at, line) in block.lines.iter().enumerate() {
            if at > 0 {
                out.push_str("\r\n");
            }
            self.line(out, line);
        }
        let last = block.lines.len().saturating_sub(1);
        // Behind a full row the terminal would erase that row's last cell.
        if block
            .lines
            .last()
            .is_none_or(|line| line.width() < usize::from(self.size.columns))
        {
            out.push_str("\x1b[J");
        }
        let cursor_row = block.cursor.map_or(last, |(row, _)| row);
        if let Some((row, column)) = block.cursor {
            out.push('\r');
            move_by(out, last - row, 'A');
            move_by(out, column, 'C');
        }
        out.push_str(if block.cursor.is_some() {
            "\x1b[?25h"
        } else {
            "\x1b[?25l"
        });
        self.drawn = Some(Drawn {
            transcript_end: transcript.end(),
            transcript_clears: transcript.clears(),
            block: block.clone(),
            cursor_row,
        });
    }

    /// Writes one row and erases what stood behind it.
    fn line(&self, out: &mut String, line: &Line) {
        out.push_str(&line.plain);
        if !line.faint.is_empty() {
            let _ = write!(out, "\x1b[2m{}\x1b[22m", line.faint);
        }
        if line.width() < usize::from(self.size.columns) {
            out.push_str("\x1b[K");
        }
    }
}

fn move_by(out: &mut String, cells: usize, direction: char) {
    if cells > 0 {
        let _ = write!(out, "\x1b[{cells}{direction}");
    }
}
