//! Agents of this machine's roster that are on another one: their rows name a host, and an endpoint
//! is that host.

use std::sync::Arc;

use podfleet::{Elsewhere, RowState};
use podfleet_protocol::FleetName;

use super::Hub;
use crate::address::Reach;
use crate::endpoint::{Remote, Status};
use crate::fault::Fault;
use crate::op::{AgentRef, AgentRow};
use crate::topology::MachineName;

impl Hub {
    /// Returns where an agent is that is named without a machine: where the roster says, if an
    /// endpoint is that host, else here.
    ///
    /// # Errors
    /// Fails when this machine's fleet cannot be opened.
    pub(crate) async fn whereabouts(
        &self,
        agent: AgentRef,
        fleet: Option<&FleetName>,
    ) -> Result<AgentRef, Fault> {
        // Without endpoints there is no way but the roster's own.
        let remotes = self.endpoints.all();
        if agent.endpoint != MachineName::Local || remotes.is_empty() {
            return Ok(agent);
        }
        let fleet = self.machine.fleet(fleet.cloned()).await?;
        let Some(target) = fleet.session_elsewhere(agent.agent.as_str()) else {
            return Ok(agent);
        };
        let names = [target.host.as_deref(), target.ssh.as_deref()];
        let names: Vec<_> = names.into_iter().flatten().collect();
        let host = remotes.iter().find(|remote| is_host(remote, &names));
        Ok(match host {
            Some(remote) => AgentRef {
                endpoint: MachineName::Endpoint(remote.endpoint().name),
                ..agent
            },
            None => agent,
        })
    }

    /// Leaves out what the roster only says of agents on other machines, where those machines
    /// themselves tell of them.
    pub(super) fn answered(&self, rows: Vec<AgentRow>) -> Vec<AgentRow> {
        let remotes = self.endpoints.all();
        let machine_of = |row: &AgentRow| {
            let host = [row.row.host.as_str()];
            let remote = remotes.iter().find(|remote| is_host(remote, &host))?;
            Some(MachineName::Endpoint(remote.endpoint().name))
        };
        let (hearsay, mut told): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_hearsay);
        let mut rows = Vec::new();
        for row in hearsay {
            let machine = machine_of(&row);
            let is_it = |other: &&mut AgentRow| {
                Some(&other.endpoint) == machine.as_ref() && other.row.name == row.row.name
            };
            match told.iter_mut().find(is_it) {
                Some(told) => told.mate = true,
                None => rows.push(row),
            }
        }
        let (here, there): (Vec<_>, Vec<_>) = told
            .into_iter()
            .partition(|row| row.endpoint == MachineName::Local);
        [here, rows, there].concat()
    }
}

/// Whether a row says no more than that the agent is on another machine.
fn is_hearsay(row: &AgentRow) -> bool {
    row.row.readiness == RowState::Elsewhere(Elsewhere::Remote)
}

/// Whether an endpoint is a host that goes by one of these names in a roster.
fn is_host(remote: &Arc<Remote>, names: &[&str]) -> bool {
    let endpoint = remote.endpoint();
    let host = match remote.status() {
        Status::Connected { host, .. } => Some(host),
        _ => None,
    };
    let ssh = match &endpoint.reach {
        Reach::Ssh { destination } => Some(destination.to_string()),
        _ => None,
    };
    let own = [Some(endpoint.name.to_string()), host, ssh];
    own.iter()
        .flatten()
        .any(|own| names.contains(&own.as_str()))
}
