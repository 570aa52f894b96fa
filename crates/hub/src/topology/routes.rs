//! Routes: which machine a terminal that was opened through this hub is on.

use podfleet_protocol::{FleetName, PodId, PodName, UnixMillis};
use rusqlite::{OptionalExtension as _, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{MachineName, MountRef, Topology, parsed, text_of};
use crate::fault::Fault;

const SELECT: &str = "SELECT route.*, endpoint.name AS machine FROM route
    LEFT JOIN endpoint ON endpoint.id = route.endpoint";

/// Where a terminal is. It outlives restarts of the hub, as the terminal itself does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The pod that hosts it.
    pub session: PodId,
    /// The pod's name.
    pub agent: PodName,
    /// The machine.
    pub endpoint: MachineName,
    /// The pod's fleet there, once its machine has said it: names are of a fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetName>,
    /// The mount that it was opened on.
    pub mount: MountRef,
    /// When.
    pub created: UnixMillis,
}

impl Topology {
    /// Lists the routes, oldest first.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn routes(&self) -> Result<Vec<Route>, Fault> {
        let connection = self.lock();
        let sql = format!("{SELECT} ORDER BY route.created, session");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], route_of)?;
        rows.collect::<Result<_, _>>().map_err(Fault::from)
    }

    /// Finds the route of a terminal.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn route(&self, session: PodId) -> Result<Option<Route>, Fault> {
        let connection = self.lock();
        let sql = format!("{SELECT} WHERE session = ?1");
        let found = connection.query_row(&sql, [session.to_string()], route_of);
        found.optional().map_err(Fault::from)
    }

    /// Keeps a route; one that is there stays. Returns whether it is new.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn keep_route(&self, route: &Route, endpoint: Option<Uuid>) -> Result<bool, Fault> {
        self.change(|tx| {
            let sql =
                "INSERT OR IGNORE INTO route (session, agent, endpoint, mount, created, fleet)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![
                route.session.to_string(),
                route.agent.as_str(),
                endpoint.map(text_of),
                route.mount.to_string(),
                route.created.0,
                route.fleet.as_ref().map(FleetName::as_str),
            ];
            Ok(tx.execute(sql, values)? == 1)
        })
    }

    /// Takes note of the fleet that a terminal's machine says it is in.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn set_route_fleet(&self, session: PodId, fleet: &FleetName) -> Result<(), Fault> {
        self.change(|tx| {
            let sql = "UPDATE route SET fleet = ?2 WHERE session = ?1";
            tx.execute(sql, [session.to_string(), fleet.to_string()])?;
            Ok(())
        })
    }

    /// Drops a route.
    ///
    /// # Errors
    /// Fails when the disk fails.
    pub fn drop_route(&self, session: PodId) -> Result<(), Fault> {
        self.change(|tx| {
            let sql = "DELETE FROM route WHERE session = ?1";
            tx.execute(sql, [session.to_string()])?;
            Ok(())
        })
    }
}

fn route_of(row: &Row<'_>) -> rusqlite::Result<Route> {
    let machine: Option<String> = row.get("machine")?;
    let fleet: Option<String> = row.get("fleet")?;
    Ok(Route {
        session: parsed(row, "session")?,
        agent: parsed(row, "agent")?,
        endpoint: match machine {
            None => MachineName::Local,
            Some(_) => MachineName::Endpoint(parsed(row, "machine")?),
        },
        fleet: fleet.map(|_| parsed(row, "fleet")).transpose()?,
        mount: parsed(row, "mount")?,
        created: UnixMillis(row.get("created")?),
    })
}
