//! The screen itself: `alacritty_terminal`, with what it lacks put around it.
//!
//! Added are grapheme clusters, a compact scrollback (the emulator's own takes 24 bytes a cell, 1,000
//! rows at a time), the screen hidden behind the alternate one, and the state that the emulator
//! keeps to itself but a repaint needs. Taken away are its answers to questions, which the filter
//! keeps from it, and its delay of synchronised updates.

mod functions;
mod printing;
mod resize;
mod text;

use std::mem;
use std::ops::Range;

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::{Cursor, Dimensions, Grid};
use alacritty_terminal::index::{Column, Line as GridLine, Point};
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::vte::ansi::{CharsetIndex, CursorShape, CursorStyle, Rgb};
use podfleet_protocol::Size;

use super::keyboard::KeyboardFlags;
use super::line::Line;
use super::modes::{Modes, MouseEncoding, MouseTracking};
use super::scrollback::Scrollback;
use super::title::Title;

/// The emulator needs two columns for a wide character.
const COLUMNS_MINIMUM: u16 = 2;

/// The state of one terminal; fed through the parser's `Handler`.
pub(super) struct Emulator {
    term: Term<VoidListener>,
    size: Size,
    scrollback: Scrollback,
    /// The main screen while the alternate one is shown.
    hidden: Option<Grid<Cell>>,
    /// Rows between the margins.
    margins: Range<i32>,
    active_charset: CharsetIndex,
    /// The character that a zero-width joiner was last put after.
    joiner: Option<Point>,
    title: Title,
    keyboard: KeyboardFlags,
    modify_other_keys: u8,
    cursor_style: Option<CursorStyle>,
    synchronized_update: bool,
}

/// A size as the emulator wants it.
#[derive(Clone, Copy)]
struct GridSize(Size);

impl Dimensions for GridSize {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        usize::from(self.0.rows)
    }

    fn columns(&self) -> usize {
        usize::from(self.0.columns)
    }
}

impl GridSize {
    fn blank_grid(self) -> Grid<Cell> {
        Grid::new(self.screen_lines(), self.columns(), 0)
    }
}

/// The size that the model can have next to `size`.
pub(super) fn supported(size: Size) -> Size {
    let size = size.clamped();
    Size {
        columns: size.columns.max(COLUMNS_MINIMUM),
        ..size
    }
}

impl Emulator {
    pub(super) fn new(size: Size, scrollback_lines: usize) -> Self {
        let size = supported(size);
        let config = Config {
            scrolling_history: 0,
            ..Config::default()
        };
        Self {
            term: Term::new(config, &GridSize(size), VoidListener),
            size,
            scrollback: Scrollback::new(scrollback_lines),
            hidden: None,
            margins: 0..i32::from(size.rows),
            active_charset: CharsetIndex::G0,
            joiner: None,
            title: Title::default(),
            keyboard: KeyboardFlags::default(),
            modify_other_keys: 0,
            cursor_style: None,
            synchronized_update: false,
        }
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn scrollback(&self) -> &Scrollback {
        &self.scrollback
    }

    /// The screen shown.
    pub(super) fn grid(&self) -> &Grid<Cell> {
        self.term.grid()
    }

    /// The main screen while the alternate one is shown.
    pub(super) fn hidden_grid(&self) -> Option<&Grid<Cell>> {
        self.hidden.as_ref()
    }

    /// The rows between the margins, counted from 0.
    pub(super) fn margins(&self) -> Range<i32> {
        self.margins.clone()
    }

    pub(super) fn active_charset(&self) -> CharsetIndex {
        self.active_charset
    }

    pub(super) fn title(&self) -> &Title {
        &self.title
    }

    pub(super) fn keyboard(&self) -> &KeyboardFlags {
        &self.keyboard
    }

    /// A colour that the agent set: a palette index, or the emulator's index of a dynamic colour.
    pub(super) fn color(&self, index: usize) -> Option<Rgb> {
        self.term.colors()[index]
    }

    pub(super) fn modes(&self) -> Modes {
        let mode = *self.term.mode();
        let has = |flag: TermMode| mode.contains(flag);
        Modes {
            application_cursor: has(TermMode::APP_CURSOR),
            application_keypad: has(TermMode::APP_KEYPAD),
            autowrap: has(TermMode::LINE_WRAP),
            insert: has(TermMode::INSERT),
            newline: has(TermMode::LINE_FEED_NEW_LINE),
            origin: has(TermMode::ORIGIN),
            cursor_visible: has(TermMode::SHOW_CURSOR),
            cursor_style: cursor_style_number(self.cursor_style),
            alternate_screen: has(TermMode::ALT_SCREEN),
            bracketed_paste: has(TermMode::BRACKETED_PASTE),
            focus_reports: has(TermMode::FOCUS_IN_OUT),
            mouse: if has(TermMode::MOUSE_MOTION) {
                MouseTracking::Motion
            } else if has(TermMode::MOUSE_DRAG) {
                MouseTracking::Drag
            } else if has(TermMode::MOUSE_REPORT_CLICK) {
                MouseTracking::Buttons
            } else {
                MouseTracking::Off
            },
            mouse_encoding: if has(TermMode::SGR_MOUSE) {
                MouseEncoding::Sgr
            } else if has(TermMode::UTF8_MOUSE) {
                MouseEncoding::Utf8
            } else {
                MouseEncoding::Legacy
            },
            alternate_scroll: has(TermMode::ALTERNATE_SCROLL),
            synchronized_update: self.synchronized_update,
            keyboard_flags: self.keyboard.current(),
            modify_other_keys: self.modify_other_keys,
        }
    }

    /// Keeps the topmost `count` lines, which are about to leave the screen for ever.
    fn keep_topmost(&mut self, count: usize) {
        if self.scrollback.limit() == 0 {
            return;
        }
        for line in 0..count.min(usize::from(self.size.rows)) {
            let line = GridLine(i32::try_from(line).unwrap_or(i32::MAX));
            self.scrollback.push(Line::of(&self.term.grid()[line][..]));
        }
    }

    /// Whether what scrolls goes to the scrollback.
    fn scrolls_into_scrollback(&self) -> bool {
        self.margins.start == 0 && !self.term.mode().contains(TermMode::ALT_SCREEN)
    }

    /// Keeps the line that a line feed would push out.
    fn before_linefeed(&mut self) {
        let line = self.term.grid().cursor.point.line;
        if line.0 + 1 == self.margins.end && self.scrolls_into_scrollback() {
            self.keep_topmost(1);
        }
    }

    /// Moves the cursor by `rows`, but over no margin, and to `column` if there is one. The emulator
    /// knows no margins here, and in origin mode counts from the top margin twice.
    fn move_cursor(&mut self, rows: i32, column: Option<usize>) {
        let Range { start, end } = self.margins;
        let last_row = i32::from(self.size.rows) - 1;
        let last_column = Column(usize::from(self.size.columns) - 1);
        let cursor = &mut self.term.grid_mut().cursor;
        let line = cursor.point.line.0;
        let top = if line >= start { start } else { 0 };
        let bottom = if line < end { end - 1 } else { last_row };
        cursor.point.line = GridLine((line + rows).clamp(top, bottom));
        if let Some(column) = column {
            cursor.point.column = Column(column).min(last_column);
        }
        cursor.input_needs_wrap = false;
    }

    fn show_alternate(&mut self) {
        if self.hidden.is_some() {
            return;
        }
        let mut blank = GridSize(self.size).blank_grid();
        blank.cursor = self.term.grid().cursor.clone();
        let mut main = mem::replace(self.term.grid_mut(), blank);
        main.saved_cursor = main.cursor.clone();
        main.saved_cursor.input_needs_wrap = false;
        self.hidden = Some(main);
        self.keyboard.swap();
        self.term.swap_alt();
    }

    fn show_main(&mut self) {
        let Some(main) = self.hidden.take() else {
            return;
        };
        *self.term.grid_mut() = GridSize(self.size).blank_grid();
        self.keyboard.swap();
        self.term.swap_alt();
        *self.term.grid_mut() = main;
    }

    fn set_blinking(&mut self, blinking: bool) {
        let style = self.cursor_style.get_or_insert_default();
        style.blinking = blinking;
    }
}

/// Whether the next character printed at `cursor` goes to the next row.
pub(super) fn waits_for_wrap(cursor: &Cursor<Cell>, grid: &Grid<Cell>) -> bool {
    let Point { line, column } = cursor.point;
    cursor.input_needs_wrap
        && column == grid.last_column()
        && !grid[line][column].flags.contains(Flags::WRAPLINE)
}

/// The parameter of DECSCUSR for a style.
fn cursor_style_number(style: Option<CursorStyle>) -> u8 {
    let Some(style) = style else {
        return 0;
    };
    let blinking = match style.shape {
        CursorShape::Underline => 3,
        CursorShape::Beam => 5,
        CursorShape::Block | CursorShape::HollowBlock | CursorShape::Hidden => 1,
    };
    blinking + u8::from(!style.blinking)
}
