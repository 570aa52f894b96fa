//! Peers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::PodId;
use crate::name::PodName;

/// Result of `register_peer` and `unregister_peer`. Both pods are told by an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerResult {
    /// The other pod.
    pub id: PodId,
    /// Its name.
    pub name: PodName,
    /// Whether they are peers now.
    pub peer: bool,
    /// Whether this call changed it.
    pub changed: bool,
}
