//! Endpoints: adding, renaming and removing them, and the tokens by which home is known there.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use podfleet_protocol::{EndpointName, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::file::{io_fault, private_directory, refuse_open};
use super::{Endpoint, Topology, counted, parsed, text_of};
use crate::address::Reach;
use crate::fault::{Code, Fault};
use crate::private_file;
use crate::secret::Secret;
use crate::tls::Pin;

/// What goes with an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependents {
    /// Mounts of its directories.
    pub mounts: u32,
    /// Routes to terminals on it. The terminals themselves stay.
    pub terminals: u32,
}

impl Dependents {
    /// Returns how many there are in all.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.mounts + self.terminals
    }
}

impl Topology {
    /// Lists the endpoints by name; `local` is not among them.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, Fault> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT * FROM endpoint ORDER BY folded")?;
        let rows = statement.query_map([], endpoint_of)?;
        rows.collect::<Result<_, _>>().map_err(Fault::from)
    }

    /// Finds an endpoint by name.
    ///
    /// # Errors
    /// Fails when there is none, or the file cannot be read.
    pub fn endpoint(&self, name: &EndpointName) -> Result<Endpoint, Fault> {
        find(&self.lock(), name)
    }

    /// Adds an endpoint, with the token by which home is known there; a token is kept apart, in a
    /// file of its own, and is never read back by anybody but the supervisor.
    ///
    /// # Errors
    /// Fails when the name or the address is taken, or the disk fails.
    pub fn add_endpoint(
        &self,
        name: EndpointName,
        reach: Reach,
        hub_id: Option<Uuid>,
        token: Option<&Secret>,
        now: UnixMillis,
    ) -> Result<Endpoint, Fault> {
        let endpoint = Endpoint {
            endpoint_id: Uuid::now_v7(),
            name,
            reach,
            hub_id,
            created: now,
            updated: now,
            revision: 1,
        };
        let file = self.secret_file(endpoint.endpoint_id);
        if let (Some(token), true) = (token, self.keeps) {
            self.keep_secret(&file, token)?;
        }
        let added = self.change(|tx| {
            refuse_taken(tx, &endpoint.name, None)?;
            insert(tx, &endpoint)
        });
        if added.is_err() {
            let _ = fs::remove_file(&file);
        }
        added.map(|()| endpoint)
    }

    /// Gives an endpoint another name.
    ///
    /// # Errors
    /// Fails when there is none, the name is taken, or the disk fails.
    pub fn rename_endpoint(
        &self,
        name: &EndpointName,
        new: &EndpointName,
        now: UnixMillis,
    ) -> Result<Endpoint, Fault> {
        self.change(|tx| {
            let endpoint = find(tx, name)?;
            refuse_taken(tx, new, Some(endpoint.endpoint_id))?;
            let sql = "UPDATE endpoint SET name = ?2, folded = ?3, updated = ?4,
                revision = revision + 1 WHERE id = ?1";
            let id = text_of(endpoint.endpoint_id);
            tx.execute(sql, params![id, new.as_str(), folded(new.as_str()), now.0])?;
            find(tx, new)
        })
    }

    /// Gives an endpoint another key, another token, both, or neither. Which hub answers there is
    /// learned anew; its mounts and terminals stay.
    ///
    /// # Errors
    /// Fails when there is none, it has no key or token, or the disk fails.
    pub fn update_endpoint(
        &self,
        name: &EndpointName,
        pin: Option<Pin>,
        token: Option<&Secret>,
        now: UnixMillis,
    ) -> Result<Endpoint, Fault> {
        let endpoint = find(&self.lock(), name)?;
        let invalid = |why: &str| {
            let message = format!("`{name}` has no {why}: it is reached by {}", endpoint.reach);
            Fault::new(Code::RequestInvalid, message)
        };
        let reach = match (pin, endpoint.reach.clone()) {
            (Some(pin), Reach::Tls { address, .. }) => Reach::Tls { address, pin },
            (Some(_), _) => return Err(invalid("key")),
            (None, reach) => reach,
        };
        if let Some(token) = token {
            if matches!(reach, Reach::Ssh { .. }) {
                return Err(invalid("token"));
            }
            private_directory(&self.secrets)?;
            if self.keeps {
                let path = self.secret_file(endpoint.endpoint_id);
                private_file::replace(&path, token.expose().as_bytes())
                    .map_err(|error| io_fault(&path, &error))?;
            }
        }
        let reach = serde_json::to_string(&reach)
            .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        self.change(|tx| {
            let sql = "UPDATE endpoint SET reach = ?2, hub = NULL, updated = ?3,
                revision = revision + 1 WHERE id = ?1";
            tx.execute(sql, params![text_of(endpoint.endpoint_id), reach, now.0])?;
            find(tx, name)
        })
    }

    /// Remembers which hub answers at an endpoint.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn set_hub_of(&self, endpoint: Uuid, hub: Uuid) -> Result<(), Fault> {
        self.change(|tx| {
            let sql = "UPDATE endpoint SET hub = ?2 WHERE id = ?1 AND hub IS NULL";
            tx.execute(sql, params![text_of(endpoint), text_of(hub)])?;
            Ok(())
        })
    }

    /// Returns what depends on an endpoint.
    ///
    /// # Errors
    /// Fails when there is none, or the file cannot be read.
    pub fn dependents(&self, name: &EndpointName) -> Result<Dependents, Fault> {
        let connection = self.lock();
        let endpoint = find(&connection, name)?;
        dependents(&connection, Some(endpoint.endpoint_id))
    }

    /// Returns how many mounts and routes there are of the hub's own machine.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn own_dependents(&self) -> Result<Dependents, Fault> {
        dependents(&self.lock(), None)
    }

    /// Removes an endpoint with what depends on it. `expected` is how much that is, as the caller
    /// saw it; absent: whatever it is.
    ///
    /// # Errors
    /// Fails with [`Code::EndpointInUse`] when something else depends on it than expected; when
    /// there is none, or the disk fails.
    pub fn remove_endpoint(
        &self,
        name: &EndpointName,
        expected: Option<u32>,
    ) -> Result<(Endpoint, Dependents), Fault> {
        let removed = self.change(|tx| {
            let endpoint = find(tx, name)?;
            let id = text_of(endpoint.endpoint_id);
            let found = dependents(tx, Some(endpoint.endpoint_id))?;
            if expected.is_some_and(|expected| expected != found.count()) {
                return Err(in_use(name, found, expected));
            }
            for sql in [
                "DELETE FROM mount WHERE endpoint = ?1",
                "DELETE FROM route WHERE endpoint = ?1",
                "DELETE FROM endpoint WHERE id = ?1",
            ] {
                tx.execute(sql, [&id])?;
            }
            super::mounts::close_gaps(tx)?;
            Ok((endpoint, found))
        })?;
        // The record is gone: what cannot be removed here is known to nobody.
        if self.keeps {
            let _ = fs::remove_file(self.secret_file(removed.0.endpoint_id));
        }
        Ok(removed)
    }

    /// Reads the token by which home is known at an endpoint.
    pub(crate) fn endpoint_secret(&self, endpoint: Uuid) -> Result<Option<Secret>, Fault> {
        let path = self.secret_file(endpoint);
        let mut file = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| io_fault(&path, &error))?,
        };
        private_directory(&self.secrets)?;
        let found = file.metadata().map_err(|error| io_fault(&path, &error))?;
        refuse_open(&path, &found, 0o077, found.is_file())?;
        let mut text = String::new();
        let read = std::io::Read::by_ref(&mut file)
            .take(4096)
            .read_to_string(&mut text);
        read.map_err(|error| io_fault(&path, &error))?;
        Ok(Some(Secret::new(&text)))
    }

    fn secret_file(&self, endpoint: Uuid) -> PathBuf {
        self.secrets.join(endpoint.simple().to_string())
    }

    fn keep_secret(&self, path: &std::path::Path, token: &Secret) -> Result<(), Fault> {
        private_directory(&self.secrets)?;
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = options
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(token.expose().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| io_fault(path, &error))
    }
}

fn insert(connection: &Connection, endpoint: &Endpoint) -> Result<(), Fault> {
    let reach = serde_json::to_string(&endpoint.reach)
        .map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    let sql = "INSERT INTO endpoint
        (id, name, folded, reach, place, hub, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
    let values = params![
        text_of(endpoint.endpoint_id),
        endpoint.name.as_str(),
        folded(endpoint.name.as_str()),
        reach,
        endpoint.reach.place(),
        endpoint.hub_id.map(text_of),
        endpoint.created.0,
    ];
    match connection.execute(sql, values) {
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
        {
            let place = endpoint.reach.place();
            let message = format!("there is an endpoint with the address {place} already");
            Err(Fault::new(Code::EndpointExists, message))
        }
        other => other.map(|_| ()).map_err(Fault::from),
    }
}

fn find(connection: &Connection, name: &EndpointName) -> Result<Endpoint, Fault> {
    let found = connection
        .query_row(
            "SELECT * FROM endpoint WHERE folded = ?1",
            [folded(name.as_str())],
            endpoint_of,
        )
        .optional()?;
    found.ok_or_else(|| {
        let message = format!("there is no endpoint `{name}`");
        Fault::new(Code::EndpointNotFound, message).hint("`fleet endpoint list` lists them")
    })
}

fn refuse_taken(
    connection: &Connection,
    name: &EndpointName,
    own: Option<Uuid>,
) -> Result<(), Fault> {
    match find(connection, name) {
        Ok(found) if Some(found.endpoint_id) != own => {
            let message = format!("there is an endpoint `{}` already", found.name);
            Err(Fault::new(Code::EndpointExists, message))
        }
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::EndpointNotFound => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn dependents(connection: &Connection, endpoint: Option<Uuid>) -> Result<Dependents, Fault> {
    let count = |table: &str| {
        let sql = format!("SELECT count(*) AS n FROM {table} WHERE endpoint IS ?1");
        let id = endpoint.map(text_of);
        let counted = connection.query_row(&sql, [id], |row| counted(row, "n"));
        counted.map_err(Fault::from)
    };
    Ok(Dependents {
        mounts: count("mount")?,
        terminals: count("route")?,
    })
}

fn in_use(name: &EndpointName, found: Dependents, expected: Option<u32>) -> Fault {
    if let Some(expected @ 1..) = expected {
        let message = format!(
            "{} depend on endpoint `{name}`, and not {expected}",
            found.count()
        );
        return Fault::new(Code::EndpointInUse, message)
            .hint("`fleet endpoint list` shows what does; `--cascade` removes it with it");
    }
    let Dependents { mounts, terminals } = found;
    let counted = |count: u32, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let message = format!(
        "endpoint `{name}` is in use by {} and {}",
        counted(mounts, "mount"),
        counted(terminals, "terminal")
    );
    let hint = format!(
        "`--cascade` removes them with it, `--expect {}` too",
        found.count()
    );
    Fault::new(Code::EndpointInUse, message).hint(hint)
}

/// Names are compared as if they were in lower case.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn endpoint_of(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let reach: String = row.get("reach")?;
    let reach = serde_json::from_str(&reach).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    })?;
    let hub: Option<String> = row.get("hub")?;
    Ok(Endpoint {
        endpoint_id: parsed(row, "id")?,
        name: parsed(row, "name")?,
        reach,
        hub_id: hub.and_then(|hub| hub.parse().ok()),
        created: UnixMillis(row.get("created")?),
        updated: UnixMillis(row.get("updated")?),
        revision: counted(row, "revision")?,
    })
}
