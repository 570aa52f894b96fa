//! What can go wrong with a fleet as a whole.

use std::path::PathBuf;

use podfleet_connectors::{ConnectorError, Retry};
use podfleet_pod::paths::PathError;
use podfleet_pod_store::{StoreError, StoreErrorKind};
use podfleet_protocol::client::{ClientError, ClientErrorKind};
use podfleet_protocol::method::StartFailure;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{MessageId, NameError};
use podfleet_tmux::{TmuxError, TmuxErrorKind, Version};

use crate::report::Failure;
use crate::supervisor::Unavailable;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A verb could not be carried out.
///
/// The message is [`FleetErrorKind`]'s; the cause is in [`source`](std::error::Error::source), and
/// what to do about it in [`hints`](Self::hints). A verb over several agents does not fail like
/// this because one of them does: its report names that one.
#[derive(Debug)]
pub struct FleetError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: FleetErrorKind,
    source: Option<Source>,
    hints: Vec<String>,
}

/// Why a verb could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetErrorKind {
    /// The fleet has no such agent.
    #[error("fleet `{fleet}` has no agent `{agent}`")]
    NoSuchAgent {
        /// The name that was asked for.
        agent: String,
        /// The fleet.
        fleet: String,
        /// Names that are nearly the same, nearest first.
        near: Vec<String>,
    },
    /// The agent lives on another machine.
    #[error("agent `{agent}` is on host `{host}`, not here")]
    Remote {
        /// The agent.
        agent: String,
        /// Where it is.
        host: String,
    },
    /// There is no such tmux session.
    #[error("there is no tmux session `{session}` {place}")]
    NoSuchSession {
        /// The session.
        session: String,
        /// Where it was looked for, such as ``on `oak` ``.
        place: String,
        /// Names that are nearly the same, nearest first.
        near: Vec<String>,
    },
    /// A pod hosts the session: what is typed into it past the pod would be a person's typing.
    #[error("the tmux session `{session}` is the view of a pod")]
    HostedSession {
        /// The session.
        session: String,
    },
    /// ssh is not installed.
    #[error("ssh is not installed: no `ssh` in PATH")]
    SshMissing,
    /// A text cannot be a target of ssh.
    #[error("{target:?} is no target for ssh")]
    BadTarget {
        /// The text.
        target: String,
    },
    /// Another machine cannot be reached, or has no tmux.
    #[error("`{target}` cannot be reached")]
    Unreachable {
        /// The target of ssh.
        target: String,
    },
    /// The fleet of another machine did not take the message.
    #[error("the fleet on `{target}` did not take the message: {said}")]
    FarFleet {
        /// The target of ssh.
        target: String,
        /// What it said.
        said: String,
    },
    /// The verb needs a roster and there is none that can be used.
    #[error("there is no usable roster")]
    NoRoster,
    /// The roster is broken or gone, and nothing tells which fleet it was for.
    #[error("the roster {} cannot be used, so it is not known which fleet is meant", path.display())]
    LostRoster {
        /// The roster.
        path: PathBuf,
    },
    /// There is no roster, and the fleet that is meant then was never brought up.
    #[error("there is no roster here, so it is not known which fleet is meant")]
    WhichFleet {
        /// The fleets that were brought up.
        others: Vec<String>,
    },
    /// The fleet's name is owned by another roster.
    #[error(
        "fleet `{fleet}` belongs to the roster {}; {} claims it too",
        owner.display(), claimant.display()
    )]
    Claimed {
        /// The fleet.
        fleet: String,
        /// The roster that owns it.
        owner: PathBuf,
        /// The roster that was refused.
        claimant: PathBuf,
    },
    /// A name that comes from outside is no valid name.
    #[error("{what} cannot be used as a name")]
    Name {
        /// Whose name it is.
        what: &'static str,
    },
    /// The store refused or failed.
    #[error("the store cannot be used")]
    Store,
    /// tmux is not installed.
    #[error("tmux is not installed: no `tmux` in PATH")]
    TmuxMissing,
    /// tmux is too old.
    #[error("tmux {found} is too old; {} or newer is needed", Version::FLOOR)]
    TmuxTooOld {
        /// The installed version.
        found: Version,
    },
    /// tmux failed.
    #[error("tmux failed")]
    Tmux,
    /// The service manager that is to keep the pods cannot be used.
    #[error("the fleet is kept by systemd, and it cannot be used")]
    Supervisor,
    /// There is no service manager to set units up in.
    #[error("there is no systemd to install the fleet in")]
    NoSystemd,
    /// The units of the fleet cannot be written, or the service manager does not take them.
    #[error("the fleet's units cannot be set up")]
    Units,
    /// The runtime directory is not private, too long, or cannot be made.
    #[error("the runtime directory cannot be used")]
    RuntimeDir,
    /// A file or directory cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, such as `create`.
        doing: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A roster was not edited; the cause is a [`podfleet_roster::EditError`].
    #[error("the roster {} is not changed", path.display())]
    RosterEdit {
        /// The roster.
        path: PathBuf,
    },
    /// A file that was named cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
    },
    /// A file is not any more as it was when it was read; it was left alone.
    #[error("{} was changed meanwhile; nothing was written", path.display())]
    FileChanged {
        /// The path.
        path: PathBuf,
    },
    /// A file cannot be written; what it held is still in it.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
    },
    /// The agent's pod does not run.
    #[error("the pod of `{agent}` does not run")]
    NotRunning {
        /// The agent.
        agent: String,
    },
    /// The agent's pod could not be asked, or answered with an error.
    #[error("the pod of `{agent}` cannot be asked")]
    Pod {
        /// The agent.
        agent: String,
    },
    /// A rule refuses the message; nothing was accepted.
    #[error("the message to `{agent}` is refused: {rule}")]
    Refused {
        /// The receiver.
        agent: String,
        /// The rule.
        rule: String,
    },
    /// The caller has no right to hold or drive the agent.
    #[error("the order to `{agent}` is refused: {rule}")]
    OrderRefused {
        /// The agent.
        agent: String,
        /// The rule.
        rule: String,
    },
    /// The agent's inbox never had such a message, or it was pruned.
    #[error("`{agent}` has no message {id}")]
    NoSuchMessage {
        /// The agent.
        agent: String,
        /// The message.
        id: MessageId,
    },
    /// Log or store of the receiver cannot be written; nothing was accepted.
    #[error("the message to `{agent}` cannot be stored")]
    Storage {
        /// The receiver.
        agent: String,
    },
    /// Another client has control of the terminal.
    #[error("another client controls `{agent}`")]
    ControlTaken {
        /// The agent.
        agent: String,
    },
    /// A pod was not started, or its agent is not ready.
    #[error("`{pod}` was not started: {}", failure.message)]
    StartFailed {
        /// The pod.
        pod: String,
        /// How it failed, with the end of its log.
        failure: Box<Failure>,
    },
    /// A right or a rule forbids it; nothing was done.
    #[error("`{pod}`: {rule}")]
    NotAllowed {
        /// The pod.
        pod: String,
        /// The rule.
        rule: String,
    },
    /// What is to be delegated to a child goes beyond its parent's own scope.
    #[error("`{pod}` cannot be given that: {rule}")]
    NotYours {
        /// The child.
        pod: String,
        /// What goes beyond what.
        rule: String,
    },
    /// A path of a child's scope cannot be written, whoever delegates it.
    #[error("`{pod}` cannot be given that: {rule}")]
    NotWritable {
        /// The child.
        pod: String,
        /// The path, and why.
        rule: String,
    },
    /// The name is another pod's, also when case is ignored.
    #[error("there is a pod `{existing}` already")]
    NameTaken {
        /// The pod that has it.
        existing: String,
    },
    /// A cursor is none that was given for this.
    #[error("the cursor is none of `{pod}`'s output")]
    NoSuchCursor {
        /// The pod.
        pod: String,
    },
    /// The fleet has no orchestrator, to whom people could speak.
    #[error("the fleet has no orchestrator")]
    NoOrchestrator,
    /// Nothing was said.
    #[error("that is not said: {rule}")]
    NotSaid {
        /// The rule.
        rule: String,
    },
    /// Another process is the fleet's bridge.
    #[error("a bridge of this fleet runs already")]
    BridgeRuns,
    /// No bridge of the fleet runs.
    #[error("no bridge of this fleet runs")]
    NoBridge,
    /// The bridge's process cannot be started or ended.
    #[error("the bridge of the chat fails")]
    Bridge,
    /// The chat connector cannot be made of what the roster and the environment say.
    #[error("the chat connector cannot be set up")]
    ConnectorSetUp,
    /// The carrier of the chat refuses us, and would again.
    #[error("the chat cannot be used")]
    ConnectorRefused,
    /// The carrier of the chat fails at the moment.
    #[error("the chat fails")]
    ConnectorFailed,
    /// A defect: a task of ours ended without an answer.
    #[error("a part of the work ended without a result")]
    Internal,
}

impl FleetError {
    /// Makes an error of this kind.
    #[must_use]
    pub fn new(kind: FleetErrorKind) -> Self {
        let hints = hints(&kind);
        Self(Box::new(Inner {
            kind,
            source: None,
            hints,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what may help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Returns why the verb failed.
    #[must_use]
    pub fn kind(&self) -> &FleetErrorKind {
        &self.0.kind
    }

    /// Returns what a person can do about it, one sentence each.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    pub(crate) fn start_failed(pod: &str, failure: Failure) -> Self {
        Self::new(FleetErrorKind::StartFailed {
            pod: pod.to_owned(),
            failure: Box::new(failure),
        })
    }

    /// Returns the message and its causes in one line.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        crate::fleet::account(self)
    }

    pub(crate) fn io(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(FleetErrorKind::Io {
            doing,
            path: path.to_owned(),
        })
        .caused_by(source)
    }

    pub(crate) fn unreadable(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::new(FleetErrorKind::Unreadable {
            path: path.to_owned(),
        })
        .caused_by(source)
    }

    /// Turns what a pod or the way to it answered into an error about that agent.
    pub(crate) fn pod(agent: &str, error: ClientError) -> Self {
        if let Some(refused) = error.answer().and_then(|answer| about_a_pod(agent, answer)) {
            return refused;
        }
        let agent = agent.to_owned();
        let kind = match (error.kind(), error.answer().map(|answer| answer.code)) {
            (ClientErrorKind::NotListening, _) => FleetErrorKind::NotRunning { agent },
            (_, Some(ErrorCode::ControlTaken)) => FleetErrorKind::ControlTaken { agent },
            (_, Some(ErrorCode::Storage)) => FleetErrorKind::Storage { agent },
            (
                _,
                Some(
                    ErrorCode::Refused
                    | ErrorCode::InboxFull
                    | ErrorCode::BodyTooLong
                    | ErrorCode::PairLimit
                    | ErrorCode::NameTaken
                    | ErrorCode::NotYours
                    | ErrorCode::NotWritable
                    | ErrorCode::Forbidden
                    | ErrorCode::LineTooLong,
                ),
            ) => FleetErrorKind::Refused {
                agent,
                rule: error.answer().map(ToString::to_string).unwrap_or_default(),
            },
            _ => FleetErrorKind::Pod { agent },
        };
        match kind {
            // The rule is all that its answer says.
            FleetErrorKind::Refused { .. } => Self::new(kind),
            _ => Self::new(kind).caused_by(error),
        }
    }
}

impl FleetError {
    /// Turns what went wrong with a chat connector into an error of the fleet.
    #[must_use]
    pub fn connector(error: ConnectorError) -> Self {
        let kind = match error.retry() {
            Retry::Never => FleetErrorKind::ConnectorRefused,
            Retry::After(_) | Retry::Backoff => FleetErrorKind::ConnectorFailed,
        };
        Self::new(kind).caused_by(error)
    }

    /// Returns whether it is the store or the disk that failed, which may pass.
    pub(crate) fn is_stores(&self) -> bool {
        matches!(
            self.kind(),
            FleetErrorKind::Store | FleetErrorKind::Storage { .. } | FleetErrorKind::Io { .. }
        )
    }

    /// Turns the refusal of a message into that of an order.
    pub(crate) fn of_order(self) -> Self {
        match self.kind() {
            FleetErrorKind::Refused { agent, rule } => Self::new(FleetErrorKind::OrderRefused {
                agent: agent.clone(),
                rule: rule.clone(),
            }),
            _ => self,
        }
    }
}

/// Turns the answers that are about another pod than the one that was asked into our own words.
fn about_a_pod(name: &str, answer: &RpcError) -> Option<FleetError> {
    let pod = name.to_owned();
    let rule = answer.message.clone();
    let kind = match answer.code {
        ErrorCode::StartFailed => {
            let data = answer.data.clone().unwrap_or_default();
            let failure: StartFailure = serde_json::from_value(data).ok()?;
            FleetErrorKind::StartFailed {
                pod,
                failure: Box::new(Failure {
                    message: failure.cause,
                    log: failure.log_tail,
                    ..Failure::default()
                }),
            }
        }
        ErrorCode::NotYours => FleetErrorKind::NotYours { pod, rule },
        ErrorCode::NotWritable => FleetErrorKind::NotWritable { pod, rule },
        ErrorCode::NoSuchCursor => FleetErrorKind::NoSuchCursor { pod },
        ErrorCode::NoSuchPod | ErrorCode::NameTaken | ErrorCode::Unreachable => {
            FleetErrorKind::NotAllowed { pod, rule }
        }
        _ => return None,
    };
    Some(FleetError::new(kind))
}

/// Writes the options that name these fleets.
#[must_use]
pub fn fleet_options<T: std::fmt::Display>(fleets: &[T]) -> String {
    let options: Vec<_> = fleets
        .iter()
        .map(|fleet| format!("`--fleet {fleet}`"))
        .collect();
    options.join(" or ")
}

fn hints(kind: &FleetErrorKind) -> Vec<String> {
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
        FleetErrorKind::NoOrchestrator => {
            "give one agent of the roster `class: orchestrator`".to_owned()
        }
        FleetErrorKind::NoBridge => "start it with `fleet bridge start`".to_owned(),
        FleetErrorKind::NameTaken { existing } => {
            format!("choose another name, or forget that pod: `fleet pod forget {existing}`")
        }
        FleetErrorKind::Storage { .. } => {
            "make room on the disk of the state directory, or make it writable".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

impl std::fmt::Display for FleetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl std::error::Error for FleetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

impl From<StoreError> for FleetError {
    fn from(error: StoreError) -> Self {
        if let StoreErrorKind::FleetClaimed {
            fleet,
            owner,
            claimant,
        } = error.kind()
        {
            return Self::new(FleetErrorKind::Claimed {
                fleet: fleet.clone(),
                owner: owner.clone(),
                claimant: claimant.clone(),
            });
        }
        if let StoreErrorKind::NameTaken { existing } | StoreErrorKind::SpawnedName { existing } =
            error.kind()
        {
            return Self::new(FleetErrorKind::NameTaken {
                existing: existing.to_string(),
            });
        }
        let hint = error.hint();
        let made = Self::new(FleetErrorKind::Store).caused_by(error);
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

impl From<TmuxError> for FleetError {
    fn from(error: TmuxError) -> Self {
        if error.kind() == TmuxErrorKind::Missing {
            return Self::new(FleetErrorKind::TmuxMissing);
        }
        let hint = error.hint();
        let made = Self::new(FleetErrorKind::Tmux).caused_by(error);
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

impl From<Unavailable> for FleetError {
    fn from(error: Unavailable) -> Self {
        Self::new(FleetErrorKind::Supervisor).caused_by(error)
    }
}

impl From<PathError> for FleetError {
    fn from(error: PathError) -> Self {
        Self::new(FleetErrorKind::RuntimeDir).caused_by(error)
    }
}

pub(crate) fn bad_name(what: &'static str) -> impl Fn(NameError) -> FleetError {
    move |error| FleetError::new(FleetErrorKind::Name { what }).caused_by(error)
}
