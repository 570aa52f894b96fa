//! The operations of a hub: their names, parameters and results, and the right that each needs.

mod agents;
mod files;
mod terminals;
mod topology;

use podfleet_protocol::Shown;
use podfleet_protocol::method::Nothing;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::fault::{Code, Fault};
use crate::token::Scope;

pub use agents::*;
pub use files::*;
pub use terminals::*;
pub use topology::*;

/// An operation: what it takes, what it gives, and who may ask for it.
pub trait Op: Send + Sync + 'static {
    /// Its name on the wire.
    const NAME: &'static str;
    /// The right that it needs, besides a token; nothing: none.
    const SCOPE: Option<Scope>;
    /// What it takes.
    type Params: Serialize + DeserializeOwned + Send;
    /// What it gives.
    type Result: Serialize + DeserializeOwned + Send;
}

macro_rules! right {
    (any) => {
        None
    };
    ($scope:ident) => {
        Some(Scope::$scope)
    };
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])* $op:ident = $name:literal, $scope:ident ($params:ty) -> $result:ty;)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $op;

            impl Op for $op {
                const NAME: &'static str = $name;
                const SCOPE: Option<Scope> = right!($scope);
                type Params = $params;
                type Result = $result;
            }
        )*

        /// An invocation with its parameters read.
        pub enum Call {
            $($(#[doc = $doc])* $op(Box<$params>),)*
        }

        impl Call {
            /// The names of all operations.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Reads the parameters of an invocation.
            ///
            /// # Errors
            /// Fails when there is no such operation, or the parameters do not fit it.
            pub fn parse(op: &str, params: Value) -> Result<Self, Fault> {
                match op {
                    $($name => read(op, params).map(|params| Self::$op(Box::new(params))),)*
                    _ => Err(unknown(op)),
                }
            }

            /// Returns the operation's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$op(_) => $name,)* }
            }

            /// Returns the right that it needs; nothing if that is none.
            #[must_use]
            pub const fn scope(&self) -> Option<Scope> {
                match self { $(Self::$op(_) => right!($scope),)* }
            }
        }

        /// Describes each operation for the document of the surface.
        pub(crate) fn describe(generator: &mut SchemaGenerator) -> Vec<Described> {
            vec![$(Described {
                name: $name,
                about: concat!($($doc, "\n"),*).trim(),
                scope: right!($scope),
                params: generator.subschema_for::<$params>().into(),
                result: generator.subschema_for::<$result>().into(),
            }),*]
        }
    };
}

/// An operation for the document of the surface.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) scope: Option<Scope>,
    pub(crate) params: Value,
    pub(crate) result: Value,
}

ops! {
    /// Tells which hub this is, and what it speaks.
    HubInfo = "hub.info", any (Nothing) -> Info;

    /// Lists the machines: `local` first, then the endpoints with how they are.
    EndpointList = "endpoint.list", Observe (Nothing) -> EndpointListResult;
    /// Tells which key a machine shows, for a person to compare.
    EndpointProbe = "endpoint.probe", Admin (ProbeParams) -> ProbeResult;
    /// Adds an endpoint.
    EndpointAdd = "endpoint.add", Admin (EndpointAddParams) -> EndpointView;
    /// Gives an endpoint another key, another token, or both; what depends on it stays.
    EndpointUpdate = "endpoint.update", Admin (EndpointUpdateParams) -> EndpointView;
    /// Gives an endpoint another name.
    EndpointRename = "endpoint.rename", Admin (EndpointRenameParams) -> EndpointView;
    /// Removes an endpoint, with what depends on it if that is said.
    EndpointRemove = "endpoint.remove", Admin (EndpointRemoveParams) -> EndpointRemoveResult;
    /// Tries an endpoint again at once.
    EndpointRetry = "endpoint.retry", Admin (EndpointParams) -> EndpointView;

    /// Lists the mounts, in order.
    MountList = "mount.list", Observe (MountListParams) -> MountListResult;
    /// Makes a mount of a directory that its machine confirms.
    MountAdd = "mount.add", Admin (MountAddParams) -> MountView;
    /// Gives a mount another name.
    MountRename = "mount.rename", Admin (MountRenameParams) -> MountView;
    /// Moves a mount to another place in its list.
    MountReorder = "mount.reorder", Admin (MountReorderParams) -> MountView;
    /// Removes a mount; the directory stays.
    MountRemove = "mount.remove", Admin (MountParams) -> MountView;
    /// Tells which directory of which machine a mount is.
    MountResolve = "mount.resolve", Observe (MountParams) -> MountView;

    /// Confirms that a directory of this machine may be a mount.
    FsRoot = "fs.root", FilesRead (RootParams) -> RootResult;
    /// Tells what a file or directory is.
    FsStat = "fs.stat", FilesRead (PathParams) -> crate::contained::Stat;
    /// Lists a directory, in pages.
    FsList = "fs.list", FilesRead (ListParams) -> crate::contained::ListPage;
    /// Makes a directory.
    FsMkdir = "fs.mkdir", FilesWrite (MkdirParams) -> crate::contained::Stat;
    /// Renames something within its mount.
    FsRename = "fs.rename", FilesWrite (TwoPathsParams) -> Nothing;
    /// Copies a file within its mount.
    FsCopy = "fs.copy", FilesWrite (TwoPathsParams) -> crate::contained::CopyReport;
    /// Removes a file, a link or a directory.
    FsRemove = "fs.remove", FilesWrite (RemoveParams) -> Nothing;

    /// Lists the agents of every machine, or of one.
    FleetPs = "fleet.ps", Observe (PsParams) -> PsResult;
    /// Sends a message to an agent, and tells what became of it.
    FleetSend = "fleet.send", Message (SendParams) -> podfleet::SendReport;
    /// Gives the last lines of an agent's terminal.
    FleetTail = "fleet.tail", Observe (TailParams) -> podfleet_protocol::method::ScrollbackResult;
    /// Gives the last records of an agent's session log.
    FleetLog = "fleet.log", Observe (LogParams) -> LogResult;
    /// Lists the messages that wait for an agent.
    FleetInbox = "fleet.inbox", Observe (InboxParams) -> podfleet::InboxReport;
    /// Tells what became of a message to an agent.
    FleetReceipt = "fleet.receipt", Observe (ReceiptParams) -> podfleet_protocol::Receipt;

    /// Opens a terminal on a mount.
    PtySpawn = "pty.spawn", Pty (PtySpawnParams) -> crate::topology::Route;
    /// Opens a terminal in a directory of this machine.
    PtyOpen = "pty.open", Pty (PtyOpenParams) -> PtyOpened;
    /// Lists the terminals that were opened through this hub.
    PtyList = "pty.list", Observe (Nothing) -> PtyListResult;
    /// Tells how the pods of this machine are, which home asks a spoke for.
    PtyStates = "pty.states", Observe (Nothing) -> PtyStatesResult;
    /// Ends a terminal.
    PtyKill = "pty.kill", Pty (PtyKillParams) -> Nothing;
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Call").field(&self.name()).finish()
    }
}

/// Which hub this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// Its identity, which it keeps for ever.
    pub hub_id: Uuid,
    /// The short name of its machine.
    pub host: String,
    /// Its build.
    pub build: String,
    /// The newest version of the surface that it speaks.
    pub version: u32,
    /// The oldest that it understands.
    pub min_version: u32,
}

fn read<T: DeserializeOwned>(op: &str, params: Value) -> Result<T, Fault> {
    let fault = |why: String| {
        let message = format!("the parameters do not fit `{op}`: {why}");
        Fault::new(Code::RequestInvalid, message)
    };
    let params = match params {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => params,
        _ => return Err(fault("they are given by name, in an object".to_owned())),
    };
    serde_path_to_error::deserialize(params).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        fault(if path == "." {
            why.to_string()
        } else {
            format!("`{path}`: {why}")
        })
    })
}

fn unknown(op: &str) -> Fault {
    let shown: String = op.chars().take(80).collect();
    let message = format!("there is no operation `{}`", Shown(&shown));
    let near = podfleet::near(&shown, Call::NAMES.iter().map(|name| (*name).to_owned()));
    let fault = Fault::new(Code::RequestUnknown, message);
    match near.first() {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault,
    }
}
