//! A shell on another machine, by the system's `ssh`.
//!
//! One connection carries all that is asked there: commands go in by the shell's standard input, so
//! that nothing of a message is ever an argument, and each result comes back in the output with its
//! exit status. The exit status of `ssh` itself tells nothing: 255 may be the far command's own.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use podfleet_protocol::MessageId;
use podfleet_roster::is_ssh_target;
use podfleet_tmux::{Command, Socket, TmuxError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use crate::bare_session::{RunsTmux, SessionFault};

/// How long the way there may take, with the login.
const OPENS: Duration = Duration::from_secs(30);
/// How long a tmux command may take there.
const TMUX: Duration = Duration::from_secs(20);
/// The most that is read of one answer, in bytes.
const LONGEST: usize = 8 << 20;
/// How much is kept of what `ssh` says, in bytes.
const LAST_WORDS: usize = 4096;

/// What is done first on the far side: a shell that no profile was read for knows neither of these
/// directories, and a tmux that we happen to be in is none of its business.
const PRELUDE: &str = "PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin\"; export PATH; \
                       unset TMUX TMUX_PANE";

/// A shell on another machine could not be had, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RemoteFault {
    #[error("no `ssh` in PATH")]
    NoSsh,
    #[error("`{0}` is no target of ssh")]
    BadTarget(String),
    #[error("{0}")]
    NotReached(String),
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

/// What a command printed there, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) output: Vec<u8>,
}

/// A shell on another machine. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct RemoteShell {
    // Ends with the value.
    _ssh: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    words: Arc<Mutex<Vec<u8>>>,
    /// A word that no output shows, which ends each answer.
    mark: String,
}

impl RemoteShell {
    /// Connects without asking anybody for anything.
    pub(crate) async fn open(ssh: &Path, target: &str) -> Result<Self, RemoteFault> {
        if !is_ssh_target(target) {
            return Err(RemoteFault::BadTarget(target.to_owned()));
        }
        let failed = |error: std::io::Error| RemoteFault::NotReached(error.to_string());
        let mut child = command(ssh, target).spawn().map_err(failed)?;
        let (input, output, words) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(words)) = (input, output, words) else {
            return Err(RemoteFault::NotReached("ssh has no pipes".into()));
        };
        let mut shell = Self {
            _ssh: child,
            input,
            output: BufReader::new(output),
            words: last_words(words),
            mark: MessageId::generate().to_string(),
        };
        match shell.run(PRELUDE, OPENS).await {
            Ok(_) => Ok(shell),
            Err(RemoteFault::Lost(why)) => Err(RemoteFault::NotReached(why)),
            Err(fault) => Err(fault),
        }
    }

    /// Runs a line of shell there. It must not read the shell's own input.
    pub(crate) async fn run(
        &mut self,
        script: &str,
        patience: Duration,
    ) -> Result<Answer, RemoteFault> {
        let asked = format!("{script}\nprintf '\\n%s %s\\n' {} $?\n", self.mark);
        match tokio::time::timeout(patience, self.ask(&asked)).await {
            Ok(answer) => answer,
            Err(_) => Err(RemoteFault::Silent(patience)),
        }
    }

    async fn ask(&mut self, script: &str) -> Result<Answer, RemoteFault> {
        let written = self.input.write_all(script.as_bytes()).await;
        if written.is_err() || self.input.flush().await.is_err() {
            return Err(self.lost().await);
        }
        let mut output = Vec::new();
        loop {
            let begun = output.len();
            let room = (LONGEST - begun.min(LONGEST)) as u64;
            let mut limited = (&mut self.output).take(room);
            match limited.read_until(b'\n', &mut output).await {
                Ok(0) | Err(_) => return Err(self.lost().await),
                Ok(_) => {}
            }
            if let Some(code) = self.code_in(&output[begun..]) {
                // Without the line feed in front of the mark.
                output.truncate(begun.saturating_sub(1));
                return Ok(Answer { code, output });
            }
        }
    }

    fn code_in(&self, line: &[u8]) -> Option<i32> {
        let line = std::str::from_utf8(line).ok()?;
        line.strip_prefix(&self.mark)?.trim().parse().ok()
    }

    async fn lost(&mut self) -> RemoteFault {
        // What it said last may still be on its way.
        let _ = tokio::time::timeout(Duration::from_secs(1), self._ssh.wait()).await;
        tokio::task::yield_now().await;
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        RemoteFault::Lost(
            last.unwrap_or("ssh ended and said nothing")
                .trim()
                .to_owned(),
        )
    }
}

fn command(ssh: &Path, target: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(ssh);
    // A login asks nobody; a dead connection is noticed; nothing is forwarded.
    for option in [
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
    ] {
        command.arg("-o").arg(option);
    }
    command
        .args(["-T", "--", target, "sh"])
        // Who we are here is nobody's business there.
        .env_remove("FLEET_POD_CREDENTIAL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Keeps the end of what `ssh` says on its standard error.
fn last_words(mut stderr: ChildStderr) -> Arc<Mutex<Vec<u8>>> {
    let words = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&words);
    tokio::spawn(async move {
        let mut piece = [0; 1024];
        while let Ok(length @ 1..) = stderr.read(&mut piece).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&piece[..length]);
            let surplus = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..surplus);
        }
    });
    words
}

/// Returns a text as one word of a POSIX shell.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The tmux of another machine.
pub(crate) struct RemoteTmux<'a> {
    pub(crate) shell: &'a mut RemoteShell,
    pub(crate) socket: Socket,
}

impl RunsTmux for RemoteTmux<'_> {
    async fn run(&mut self, command: &Command) -> Result<Vec<u8>, SessionFault> {
        let words = self.socket.argv(command);
        let words: Vec<_> = words
            .iter()
            .map(|word| quoted(&word.to_string_lossy()))
            .collect();
        let input = match command.stdin() {
            Some(bytes) => format!("printf '%s' {} |", quoted(&String::from_utf8_lossy(bytes))),
            None => "</dev/null".to_owned(),
        };
        let script = format!("{input} tmux {} 2>&1", words.join(" "));
        let answer = self.shell.run(&script, TMUX).await?;
        match answer.code {
            0 => Ok(answer.output),
            127 => Err(SessionFault::NoTmux),
            _ => Err(TmuxError::from_stderr(command.name(), &answer.output).into()),
        }
    }

    async fn foreground(&mut self, pid: u32) -> Option<Vec<String>> {
        // The sixth field behind the program's name is the process group that has the terminal.
        let script = format!(
            "(IFS= read -r stat </proc/{pid}/stat && set -- ${{stat##*) }} && \
             tr '\\0' '\\n' </proc/$6/cmdline) </dev/null 2>/dev/null"
        );
        let answer = self.shell.run(&script, TMUX).await.ok()?;
        let line = String::from_utf8_lossy(&answer.output).into_owned();
        let words: Vec<_> = line.lines().map(str::to_owned).collect();
        (answer.code == 0 && !words.is_empty()).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_word_whatever_stands_in_it() {
        assert_eq!(quoted("a'b $(c) \\ `d`\n!"), "'a'\\''b $(c) \\ `d`\n!'");
    }

    /// A program in the place of ssh: it runs the shell here.
    async fn shell_by(script: &str) -> Result<RemoteShell, RemoteFault> {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("ssh");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        RemoteShell::open(&program, "oak").await
    }

    const SECONDS: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn each_result_comes_with_its_own_status() {
        let mut shell = shell_by("echo a banner; exec sh").await.unwrap();
        let answer = shell
            .run("printf 'a\\n\\n'; (exit 7)", SECONDS)
            .await
            .unwrap();
        assert_eq!((answer.code, answer.output.as_slice()), (7, &b"a\n\n"[..]));
        let text = "it's $HOME\n`x`";
        let script = format!("printf '%s' {} | cat", quoted(text));
        let answer = shell.run(&script, SECONDS).await.unwrap();
        assert_eq!(answer.output, text.as_bytes());
        let answer = shell.run("(exit 255)", SECONDS).await.unwrap();
        assert_eq!(answer.code, 255);
    }

    #[tokio::test]
    async fn what_ssh_said_last_tells_why_there_is_no_connection() {
        let refused = shell_by("echo 'connection refused' >&2; exit 255").await;
        assert_eq!(
            refused.unwrap_err(),
            RemoteFault::NotReached("connection refused".into())
        );
    }

    #[tokio::test]
    async fn a_connection_that_is_lost_is_told_from_a_command_that_fails() {
        let mut shell = shell_by("exec sh").await.unwrap();
        let lost = shell.run("exit 0", SECONDS).await.unwrap_err();
        assert!(matches!(lost, RemoteFault::Lost(_)), "{lost}");
    }
}
