//! How a command ends that failed with a hub.

use podfleet_hub::client::ClientError;
use podfleet_hub::fault::{Code, Fault};

use crate::error::Error;
use crate::exit::Exit;

pub(super) fn of_fault(fault: Fault) -> Error {
    let exit = exit_of(fault.code);
    let hint = fault.hint.clone();
    let error = Error::new(exit, fault);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Answer(fault) => of_fault(fault),
            error => Self::new(Exit::System, error)
                .hint("`fleet hub status` says whether a hub runs on this machine"),
        }
    }
}

/// Maps what a hub says to how the command ends.
fn exit_of(code: Code) -> Exit {
    match code {
        Code::MountNotFound
        | Code::EndpointNotFound
        | Code::AgentNotFound
        | Code::RequestInvalid
        | Code::RequestUnknown
        | Code::AuthRequired => Exit::Usage,
        Code::FsNotFound
        | Code::FsNotADirectory
        | Code::FsIsADirectory
        | Code::AgentNotRunning
        | Code::AgentGone
        | Code::PtyNotStarted => Exit::No,
        Code::FsPermission
        | Code::FsExists
        | Code::FsTooLarge
        | Code::FsConflict
        | Code::PathOutsideRoot
        | Code::MountExists
        | Code::EndpointExists
        | Code::EndpointInUse
        | Code::EndpointKey
        | Code::AgentRefused
        | Code::AuthDenied
        | Code::LimitExceeded => Exit::Refused,
        Code::Internal => Exit::Defect,
        _ => Exit::System,
    }
}
