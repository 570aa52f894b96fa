//! Parameters and results about endpoints and mounts.

use podfleet_protocol::{EndpointName, MountName, SpaceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Reach};
use crate::endpoint::Status;
use crate::secret::Entrusted;
use crate::tls::Pin;
use crate::topology::{Dependents, Endpoint, MachineName, Mount, MountRef};

/// A machine as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointView {
    /// Its name; `local` is the hub's own.
    pub name: MachineName,
    /// What is recorded of it; absent for `local`, which is never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// How it is.
    pub status: Status,
    /// The one thing to do about it; absent where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What depends on it.
    pub dependents: Dependents,
}

/// Result of `endpoint.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointListResult {
    /// `local`, then the endpoints by name.
    pub endpoints: Vec<EndpointView>,
}

/// Parameters of `endpoint.probe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeParams {
    /// Where it is.
    pub address: Address,
}

/// Result of `endpoint.probe`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeResult {
    /// The key that it showed. Compare it with what `fleet hub status` prints there.
    pub pin: Pin,
}

/// Parameters of `endpoint.add`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointAddParams {
    /// Its name.
    pub name: EndpointName,
    /// How it is reached.
    pub reach: Reach,
    /// The token by which home is known there; it is kept, and never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Entrusted>,
}

/// Parameters of `endpoint.update`: what is absent stays as it is, but which hub answers there is
/// learned anew.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointUpdateParams {
    /// Its name.
    pub name: EndpointName,
    /// The key that it shows from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The token by which home is known there from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Entrusted>,
}

/// Parameters of operations on one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointParams {
    /// Its name.
    pub name: EndpointName,
}

/// Parameters of `endpoint.rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointRenameParams {
    /// Its name.
    pub name: EndpointName,
    /// The new one.
    pub new: EndpointName,
}

/// Parameters of `endpoint.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointRemoveParams {
    /// Its name.
    pub name: EndpointName,
    /// Removes what depends on it too, however much that is.
    #[serde(default)]
    pub cascade: bool,
    /// Removes what depends on it too, if it is exactly so much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u32>,
}

impl EndpointRemoveParams {
    /// Returns how much may go with it; absent: whatever there is.
    #[must_use]
    pub fn expected(&self) -> Option<u32> {
        match (self.cascade, self.expect) {
            (true, _) => None,
            (false, expected) => Some(expected.unwrap_or(0)),
        }
    }
}

/// Result of `endpoint.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointRemoveResult {
    /// The endpoint that was removed.
    pub endpoint: Endpoint,
    /// What went with it.
    pub removed: Dependents,
}

/// A mount as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MountView {
    /// What is recorded.
    pub mount: Mount,
    /// How its machine is.
    pub status: Status,
}

/// Parameters of `mount.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountListParams {
    /// Only of this list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceName>,
}

/// Result of `mount.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MountListResult {
    /// The mounts, by list and place.
    pub mounts: Vec<MountView>,
}

/// Parameters of `mount.add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountAddParams {
    /// Its name.
    pub mount: MountRef,
    /// The machine that has the directory.
    pub endpoint: MachineName,
    /// The directory there, absolute.
    pub root: String,
    /// Takes it although the machine cannot be asked.
    #[serde(default)]
    pub unchecked: bool,
}

/// Parameters of operations on one mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountParams {
    /// The mount.
    pub mount: MountRef,
}

/// Parameters of `mount.rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountRenameParams {
    /// The mount.
    pub mount: MountRef,
    /// Its new name.
    pub new: MountName,
}

/// Parameters of `mount.reorder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MountReorderParams {
    /// The mount.
    pub mount: MountRef,
    /// Its new place, from 0; one behind the end is the end.
    pub position: u32,
}
