//! Agents of this machine's roster that are on another one: their rows name a host, and an endpoint
//! is that host.

use std::sync::Arc;

use podfleet::{Elsewhere, RowState};
use podfleet_protocol::{EndpointName, FleetName};

use super::Hub;
use crate::address::Reach;
use crate::endpoint::{Remote, Status};
use crate::fault::{Code, Fault};
use crate::op::{AgentRef, AgentRow};
use crate::topology::MachineName;

impl Hub {
    /// Returns where an agent is, and in which fleet there, if that is known: a terminal is where it
    /// was opened, and one that is named without a machine is where the roster says, if an endpoint is
    /// that host, else here.
    ///
    /// # Errors
    /// Fails when this machine's fleet cannot be opened, and when several endpoints may be that host.
    pub(crate) async fn whereabouts(
        &self,
        agent: AgentRef,
        fleet: Option<FleetName>,
    ) -> Result<(AgentRef, Option<FleetName>), Fault> {
        if let Some(route) = self.route_of(&agent)?
            && (fleet.is_none() || fleet == route.fleet)
        {
            return Ok((agent, route.fleet));
        }
        let found = self.by_roster(agent.clone(), fleet.as_ref()).await?;
        // The roster here says where it is, but not by which name its fleet goes there.
        let fleet = fleet.filter(|_| found.endpoint == agent.endpoint);
        Ok((found, fleet))
    }

    async fn by_roster(
        &self,
        agent: AgentRef,
        fleet: Option<&FleetName>,
    ) -> Result<AgentRef, Fault> {
        // Without endpoints there is no way but the roster's own.
        let remotes = self.endpoints.all();
        if agent.endpoint != MachineName::Local || remotes.is_empty() {
            return Ok(agent);
        }
        let target = match fleet {
            Some(fleet) => {
                let fleet = self.machine.fleet(Some(fleet.clone())).await?;
                fleet.session_elsewhere(agent.agent.as_str())
            }
            None => self.machine.elsewhere(&agent.agent).await?,
        };
        let Some(target) = target else {
            return Ok(agent);
        };
        let names = [target.host.as_deref(), target.ssh.as_deref()];
        let names: Vec<_> = names.into_iter().flatten().collect();
        match Host::of(&known(&remotes), &names) {
            Host::Is(machine) => Ok(AgentRef {
                endpoint: machine,
                ..agent
            }),
            Host::Nobody => Ok(agent),
            Host::OneOf(machines) => {
                let names: Vec<&str> = machines.iter().map(MachineName::as_str).collect();
                let message = format!(
                    "the machine of `{}` may be each of these endpoints: {}",
                    agent.agent,
                    names.join(", ")
                );
                let hint = format!("say which: `{}@{}`", agent.agent, names[0]);
                Err(Fault::new(Code::EndpointNotFound, message).hint(hint))
            }
        }
    }

    /// Leaves out what the roster only says of agents on other machines, where those machines
    /// themselves tell of them.
    pub(super) fn answered(&self, rows: Vec<AgentRow>) -> Vec<AgentRow> {
        let remotes = self.endpoints.all();
        let machine_of = |row: &AgentRow| match Host::of(&known(&remotes), &[row.row.host.as_str()])
        {
            Host::Is(machine) => Some(machine),
            Host::Nobody | Host::OneOf(_) => None,
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

/// Which endpoint is a host of a roster.
enum Host {
    Is(MachineName),
    Nobody,
    /// Several say that they are called so.
    OneOf(Vec<MachineName>),
}

/// By what an endpoint may be called in a roster.
struct Known {
    name: EndpointName,
    /// The way to it.
    ssh: Option<String>,
    /// What its machine says of itself.
    says: Option<String>,
}

fn known(remotes: &[Arc<Remote>]) -> Vec<Known> {
    let known = |remote: &Arc<Remote>| {
        let endpoint = remote.endpoint();
        Known {
            name: endpoint.name,
            ssh: match endpoint.reach {
                Reach::Ssh { destination } => Some(destination.to_string()),
                _ => None,
            },
            says: match remote.status() {
                Status::Connected { host, .. } => Some(host),
                _ => None,
            },
        }
    };
    remotes.iter().map(known).collect()
}

impl Host {
    /// Finds the host that goes by one of these names. What it is called here counts before the way to
    /// it, and that before what a machine says of itself, which several may say.
    fn of(known: &[Known], names: &[&str]) -> Self {
        let ways: [fn(&Known) -> Option<&str>; 3] = [
            |known| Some(known.name.as_str()),
            |known| known.ssh.as_deref(),
            |known| known.says.as_deref(),
        ];
        for way in ways {
            let is = |known: &&Known| way(known).is_some_and(|own| names.contains(&own));
            let found = known.iter().filter(is);
            let found = found.map(|known| MachineName::Endpoint(known.name.clone()));
            let mut found: Vec<MachineName> = found.collect();
            found.sort();
            match found.as_slice() {
                [] => {}
                [one] => return Self::Is(one.clone()),
                _ => return Self::OneOf(found),
            }
        }
        Self::Nobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_is_called_counts_before_what_a_machine_says_of_itself() {
        let endpoint = |name: &str, ssh: Option<&str>, says: &str| Known {
            name: EndpointName::new(name).unwrap(),
            ssh: ssh.map(str::to_owned),
            says: Some(says.to_owned()),
        };
        let known = [
            endpoint("box", None, "eva"),
            endpoint("eva", None, "vm"),
            endpoint("lab", Some("me@lab"), "vm"),
        ];
        let told = |names: &[&str]| match Host::of(&known, names) {
            Host::Is(machine) => machine.to_string(),
            Host::Nobody => "nobody".to_owned(),
            Host::OneOf(machines) => format!("{machines:?}"),
        };
        // Another machine says that it is called so.
        assert_eq!(told(&["eva"]), "eva");
        assert_eq!(told(&["far", "me@lab"]), "lab");
        assert!(told(&["vm"]).contains("eva") && told(&["vm"]).contains("lab"));
        assert_eq!(told(&["elsewhere"]), "nobody");
    }
}
