//! What a person can do about an error.

use podfleet_connectors::ConnectorErrorKind;

use super::kind::FleetErrorKind;

/// Writes the options that name these fleets.
#[must_use]
pub fn fleet_options<T: std::fmt::Display>(fleets: &[T]) -> String {
    let options: Vec<_> = fleets
        .iter()
        .map(|fleet| format!("`--fleet {fleet}`"))
        .collect();
    options.join(" or ")
}

/// What can be done where the place is lost up to which a chat was heard.
pub(crate) const FROM_NOW: &str = "`fleet bridge start --from-now` listens from now on; what was \
     said since the bridge last listened is not heard";

/// Returns what can be done where a chat refuses something for good.
pub(super) const fn of_chat(kind: ConnectorErrorKind) -> Option<&'static str> {
    match kind {
        ConnectorErrorKind::Unauthenticated => Some(
            "give the bridge a token that is good, and start it anew: `fleet bridge start`; \
             `fleet connector health` tries one",
        ),
        ConnectorErrorKind::Forbidden => Some(
            "the fleet's account needs the right to do this there; `fleet connector health` looks \
             at it",
        ),
        ConnectorErrorKind::NotFound => Some(
            "what is named has to be there: the chat that the roster names, the thread, the \
             message that is answered, the file; without a thread it goes to the chat itself",
        ),
        ConnectorErrorKind::TooLarge { .. } => {
            Some("say it in parts, or where the file can be found")
        }
        ConnectorErrorKind::CursorRefused => Some(FROM_NOW),
        ConnectorErrorKind::Protocol => {
            Some("`fleet connector health` looks at the chat as a whole")
        }
        _ => None,
    }
}

/// Returns what a person can do about an error of this kind.
pub(super) fn hints(kind: &FleetErrorKind) -> Vec<String> {
    let hint = match kind {
        FleetErrorKind::NoSuchAgent { near, .. } if !near.is_empty() => {
            let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("did you mean {}?", names.join(" or "))
        }
        FleetErrorKind::NoSuchSession { near, .. } if !near.is_empty() => {
            let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("did you mean {}?", names.join(" or "))
        }
        FleetErrorKind::NoSuchSession { .. } => {
            "another socket than the default one is named by `--socket`".to_owned()
        }
        FleetErrorKind::HostedSession { session } => {
            format!("send to the agent: `fleet send {session} -m …`")
        }
        FleetErrorKind::SshMissing => "install it: `apt install openssh-client`".to_owned(),
        FleetErrorKind::BadTarget { .. } => "name it as `user@host`".to_owned(),
        FleetErrorKind::Unreachable { target } => {
            format!("nothing was sent; `ssh {target} true` has to work without a question")
        }
        FleetErrorKind::WhichFleet { others } => {
            format!("name it: {}", fleet_options(others))
        }
        FleetErrorKind::LostRoster { .. } => "name the fleet with `--fleet NAME`".to_owned(),
        FleetErrorKind::NoRoster => "make one with `fleet init --write`".to_owned(),
        FleetErrorKind::Claimed { .. } => {
            "give one of the two rosters another `fleet:` name".to_owned()
        }
        FleetErrorKind::NoSuchAgent { .. } => "`fleet ps` lists them".to_owned(),
        FleetErrorKind::Pod { agent } => format!(
            "if it stays so, `fleet restart {agent}` starts it anew; `fleet logs {agent}` \
             shows what its pod says"
        ),
        FleetErrorKind::OtherBuild { agent } => {
            format!("`fleet restart {agent}` lets it run this one")
        }
        FleetErrorKind::DamagedRecord { pod, .. } => format!(
            "`fleet pod forget {pod}` removes it with its messages, and `fleet up` records an agent of \
             the roster anew; `fleet store check` lists all that is damaged"
        ),
        FleetErrorKind::DamagedMessage { agent } => format!(
            "`fleet inbox {agent}` names what is damaged, and `fleet inbox {agent} --cancel ID` removes \
             it"
        ),
        FleetErrorKind::FileChanged { .. } => {
            "look at what is there now, and run the command once more".to_owned()
        }
        FleetErrorKind::TmuxMissing => {
            "install it: `apt install tmux`, `dnf install tmux` or `brew install tmux`".to_owned()
        }
        FleetErrorKind::TmuxTooOld { .. } => {
            "install a newer one, from your system's backports or from \
             https://github.com/tmux/tmux; `fleet doctor` shows which is found"
                .to_owned()
        }
        FleetErrorKind::Tmux => "`fleet doctor` looks at tmux and its sockets".to_owned(),
        FleetErrorKind::Io { doing: "lock", .. } => {
            "the state directory has to be yours, on a file system with locks: `fleet doctor` \
             looks at it"
                .to_owned()
        }
        FleetErrorKind::NoSystemd => {
            "log in as this user (su and sudo give no session); without systemd the pods are \
             kept by `fleet up` or `fleet supervise`"
                .to_owned()
        }
        FleetErrorKind::Supervisor => {
            "log in as this user (su and sudo give no session), or run it without systemd: \
             `--supervisor direct`"
                .to_owned()
        }
        FleetErrorKind::NoSuchMessage { agent, .. } => {
            format!("`fleet inbox {agent}` lists those that wait, `fleet log {agent}` all")
        }
        FleetErrorKind::NotRunning { agent } => format!("start it with `fleet up {agent}`"),
        FleetErrorKind::ControlTaken { .. } => "take it with `--take`".to_owned(),
        FleetErrorKind::StartFailed { failure, .. } if !failure.log.is_empty() => {
            format!("the end of its log says:\n  {}", failure.log.join("\n  "))
        }
        FleetErrorKind::Supervised { .. } => {
            "the other commands work beside it: `fleet up` brings up what is down, `fleet down` ends \
             agents"
                .to_owned()
        }
        FleetErrorKind::NoSuchFleet { .. } => {
            "`--fleet` takes the name that a roster gives its fleet".to_owned()
        }
        FleetErrorKind::NoOrchestrator => {
            "give one agent of the roster `class: orchestrator`".to_owned()
        }
        FleetErrorKind::NoBridge => "start it with `fleet bridge start`".to_owned(),
        FleetErrorKind::NameTaken { existing } => {
            format!(
                "choose another name; a stopped pod that is in no roster can be forgotten: \
                 `fleet pod forget {existing}`"
            )
        }
        FleetErrorKind::Storage { .. } => {
            "unless the cause says what to do, make room on the disk of the state directory, or make \
             it writable"
                .to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}
