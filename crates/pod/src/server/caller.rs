//! Who is calling: the operator, or a pod that shows its credential.

use std::borrow::Cow;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use podfleet_pod_store::{Page, PodFilter, PodRecord, Relation, Sender};
use podfleet_protocol::method::{ConnectionRole, Credential, HelloParams};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, PodId};
use subtle::ConstantTimeEq;

use super::rights::Seat;
use crate::guard::hosting_pod;
use crate::paths::RuntimeDir;
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
    pub(super) standing: Standing,
    /// Its class, if it is a pod.
    pub(super) class: String,
}

/// What a caller is to the pod that it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A person, or a program of theirs outside all pods.
    Operator,
    /// The lead of its fleet, or its parent.
    Superior,
    /// The pod itself, or its agent.
    Itself,
    /// Any other pod.
    Other,
}

impl Standing {
    fn of(relation: Relation) -> Self {
        if relation.itself {
            Self::Itself
        } else if relation.may_stop() {
            Self::Superior
        } else {
            Self::Other
        }
    }
}

impl Caller {
    /// Returns whether it may hold and drive this pod's agent.
    pub(super) fn commands(&self) -> bool {
        matches!(self.standing, Standing::Operator | Standing::Superior)
    }

    /// Returns whether all that concerns this pod is its business: it commands it, or is it.
    pub(super) fn is_trusted(&self) -> bool {
        self.standing != Standing::Other
    }

    /// Checks that it commands this pod.
    ///
    /// # Errors
    /// Fails when it does not; `what` fits "may ...".
    pub(super) fn check_commands(&self, what: &str) -> Result<(), RpcError> {
        if self.commands() {
            return Ok(());
        }
        Err(RpcError::new(
            ErrorCode::Forbidden,
            format!("only the operator, the fleet's lead and the parent may {what}"),
        ))
    }
}

/// Finds out who calls: the pod whose credential it shows, or in whose agent it runs; else the
/// operator.
///
/// # Errors
/// A credential that is not the pod's present one is refused: falling back to the operator would
/// give more rights, not fewer.
pub(super) async fn identify(
    shared: &Shared,
    process: Option<u32>,
    hello: HelloParams,
) -> Result<Caller, RpcError> {
    let record = match &hello.credential {
        Some(credential) => Some(credentialed(shared, credential).await?),
        None => match process.and_then(hosting_pod) {
            Some(pod) => hosted(shared, pod).await?,
            None => None,
        },
    };
    let own = &shared.identity;
    let HelloParams {
        client: name, role, ..
    } = hello;
    Ok(match record {
        None => Caller {
            sender: Sender::Operator,
            address: Address::operator(&own.host),
            name,
            role,
            standing: Standing::Operator,
            class: String::new(),
        },
        Some(record) => Caller {
            sender: Sender::Pod(record.identity.id),
            address: Address::new(&record.identity.host, record.identity.name.as_str()),
            name,
            role,
            standing: Standing::of(relation_of(shared, record.identity.id).await?),
            class: record.class.clone(),
        },
    })
}

/// Returns what another pod is to this one, as the store has it now.
async fn relation_of(shared: &Shared, caller: PodId) -> Result<Relation, RpcError> {
    let relation = shared.store.relation(caller, shared.identity.id).await;
    relation.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))
}

/// Returns what a caller is to this pod now, and the caller as that: relations come and go while it
/// is connected.
pub(super) async fn seated<'a>(
    shared: &Shared,
    caller: &'a Caller,
) -> Result<(Seat, Cow<'a, Caller>), RpcError> {
    let Sender::Pod(id) = caller.sender else {
        return Ok((Seat::Operator, Cow::Borrowed(caller)));
    };
    let relation = relation_of(shared, id).await?;
    let seat = Seat::of_pod(relation, &caller.class);
    let standing = Standing::of(relation);
    if standing == caller.standing {
        return Ok((seat, Cow::Borrowed(caller)));
    }
    let caller = Caller {
        standing,
        ..caller.clone()
    };
    Ok((seat, Cow::Owned(caller)))
}

async fn credentialed(shared: &Shared, credential: &Credential) -> Result<PodRecord, RpcError> {
    let forbidden = || {
        RpcError::new(
            ErrorCode::Forbidden,
            "the credential is not that of a running pod",
        )
    };
    if !is_valid(&shared.runtime_dir, credential.pod, &credential.secret) {
        return Err(forbidden());
    }
    let record = shared.store.pod(credential.pod).await;
    record.ok().flatten().ok_or_else(forbidden)
}

/// Returns the pod of this process; nothing if it is none of this store's.
async fn hosted(shared: &Shared, process: u32) -> Result<Option<PodRecord>, RpcError> {
    let filter = PodFilter {
        tenant: shared.identity.tenant_id.clone(),
        fleet: None,
    };
    let listing = shared.store.list_pods(&filter, Page::all()).await;
    let listing = listing.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))?;
    let records = listing.items.into_iter().map(|summary| summary.record);
    Ok(records.into_iter().find(|record| {
        let endpoint = record.endpoint.as_ref();
        endpoint.is_some_and(|endpoint| endpoint.pid == process)
    }))
}

fn is_valid(runtime_dir: &Path, pod: PodId, secret: &str) -> bool {
    let Ok(directory) = RuntimeDir::open(runtime_dir) else {
        return false;
    };
    let Ok(file) = std::fs::File::open(directory.pod(pod).credential) else {
        return false;
    };
    let ours = file.metadata().is_ok_and(|found| {
        found.mode() & 0o077 == 0 && found.uid() == rustix::process::getuid().as_raw()
    });
    let mut known = String::new();
    let read = file.take(256).read_to_string(&mut known);
    ours && read.is_ok() && bool::from(known.trim().as_bytes().ct_eq(secret.as_bytes()))
}
