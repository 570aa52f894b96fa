//! How a command ends that failed with its fleet.

use podfleet::{FleetError, FleetErrorKind};
use podfleet_pod::paths::{PathError, PathFault};
use podfleet_pod_store::{StoreError, StoreErrorKind};

use podfleet_roster::{EditError, EditErrorKind, Layer};

use super::Error;
use crate::exit::Exit;

impl From<FleetError> for Error {
    fn from(error: FleetError) -> Self {
        let hints = error.hints().to_vec();
        Self {
            exit: exit_of(&error),
            hints,
            cause: error.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self {
            exit: exit_of_store(error.kind()),
            hints: error.hint().map(str::to_owned).into_iter().collect(),
            cause: error.into(),
        }
    }
}

/// Maps what can go wrong with the store itself to how the command ends.
fn exit_of_store(kind: &StoreErrorKind) -> Exit {
    match kind {
        StoreErrorKind::OlderWriters(_)
        | StoreErrorKind::Exists
        | StoreErrorKind::NotEmpty
        | StoreErrorKind::FromTheFuture { .. }
        | StoreErrorKind::NewerExport { .. }
        | StoreErrorKind::NetworkFileSystem(_)
        | StoreErrorKind::Permissions(_) => Exit::Refused,
        StoreErrorKind::BadExport(_) => Exit::Usage,
        StoreErrorKind::Internal => Exit::Defect,
        _ => Exit::System,
    }
}

/// Maps what can go wrong with a fleet to how the command ends.
fn exit_of(error: &FleetError) -> Exit {
    match error.kind() {
        FleetErrorKind::NoSuchAgent { .. }
        | FleetErrorKind::NoSuchSession { .. }
        | FleetErrorKind::BadTarget { .. }
        | FleetErrorKind::BadRequest { .. }
        | FleetErrorKind::NoRoster
        | FleetErrorKind::NoSuchFleet { .. }
        | FleetErrorKind::NoOrchestrator
        | FleetErrorKind::ConnectorSetUp
        | FleetErrorKind::LostRoster { .. }
        | FleetErrorKind::WhichFleet { .. }
        | FleetErrorKind::Unreadable { .. }
        | FleetErrorKind::Name { .. } => Exit::Usage,
        FleetErrorKind::NotRunning { .. }
        | FleetErrorKind::OtherPod { .. }
        | FleetErrorKind::NoBridge
        | FleetErrorKind::NoSuchMessage { .. } => Exit::No,
        FleetErrorKind::StartFailed { .. } => Exit::No,
        FleetErrorKind::NoSuchCursor { .. } => Exit::Usage,
        FleetErrorKind::NotAllowed { .. }
        | FleetErrorKind::NotYours { .. }
        | FleetErrorKind::NotWritable { .. }
        | FleetErrorKind::NameTaken { .. }
        | FleetErrorKind::Remote { .. }
        | FleetErrorKind::HostedSession { .. }
        | FleetErrorKind::HolderSession { .. }
        | FleetErrorKind::Claimed { .. }
        | FleetErrorKind::FileChanged { .. }
        | FleetErrorKind::Refused { .. }
        | FleetErrorKind::NotSaid { .. }
        | FleetErrorKind::BridgeRuns
        | FleetErrorKind::Supervised { .. }
        | FleetErrorKind::ConnectorRefused { .. }
        | FleetErrorKind::OrderRefused { .. }
        | FleetErrorKind::ControlTaken { .. } => Exit::Refused,
        FleetErrorKind::RosterEdit { .. } => edit_exit(error),
        FleetErrorKind::RuntimeDir => runtime_dir_exit(error),
        FleetErrorKind::TmuxMissing
        | FleetErrorKind::TmuxTooOld { .. }
        | FleetErrorKind::SshMissing
        | FleetErrorKind::NoSystemd
        | FleetErrorKind::Supervisor => Exit::Missing,
        FleetErrorKind::Store => store_exit(error),
        FleetErrorKind::ConnectorFailed { .. }
        | FleetErrorKind::Bridge
        | FleetErrorKind::Tmux
        | FleetErrorKind::Unreachable { .. }
        | FleetErrorKind::FarFleet { .. }
        | FleetErrorKind::Units
        | FleetErrorKind::Io { .. }
        | FleetErrorKind::Unwritable { .. }
        | FleetErrorKind::Pod { .. }
        | FleetErrorKind::DamagedMessage { .. }
        | FleetErrorKind::Storage { .. } => Exit::System,
        FleetErrorKind::Internal => Exit::Defect,
        // The enum may grow; until it has a place above, a new kind is a failure of the system.
        _ => Exit::System,
    }
}

/// What was asked for may be wrong, the roster may be, or a rule forbids what would come out.
fn edit_exit(error: &FleetError) -> Exit {
    let source = std::error::Error::source(error);
    let refused = source.and_then(|source| source.downcast_ref::<EditError>());
    match refused.map(EditError::kind) {
        Some(
            EditErrorKind::UnknownAgent { .. }
            | EditErrorKind::UnknownField { .. }
            | EditErrorKind::NoValue { .. }
            | EditErrorKind::Identity,
        ) => Exit::Usage,
        Some(EditErrorKind::Refused) if refused.is_some_and(is_by_rules) => Exit::Refused,
        Some(EditErrorKind::Unsound | EditErrorKind::Refused) => Exit::No,
        _ => Exit::Refused,
    }
}

/// Whether nothing but rules refuse what an edit would make: the texts alone are in order.
fn is_by_rules(refused: &EditError) -> bool {
    let mut errors = refused.findings().iter().filter(|found| found.is_error());
    errors.all(|found| found.code.layer() == Layer::Rules)
}

/// What a rule of the store refuses is told apart from a store that fails.
fn store_exit(error: &FleetError) -> Exit {
    let source = std::error::Error::source(error);
    let store = source.and_then(|source| source.downcast_ref::<StoreError>());
    store.map_or(Exit::System, |error| exit_of_store(error.kind()))
}

/// A directory that others may enter or that is too long is refused by a rule.
fn runtime_dir_exit(error: &FleetError) -> Exit {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<PathError>()) {
        Some(error) if matches!(error.fault(), PathFault::Io | PathFault::Full) => Exit::System,
        Some(_) => Exit::Refused,
        None => Exit::System,
    }
}
