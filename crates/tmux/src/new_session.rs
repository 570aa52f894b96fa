//! Starting a session.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::pane::TAG_OPTION;
use crate::{Command, SessionName};

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

/// A detached session that is to be made, with the program of its first pane.
///
/// Everything happens in one call: size, environment and options are in force before the
/// program draws its first screen or exits. A taken name is
/// [`DuplicateSession`](crate::TmuxErrorKind::DuplicateSession), so a session can serve as a lock.
///
/// tmux reports success for a program that is not found (the session is gone at once) and for
/// a missing directory (it takes another): check both before.
#[derive(Clone, Debug)]
pub struct NewSession {
    name: SessionName,
    argv: Vec<OsString>,
    size: Option<Size>,
    directory: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    remain_on_exit: bool,
    tag: Option<String>,
}

impl NewSession {
    /// Describes a session that runs a program, given as its argument vector. No shell sees it;
    /// an empty vector means the user's shell.
    pub fn new<A>(name: SessionName, argv: impl IntoIterator<Item = A>) -> Self
    where
        A: Into<OsString>,
    {
        Self {
            name,
            argv: argv.into_iter().map(Into::into).collect(),
            size: None,
            directory: None,
            env: Vec::new(),
            remain_on_exit: false,
            tag: None,
        }
    }

    /// Sets the size; tmux's own default is 80 by 24.
    #[must_use]
    pub fn size(mut self, size: Size) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Adds a variable to the program's environment, which is otherwise the tmux *server's*, not
    /// the caller's.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Keeps the pane with its last screen when the program ends.
    #[must_use]
    pub fn remain_on_exit(mut self) -> Self {
        self.remain_on_exit = true;
        self
    }

    /// Marks the session with a word of the caller's, which [`Pane::tag`](crate::Pane::tag)
    /// shows: so that the caller's sessions can be told from others of the same name.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Returns the command. It prints nothing.
    pub fn command(&self) -> Command {
        let mut command = Command::new("new-session")
            .arg("-d")
            .arg("-s")
            .arg(self.name.as_str());
        if let Some(Size { columns, rows }) = self.size {
            command = command
                .arg("-x")
                .arg(columns.to_string())
                .arg("-y")
                .arg(rows.to_string());
        }
        if let Some(directory) = &self.directory {
            command = command.arg("-c").arg(escape_format(directory));
        }
        for (name, value) in &self.env {
            let mut assignment = name.clone();
            assignment.push("=");
            assignment.push(value);
            command = command.arg("-e").arg(assignment);
        }
        self.program(command).then(self.options())
    }

    fn program(&self, command: Command) -> Command {
        if self.argv.is_empty() {
            return command;
        }
        let mut command = command.arg("--");
        // tmux hands a single word to the shell; `env` makes it an argument vector again.
        if self.argv.len() == 1 {
            command = command.arg("env").arg("--");
        }
        self.argv.iter().fold(command, Command::arg)
    }

    fn options(&self) -> Command {
        // A user's `destroy-unattached on` would end every session that nobody looks at.
        let mut options = Command::set_option(&self.name, "destroy-unattached", "off");
        if self.remain_on_exit {
            options = options.then(Command::set_window_option(
                &self.name,
                "remain-on-exit",
                "on",
            ));
        }
        if let Some(tag) = &self.tag {
            options = options.then(Command::set_option(&self.name, TAG_OPTION, tag));
        }
        options
    }
}

/// tmux expands formats in a directory, `#(command)` among them.
fn escape_format(path: &Path) -> OsString {
    let bytes = path.as_os_str().as_bytes();
    let escaped = bytes
        .split(|byte| *byte == b'#')
        .collect::<Vec<_>>()
        .join(&b"##"[..]);
    OsString::from_vec(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(session: &NewSession) -> String {
        session
            .command()
            .args()
            .join(std::ffi::OsStr::new(" "))
            .into_string()
            .unwrap()
    }

    #[test]
    fn one_call_sets_all() {
        let session = NewSession::new(SessionName::new("coder").unwrap(), ["fleet", "attach"])
            .size(Size {
                columns: 120,
                rows: 40,
            })
            .directory("/src/a#b")
            .env("A", "1;")
            .remain_on_exit()
            .tag("view");
        insta::assert_snapshot!(line(&session).replace(" ; ", "\n; "), @r"
        new-session -d -s coder -x 120 -y 40 -c /src/a##b -e A=1\; -- fleet attach
        ; set-option -t =coder: destroy-unattached off
        ; set-option -w -t =coder: remain-on-exit on
        ; set-option -t =coder: @podfleet view
        ");
    }

    #[test]
    fn a_program_of_one_word_is_kept_from_the_shell() {
        let session = NewSession::new(SessionName::new("a").unwrap(), ["my prog"]);
        assert!(line(&session).contains("-- env -- my prog ;"));
    }
}
