//! Columns to values and back.

use std::ffi::OsString;
use std::fmt::Display;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Fault, StoreErrorKind};
use crate::relation::PodLabel;

/// Reads a text column through its parser.
pub(super) fn parsed<T>(row: &Row<'_>, column: &'static str) -> Result<T, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|error| Fault::corrupt(format!("column `{column}`: {error}")))
}

/// Reads a text column that may be null through its parser.
pub(super) fn parsed_optional<T>(row: &Row<'_>, column: &'static str) -> Result<Option<T>, Fault>
where
    T: FromStr,
    T::Err: Display,
{
    let text: Option<String> = row.get(column)?;
    text.map(|text| {
        text.parse()
            .map_err(|error| Fault::corrupt(format!("column `{column}`: {error}")))
    })
    .transpose()
}

/// Reads a text that only names a row to people; what is no UTF-8 in it is replaced.
pub(super) fn readable(row: &Row<'_>, column: &'static str) -> Result<String, Fault> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
    })
}

/// Reads what a pod is called from the columns of its id, fleet and name.
pub(super) fn label(
    row: &Row<'_>,
    [id, fleet, name]: [&'static str; 3],
) -> Result<PodLabel, Fault> {
    Ok(PodLabel {
        id: parsed(row, id)?,
        fleet: parsed(row, fleet)?,
        name: parsed(row, name)?,
    })
}

/// Reads a text column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, Fault> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| Fault::corrupt(format!("column `{column}`: {error}")).caused_by(error))
}

/// Reads a text column that holds JSON or is null.
pub(super) fn json_optional<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &'static str,
) -> Result<Option<T>, Fault> {
    match row.get::<_, Option<String>>(column)? {
        Some(_) => json(row, column).map(Some),
        None => Ok(None),
    }
}

/// Writes a value as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::from(StoreErrorKind::Internal).caused_by(error))
}

/// Reads a path; paths are bytes.
pub(super) fn path(row: &Row<'_>, column: &'static str) -> Result<PathBuf, Fault> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(OsString::from_vec(bytes).into())
}

/// Reads a path that may be null.
pub(super) fn path_optional(row: &Row<'_>, column: &'static str) -> Result<Option<PathBuf>, Fault> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    Ok(bytes.map(|bytes| OsString::from_vec(bytes).into()))
}

/// Writes a path.
pub(super) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Reads a count, which `SQLite` stores with a sign.
pub(super) fn unsigned(row: &Row<'_>, column: &'static str) -> Result<u64, Fault> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Fault::corrupt(format!("column `{column}` is {number}")))
}

/// Writes a count; none of ours comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
