//! Commands as argument vectors.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::{BufferName, PaneId, Pasteable, Target, pane};

/// One tmux command, or several that one tmux process carries out in order.
///
/// A failing command ends a chain: the ones behind it are not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    args: Vec<OsString>,
    stdin: Option<Vec<u8>>,
}

/// A key, by the name that tmux has for it, for [`Command::send_keys`].
///
/// Text is never sent as keys: tmux would look for key names in it, and its size is limited.
/// See [`Command::paste`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Submits. (`C-m` is another key from 3.5 on, when extended keys are on.)
    Enter,
    /// Escape.
    Escape,
    /// Interrupts.
    CtrlC,
    /// End of input.
    CtrlD,
    /// Deletes to the start of the line.
    CtrlU,
    /// One character back.
    Backspace,
    /// The tab key.
    Tab,
    /// The cursor keys.
    Up,
    /// See [`Key::Up`].
    Down,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Enter => "Enter",
            Self::Escape => "Escape",
            Self::CtrlC => "C-c",
            Self::CtrlD => "C-d",
            Self::CtrlU => "C-u",
            Self::Backspace => "BSpace",
            Self::Tab => "Tab",
            Self::Up => "Up",
            Self::Down => "Down",
        }
    }
}

impl Command {
    /// The longest chain, in bytes of its arguments with a zero byte behind each.
    ///
    /// A message of tmux has at most 16,384 bytes (`MAX_IMSGSIZE` of imsg), a few of them its
    /// header and the number of arguments.
    pub const MAX_BYTES: usize = 16_000;

    /// Begins a command by its name, for what has no constructor here.
    pub fn new(name: &str) -> Self {
        Self {
            args: vec![name.into()],
            stdin: None,
        }
    }

    /// Adds an argument, which tmux will see exactly as given.
    ///
    /// An argument that ends in `;` would end the command; it is escaped here.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.args.push(escape_separator(argument.as_ref()));
        self
    }

    /// Adds `-t` and a target.
    #[must_use]
    pub fn target(self, target: impl Into<Target>) -> Self {
        self.arg("-t").arg(target.into().to_string())
    }

    /// Sets what the process reads from its standard input. A chain has one input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Appends another command to the same process.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.args.push(";".into());
        self.args.extend(next.args);
        self.stdin = self.stdin.or(next.stdin);
        self
    }

    /// Joins commands into as few chains as tmux takes, in their order.
    ///
    /// The client hands its arguments to the server in one message, whose size is fixed
    /// ([`Command::MAX_BYTES`]); a longer chain is refused whole. A single command that is longer
    /// stays one, and tmux refuses it.
    pub fn chains(commands: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut chains: Vec<Self> = Vec::new();
        let mut filled = 0;
        for command in commands {
            let separator = ";".len() + 1;
            let bytes = command.bytes() + separator;
            match chains.pop() {
                Some(chain) if filled + bytes <= Self::MAX_BYTES => {
                    filled += bytes;
                    chains.push(chain.then(command));
                }
                last => {
                    filled = bytes;
                    chains.extend(last);
                    chains.push(command);
                }
            }
        }
        chains
    }

    /// What the arguments take in the message to the server: each ends with a zero byte.
    fn bytes(&self) -> usize {
        self.args.iter().map(|argument| argument.len() + 1).sum()
    }

    /// The arguments, without the program and without the socket's options.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// What the process is to read from its standard input.
    pub fn stdin(&self) -> Option<&[u8]> {
        self.stdin.as_deref()
    }

    /// The first command's name, for messages.
    pub fn name(&self) -> &str {
        self.args
            .first()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    /// Prints the version of the program; needs no server. See [`crate::Version`].
    pub fn version() -> Self {
        Self::new("-V")
    }

    /// Succeeds when the session is there.
    pub fn has_session(session: impl Into<Target>) -> Self {
        Self::new("has-session").target(session)
    }

    /// Ends a session; its panes' processes get a hang-up signal.
    pub fn kill_session(session: impl Into<Target>) -> Self {
        Self::new("kill-session").target(session)
    }

    /// Ends the server with all its sessions.
    pub fn kill_server() -> Self {
        Self::new("kill-server")
    }

    /// Lists every pane of every session of the server, for [`crate::parse_panes`].
    pub fn list_panes() -> Self {
        Self::new("list-panes")
            .arg("-a")
            .arg("-F")
            .arg(pane::format())
    }

    /// Prints the absolute path of the server's socket.
    pub fn socket_path() -> Self {
        Self::new("display-message").arg("-p").arg("#{socket_path}")
    }

    /// Fills a buffer from the command's input.
    pub fn load_buffer(buffer: &BufferName, text: &Pasteable) -> Self {
        Self::new("load-buffer")
            .arg("-b")
            .arg(buffer.as_str())
            .arg("-")
            .input(text.as_str())
    }

    /// Pastes a buffer into a pane and deletes it.
    ///
    /// `-p` frames it where the pane enabled bracketed paste and nowhere else; `-r` keeps line
    /// feeds, each of which would otherwise submit.
    pub fn paste_buffer(buffer: &BufferName, pane: PaneId) -> Self {
        Self::new("paste-buffer")
            .arg("-p")
            .arg("-r")
            .arg("-d")
            .arg("-b")
            .arg(buffer.as_str())
            .target(pane)
    }

    /// Deletes a buffer, which a failed paste leaves behind.
    pub fn delete_buffer(buffer: &BufferName) -> Self {
        Self::new("delete-buffer").arg("-b").arg(buffer.as_str())
    }

    /// Pastes a text into a pane by way of a buffer of its own, in one process.
    ///
    /// When this fails the buffer may be left; see [`Command::delete_buffer`].
    pub fn paste(buffer: &BufferName, pane: PaneId, text: &Pasteable) -> Self {
        Self::load_buffer(buffer, text).then(Self::paste_buffer(buffer, pane))
    }

    /// Presses keys in a pane.
    pub fn send_keys(pane: PaneId, keys: &[Key]) -> Self {
        keys.iter()
            .fold(Self::new("send-keys").target(pane), |command, key| {
                command.arg(key.name())
            })
    }

    /// Presses keys that [`Key`] has no name for, byte by byte.
    pub fn send_bytes(pane: PaneId, bytes: &[u8]) -> Self {
        let begun = Self::new("send-keys").target(pane).arg("-H");
        bytes
            .iter()
            .fold(begun, |command, byte| command.arg(format!("{byte:02x}")))
    }

    /// Prints the visible screen of a pane. For several panes see [`crate::CaptureBatch`].
    pub fn capture_pane(pane: PaneId) -> Self {
        Self::new("capture-pane").arg("-p").target(pane)
    }

    /// Attaches the calling terminal to a session; refused by tmux inside tmux.
    pub fn attach_session(session: impl Into<Target>) -> Self {
        Self::new("attach-session").target(session)
    }

    /// Shows a session in the client that the command is run in.
    pub fn switch_client(session: impl Into<Target>) -> Self {
        Self::new("switch-client").target(session)
    }

    /// Sets an option of a session.
    pub fn set_option(session: impl Into<Target>, option: &str, value: &str) -> Self {
        Self::new("set-option")
            .target(session)
            .arg(option)
            .arg(value)
    }

    /// Sets an option of a session's current window.
    pub fn set_window_option(session: impl Into<Target>, option: &str, value: &str) -> Self {
        Self::new("set-option")
            .arg("-w")
            .target(session)
            .arg(option)
            .arg(value)
    }

    /// Attaches a control client that can neither type nor resize and is sent no output, to
    /// watch the server by way of a session. Its output is for [`crate::ControlParser`].
    ///
    /// End it with SIGTERM: up to 3.6a a server can crash when it is killed. Read-only is no
    /// security boundary there either.
    pub fn watch_server(session: impl Into<Target>) -> Self {
        Self::new("-C")
            .arg("attach-session")
            .arg("-f")
            .arg("read-only,ignore-size,no-output")
            .target(session)
    }
}

fn escape_separator(argument: &OsStr) -> OsString {
    let mut bytes = argument.as_bytes().to_vec();
    if bytes.last() == Some(&b';') {
        bytes.insert(bytes.len() - 1, b'\\');
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionName;

    #[test]
    fn an_argument_that_ends_in_a_semicolon_does_not_end_the_command() {
        let command = Command::new("x").arg("a;").arg(";").arg("a;b").arg(r"a\;");
        assert_eq!(command.args(), ["x", r"a\;", r"\;", "a;b", r"a\\;"]);
    }

    #[test]
    fn a_chain_is_one_process_with_one_input() {
        let buffer = BufferName::new("m1").unwrap();
        let text = Pasteable::new("hi").unwrap();
        let paste = Command::paste(&buffer, PaneId::new(1), &text)
            .then(Command::send_keys(PaneId::new(1), &[Key::Enter]));
        assert_eq!(paste.stdin(), Some(&b"hi"[..]));
        assert_eq!(
            paste.args(),
            [
                "load-buffer",
                "-b",
                "m1",
                "-",
                ";",
                "paste-buffer",
                "-p",
                "-r",
                "-d",
                "-b",
                "m1",
                "-t",
                "%1",
                ";",
                "send-keys",
                "-t",
                "%1",
                "Enter",
            ]
        );
    }

    #[test]
    fn the_watching_client_is_read_only() {
        let holder = SessionName::new("_holder").unwrap();
        assert_eq!(
            Command::watch_server(holder).args(),
            [
                "-C",
                "attach-session",
                "-f",
                "read-only,ignore-size,no-output",
                "-t",
                "=_holder:"
            ]
        );
    }
}
