//! Mounts: directories of machines, under names.

use podfleet_protocol::{MountName, SpaceName, UnixMillis};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::endpoints::folded;
use super::{Endpoint, MachineName, Mount, MountRef, Topology, counted, parsed, text_of};
use crate::fault::{Code, Fault};

const SELECT: &str = "SELECT mount.*, endpoint.name AS machine FROM mount
    LEFT JOIN endpoint ON endpoint.id = mount.endpoint";

/// A mount that is to be made.
#[derive(Debug, Clone)]
pub struct NewMount {
    /// Its name.
    pub mount: MountRef,
    /// The machine; nothing is the hub's own.
    pub endpoint: Option<Endpoint>,
    /// The directory there, absolute, as the machine itself names it if it was asked.
    pub root: String,
    /// Whether it was.
    pub checked: bool,
}

impl Topology {
    /// Lists the mounts, of one space or all, by space and position.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn mounts(&self, space: Option<&SpaceName>) -> Result<Vec<Mount>, Fault> {
        let connection = self.lock();
        let sql = format!("{SELECT} WHERE ?1 IS NULL OR space = ?1 ORDER BY space, position");
        let mut statement = connection.prepare_cached(&sql)?;
        let space = space.map(SpaceName::as_str);
        let rows = statement.query_map([space], mount_of)?;
        rows.collect::<Result<_, _>>().map_err(Fault::from)
    }

    /// Finds a mount by name.
    ///
    /// # Errors
    /// Fails with [`Code::MountNotFound`], or when the file cannot be read.
    pub fn mount(&self, mount: &MountRef) -> Result<Mount, Fault> {
        find(&self.lock(), mount)
    }

    /// Adds a mount at the end of its space.
    ///
    /// # Errors
    /// Fails when its name is taken, its space has that directory already, or the disk fails.
    pub fn add_mount(&self, new: &NewMount, now: UnixMillis) -> Result<Mount, Fault> {
        self.change(|tx| {
            let NewMount {
                mount,
                endpoint,
                root,
                checked,
            } = new;
            refuse_taken(tx, mount, None)?;
            let position: i64 = tx.query_row(
                "SELECT count(*) FROM mount WHERE space = ?1",
                [mount.space.as_str()],
                |row| row.get(0),
            )?;
            let sql = "INSERT INTO mount
                (id, space, name, folded, position, endpoint, root, checked, created, updated)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
            let values = params![
                text_of(Uuid::now_v7()),
                mount.space.as_str(),
                mount.name.as_str(),
                folded(mount.name.as_str()),
                position,
                endpoint
                    .as_ref()
                    .map(|endpoint| text_of(endpoint.endpoint_id)),
                root,
                checked,
                now.0,
            ];
            match tx.execute(sql, values) {
                Err(error) if is_taken(&error) => {
                    let space = &mount.space;
                    let message = format!("space `{space}` has a mount of {root} there already");
                    return Err(Fault::new(Code::MountExists, message));
                }
                other => other?,
            };
            find(tx, mount)
        })
    }

    /// Gives a mount another name.
    ///
    /// # Errors
    /// Fails when there is none, the name is taken, or the disk fails.
    pub fn rename_mount(
        &self,
        mount: &MountRef,
        new: &MountName,
        now: UnixMillis,
    ) -> Result<Mount, Fault> {
        self.change(|tx| {
            let found = find(tx, mount)?;
            let renamed = MountRef {
                space: mount.space.clone(),
                name: new.clone(),
            };
            refuse_taken(tx, &renamed, Some(found.mount_id))?;
            let sql = "UPDATE mount SET name = ?2, folded = ?3, updated = ?4,
                revision = revision + 1 WHERE id = ?1";
            let id = text_of(found.mount_id);
            tx.execute(sql, params![id, new.as_str(), folded(new.as_str()), now.0])?;
            find(tx, &renamed)
        })
    }

    /// Moves a mount to another place in its space; a place behind the end is the end.
    ///
    /// # Errors
    /// Fails when there is none, or the disk fails.
    pub fn reorder_mount(
        &self,
        mount: &MountRef,
        position: u32,
        now: UnixMillis,
    ) -> Result<Mount, Fault> {
        self.change(|tx| {
            let found = find(tx, mount)?;
            let mut order = ids(tx, &mount.space)?;
            let own = text_of(found.mount_id);
            order.retain(|id| *id != own);
            let at = usize::try_from(position)
                .unwrap_or(usize::MAX)
                .min(order.len());
            order.insert(at, own.clone());
            number(tx, &order)?;
            let sql = "UPDATE mount SET updated = ?2, revision = revision + 1 WHERE id = ?1";
            tx.execute(sql, params![own, now.0])?;
            find(tx, mount)
        })
    }

    /// Removes a mount. The directory stays.
    ///
    /// # Errors
    /// Fails when there is none, or the disk fails.
    pub fn remove_mount(&self, mount: &MountRef) -> Result<Mount, Fault> {
        self.change(|tx| {
            let found = find(tx, mount)?;
            tx.execute("DELETE FROM mount WHERE id = ?1", [text_of(found.mount_id)])?;
            number(tx, &ids(tx, &mount.space)?)?;
            Ok(found)
        })
    }

    /// Notes that the machine itself confirmed a mount's directory.
    ///
    /// # Errors
    /// Fails when its space has that directory by another name, or the disk fails.
    pub fn confirm_mount(&self, mount: Uuid, root: &str) -> Result<(), Fault> {
        self.change(|tx| {
            let sql = "UPDATE mount SET checked = 1, root = ?2 WHERE id = ?1";
            match tx.execute(sql, params![text_of(mount), root]) {
                Err(error) if is_taken(&error) => {
                    let message = format!("it is {root}, and another mount of its space is that");
                    Err(Fault::new(Code::MountExists, message).hint("remove one of the two"))
                }
                done => done.map(drop).map_err(Fault::from),
            }
        })
    }
}

/// Whether something is refused because there may be one of it alone.
fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

fn ids(connection: &Connection, space: &SpaceName) -> Result<Vec<String>, Fault> {
    let sql = "SELECT id FROM mount WHERE space = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([space.as_str()], |row| row.get(0))?;
    rows.collect::<Result<_, _>>().map_err(Fault::from)
}

/// Gives the mounts of a space the positions 0, 1, 2 …
fn number(connection: &Connection, order: &[String]) -> Result<(), Fault> {
    let sql = "UPDATE mount SET position = ?2 WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for (position, id) in order.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        statement.execute(params![id, position])?;
    }
    Ok(())
}

/// Numbers the mounts of every space anew, after some were removed.
pub(super) fn close_gaps(connection: &Connection) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT space FROM mount")?;
    let spaces = statement.query_map([], |row| parsed::<SpaceName>(row, "space"))?;
    for space in spaces.collect::<Result<Vec<_>, _>>()? {
        number(connection, &ids(connection, &space)?)?;
    }
    Ok(())
}

fn by_name() -> String {
    format!("{SELECT} WHERE space = ?1 AND mount.folded = ?2")
}

fn find(connection: &Connection, mount: &MountRef) -> Result<Mount, Fault> {
    let key = params![mount.space.as_str(), folded(mount.name.as_str())];
    let mut statement = connection.prepare_cached(&by_name())?;
    let found = statement.query_row(key, mount_of).optional()?;
    found.ok_or_else(|| {
        let message = format!("there is no mount `{mount}`");
        Fault::new(Code::MountNotFound, message).hint("`fleet mount list` lists them")
    })
}

fn refuse_taken(connection: &Connection, mount: &MountRef, own: Option<Uuid>) -> Result<(), Fault> {
    match find(connection, mount) {
        Ok(found) if Some(found.mount_id) != own => {
            let message = format!("there is a mount `{mount}` already");
            Err(Fault::new(Code::MountExists, message))
        }
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::MountNotFound => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn mount_of(row: &Row<'_>) -> rusqlite::Result<Mount> {
    let machine: Option<String> = row.get("machine")?;
    Ok(Mount {
        mount_id: parsed(row, "id")?,
        space: parsed(row, "space")?,
        name: parsed(row, "name")?,
        position: counted(row, "position")?,
        endpoint: match machine {
            None => MachineName::Local,
            Some(_) => MachineName::Endpoint(parsed(row, "machine")?),
        },
        root: row.get("root")?,
        checked: row.get("checked")?,
        created: UnixMillis(row.get("created")?),
        updated: UnixMillis(row.get("updated")?),
        revision: counted(row, "revision")?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn what_asks_for_a_mount_is_parsed_once_for_all_names() {
        let directory = tempfile::tempdir().unwrap();
        let topology = Topology::open(&directory.path().join("hub")).unwrap();
        for name in ["a", "b", "c"] {
            let none = topology.mount(&name.parse().unwrap()).unwrap_err();
            assert_eq!(none.code, Code::MountNotFound);
        }
        let connection = topology.lock();
        let asked = connection.prepare_cached(&by_name()).unwrap();
        assert_eq!(asked.get_status(StatementStatus::Run), 3);
        assert_eq!(asked.get_status(StatementStatus::RePrepare), 0);
    }
}
