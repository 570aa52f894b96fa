//! Which tmux server is spoken to.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::Command;

/// The socket of a tmux server.
///
/// A `Named` socket lies in `$TMUX_TMPDIR`, so the same name may mean different servers to a
/// service and to a shell. Once a server runs, ask it for its path
/// ([`Command::socket_path`]), record that, and use [`Socket::Path`] from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Socket {
    /// tmux's own default socket; no option is passed.
    #[default]
    Default,
    /// A name, passed as `-L`.
    Named(String),
    /// A path, passed as `-S`.
    Path(PathBuf),
}

impl Socket {
    /// Returns the socket that a configured name means: tmux's default for an empty one.
    pub fn from_name(name: &str) -> Self {
        if name.is_empty() {
            Self::Default
        } else {
            Self::Named(name.to_owned())
        }
    }

    /// Returns the options that go before every command.
    ///
    /// `-u` is always among them: without it, and without a UTF-8 locale (services have none),
    /// tmux replaces every non-ASCII byte of its answers by `_`.
    pub fn options(&self) -> Vec<OsString> {
        let mut options = vec![OsString::from("-u")];
        match self {
            Self::Default => {}
            Self::Named(name) => options.extend(["-L".into(), name.into()]),
            Self::Path(path) => options.extend(["-S".into(), path.into()]),
        }
        options
    }

    /// Returns everything that follows the program's name: the options, then the command.
    pub fn argv(&self, command: &Command) -> Vec<OsString> {
        let mut argv = self.options();
        argv.extend_from_slice(command.args());
        argv
    }
}

/// What the variable `TMUX` tells a program that runs inside a pane.
///
/// `attach` refuses to nest; a program inside tmux switches its client instead, which works only
/// when it is inside the very server that holds the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The absolute path of the server's socket.
    pub socket: PathBuf,
    /// The server's process id.
    pub server_pid: u32,
}

impl Inside {
    /// Reads the value of `TMUX`, `socket,pid,session`; `None` when it has another form.
    pub fn parse(variable: &OsStr) -> Option<Self> {
        let text = variable.to_str()?;
        let mut fields = text.rsplitn(3, ',');
        let _session = fields.next()?;
        let server_pid = fields.next()?.parse().ok()?;
        let socket = fields.next().filter(|path| path.starts_with('/'))?;
        Some(Self {
            socket: socket.into(),
            server_pid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_is_the_default_socket_and_never_an_empty_label() {
        assert_eq!(Socket::from_name("").options(), ["-u"]);
        assert_eq!(
            Socket::from_name("podfleet").options(),
            ["-u", "-L", "podfleet"]
        );
        assert_eq!(
            Socket::Path("/run/t".into()).options(),
            ["-u", "-S", "/run/t"]
        );
    }

    #[test]
    fn the_variable_names_the_server_even_when_its_path_has_a_comma() {
        let inside = Inside::parse(OsStr::new("/tmp/a,b/default,4711,0")).unwrap();
        assert_eq!(inside.socket, PathBuf::from("/tmp/a,b/default"));
        assert_eq!(inside.server_pid, 4711);
        for broken in ["", "default,1,0", "/tmp/x", "/tmp/x,pid,0"] {
            assert_eq!(Inside::parse(OsStr::new(broken)), None, "{broken}");
        }
    }
}
