//! The topology: endpoints, mounts, and the routes of terminals; and the tokens of this hub.
//!
//! It is one `SQLite` file. Every change is one transaction that is on the disk when it returns;
//! one that fails changes nothing, and the next one is not affected. A file that is damaged is an
//! error, never an empty topology.

mod endpoints;
mod file;
mod logins;
mod mounts;
mod routes;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use podfleet_protocol::{EndpointName, MountName, SpaceName, UnixMillis};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::address::Reach;
use crate::fault::{Code, Fault};

pub use endpoints::Dependents;
pub use mounts::NewMount;
pub use routes::Route;

/// The endpoints, mounts, routes and tokens of a hub.
#[derive(Debug)]
pub struct Topology {
    connection: Arc<Mutex<Connection>>,
    id: Uuid,
    secrets: PathBuf,
    /// Whether changes are kept, rather than undone when they have succeeded.
    keeps: bool,
}

/// Another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Its identity here.
    pub endpoint_id: Uuid,
    /// Its name.
    pub name: EndpointName,
    /// How it is reached.
    pub reach: Reach,
    /// The identity of the hub that answered first; another one is not accepted in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_id: Option<Uuid>,
    /// When it was added.
    pub created: UnixMillis,
    /// When it was last changed.
    pub updated: UnixMillis,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// A directory of a machine, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    /// Its identity.
    pub mount_id: Uuid,
    /// The list that it is in.
    pub space: SpaceName,
    /// Its name.
    pub name: MountName,
    /// Its place in the list, from 0.
    pub position: u32,
    /// The name of the machine that has it; `local` is the hub's own.
    pub endpoint: MachineName,
    /// The directory there, absolute.
    pub root: String,
    /// Whether the machine itself said that the directory is there.
    pub checked: bool,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub updated: UnixMillis,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// The hub's own machine, or an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MachineName {
    /// The hub's own.
    Local,
    /// The endpoint of this name.
    Endpoint(EndpointName),
}

impl MachineName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Endpoint(name) => name.as_str(),
        }
    }
}

impl std::fmt::Display for MachineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for MachineName {
    type Err = podfleet_protocol::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "local" => Ok(Self::Local),
            text => EndpointName::new(text).map(Self::Endpoint),
        }
    }
}

impl TryFrom<String> for MachineName {
    type Error = podfleet_protocol::NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MachineName> for String {
    fn from(name: MachineName) -> Self {
        name.as_str().to_owned()
    }
}

impl JsonSchema for MachineName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MachineName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
        })
    }
}

/// A mount that is named: `name`, or `space/name` where it is in another list than `default`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MountRef {
    /// The list.
    pub space: SpaceName,
    /// The name in it.
    pub name: MountName,
}

impl std::str::FromStr for MountRef {
    type Err = podfleet_protocol::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (space, name) = match text.split_once('/') {
            Some((space, name)) => (SpaceName::new(space)?, name),
            None => (SpaceName::default(), text),
        };
        let name = MountName::new(name)?;
        Ok(Self { space, name })
    }
}

impl std::fmt::Display for MountRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.space == SpaceName::default() {
            return f.pad(self.name.as_str());
        }
        f.pad(&format!("{}/{}", self.space, self.name))
    }
}

impl TryFrom<String> for MountRef {
    type Error = podfleet_protocol::NameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MountRef> for String {
    fn from(mount: MountRef) -> Self {
        mount.to_string()
    }
}

impl JsonSchema for MountRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MountRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
        })
    }
}

impl Mount {
    /// Returns its name as commands take it.
    #[must_use]
    pub fn named(&self) -> MountRef {
        MountRef {
            space: self.space.clone(),
            name: self.name.clone(),
        }
    }
}

impl Topology {
    /// Opens the topology in a directory, which is made, 0700, if it is not there.
    ///
    /// # Errors
    /// Fails when the directory or file is open to others, the file is damaged or from a newer
    /// build, or the disk fails.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        let (connection, id) = file::open(directory)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            id,
            secrets: directory.join("secrets"),
            keeps: true,
        })
    }

    /// Opens the topology in a directory for who changes nothing, as for a [`rehearsal`](Self::rehearsal):
    /// where there is none, an empty one is seen and none is made.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does.
    pub fn look(directory: &Path) -> Result<Self, Fault> {
        if file::is_there(directory)? {
            return Ok(Self::open(directory)?.rehearsal());
        }
        let (connection, id) = file::empty()?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            id,
            secrets: directory.join("secrets"),
            keeps: false,
        })
    }

    /// Returns the same topology for who wants to see what a change would be: each is made with all
    /// that is checked, answered, and undone.
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        Self {
            connection: Arc::clone(&self.connection),
            id: self.id,
            secrets: self.secrets.clone(),
            keeps: false,
        }
    }

    /// Returns the identity of this hub, made with the file.
    #[must_use]
    pub const fn hub_id(&self) -> Uuid {
        self.id
    }

    /// Returns the file that says when somebody last asked who may open terminals here.
    pub(crate) fn heard(&self) -> PathBuf {
        self.secrets.with_file_name("heard")
    }

    /// Looks whether the file can still be read.
    ///
    /// # Errors
    /// Fails when it cannot.
    pub fn check(&self) -> Result<(), Fault> {
        let read = self
            .lock()
            .query_row("SELECT count(*) FROM hub", [], |row| row.get::<_, i64>(0));
        read.map(|_| ()).map_err(Fault::from)
    }

    /// A panic elsewhere leaves the connection as it is: its transaction was rolled back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one change in one transaction.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction?;
        let done = work(&transaction)?;
        if self.keeps {
            transaction.commit()?;
        } else {
            transaction.rollback()?;
        }
        Ok(done)
    }
}

/// The file could not be read or written.
impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        let what = match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => "the topology is damaged",
            Some(DiskFull) => "the disk of the topology is full",
            _ => "the topology cannot be read or written",
        };
        let fault = Fault::new(Code::TopologyFailed, format!("{what}: {error}"));
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => fault.hint(file::HINT),
            _ => fault,
        }
    }
}

fn text_of(id: Uuid) -> String {
    id.to_string()
}

/// Reads a column that holds a checked text.
fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| {
        let why = format!("`{column}` holds what is no such thing");
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, why.into())
    })
}

fn counted<T: TryFrom<i64>>(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<T> {
    let number: i64 = row.get(column)?;
    T::try_from(number).map_err(|_| {
        let why = format!("`{column}` holds {number}");
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Integer, why.into())
    })
}
