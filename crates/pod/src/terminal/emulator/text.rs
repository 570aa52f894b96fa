//! Text as a whole, where a character at a time would cost more than what it does to the screen.

use alacritty_terminal::index::Column;
use alacritty_terminal::term::TermMode;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::{CharsetIndex, Handler as _, StandardCharset};

use super::Emulator;

impl Emulator {
    /// Prints text, and does what the controls in it say, up to the next ESC; returns what is left.
    pub(in crate::terminal) fn print<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut rest = text;
        while let [first, after @ ..] = rest {
            rest = match first {
                b' '..=b'~' => self.print_plain(rest),
                0x80.. => self.print_characters(rest),
                0x1B => return rest,
                control => {
                    self.execute(*control);
                    after
                }
            };
        }
        rest
    }

    /// Prints printable ASCII as far as its row goes, one character at least; returns what is left.
    fn print_plain<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        match self.fill(text) {
            0 => {
                self.input(char::from(text[0]));
                &text[1..]
            }
            printed => &text[printed..],
        }
    }

    /// Puts as much of the printable ASCII at the start of a text into the cells from the cursor on as
    /// only replaces what they have; returns how much.
    fn fill(&mut self, text: &[u8]) -> usize {
        let shifts = self.term.mode().contains(TermMode::INSERT);
        let charset = self.active_charset;
        let grid = self.term.grid_mut();
        let cursor = &mut grid.cursor;
        if shifts || cursor.input_needs_wrap || cursor.charsets[charset] != StandardCharset::Ascii {
            return 0;
        }
        self.joiner = None;
        let (columns, start) = (usize::from(self.size.columns), cursor.point.column);
        let run = text.iter().take(columns - start.0);
        let run = run.take_while(|byte| matches!(byte, b' '..=b'~')).count();
        let (line, pen) = (cursor.point.line, cursor.template.clone());
        let mut filled = 0;
        for (cell, byte) in grid[line][start..Column(start.0 + run)]
            .iter_mut()
            .zip(text)
        {
            // The other half of a wide character goes, too.
            if cell
                .flags
                .intersects(Flags::WIDE_CHAR | Flags::WIDE_CHAR_SPACER)
            {
                break;
            }
            cell.c = char::from(*byte);
            cell.fg = pen.fg;
            cell.bg = pen.bg;
            cell.flags = pen.flags;
            if cell.extra.is_some() || pen.extra.is_some() {
                cell.extra.clone_from(&pen.extra);
            }
            filled += 1;
        }
        let cursor = &mut grid.cursor;
        cursor.input_needs_wrap = start.0 + filled == columns;
        cursor.point.column = Column((start.0 + filled).min(columns - 1));
        filled
    }

    /// Prints up to the next ASCII; returns what is left.
    fn print_characters<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let end = text.iter().position(u8::is_ascii).unwrap_or(text.len());
        let (characters, rest) = text.split_at(end);
        for character in String::from_utf8_lossy(characters).chars() {
            self.input(character);
        }
        rest
    }

    fn execute(&mut self, control: u8) {
        match control {
            0x08 => self.backspace(),
            b'\t' => self.put_tab(1),
            b'\n' | 0x0B | 0x0C => self.linefeed(),
            b'\r' => self.carriage_return(),
            0x0E => self.set_active_charset(CharsetIndex::G1),
            0x0F => self.set_active_charset(CharsetIndex::G0),
            _ => {}
        }
    }
}
