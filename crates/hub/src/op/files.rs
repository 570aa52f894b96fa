//! Parameters and results about files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contained::Removal;
use crate::topology::MountRef;

/// The directory that a path is below.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A mount of this hub's topology.
    Mount(MountRef),
    /// A directory of this machine, absolute: what home asks a spoke for.
    Root(String),
}

/// Parameters of `fs.root`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootParams {
    /// The directory, absolute.
    pub root: String,
}

/// Result of `fs.root`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootResult {
    /// The directory without links.
    pub root: String,
}

/// Parameters of operations on one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathParams {
    /// What the path is below.
    pub place: Place,
    /// The path, relative; empty for the place itself.
    #[serde(default)]
    pub path: String,
}

/// Parameters of `fs.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// What the path is below.
    pub place: Place,
    /// The directory, relative; empty for the place itself.
    #[serde(default)]
    pub path: String,
    /// Begins after this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many entries at most; 0 or over 1,000 means 1,000.
    #[serde(default)]
    pub limit: u32,
}

/// Parameters of `fs.mkdir`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MkdirParams {
    /// What the path is below.
    pub place: Place,
    /// The directory, relative.
    pub path: String,
    /// Makes those above it too, and takes one that is there.
    #[serde(default)]
    pub parents: bool,
}

/// Parameters of `fs.rename` and `fs.copy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwoPathsParams {
    /// What both paths are below.
    pub place: Place,
    /// The path, relative.
    pub from: String,
    /// The new path, relative.
    pub to: String,
    /// Replaces a file that is there.
    #[serde(default)]
    pub replace: bool,
}

/// Parameters of `fs.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveParams {
    /// What the path is below.
    pub place: Place,
    /// The path, relative.
    pub path: String,
    /// Whether a directory goes with what is in it.
    #[serde(default)]
    pub removal: Removal,
}
