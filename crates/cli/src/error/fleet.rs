//! How a command ends that failed with its fleet.

use podfleet::{FleetError, FleetErrorKind};
use podfleet_pod::paths::{PathError, PathFault};

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

/// Maps what can go wrong with a fleet to how the command ends.
fn exit_of(error: &FleetError) -> Exit {
    match error.kind() {
        FleetErrorKind::NoSuchAgent { .. }
        | FleetErrorKind::NoRoster
        | FleetErrorKind::LostRoster { .. }
        | FleetErrorKind::Unreadable { .. }
        | FleetErrorKind::Name { .. } => Exit::Usage,
        FleetErrorKind::Roster { .. } | FleetErrorKind::NotRunning { .. } => Exit::No,
        FleetErrorKind::Remote { .. }
        | FleetErrorKind::Claimed { .. }
        | FleetErrorKind::FileChanged { .. }
        | FleetErrorKind::Refused { .. }
        | FleetErrorKind::ControlTaken { .. } => Exit::Refused,
        FleetErrorKind::RuntimeDir => runtime_dir_exit(error),
        FleetErrorKind::TmuxMissing | FleetErrorKind::TmuxTooOld { .. } => Exit::Missing,
        FleetErrorKind::Store
        | FleetErrorKind::Tmux
        | FleetErrorKind::Io { .. }
        | FleetErrorKind::Unwritable { .. }
        | FleetErrorKind::Pod { .. }
        | FleetErrorKind::Storage { .. } => Exit::System,
        FleetErrorKind::Internal => Exit::Defect,
        // The enum may grow; until it has a place above, a new kind is a failure of the system.
        _ => Exit::System,
    }
}

/// A directory that others may enter or that is too long is refused by a rule.
fn runtime_dir_exit(error: &FleetError) -> Exit {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<PathError>()) {
        Some(error) if error.fault() == PathFault::Io => Exit::System,
        Some(_) => Exit::Refused,
        None => Exit::System,
    }
}
