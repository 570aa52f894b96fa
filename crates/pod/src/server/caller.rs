//! Who is calling: the operator, or a pod that shows its credential.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use podfleet_pod_store::Sender;
use podfleet_protocol::method::{ConnectionRole, Credential};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, PodId};
use subtle::ConstantTimeEq;

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
}

/// Finds out who calls.
///
/// # Errors
/// A credential that is not the pod's present one is refused: falling back to the operator would
/// give more rights, not fewer.
pub(super) async fn identify(
    shared: &Shared,
    name: String,
    role: ConnectionRole,
    credential: Option<Credential>,
) -> Result<Caller, RpcError> {
    let host = &shared.identity.host;
    let Some(credential) = credential else {
        return Ok(Caller {
            sender: Sender::Operator,
            address: Address::operator(host),
            name,
            role,
        });
    };
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
    let record = record.ok().flatten().ok_or_else(forbidden)?;
    Ok(Caller {
        sender: Sender::Pod(credential.pod),
        address: Address::new(record.identity.host, record.identity.name.as_str()),
        name,
        role,
    })
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
