//! Runs commands, each in a process of its own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};

use crate::{
    BufferName, CaptureBatch, Command, Pane, PaneId, Pasteable, Socket, Target, TmuxError,
    TmuxErrorKind, Version, parse_panes,
};

/// A tmux program and the server that it talks to.
///
/// A command's process inherits the caller's environment without `TMUX` and `TMUX_PANE`, so
/// that the socket alone decides which server is meant, and without what
/// [`Tmux::without_env`] names. Dropping a future ends its process.
#[derive(Clone, Debug)]
pub struct Tmux {
    program: PathBuf,
    socket: Socket,
    config: Option<PathBuf>,
    timeout: Duration,
    hidden: Vec<String>,
    extra: Vec<(String, String)>,
}

/// What a successful command printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
}

impl Output {
    /// The output as text without its last line end; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout)
            .trim_end_matches('\n')
            .to_owned()
    }
}

/// How a command ended, whether it succeeded or not.
struct Finished {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Tmux {
    /// How long a command may take unless [`Tmux::with_timeout`] says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// Returns a runner for a program, searched in `PATH` unless it holds a `/`.
    pub fn new(program: impl Into<PathBuf>, socket: Socket) -> Self {
        Self {
            program: program.into(),
            socket,
            config: None,
            timeout: Self::TIMEOUT,
            hidden: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Keeps variables of the caller's environment from the command's process, and so from every
    /// pane of a server that it starts.
    #[must_use]
    pub fn without_env(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.hidden.extend(names.into_iter().map(Into::into));
        self
    }

    /// Gives the command's process, and so a server that it starts, a variable more.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    /// Sets how long a command may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets a server that is started here read this file instead of the user's configuration.
    #[must_use]
    pub fn with_config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Returns the arguments that follow the program for a command, for a caller that runs it in
    /// its own terminal (`attach-session`).
    pub fn argv(&self, command: &Command) -> Vec<OsString> {
        let mut argv = Vec::new();
        if let Some(file) = &self.config {
            argv.extend(["-f".into(), file.into()]);
        }
        argv.extend(self.socket.argv(command));
        argv
    }

    /// Runs a command, or a chain.
    ///
    /// # Errors
    ///
    /// When the program is missing or cannot be started, when no answer comes in time, and when
    /// tmux fails; see [`TmuxErrorKind`].
    pub async fn run(&self, command: &Command) -> Result<Output, TmuxError> {
        let Finished {
            status,
            stdout,
            stderr,
        } = self.finish(command).await?;
        if status.success() {
            Ok(Output { stdout })
        } else {
            Err(TmuxError::from_stderr(command.name(), &stderr))
        }
    }

    /// Returns the program's version; needs no server.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`], and `Unreadable` for a program that does not tell a number.
    pub async fn version(&self) -> Result<Version, TmuxError> {
        let command = Command::version();
        let output = self.run(&command).await?;
        Version::parse(&output.text()).map_err(|error| unreadable(&command, &error.to_string()))
    }

    /// Returns every pane of the server, in one call; none when no server runs.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`].
    pub async fn panes(&self) -> Result<Vec<Pane>, TmuxError> {
        let command = Command::list_panes();
        match self.run(&command).await {
            Ok(output) => parse_panes(&output.stdout)
                .map_err(|error| unreadable(&command, &error.to_string())),
            // The second is what a server that is just ending says.
            Err(error)
                if matches!(
                    error.kind(),
                    TmuxErrorKind::NoServer | TmuxErrorKind::ServerLost
                ) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether a session is there; `false` when no server runs.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`].
    pub async fn has_session(&self, session: impl Into<Target>) -> Result<bool, TmuxError> {
        match self.run(&Command::has_session(session)).await {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    TmuxErrorKind::NoServer
                        | TmuxErrorKind::NoSuchTarget
                        | TmuxErrorKind::ServerLost
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the absolute path of the running server's socket.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`]; `NoServer` when none runs.
    pub async fn socket_path(&self) -> Result<PathBuf, TmuxError> {
        let command = Command::socket_path();
        let mut bytes = self.run(&command).await?.stdout;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let path = PathBuf::from(OsString::from_vec(bytes));
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(unreadable(&command, "no absolute path"))
        }
    }

    /// Pastes a text into a pane; a paste that fails leaves no buffer behind.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`]. Nothing has then reached the pane, unless it is `Timeout`.
    pub async fn paste(
        &self,
        buffer: &BufferName,
        pane: PaneId,
        text: &Pasteable,
    ) -> Result<(), TmuxError> {
        let pasted = self.run(&Command::paste(buffer, pane, text)).await;
        if pasted.is_err() {
            // Best effort: what counts is the failure of the paste.
            let _ = self.run(&Command::delete_buffer(buffer)).await;
        }
        pasted.map(drop)
    }

    /// Returns the visible screens of the panes that exist; the nonce is as for
    /// [`CaptureBatch::new`]. One process, and one more for each pane that is gone.
    ///
    /// # Errors
    ///
    /// As for [`Tmux::run`], but a pane that is gone is only left out.
    pub async fn capture(
        &self,
        panes: Vec<PaneId>,
        nonce: &str,
    ) -> Result<Vec<(PaneId, String)>, TmuxError> {
        let mut screens = Vec::new();
        let mut panes = panes;
        while let Some(batch) = CaptureBatch::new(panes, nonce) {
            let command = batch.command();
            let Finished {
                status,
                stdout,
                stderr,
            } = self.finish(&command).await?;
            if !status.success() {
                let error = TmuxError::from_stderr(command.name(), &stderr);
                if error.kind() != TmuxErrorKind::NoSuchTarget {
                    return Err(error);
                }
            }
            let captured = batch.parse(&stdout, status.success());
            screens.extend(captured.screens);
            panes = captured.rest;
        }
        Ok(screens)
    }

    async fn finish(&self, command: &Command) -> Result<Finished, TmuxError> {
        let mut child = self.spawn(command)?;
        let stdin = child.stdin.take();
        let work = async {
            let (written, output) =
                tokio::join!(write(stdin, command.stdin()), child.wait_with_output());
            // A program that ended without reading has told its reason otherwise.
            let _ = written;
            output
        };
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(output)) => Ok(Finished {
                status: output.status,
                stdout: output.stdout,
                stderr: output.stderr,
            }),
            Ok(Err(error)) => Err(TmuxError::from_spawn(
                &self.program_name(),
                command.name(),
                error,
            )),
            Err(_) => Err(TmuxError::new(
                TmuxErrorKind::Timeout,
                command.name(),
                format!("no answer within {:?}", self.timeout),
            )),
        }
    }

    fn spawn(&self, command: &Command) -> Result<Child, TmuxError> {
        let stdin = if command.stdin().is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut process = tokio::process::Command::new(&self.program);
        for name in self
            .hidden
            .iter()
            .map(String::as_str)
            .chain(["TMUX", "TMUX_PANE"])
        {
            process.env_remove(name);
        }
        process
            .envs(self.extra.iter().map(|(name, value)| (name, value)))
            .args(self.argv(command))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| TmuxError::from_spawn(&self.program_name(), command.name(), error))
    }

    fn program_name(&self) -> String {
        OsStr::to_string_lossy(self.program.as_os_str()).into_owned()
    }
}

async fn write(stdin: Option<ChildStdin>, bytes: Option<&[u8]>) -> std::io::Result<()> {
    if let (Some(mut stdin), Some(bytes)) = (stdin, bytes) {
        stdin.write_all(bytes).await?;
        stdin.shutdown().await?;
    }
    Ok(())
}

fn unreadable(command: &Command, detail: &str) -> TmuxError {
    TmuxError::new(TmuxErrorKind::Unreadable, command.name(), detail)
}
