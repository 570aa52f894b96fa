//! Tunnels: the socket of a hub on another machine, brought here by the system's `ssh`.
//!
//! The user's configuration, agent and known hosts apply; nothing is asked for, since nobody sits
//! there. The far hub trusts whoever can open its socket, which the login proves: no token goes
//! over.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};

use crate::address::SshDestination;

/// What is run on the other machine: it starts its hub if none runs, and tells its socket. A shell that
/// no profile was read for does not know where `fleet` may lie.
const START: &str = "exec sh -c 'PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin\"; export PATH; \
    exec fleet hub run --background --json'";
/// What a tunnel runs there: it ends when nothing more comes.
const HOLD: &str = "exec cat";
/// How long that may take.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long a forwarding may take to be there.
const FORWARD_PATIENCE: Duration = Duration::from_secs(15);

/// A tunnel was not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TunnelError {
    /// The other machine has no `fleet`.
    NotInstalled(String),
    /// `ssh` failed.
    Failed(String),
}

/// An `ssh` that forwards a socket; it ends with this value.
#[derive(Debug)]
pub(super) struct Tunnel {
    child: Child,
    /// What `ssh` ends with.
    _hold: Option<ChildStdin>,
    socket: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Started {
    socket: PathBuf,
}

impl Tunnel {
    /// Has the hub over there run, and forwards its socket to `socket` here.
    pub(super) async fn open(
        destination: &SshDestination,
        socket: &Path,
    ) -> Result<Self, TunnelError> {
        let far = start(destination).await?;
        // One of an earlier hub that was killed.
        let _ = std::fs::remove_file(socket);
        let forward = format!("{}:{}", socket.display(), far.display());
        let mut child = ssh()
            .args(["-o", "ExitOnForwardFailure=yes"])
            .args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"])
            .args(["-o", "StreamLocalBindMask=0177", "-L", &forward])
            .args(["--", destination.as_str(), HOLD])
            // It ends with this pipe, also where the hub is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| TunnelError::Failed(format!("ssh cannot be run: {error}")))?;
        // Waiting for a process would close it.
        let hold = child.stdin.take();
        let waiting = async {
            loop {
                if UnixStream::connect(socket).await.is_ok() {
                    return Ok(());
                }
                tokio::select! {
                    _ = child.wait() => return Err(said(&mut child).await),
                    () = sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        match timeout(FORWARD_PATIENCE, waiting).await {
            Ok(Ok(())) => Ok(Self {
                child,
                _hold: hold,
                socket: socket.to_owned(),
            }),
            Ok(Err(said)) => Err(TunnelError::Failed(said)),
            Err(_) => Err(TunnelError::Failed(
                "ssh forwards nothing in time".to_owned(),
            )),
        }
    }

    /// Returns whether `ssh` still runs.
    pub(super) fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `ssh` ends; returns what it said.
    pub(super) async fn ended(&mut self) -> String {
        // What cannot be waited for has ended.
        let _ = self.child.wait().await;
        said(&mut self.child).await
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Has a connection of its own that ends with it, whatever the user's configuration says of sharing
/// one, and of commands to run.
fn ssh() -> Command {
    let mut command = Command::new("ssh");
    command
        .args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"])
        .args(["-o", "ControlMaster=no", "-o", "ControlPath=none"])
        .args(["-o", "RemoteCommand=none", "-o", "RequestTTY=no"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

async fn start(destination: &SshDestination) -> Result<PathBuf, TunnelError> {
    let mut command = ssh();
    command
        .args(["--", destination.as_str(), START])
        .kill_on_drop(true);
    let ran = timeout(START_PATIENCE, command.output()).await;
    let output = ran
        .map_err(|_| TunnelError::Failed("ssh did not come back in time".to_owned()))?
        .map_err(|error| TunnelError::Failed(format!("ssh cannot be run: {error}")))?;
    read(&output)
}

/// The result is taken from what was printed: an exit status alone does not tell ssh's own from the
/// command's.
fn read(output: &Output) -> Result<PathBuf, TunnelError> {
    let printed = String::from_utf8_lossy(&output.stdout);
    let started = printed.find('{').and_then(|at| {
        let mut values = serde_json::Deserializer::from_str(&printed[at..]).into_iter::<Started>();
        values.next()?.ok()
    });
    if let Some(Started { socket }) = started
        && socket.is_absolute()
    {
        return Ok(socket);
    }
    let complaint = last_line(&output.stderr);
    if output.status.code() == Some(127) || complaint.contains("command not found") {
        let detail = format!("`fleet` is not there ({complaint})");
        return Err(TunnelError::NotInstalled(detail));
    }
    Err(TunnelError::Failed(if complaint.is_empty() {
        "the hub there did not start, and nothing says why".to_owned()
    } else {
        complaint
    }))
}

async fn said(child: &mut Child) -> String {
    let mut text = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.take(4096).read_to_end(&mut text).await;
    }
    let line = last_line(&text);
    if line.is_empty() {
        "ssh ended".to_owned()
    } else {
        line
    }
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    let line: String = line.unwrap_or_default().trim().chars().take(200).collect();
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn output(status: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status: std::process::ExitStatus::from_raw(status << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn the_socket_is_taken_from_what_was_printed_whatever_stands_before_it() {
        let greeted = output(0, "Welcome!\n{\"socket\": \"/run/x/hub.sock\"}\n", "");
        assert_eq!(read(&greeted), Ok("/run/x/hub.sock".into()));
    }

    #[test]
    fn a_missing_program_a_refused_login_and_silence_are_told_apart() {
        let missing = read(&output(127, "", "bash: line 1: fleet: command not found\n"));
        assert!(
            matches!(missing, Err(TunnelError::NotInstalled(_))),
            "{missing:?}"
        );
        let refused = read(&output(
            255,
            "",
            "me@box: Permission denied (publickey).\n\n",
        ));
        let why = "me@box: Permission denied (publickey).".to_owned();
        assert_eq!(refused, Err(TunnelError::Failed(why)));
        assert!(matches!(
            read(&output(255, "", "")),
            Err(TunnelError::Failed(_))
        ));
        assert!(matches!(
            read(&output(0, "{\"socket\": \"x\"}", "")),
            Err(TunnelError::Failed(_))
        ));
    }
}
