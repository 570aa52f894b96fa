//! What a terminal shows, as the rules see it.

use std::ops::Range;

/// A terminal's visible screen at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// The rows from top to bottom, as many as the terminal is high.
    pub rows: Vec<Row>,
    /// Width of the terminal in columns.
    pub columns: u16,
    /// Where the cursor is.
    pub cursor: Cursor,
    /// The title that the program set (OSC 0 or 2); empty if it never did.
    pub title: String,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
    /// Whether the program asked for bracketed paste (mode 2004).
    pub bracketed_paste: bool,
}

/// One row of a [`Screen`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The text without trailing blanks.
    pub text: String,
    /// Byte ranges of `text` that are drawn faint (SGR 2) or in the palette's dark grey, as ghost
    /// texts are.
    pub faint: Vec<Range<usize>>,
    /// Whether the text goes on in the next row because it reached the right margin.
    pub wrapped: bool,
}

/// The cursor of a [`Screen`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Row, counted from 0 at the top.
    pub row: u16,
    /// Column, counted from 0 at the left.
    pub column: u16,
    /// Whether the program shows it.
    pub visible: bool,
}
