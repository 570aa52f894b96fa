//! What each control function does: the emulator's own work, and what it leaves out.

use alacritty_terminal::index::Line as GridLine;
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::{
    Attr, CharsetIndex, ClearMode, CursorStyle, Handler, Hyperlink, KeyboardModes,
    KeyboardModesApplyBehavior, LineClearMode, Mode, ModifyOtherKeys, NamedPrivateMode,
    PrivateMode, Rgb, StandardCharset,
};

use super::Emulator;
use crate::terminal::cluster;
use crate::terminal::keyboard::KeyboardFlags;
use crate::terminal::line::Line;
use crate::terminal::title::Title;

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

    /// In origin mode the cursor is never outside the margins, wherever it was when it was saved.
    fn restore_cursor_position(&mut self) {
        Handler::restore_cursor_position(&mut self.term);
        if self.term.mode().contains(TermMode::ORIGIN) {
            let (first, last) = (self.margins.start, self.margins.end - 1);
            let line = &mut self.term.grid_mut().cursor.point.line;
            line.0 = line.0.clamp(first, last);
        }
    }

    fn input(&mut self, character: char) {
        if character >= cluster::FIRST && self.join(character) {
            return;
        }
        let character = cluster::alone(character);
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
        // The row above may have wrapped already, and no repaint can show a cursor that waits to
        // wrap there once more.
        self.term.grid_mut().cursor.input_needs_wrap = false;
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
        // As above: the row may have wrapped already.
        let grid = self.term.grid_mut();
        let point = grid.cursor.point;
        if grid[point.line][point.column]
            .flags
            .contains(Flags::WRAPLINE)
        {
            grid.cursor.input_needs_wrap = false;
        }
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

/// A count of rows from a sequence's parameter.
fn distance(rows: usize) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX / 2)
}
