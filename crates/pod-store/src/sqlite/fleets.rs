//! Statements about fleets.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use podfleet_protocol::{PodName, UnixMillis};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{path_bytes, to_json};
use super::transaction::Transaction;
use crate::error::{Fault, StoreErrorKind};
use crate::record::FleetKey;

pub(super) fn claim(
    transaction: &Transaction<'_>,
    key: &FleetKey,
    roster: &Path,
) -> Result<(), Fault> {
    match owner(transaction, key)? {
        Some(owner) if owner.as_os_str() == roster.as_os_str() => Ok(()),
        Some(owner) => Err(StoreErrorKind::FleetClaimed {
            fleet: key.fleet.to_string(),
            owner,
            claimant: roster.to_owned(),
        }
        .into()),
        None => {
            transaction.execute(
                "INSERT INTO fleet (tenant, fleet, roster) VALUES (?1, ?2, ?3)",
                params![key.tenant.as_str(), key.fleet.as_str(), path_bytes(roster)],
            )?;
            Ok(())
        }
    }
}

/// Returns the roster that owns a fleet's name.
pub(super) fn owner(connection: &Connection, key: &FleetKey) -> Result<Option<PathBuf>, Fault> {
    let owner: Option<Vec<u8>> = connection
        .query_row(
            "SELECT roster FROM fleet WHERE tenant = ?1 AND fleet = ?2",
            params![key.tenant.as_str(), key.fleet.as_str()],
            |row| row.get("roster"),
        )
        .optional()?;
    Ok(owner.map(|owner| OsString::from_vec(owner).into()))
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    key: &FleetKey,
    roster: &Path,
) -> Result<bool, Fault> {
    let gone = transaction.execute(
        "DELETE FROM fleet WHERE tenant = ?1 AND fleet = ?2 AND roster = ?3",
        params![key.tenant.as_str(), key.fleet.as_str(), path_bytes(roster)],
    )?;
    Ok(gone > 0)
}

/// Records who is in the roster; spawned pods are in none.
pub(super) fn set_members(
    transaction: &Transaction<'_>,
    fleet: &FleetKey,
    members: &[PodName],
    at: UnixMillis,
) -> Result<(), Fault> {
    transaction.execute(
        "UPDATE pod SET member = NOT member, updated = ?4 \
         WHERE tenant = ?1 AND fleet = ?2 AND scope IS NULL \
           AND member <> (name IN (SELECT value FROM json_each(?3)))",
        params![
            fleet.tenant.as_str(),
            fleet.fleet.as_str(),
            to_json(&members.iter().map(PodName::as_str).collect::<Vec<_>>())?,
            at.0
        ],
    )?;
    Ok(())
}
