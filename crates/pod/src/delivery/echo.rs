//! What follows an echoed line on the screen: whether a program went on after it.

use podfleet_harness::Screen;

/// The row that ended with the typed text when its submit key was pressed.
#[derive(Debug)]
pub(super) struct Echo {
    row: String,
    /// How many rows looked so.
    times: usize,
}

impl Echo {
    /// Takes down the row of the cursor, behind which the text stands.
    pub(super) fn of(screen: &Screen) -> Self {
        let row = screen.rows.get(usize::from(screen.cursor.row));
        let row = row.map_or("", |row| row.text.trim_end()).to_owned();
        let times = rows(screen).filter(|shown| *shown == row).count();
        Self { row, times }
    }

    /// Returns whether something was written after the line: anything but the line break that the
    /// terminal adds to its echo.
    pub(super) fn is_followed(&self, screen: &Screen) -> bool {
        let shown: Vec<_> = rows(screen).collect();
        let Some(last) = shown.iter().rposition(|row| *row == self.row) else {
            // Whoever wiped it away or moved it off the screen went on.
            return true;
        };
        let again = shown.iter().filter(|row| **row == self.row).count() > self.times;
        again || shown[last + 1..].iter().any(|row| !row.is_empty())
    }
}

fn rows(screen: &Screen) -> impl Iterator<Item = &str> {
    screen.rows.iter().map(|row| row.text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(text: &str) -> Screen {
        Screen::from_text(40, text)
    }

    #[test]
    fn a_line_break_alone_is_the_terminals_own_doing() {
        let mut before = screen("$ hello\n");
        before.cursor.row = 0;
        let echo = Echo::of(&before);
        assert!(!echo.is_followed(&screen("$ hello\n\n\n")));
        for after in [
            "$ hello\n$ ",
            "$ hello\nno such command\n",
            "$ hello\n$ hello\n",
            "\n$ ",
        ] {
            assert!(echo.is_followed(&screen(after)), "{after:?}");
        }
    }
}
