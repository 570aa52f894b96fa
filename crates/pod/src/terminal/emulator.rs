//! The screen itself: `alacritty_terminal`, with what it lacks put around it.
//!
//! Added are grapheme clusters, a compact scrollback (the emulator's own takes 24 bytes a cell, 1,000
//! rows at a time), the screen hidden behind the alternate one, and the state that the emulator
//! keeps to itself but a repaint needs. Taken away are its answers to questions, which the filter
//! keeps from it, and its delay of synchronised updates.

use std::mem;
use std::ops::Range;

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::{Cursor, Dimensions, Grid, Row};
use alacritty_terminal::index::{Column, Line as GridLine, Point};
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::vte::ansi::{
    Attr, CharsetIndex, ClearMode, CursorShape, CursorStyle, Handler, Hyperlink, KeyboardModes,
    KeyboardModesApplyBehavior, LineClearMode, Mode, ModifyOtherKeys, NamedPrivateMode,
    PrivateMode, Rgb, StandardCharset,
};
use podfleet_protocol::Size;
use unicode_width::UnicodeWidthChar;

use super::cluster;
use super::keyboard::KeyboardFlags;
use super::line::Line;
use super::modes::{Modes, MouseEncoding, MouseTracking};
use super::scrollback::Scrollback;
use super::title::Title;

/// The emulator needs two columns for a wide character.
const COLUMNS_MINIMUM: u16 = 2;

/// The attributes that do not show on a blank.
const HIDDEN_BY_BLANK: Flags = Flags::BOLD_ITALIC.union(Flags::DIM).union(Flags::HIDDEN);

/// The state of one terminal; fed through [`Handler`].
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

    /// Changes the size. Long lines of the main screen are wrapped anew, and what no longer fits
    /// goes to the scrollback; nothing comes back from there. The margins are reset.
    pub(super) fn resize(&mut self, size: Size) {
        let size = supported(size);
        if size == self.size {
            return;
        }
        let alternate = self.term.mode().contains(TermMode::ALT_SCREEN);
        // The emulator gets to resize blank grids only, and only to a smaller size: for a larger
        // one it would take 1,000 rows of memory, and keep them.
        let larger = GridSize(Size {
            columns: size.columns + 1,
            rows: size.rows + 1,
        });
        let mut shown = mem::replace(self.term.grid_mut(), larger.blank_grid());
        self.term.swap_alt();
        *self.term.grid_mut() = larger.blank_grid();
        self.term.swap_alt();
        self.term.resize(GridSize(size));
        self.size = size;
        self.margins = 0..i32::from(size.rows);
        self.resize_grid(&mut shown, !alternate);
        *self.term.grid_mut() = shown;
        self.end_last_row();
        if let Some(mut hidden) = self.hidden.take() {
            self.resize_grid(&mut hidden, true);
            self.hidden = Some(hidden);
        }
    }

    fn resize_grid(&mut self, grid: &mut Grid<Cell>, main: bool) {
        let (rows, columns) = (usize::from(self.size.rows), usize::from(self.size.columns));
        self.set_height(grid, main);
        if main {
            grid.update_history(self.scrollback.limit());
        }
        grid.resize(main, rows, columns);
        for line in (1..=grid.history_size()).rev() {
            let line = i32::try_from(line).unwrap_or(i32::MAX);
            self.scrollback.push(Line::of(&grid[GridLine(-line)][..]));
        }
        grid.update_history(0);
        grid.truncate();
        for row in 0..i32::from(self.size.rows) {
            mend(&mut grid[GridLine(row)]);
        }
        let last = Point::new(grid.bottommost_line(), grid.last_column());
        let clamp = |point: Point| {
            Point::new(
                point.line.clamp(GridLine(0), last.line),
                point.column.min(last.column),
            )
        };
        grid.cursor.point = clamp(grid.cursor.point);
        grid.saved_cursor.point = clamp(grid.saved_cursor.point);
    }

    /// Gives `grid` the rows that the size has. Rows above go where the cursor's would be lost, else
    /// rows below; new ones come at the bottom. The emulator's own way takes 1,000 rows of memory.
    fn set_height(&mut self, grid: &mut Grid<Cell>, main: bool) {
        let rows = i32::from(self.size.rows);
        let mut resized = Grid::new(usize::from(self.size.rows), grid.columns(), 0);
        let above = (grid.cursor.point.line.0 + 1 - rows).max(0);
        for row in 0..i32::try_from(grid.screen_lines()).unwrap_or(i32::MAX) {
            let kept = row - above;
            if kept < 0 && main {
                self.scrollback.push(Line::of(&grid[GridLine(row)][..]));
            } else if (0..rows).contains(&kept) {
                mem::swap(&mut resized[GridLine(kept)], &mut grid[GridLine(row)]);
            }
        }
        resized.cursor = grid.cursor.clone();
        resized.saved_cursor = grid.saved_cursor.clone();
        resized.cursor.point.line -= above;
        let saved = &mut resized.saved_cursor.point.line;
        *saved = GridLine((saved.0 - above).clamp(0, rows - 1));
        *grid = resized;
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

    /// Whether the cursor goes to the next row before `character` is printed.
    fn wraps_before(&self, character: char) -> bool {
        let cursor = &self.term.grid().cursor;
        cursor.point.column.0 + 1 >= usize::from(self.size.columns)
            && (cursor.input_needs_wrap || character.width() == Some(2))
            && self.term.mode().contains(TermMode::LINE_WRAP)
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

    /// Blanks what is left of wide characters that were cut in the cursor's row.
    fn mend_cursor_row(&mut self) {
        let line = self.term.grid().cursor.point.line;
        mend(&mut self.term.grid_mut()[line]);
    }

    /// Takes the mark of a wrapped line from the last row, which is followed by none.
    fn end_last_row(&mut self) {
        let last = Point::new(
            GridLine(i32::from(self.size.rows) - 1),
            Column(usize::from(self.size.columns) - 1),
        );
        let flags = &mut self.term.grid_mut()[last.line][last.column].flags;
        flags.remove(Flags::WRAPLINE);
    }

    /// Where the character before the cursor stands, if there is one in this row.
    fn previous_character(&self) -> Option<Point> {
        let grid = self.term.grid();
        let Point { line, column } = grid.cursor.point;
        let mut column = if grid.cursor.input_needs_wrap {
            column
        } else {
            Column(column.0.checked_sub(1)?)
        };
        if grid[line][column].flags.contains(Flags::WIDE_CHAR_SPACER) {
            column = Column(column.0.checked_sub(1)?);
        }
        Some(Point::new(line, column))
    }

    /// Adds `character` to the cluster before the cursor; returns whether it belongs there.
    fn join(&mut self, character: char) -> bool {
        let joiner = self.joiner.take();
        let Some(point) = self.previous_character() else {
            return character.width() == Some(0);
        };
        if character == cluster::ZERO_WIDTH_JOINER {
            self.joiner = Some(point);
            return true;
        }
        let joined = joiner == Some(point);
        let pen = self.term.grid().cursor.template.clone();
        let cell = &mut self.term.grid_mut()[point.line][point.column];
        let base = cell.c;
        if !cluster::joins(base, joined, character) {
            return false;
        }
        let extra = cell.zerowidth().unwrap_or_default().len() + usize::from(joined) + 1;
        let widens = !cell.flags.contains(Flags::WIDE_CHAR) && cluster::widens(base, character);
        let room = !widens || point.column.0 + 1 < usize::from(self.size.columns);
        // Without room for it the cluster stays as it is: a wider one would not survive a repaint.
        if room && extra <= cluster::EXTRA_LIMIT {
            if joined {
                cell.push_zerowidth(cluster::ZERO_WIDTH_JOINER);
            }
            cell.push_zerowidth(character);
            if base == ' ' {
                // A blank's own style cannot be seen, so the mark on it takes the pen's.
                cell.fg = pen.fg;
                cell.flags = cell.flags.difference(HIDDEN_BY_BLANK) | (pen.flags & HIDDEN_BY_BLANK);
            }
            if widens {
                self.widen(point);
            }
        }
        true
    }

    /// Whether the next character joins the one before the cursor.
    pub(super) fn awaits_joined(&self) -> bool {
        self.joiner.is_some() && self.joiner == self.previous_character()
    }

    /// Makes the narrow character at `point`, the one before the cursor and not in the last column,
    /// two columns wide.
    fn widen(&mut self, point: Point) {
        let last = Column(usize::from(self.size.columns) - 1);
        let grid = self.term.grid_mut();
        let row = &mut grid[point.line];
        let next = point.column + 1;
        if row[next].flags.contains(Flags::WIDE_CHAR) && next < last {
            row[next + 1].flags.remove(Flags::WIDE_CHAR_SPACER);
        }
        row[point.column].flags.insert(Flags::WIDE_CHAR);
        let mut spacer = row[point.column].clone();
        spacer.c = ' ';
        spacer.flags.remove(Flags::WIDE_CHAR);
        spacer.flags.insert(Flags::WIDE_CHAR_SPACER);
        spacer.extra = None;
        row[next] = spacer;
        if next < last {
            grid.cursor.point.column = next + 1;
        } else {
            grid.cursor.point.column = last;
            grid.cursor.input_needs_wrap = true;
        }
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

/// A count of rows from a sequence's parameter.
fn distance(rows: usize) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX / 2)
}

/// Whether the next character printed at `cursor` goes to the next row.
pub(super) fn waits_for_wrap(cursor: &Cursor<Cell>, grid: &Grid<Cell>) -> bool {
    let Point { line, column } = cursor.point;
    cursor.input_needs_wrap
        && column == grid.last_column()
        && !grid[line][column].flags.contains(Flags::WRAPLINE)
}

/// Blanks the halves of wide characters in a row whose other half is gone. The emulator leaves them,
/// and would later blank what stands beside them instead.
fn mend(row: &mut Row<Cell>) {
    let mut expected = false;
    for column in 0..row.len() {
        let next = row[..].get(column + 1).map(|cell| cell.flags);
        let flags = row[Column(column)].flags;
        let spacer = flags.contains(Flags::WIDE_CHAR_SPACER);
        if spacer && !expected {
            row[Column(column)].flags.remove(Flags::WIDE_CHAR_SPACER);
        }
        let wide = flags.contains(Flags::WIDE_CHAR) && !(spacer && expected);
        expected = wide && next.is_some_and(|next| next.contains(Flags::WIDE_CHAR_SPACER));
        if wide && !expected {
            row[Column(column)].clear_wide();
        }
    }
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

macro_rules! forward {
    ($(fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            fn $name(&mut self, $($argument: $type),*) {
                Handler::$name(&mut self.term, $($argument),*);
            }
        )*
    };
}

impl Handler for Emulator {
    forward! {
        fn goto(line: i32, column: usize);
        fn goto_line(line: i32);
        fn move_forward(columns: usize);
        fn move_backward(columns: usize);
        fn backspace();
        fn carriage_return();
        fn delete_lines(count: usize);
        fn move_forward_tabs(count: u16);
        fn restore_cursor_position();
        fn terminal_attribute(attribute: Attr);
        fn set_mode(mode: Mode);
        fn unset_mode(mode: Mode);
        fn set_keypad_application_mode();
        fn unset_keypad_application_mode();
        fn configure_charset(index: CharsetIndex, charset: StandardCharset);
        fn set_color(index: usize, color: Rgb);
        fn reset_color(index: usize);
        fn decaln();
    }

    fn input(&mut self, character: char) {
        if character >= cluster::FIRST && self.join(character) {
            return;
        }
        self.joiner = None;
        let wraps = self.wraps_before(character);
        if wraps {
            self.before_linefeed();
        }
        Handler::input(&mut self.term, character);
        if wraps {
            self.end_last_row();
        }
        if self.term.mode().contains(TermMode::INSERT) {
            self.mend_cursor_row();
        }
    }

    fn scroll_down(&mut self, rows: usize) {
        Handler::scroll_down(&mut self.term, rows);
        self.end_last_row();
    }

    fn insert_blank_lines(&mut self, count: usize) {
        Handler::insert_blank_lines(&mut self.term, count);
        self.end_last_row();
    }

    fn reverse_index(&mut self) {
        Handler::reverse_index(&mut self.term);
        self.end_last_row();
    }

    fn insert_blank(&mut self, count: usize) {
        Handler::insert_blank(&mut self.term, count);
        self.mend_cursor_row();
    }

    fn erase_chars(&mut self, count: usize) {
        Handler::erase_chars(&mut self.term, count);
        self.mend_cursor_row();
    }

    fn delete_chars(&mut self, count: usize) {
        Handler::delete_chars(&mut self.term, count);
        self.mend_cursor_row();
    }

    fn clear_line(&mut self, mode: LineClearMode) {
        Handler::clear_line(&mut self.term, mode);
        self.mend_cursor_row();
    }

    fn goto_col(&mut self, column: usize) {
        self.move_cursor(0, Some(column));
    }

    fn move_up(&mut self, rows: usize) {
        self.move_cursor(-distance(rows), None);
    }

    fn move_down(&mut self, rows: usize) {
        self.move_cursor(distance(rows), None);
    }

    fn move_up_and_cr(&mut self, rows: usize) {
        self.move_cursor(-distance(rows), Some(0));
    }

    fn move_down_and_cr(&mut self, rows: usize) {
        self.move_cursor(distance(rows), Some(0));
    }

    fn move_backward_tabs(&mut self, count: u16) {
        Handler::move_backward_tabs(&mut self.term, count);
        // The emulator would wrap from wherever the cursor is now.
        self.term.grid_mut().cursor.input_needs_wrap = false;
    }

    fn save_cursor_position(&mut self) {
        Handler::save_cursor_position(&mut self.term);
        // As in tmux: the row may be another one when the cursor comes back.
        self.term.grid_mut().saved_cursor.input_needs_wrap = false;
    }

    fn put_tab(&mut self, count: u16) {
        let cursor = &self.term.grid().cursor;
        let wraps = cursor.input_needs_wrap && self.term.mode().contains(TermMode::LINE_WRAP);
        if wraps {
            self.before_linefeed();
        }
        Handler::put_tab(&mut self.term, count);
        if wraps {
            self.end_last_row();
        }
    }

    fn linefeed(&mut self) {
        self.before_linefeed();
        self.term.newline();
    }

    fn scroll_up(&mut self, rows: usize) {
        if self.scrolls_into_scrollback() {
            let height = usize::try_from(self.margins.end).unwrap_or(0);
            self.keep_topmost(rows.min(height));
        }
        Handler::scroll_up(&mut self.term, rows);
    }

    fn clear_screen(&mut self, mode: ClearMode) {
        match mode {
            ClearMode::All if !self.term.mode().contains(TermMode::ALT_SCREEN) => {
                let rows = 0..i32::from(self.size.rows);
                let blank = |&line: &i32| {
                    Line::of(&self.term.grid()[GridLine(line)][..])
                        .text
                        .is_empty()
                };
                let trailing = rows.clone().rev().take_while(blank).count();
                self.keep_topmost(rows.len() - trailing);
            }
            // The emulator forgets the first row when the cursor is in the second.
            ClearMode::Above if self.term.grid().cursor.point.line == 1 => {
                self.term.grid_mut().reset_region(..GridLine(1));
            }
            ClearMode::Saved => self.scrollback.clear(),
            ClearMode::All | ClearMode::Above | ClearMode::Below => {}
        }
        Handler::clear_screen(&mut self.term, mode);
        self.mend_cursor_row();
    }

    fn reset_state(&mut self) {
        self.show_main();
        self.scrollback.clear();
        self.margins = 0..i32::from(self.size.rows);
        self.active_charset = CharsetIndex::G0;
        self.joiner = None;
        self.title = Title::default();
        self.keyboard = KeyboardFlags::default();
        self.modify_other_keys = 0;
        self.cursor_style = None;
        self.synchronized_update = false;
        for index in 0..alacritty_terminal::term::color::COUNT {
            Handler::reset_color(&mut self.term, index);
        }
        Handler::reset_state(&mut self.term);
    }

    fn set_scrolling_region(&mut self, top: usize, bottom: Option<usize>) {
        let rows = usize::from(self.size.rows);
        let bottom = bottom.unwrap_or(rows).min(rows);
        if top >= bottom {
            return;
        }
        let row = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        self.margins = row(top) - 1..row(bottom);
        Handler::set_scrolling_region(&mut self.term, top, Some(bottom));
    }

    fn set_active_charset(&mut self, index: CharsetIndex) {
        self.active_charset = index;
        Handler::set_active_charset(&mut self.term, index);
    }

    fn set_private_mode(&mut self, mode: PrivateMode) {
        match mode {
            PrivateMode::Named(NamedPrivateMode::SwapScreenAndSetRestoreCursor) => {
                self.show_alternate();
            }
            PrivateMode::Named(NamedPrivateMode::SyncUpdate) => self.synchronized_update = true,
            PrivateMode::Named(NamedPrivateMode::BlinkingCursor) => self.set_blinking(true),
            _ => Handler::set_private_mode(&mut self.term, mode),
        }
    }

    fn unset_private_mode(&mut self, mode: PrivateMode) {
        match mode {
            PrivateMode::Named(NamedPrivateMode::SwapScreenAndSetRestoreCursor) => {
                self.show_main();
            }
            PrivateMode::Named(NamedPrivateMode::SyncUpdate) => self.synchronized_update = false,
            PrivateMode::Named(NamedPrivateMode::BlinkingCursor) => self.set_blinking(false),
            _ => Handler::unset_private_mode(&mut self.term, mode),
        }
    }

    fn set_cursor_style(&mut self, style: Option<CursorStyle>) {
        self.cursor_style = style;
    }

    fn set_hyperlink(&mut self, link: Option<Hyperlink>) {
        // The emulator would number links without an id, each terminal in a way of its own.
        let link = link.map(|link| Hyperlink {
            id: Some(link.id.unwrap_or_default()),
            ..link
        });
        Handler::set_hyperlink(&mut self.term, link);
    }

    fn set_title(&mut self, title: Option<String>) {
        self.title.set(title.unwrap_or_default());
    }

    fn push_title(&mut self) {
        self.title.push();
    }

    fn pop_title(&mut self) {
        self.title.pop();
    }

    fn push_keyboard_mode(&mut self, mode: KeyboardModes) {
        self.keyboard.push(mode.bits());
    }

    fn pop_keyboard_modes(&mut self, count: u16) {
        self.keyboard.pop(usize::from(count));
    }

    fn set_keyboard_mode(&mut self, mode: KeyboardModes, behavior: KeyboardModesApplyBehavior) {
        let current = self.keyboard.current();
        self.keyboard.set(match behavior {
            KeyboardModesApplyBehavior::Replace => mode.bits(),
            KeyboardModesApplyBehavior::Union => current | mode.bits(),
            KeyboardModesApplyBehavior::Difference => current & !mode.bits(),
        });
    }

    fn set_modify_other_keys(&mut self, mode: ModifyOtherKeys) {
        self.modify_other_keys = match mode {
            ModifyOtherKeys::Reset => 0,
            ModifyOtherKeys::EnableExceptWellDefined => 1,
            ModifyOtherKeys::EnableAll => 2,
        };
    }
}
