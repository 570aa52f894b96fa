//! Terminals of agents on other machines: the same command, run there.

use podfleet::{Fleet, SessionTarget, shell_word as quoted};

use super::{HAS_FLEET, by_fleet, over_ssh};
use crate::attach::PrefixKey;
use crate::error::Outcome;

/// Ends a `tail -f` that tmux alone cannot go on with.
const UNFOLLOWED: &str = "; echo 'error: there is no `fleet` on this machine to go on with the lines \
                          that appear' >&2; exit 4";

/// What is done with the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Far {
    /// `tail`, of so many lines.
    Tail {
        lines: u32,
        follow: bool,
        ansi: bool,
    },
    /// `watch`.
    Watch { prefix: PrefixKey },
    /// `attach`.
    Attach { take: bool, prefix: PrefixKey },
}

impl Far {
    /// Returns the command of the fleet there, and the one that needs only tmux.
    fn commands(self, target: &SessionTarget) -> (String, String) {
        let name = quoted(&target.session);
        let session = quoted(&format!("={}:", target.session));
        let socket = socket_option(target);
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
                // What is above the screen is there for the asking, so the screen's blank end is cut
                // off first, as a shell does with what a command printed.
                format!(
                    "text=$(tmux -u{socket} capture-pane -p{} -t {session} -S -{lines}) || exit; \
                     [ -z \"$text\" ] || printf '%s\\n' \"$text\" | tail -n {lines}{}",
                    flag(ansi, " -e"),
                    flag(follow, UNFOLLOWED)
                ),
            ),
            Self::Watch { prefix } => (
                format!("watch {name}{}", prefix_option(prefix)),
                format!("exec tmux -u{socket} attach-session -r -t {session}"),
            ),
            Self::Attach { take, prefix } => (
                format!(
                    "attach {name}{}{}",
                    flag(take, " --take"),
                    prefix_option(prefix)
                ),
                format!("exec tmux -u{socket} attach-session -t {session}"),
            ),
        }
    }

    /// The fleet there is asked unless it has no pod of that name and tmux has a session of it.
    fn script(self, target: &SessionTarget) -> String {
        let (ours, bare) = self.commands(target);
        let condition = format!(
            "{HAS_FLEET} && {{ fleet pod show {} || ! tmux{} has-session -t {}; }} >/dev/null 2>&1",
            quoted(&target.session),
            socket_option(target),
            quoted(&format!("={}", target.session)),
        );
        by_fleet(&condition, &ours, &bare)
    }

    const fn needs_terminal(self) -> bool {
        !matches!(self, Self::Tail { .. })
    }
}

/// Says which server of tmux is meant, unless it is the usual one.
fn socket_option(target: &SessionTarget) -> String {
    let socket = target.socket.as_deref();
    socket.map_or_else(String::new, |socket| format!(" -L {}", quoted(socket)))
}

/// Says which key is ours there, unless it is the usual one.
fn prefix_option(prefix: PrefixKey) -> String {
    if prefix == PrefixKey::default() {
        return String::new();
    }
    format!(" --prefix {}", quoted(&prefix.to_string()))
}

/// Runs the command where a fleet mate is; nothing for one that is here, or unknown.
pub(in crate::commands) fn run(fleet: &Fleet, agent: &str, far: Far) -> Option<Outcome> {
    let target = fleet.session_elsewhere(agent)?;
    let machine = target.ssh.as_deref().unwrap_or_default();
    Some(over_ssh(
        machine,
        &far.script(&target),
        far.needs_terminal(),
    ))
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
        let attach = Far::Attach {
            take: true,
            prefix: "ctrl-a".parse().unwrap(),
        };
        insta::assert_snapshot!(super::super::in_path(&attach.script(&target())), @r#"exec sh -c 'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; export PATH; if command -v fleet >/dev/null 2>&1 && { fleet pod show '\''far'\'' || ! tmux -L '\''podfleet'\'' has-session -t '\''=far'\''; } >/dev/null 2>&1; then exec fleet attach '\''far'\'' --take --prefix '\''ctrl-a'\''; else exec tmux -u -L '\''podfleet'\'' attach-session -t '\''=far:'\''; fi'"#);
        let tail = Far::Tail {
            lines: 40,
            follow: false,
            ansi: false,
        };
        let (ours, bare) = tail.commands(&target());
        assert_eq!(ours, "tail 'far' -n 40");
        assert_eq!(
            bare,
            "text=$(tmux -u -L 'podfleet' capture-pane -p -t '=far:' -S -40) || exit; \
             [ -z \"$text\" ] || printf '%s\\n' \"$text\" | tail -n 40"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_word() {
        assert_eq!(quoted("a'; rm x"), r"'a'\''; rm x'");
    }
}
