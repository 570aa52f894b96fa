//! One pane as it looks now, with what must be known before something is typed into it.

use crate::{Command, PaneId};

/// A pane as it looks now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaneView {
    /// Its columns.
    pub columns: u16,
    /// Its rows.
    pub rows: u16,
    /// The cursor's column, counted from 0.
    pub cursor_column: u16,
    /// The cursor's row, counted from 0.
    pub cursor_row: u16,
    /// Whether the program shows the cursor.
    pub cursor_visible: bool,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
    /// Whether the program has ended and its last screen remains.
    pub dead: bool,
    /// Whether somebody looks back in it or searches it: keys then do not reach the program.
    pub in_mode: bool,
    /// Whether keys go to the other panes of its window too.
    pub synchronized: bool,
    /// The process id of the pane's first program.
    pub pid: u32,
    /// The terminal's device on the server's machine, such as `/dev/pts/3`.
    pub tty: String,
    /// The title that the program gave; the host's name where it gave none.
    pub title: String,
    /// The rows of the screen with their colours, each ending in a line feed.
    pub screen: Vec<u8>,
}

/// A pane's view does not have the form that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tmux's account of a pane has no readable {0}")]
pub struct UnreadableView(&'static str);

const FORMAT: &str = "#{pane_width}|#{pane_height}|#{cursor_x}|#{cursor_y}|#{cursor_flag}|\
    #{alternate_on}|#{pane_dead}|#{pane_in_mode}|#{pane_synchronized}|\
    #{pane_pid}|#{pane_tty}|#{s/\n/ /:pane_title}";

impl PaneView {
    /// Returns the chain that [`PaneView::parse`] reads: both parts in one process.
    pub fn command(pane: PaneId) -> Command {
        let screen = Command::new("capture-pane")
            .arg("-p")
            .arg("-e")
            .target(pane);
        let facts = Command::new("display-message").arg("-p").target(pane);
        facts.arg(FORMAT).then(screen)
    }

    /// Reads what the chain printed.
    ///
    /// # Errors
    ///
    /// When it has another form. A pane that is gone makes tmux 3.3 print a line of empty fields
    /// before it fails, which is told by the failure.
    pub fn parse(output: &[u8]) -> Result<Self, UnreadableView> {
        let end = output.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or(UnreadableView("first line"))?;
        let line = String::from_utf8_lossy(&output[..end]);
        let mut fields = line.splitn(12, '|');
        let mut next = |name| fields.next().ok_or(UnreadableView(name));
        let number = |text: &str, name| text.parse().map_err(|_| UnreadableView(name));
        // A number that counts something is a true flag too.
        let flag = |text: &str| !matches!(text, "" | "0");
        Ok(Self {
            columns: number(next("width")?, "width")?,
            rows: number(next("height")?, "height")?,
            cursor_column: number(next("cursor")?, "cursor")?,
            cursor_row: number(next("cursor")?, "cursor")?,
            cursor_visible: flag(next("cursor flag")?),
            alternate: flag(next("screen flag")?),
            dead: flag(next("dead flag")?),
            in_mode: flag(next("mode flag")?),
            synchronized: flag(next("synchronized flag")?),
            pid: next("pid")?.parse().map_err(|_| UnreadableView("pid"))?,
            tty: next("terminal")?.to_owned(),
            title: next("title")?.to_owned(),
            screen: output[end + 1..].to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_view_is_read_whatever_stands_in_its_title() {
        let view =
            PaneView::parse(b"80|24|2|3|1|0||2|0|7|/dev/pts/3|a|b\n\x1b[2mx\x1b[0m\n\n").unwrap();
        assert_eq!((view.columns, view.rows), (80, 24));
        assert_eq!((view.cursor_column, view.cursor_row), (2, 3));
        assert!(view.cursor_visible && view.in_mode);
        assert!(!view.alternate && !view.dead && !view.synchronized);
        assert_eq!((view.pid, view.tty.as_str()), (7, "/dev/pts/3"));
        assert_eq!(view.title, "a|b");
        assert_eq!(view.screen, b"\x1b[2mx\x1b[0m\n\n");
    }

    #[test]
    fn what_has_another_form_is_told() {
        assert!(PaneView::parse(b"").is_err());
        assert!(PaneView::parse(b"|||||||||||\n").is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PaneView::parse(&bytes);
        }
    }
}
