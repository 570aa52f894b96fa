//! What others' errors mean for a fleet.

use podfleet_connectors::{
    ConnectorError, CreateError, CreateErrorKind, OrchestratorConnector, Retry,
};
use podfleet_pod::opening::{OpenError, StoreAway};
use podfleet_pod::paths::PathError;
use podfleet_pod_store::{StoreError, StoreErrorKind};
use podfleet_protocol::NameError;
use podfleet_protocol::client::{ClientError, ClientErrorKind};
use podfleet_protocol::method::StartFailure;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_tmux::{TmuxError, TmuxErrorKind};

use super::{FleetError, FleetErrorKind};
use crate::report::Failure;
use crate::supervisor::Unavailable;

impl FleetError {
    /// Turns what went wrong with a chat connector into an error of the fleet.
    #[must_use]
    pub fn connector(connector: &dyn OrchestratorConnector, error: ConnectorError) -> Self {
        let chat = format!("{} {}", connector.kind(), connector.channel());
        let what = error.to_string();
        let kind = match error.retry() {
            Retry::Never => FleetErrorKind::ConnectorRefused { chat, what },
            Retry::After(_) | Retry::Backoff => FleetErrorKind::ConnectorFailed { chat, what },
        };
        let hint = super::hints::of_chat(error.kind());
        Self::new(kind).caused_by(error).with_hint_of_cause(hint)
    }

    /// Returns whether this program knows no connector of the kind that is wanted.
    pub(crate) fn is_unknown_connector(&self) -> bool {
        let cause = std::error::Error::source(self).and_then(|cause| cause.downcast_ref());
        cause.is_some_and(|cause: &CreateError| {
            matches!(cause.kind(), CreateErrorKind::NotRegistered { .. })
        })
    }

    /// Turns what a pod or the way to it answered into an error about that agent.
    pub(crate) fn pod(agent: &str, error: ClientError) -> Self {
        if let Some(refused) = error.answer().and_then(|answer| about_a_pod(agent, answer)) {
            return refused;
        }
        let agent = agent.to_owned();
        let kind = match (error.kind(), error.answer().map(|answer| answer.code)) {
            (ClientErrorKind::NotListening, _) => FleetErrorKind::NotRunning { agent },
            (ClientErrorKind::Version(_), _)
            | (_, Some(ErrorCode::Version | ErrorCode::MethodNotFound)) => {
                FleetErrorKind::OtherBuild { agent }
            }
            (_, Some(ErrorCode::ControlTaken)) => FleetErrorKind::ControlTaken { agent },
            (_, Some(ErrorCode::Damaged)) => FleetErrorKind::DamagedMessage { agent },
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
                    | ErrorCode::LineTooLong
                    | ErrorCode::LineUnfinished
                    | ErrorCode::Unread,
                ),
            ) => FleetErrorKind::NotAllowed {
                pod: agent,
                rule: error.answer().map(ToString::to_string).unwrap_or_default(),
            },
            _ => FleetErrorKind::Pod { agent },
        };
        match kind {
            // The rule is all that its answer says.
            FleetErrorKind::NotAllowed { .. } => Self::new(kind),
            _ => Self::new(kind).caused_by(error),
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
        ErrorCode::InvalidParams => FleetErrorKind::BadRequest {
            fault: match rule.strip_prefix(&format!("`{name}`: ")) {
                Some(fault) => fault.to_owned(),
                None => rule,
            },
            pod,
        },
        ErrorCode::NoSuchCursor => FleetErrorKind::NoSuchCursor { pod },
        ErrorCode::NoSuchPod | ErrorCode::NameTaken | ErrorCode::Unreachable => {
            FleetErrorKind::NotAllowed { pod, rule }
        }
        _ => return None,
    };
    Some(FleetError::new(kind))
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
        if let StoreErrorKind::DamagedPod { id, name, what, .. } = error.kind() {
            let pod = if name.is_empty() { id } else { name };
            return Self::new(FleetErrorKind::DamagedRecord {
                pod: pod.clone(),
                what: what.clone(),
            });
        }
        let hint = error.hint();
        Self::new(FleetErrorKind::Store)
            .caused_by(error)
            .with_hint_of_cause(hint)
    }
}

impl From<StoreAway> for FleetError {
    fn from(error: StoreAway) -> Self {
        let hint = error.hint();
        Self::new(FleetErrorKind::Store).caused_by(error).hint(hint)
    }
}

impl From<OpenError> for FleetError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Away(error) => error.into(),
            OpenError::Store(error) => error.into(),
            error => Self::new(FleetErrorKind::Store).caused_by(error),
        }
    }
}

impl From<TmuxError> for FleetError {
    fn from(error: TmuxError) -> Self {
        if error.kind() == TmuxErrorKind::Missing {
            return Self::new(FleetErrorKind::TmuxMissing);
        }
        let hint = error.hint();
        Self::new(FleetErrorKind::Tmux)
            .caused_by(error)
            .with_hint_of_cause(hint)
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
