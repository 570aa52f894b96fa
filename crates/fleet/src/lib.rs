//! A fleet of agents as a whole; the crate that other tools embed.
//!
//! This crate owns who should run and what is done about it: plan and apply, supervisors, the join
//! of `ps`, messages to agents, the comms block and the tmux views. It owns no terminal bytes (a
//! pod does) and no storage (the store does), and it reads no environment, prints nothing and parses no
//! command line: the [`Env`] and everything else outside come in by [`Setup`].
//!
//! The way in is [`Fleet`]:
//!
//! | verb | does |
//! |---|---|
//! | [`Fleet::plan`], [`Fleet::up`], [`Fleet::down`], [`Fleet::restart`] | converge on the roster |
//! | [`Fleet::install`], [`Fleet::uninstall`], [`Fleet::update`] | what is started at boot, and by which build |
//! | [`Fleet::doctor`] | what of this machine would make trouble |
//! | [`Fleet::ps`], [`Fleet::explain`], [`Fleet::status`], [`Fleet::verify`] | look |
//! | [`Fleet::send`], [`Fleet::send_to_session`], [`Fleet::receipt`] | a message, with a receipt |
//! | [`Fleet::comms`] | how an agent reaches its fleet mates |
//! | [`Fleet::say`], [`Fleet::run_bridge`] | the chat with the fleet's human |
//! | [`Fleet::tail`], [`Fleet::screen`], [`Fleet::attach`] | the agent's terminal |
//! | [`Fleet::prune`] | removes what is old |
//! | [`RosterDraft`], [`Fleet::clean`] | edit the roster; what a removed agent leaves |
//! | [`Fleet::open_terminal`] | a pod that hosts a shell instead of an agent |
//! | [`Fleet::pods`], [`Fleet::spawn`], [`Fleet::restore`], [`Fleet::forget`] | pods outside the roster too |
//! | [`Fleet::peer_add`], [`Fleet::peer_remove`], [`Fleet::peers`] | who sees and notifies whom |
//! | [`Fleet::session_log`], [`Fleet::pod_log`], [`Fleet::watch_paths`] | files to read and watch |
//!
//! ```
//! use podfleet::{Dirs, Env};
//!
//! let env: Env = [("HOME", "/home/ada"), ("FLEET_STATE_DIR", "/srv/fleet")].into_iter().collect();
//! let dirs = Dirs::resolve(&env, 1000)?;
//! assert_eq!(dirs.config.to_str(), Some("/home/ada/.config/fleet"));
//! assert_eq!(dirs.state.to_str(), Some("/srv/fleet"));
//! # Ok::<(), podfleet::DirsError>(())
//! ```

mod bare_session;
mod bridge;
mod choice;
mod credential;
mod dirs;
mod drift;
mod error;
mod file_snapshot;
mod fleet;
mod hook;
mod host;
mod listeners;
mod lock;
mod names;
mod origin;
mod own_file;
mod ps;
mod remote;
mod report;
mod roster_draft;
mod sighting;
mod told;
mod tools;
mod views;

pub mod agent_env;
pub mod comms;
pub mod desired;
pub mod plan;
pub mod readiness;
pub mod supervisor;
pub mod wording;

pub use bridge::{BridgeGlance, BridgePhase, BridgeStatus, ChatPruned, SayReport, SayRequest};
pub use choice::{NoChoice, meant_choice, why_not_pressed};
pub use dirs::Dirs;
pub use drift::drift;
pub use error::{FleetError, FleetErrorKind, fleet_options};
pub use file_snapshot::{FileSnapshot, PreparedFile};
pub use fleet::{
    AgentPruned, AgentStatus, Brake, BrakeReport, Check, CommsBlock, DownOptions, Events,
    Explanation, Fact, Fallen, Fleet, ForgetReport, InboxReport, Installation, InstalledUnit, Miss,
    OldAgent, OpeningStore, PeerChange, PeerRow, RemainsPruned, Removal, ResetReport,
    RestartOptions, SendReport, SendRequest, SessionLog, SessionTarget, Setup, StopTimeouts,
    Supervision, TERMINAL_CLASS, Terminal, TerminalRequest, TrustReport, UpOptions, Update,
    UpdateOptions, Verdict, Verification, Via, check_operator, check_operators_process,
};
pub use hook::report_to_own_pod;
pub use host::PodHost;
pub use names::near;
pub use plan::{Action, Plan, Step};
pub use podfleet_home::{DirsError, Env};
pub use ps::{Elsewhere, Flag, FlagKind, PsRow, RowState};
pub use readiness::Readiness;
pub use remote::quoted as shell_word;
pub use report::{AgentReport, AgentResult, Failure, MissingProgram, Progress, Report};
pub use roster_draft::RosterDraft;
pub use told::Texts;

/// Returns the JSON Schema (2020-12) of the output of `ps`.
#[must_use]
pub fn ps_json_schema() -> serde_json::Value {
    ps::json_schema()
}
