//! The kinds of what can go wrong.

use std::path::PathBuf;

use podfleet_protocol::{MessageId, Shown};
use podfleet_tmux::Version;

use crate::report::Failure;

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
    /// The session keeps a tmux server, and shows nothing.
    #[error("the tmux session `{session}` only keeps its server alive, and nobody reads there")]
    HolderSession {
        /// The session.
        session: String,
    },
    /// ssh is not installed.
    #[error("ssh is not installed: no `ssh` in PATH")]
    SshMissing,
    /// A text cannot be a target of ssh.
    #[error("`{}` is no target for ssh", Shown(target))]
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
    /// No roster can be used, and the fleet that is meant then was never brought up.
    #[error("no roster says which fleet is meant")]
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
    /// Something else keeps the fleet already: another process in the foreground, or systemd.
    #[error("{by} supervises the fleet `{fleet}` already")]
    Supervised {
        /// The fleet.
        fleet: String,
        /// What keeps it, such as `process 123`.
        by: String,
    },
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
    /// The agent's pod is not the one that was meant, which is gone.
    #[error("`{agent}` is another pod than the one that was meant, which is gone")]
    OtherPod {
        /// The agent.
        agent: String,
    },
    /// The agent's pod could not be asked, or answered with an error.
    #[error("the pod of `{agent}` cannot be asked")]
    Pod {
        /// The agent.
        agent: String,
    },
    /// The agent's pod runs another build, and what was wanted is not in its language.
    #[error("the pod of `{agent}` runs another build of fleet, which cannot do this")]
    OtherBuild {
        /// The agent.
        agent: String,
    },
    /// What the store has of a pod cannot be read; the records of others can.
    #[error("the record of `{pod}` is damaged: {what}")]
    DamagedRecord {
        /// The pod, as far as that can be read.
        pod: String,
        /// What is wrong with it.
        what: String,
    },
    /// What the store has of a message to the agent cannot be read; other messages can.
    #[error("the record of a message for `{agent}` is damaged")]
    DamagedMessage {
        /// The receiver.
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
    /// Log or store of the pod cannot be written; nothing was accepted.
    #[error("nothing can be stored for `{agent}`")]
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
    /// What was asked for a pod makes no sense, such as a runtime that does not exist; nothing was
    /// done.
    #[error("`{pod}`: {fault}")]
    BadRequest {
        /// The pod.
        pod: String,
        /// What makes no sense.
        fault: String,
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
    /// Neither a roster nor a record has a fleet of that name.
    #[error("no fleet `{fleet}` is known")]
    NoSuchFleet {
        /// The name.
        fleet: String,
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
    /// What was wanted of the chat fails, and would again.
    #[error("{chat}: {what}")]
    ConnectorRefused {
        /// Which chat: its kind and its room, channel or directory.
        chat: String,
        /// What failed, and how.
        what: String,
    },
    /// The chat fails at the moment.
    #[error("{chat}: {what}")]
    ConnectorFailed {
        /// Which chat: its kind and its room, channel or directory.
        chat: String,
        /// What failed, and how.
        what: String,
    },
    /// A defect: a task of ours ended without an answer.
    #[error("a part of the work ended without a result")]
    Internal,
}
