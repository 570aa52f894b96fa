//! Sessions of tmux that no pod hosts, as terminals that are typed into from outside.

use std::future::Future;
use std::path::Path;

use podfleet_harness::{Cursor, Screen};
use podfleet_pod::bare::{BareTerminal, TerminalInput};
use podfleet_pod::process;
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::{MessageId, Size};
use podfleet_tmux::{
    BufferName, Command, Key, Pane, PaneId, PaneView, Pasteable, Tmux, TmuxError, parse_panes,
};

use crate::remote::RemoteFault;

/// A session could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SessionFault {
    #[error("tmux failed there")]
    Tmux(#[from] TmuxError),
    #[error("there is no tmux there")]
    NoTmux,
    #[error(transparent)]
    Remote(#[from] RemoteFault),
    #[error("tmux answered in a form that is not known")]
    Unreadable,
    /// Nothing may be typed into it as it is now.
    #[error("{0}")]
    Unfit(&'static str),
}

/// Whatever runs tmux commands, here or elsewhere.
pub(crate) trait RunsTmux: Send {
    /// Runs a command, and returns what it printed.
    fn run(
        &mut self,
        command: &Command,
    ) -> impl Future<Output = Result<Vec<u8>, SessionFault>> + Send;

    /// Returns the command line of the program that has the terminal of a process where tmux runs, if
    /// that can be told.
    fn foreground(&mut self, pid: u32) -> impl Future<Output = Option<Vec<String>>> + Send;
}

impl RunsTmux for &Tmux {
    async fn run(&mut self, command: &Command) -> Result<Vec<u8>, SessionFault> {
        Ok(Tmux::run(self, command).await?.stdout)
    }

    async fn foreground(&mut self, pid: u32) -> Option<Vec<String>> {
        process::foreground_command(pid)
    }
}

/// Returns the panes of a server.
pub(crate) async fn panes(tmux: &mut impl RunsTmux) -> Result<Vec<Pane>, SessionFault> {
    let listed = tmux.run(&Command::list_panes()).await?;
    parse_panes(&listed).map_err(|_| SessionFault::Unreadable)
}

/// The pane of a session that is shown.
pub(crate) struct BareSession<R> {
    pub(crate) tmux: R,
    pub(crate) pane: PaneId,
    pub(crate) message: MessageId,
    /// Whether the server runs on this machine, so that its terminals are this kernel's.
    pub(crate) here: bool,
    /// What the kernel knew of the terminal's input at the last look.
    pub(crate) input: Option<TerminalInput>,
}

impl<R: RunsTmux> BareTerminal for BareSession<R> {
    type Error = SessionFault;

    async fn screen(&mut self) -> Result<Screen, SessionFault> {
        let shown = self.tmux.run(&PaneView::command(self.pane)).await?;
        let view = PaneView::parse(&shown).map_err(|_| SessionFault::Unreadable)?;
        self.input = (self.here)
            .then(|| TerminalInput::of(view.pid, Path::new(&view.tty)))
            .flatten();
        match unfit(&view) {
            Some(why) => Err(SessionFault::Unfit(why)),
            None => Ok(screen_of(view)),
        }
    }

    async fn put(&mut self, text: &str) -> Result<(), SessionFault> {
        let text = Pasteable::new(text).ok_or(SessionFault::Unfit("there is nothing to type"))?;
        let buffer = BufferName::new(format!("podfleet-{}", self.message))
            .map_err(|_| SessionFault::Unreadable)?;
        let pasted = self
            .tmux
            .run(&Command::paste(&buffer, self.pane, &text))
            .await;
        if pasted.is_err() {
            // Best effort: what counts is the failure of the paste.
            let _ = self.tmux.run(&Command::delete_buffer(&buffer)).await;
        }
        pasted.map(drop)
    }

    async fn press(&mut self, key: &[u8]) -> Result<(), SessionFault> {
        let command = match key {
            b"\r" => Command::send_keys(self.pane, &[Key::Enter]),
            bytes => Command::send_bytes(self.pane, bytes),
        };
        self.tmux.run(&command).await.map(drop)
    }

    fn input(&self) -> Option<TerminalInput> {
        self.input
    }
}

/// Returns why nothing may be typed into a pane.
fn unfit(view: &PaneView) -> Option<&'static str> {
    if view.dead {
        Some("its program has ended; what it shows is its last screen")
    } else if view.in_mode {
        Some("somebody looks back in it (copy mode), so that keys do not reach its program")
    } else if view.synchronized {
        Some("its keys go to all panes of its window (synchronize-panes)")
    } else {
        None
    }
}

/// Makes the screen that the rules read of what tmux shows of a pane.
fn screen_of(view: PaneView) -> Screen {
    let rows = view.screen.strip_suffix(b"\n").unwrap_or(&view.screen);
    let bytes = rows
        .split(|byte| *byte == b'\n')
        .collect::<Vec<_>>()
        .join(&b"\r\n"[..]);
    let mut terminal = Terminal::new(
        Size {
            columns: view.columns,
            rows: view.rows,
        },
        0,
    );
    terminal.feed(&bytes);
    Screen {
        cursor: Cursor {
            row: view.cursor_row,
            column: view.cursor_column,
            visible: view.cursor_visible,
        },
        title: view.title,
        alternate: view.alternate,
        ..terminal.screen()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(screen: &[u8]) -> PaneView {
        PaneView {
            columns: 20,
            rows: 3,
            cursor_column: 2,
            cursor_row: 1,
            cursor_visible: true,
            title: "t".into(),
            screen: screen.to_vec(),
            ..PaneView::default()
        }
    }

    #[test]
    fn a_pane_is_a_screen_with_its_faint_text_and_its_cursor() {
        let screen = screen_of(view("漢 x\n\u{1b}[2mghost\u{1b}[0m\n\n".as_bytes()));
        let texts: Vec<_> = screen.rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["漢 x", "ghost", ""]);
        let ghost = 0..5;
        assert_eq!(screen.rows[1].faint, vec![ghost]);
        assert_eq!((screen.cursor.row, screen.cursor.column), (1, 2));
        assert_eq!(screen.title, "t");
    }

    #[test]
    fn a_row_that_is_full_moves_none_of_the_others() {
        let full = "x".repeat(20);
        let screen = screen_of(view(format!("{full}\n{full}\nend\n").as_bytes()));
        let texts: Vec<_> = screen.rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, [full.as_str(), &full, "end"]);
    }

    #[test]
    fn nothing_is_typed_into_a_pane_that_is_dead_looked_back_in_or_synchronized() {
        assert_eq!(unfit(&view(b"")), None);
        let dead = PaneView {
            dead: true,
            ..view(b"")
        };
        let in_mode = PaneView {
            in_mode: true,
            ..view(b"")
        };
        let synchronized = PaneView {
            synchronized: true,
            ..view(b"")
        };
        for view in [dead, in_mode, synchronized] {
            assert!(unfit(&view).is_some());
        }
    }
}
