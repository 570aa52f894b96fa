//! Who is calling: the operator, or a pod that shows its credential.

use std::borrow::Cow;

use podfleet_pod_store::Sender;
use podfleet_protocol::method::{ConnectionRole, HelloParams};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, PodId};

use crate::identity::{self, Unidentified};
use crate::paths::StatePaths;
use crate::rights::Seat;
use crate::shared::Shared;

/// The proven sender of what comes over a connection.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) sender: Sender,
    pub(super) address: Address,
    /// As the client named itself.
    pub(super) name: String,
    /// What the connection is for.
    pub(super) role: ConnectionRole,
    /// What it is to this pod.
    pub(super) seat: Seat,
    /// Its class, if it is a pod.
    class: String,
}

/// Finds out who calls: the pod whose credential it shows, or in whose agent it runs; else the
/// operator.
///
/// # Errors
/// Fails when that cannot be told, above all by a credential that is not a pod's present one.
pub(super) async fn identify(
    shared: &Shared,
    process: Option<u32>,
    hello: HelloParams,
) -> Result<Caller, RpcError> {
    let state = StatePaths::new(&shared.state_dir);
    let credential = hello.credential.as_ref();
    let found = identity::identify(&*shared.store, &state, process, credential).await;
    let record = found.map_err(|error| match error {
        Unidentified::Store(error) => RpcError::new(ErrorCode::Storage, error.to_string()),
        _ => RpcError::new(ErrorCode::Forbidden, error.to_string()),
    })?;
    let HelloParams {
        client: name, role, ..
    } = hello;
    Ok(match record {
        None => Caller {
            sender: Sender::Operator,
            address: Address::operator(&shared.identity.host),
            name,
            role,
            seat: Seat::Operator,
            class: String::new(),
        },
        Some(record) => Caller {
            sender: Sender::Pod(record.identity.id),
            address: Address::new(&record.identity.host, record.identity.name.as_str()),
            name,
            role,
            seat: seat_of(shared, record.identity.id, &record.class).await?,
            class: record.class,
        },
    })
}

/// Returns what another pod is to this one, as the store has it now.
async fn seat_of(shared: &Shared, caller: PodId, class: &str) -> Result<Seat, RpcError> {
    let relation = shared.store.relation(caller, shared.identity.id).await;
    let relation =
        relation.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))?;
    Ok(Seat::of_pod(relation, class))
}

/// Returns the caller as what it is to this pod now: relations come and go while it is connected.
pub(super) async fn seated<'a>(
    shared: &Shared,
    caller: &'a Caller,
) -> Result<Cow<'a, Caller>, RpcError> {
    let Sender::Pod(id) = caller.sender else {
        return Ok(Cow::Borrowed(caller));
    };
    let seat = seat_of(shared, id, &caller.class).await?;
    if seat == caller.seat {
        return Ok(Cow::Borrowed(caller));
    }
    Ok(Cow::Owned(Caller {
        seat,
        ..caller.clone()
    }))
}
