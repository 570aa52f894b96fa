//! Terminals of agents on other machines: the same command, run there.

use std::process::Command;

use podfleet::{Fleet, SessionTarget, shell_word as quoted};
use podfleet_roster::is_ssh_target;

use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// What is done with the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Far {
    /// `tail`, of so many lines.
    Tail {
        lines: u32,
        follow: bool,
        ansi: bool,
    },
    /// `watch`.
    Watch,
    /// `attach`.
    Attach { take: bool },
}

impl Far {
    /// Returns the command of the fleet there, and the one that needs only tmux.
    fn commands(self, target: &SessionTarget) -> (String, String) {
        let name = quoted(&target.session);
        let session = quoted(&format!("={}:", target.session));
        let socket = target
            .socket
            .as_deref()
            .map_or_else(String::new, |socket| format!(" -L {}", quoted(socket)));
        let flag = |on: bool, flag: &'static str| if on { flag } else { "" };
        match self {
            Self::Tail {
                lines,
                follow,
                ansi,
            } => (
                format!(
                    "tail {name} -n {lines}{}{}",
                    flag(follow, " -f"),
                    flag(ansi, " --ansi")
                ),
                format!(
                    "tmux -u{socket} capture-pane -p{} -t {session} -S -{lines}",
                    flag(ansi, " -e")
                ),
            ),
            Self::Watch => (
                format!("watch {name}"),
                format!("tmux -u{socket} attach-session -r -t {session}"),
            ),
            Self::Attach { take } => (
                format!("attach {name}{}", flag(take, " --take")),
                format!("tmux -u{socket} attach-session -t {session}"),
            ),
        }
    }

    const fn needs_terminal(self) -> bool {
        !matches!(self, Self::Tail { .. })
    }
}

/// Runs the command where a fleet mate is; nothing for one that is here, or unknown.
pub(super) fn run(fleet: &Fleet, agent: &str, far: Far) -> Option<Outcome> {
    let target = fleet.session_elsewhere(agent)?;
    Some(over_ssh(&target, far))
}

fn over_ssh(target: &SessionTarget, far: Far) -> Outcome {
    let machine = target.ssh.as_deref().unwrap_or_default();
    if !is_ssh_target(machine) {
        let message = format!("{machine:?} is no target for ssh");
        return Err(Error::message(Exit::Usage, message));
    }
    let script = script(far.commands(target));
    let mut ssh = Command::new("ssh");
    ssh.arg(if far.needs_terminal() { "-tt" } else { "-T" });
    let status = ssh
        .args(["-o", "ClearAllForwardings=yes", "--", machine, &script])
        .env_remove("FLEET_POD_CREDENTIAL")
        .status()
        .map_err(|error| {
            let failed = Error::new(Exit::Missing, error).context("ssh cannot be started");
            failed.hint("install it: `apt install openssh-client`")
        })?;
    match status.code() {
        Some(0) => Ok(Exit::Success),
        // It may be the far command's own status too; both have said what they had to say.
        Some(255) => Err(Error::message(
            Exit::System,
            format!("ssh to `{machine}` failed, or was cut off"),
        )),
        _ => Ok(Exit::No),
    }
}

/// A shell that no profile was read for does not know where `fleet` may lie.
fn script((ours, bare): (String, String)) -> String {
    let script = format!(
        "PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin\"; export PATH; \
         if command -v fleet >/dev/null 2>&1; then exec fleet {ours}; else exec {bare}; fi"
    );
    format!("exec sh -c {}", quoted(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> SessionTarget {
        SessionTarget {
            session: "far".into(),
            socket: Some("podfleet".into()),
            ssh: Some("me@oak".into()),
            host: None,
            runtime: None,
        }
    }

    #[test]
    fn the_fleet_there_is_asked_before_tmux() {
        let attach = Far::Attach { take: true };
        insta::assert_snapshot!(script(attach.commands(&target())), @r#"exec sh -c 'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; export PATH; if command -v fleet >/dev/null 2>&1; then exec fleet attach '\''far'\'' --take; else exec tmux -u -L '\''podfleet'\'' attach-session -t '\''=far:'\''; fi'"#);
        let tail = Far::Tail {
            lines: 40,
            follow: false,
            ansi: false,
        };
        let (ours, bare) = tail.commands(&target());
        assert_eq!(ours, "tail 'far' -n 40");
        assert_eq!(
            bare,
            "tmux -u -L 'podfleet' capture-pane -p -t '=far:' -S -40"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_word() {
        assert_eq!(quoted("a'; rm x"), r"'a'\''; rm x'");
    }
}
