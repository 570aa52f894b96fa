//! Agents of many machines, as the commands about agents want them.

use std::collections::BTreeSet;
use std::time::Duration;

use podfleet::PsRow;
use podfleet_hub::client::{ClientError, HubClient};
use podfleet_hub::fault::Code;
use podfleet_hub::op::{AgentRef, AgentRow, FleetPs, PsParams, PsResult};
use podfleet_hub::terminal::TerminalRef;
use podfleet_hub::topology::MachineName;
use podfleet_protocol::FleetName;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::time::sleep;

use crate::error::Error;
use crate::exit::Exit;

/// Reads `name` or `name@endpoint`.
pub(crate) fn agent(text: &str) -> Result<AgentRef, Error> {
    text.parse().map_err(|error: podfleet_protocol::NameError| {
        Error::new(Exit::Usage, error)
            .hint("an agent of another machine is NAME@ENDPOINT; `fleet ps --hub local` lists them")
    })
}

/// Lists the agents, of all fleets if none is named; of agents that are named, none may be missing.
pub(crate) async fn list(
    client: &HubClient,
    names: &[String],
    fleet: Option<FleetName>,
) -> Result<PsResult, Error> {
    let params = PsParams {
        endpoint: None,
        all_fleets: fleet.is_none(),
        fleet,
    };
    let mut found = client.call::<FleetPs>(params).await?;
    if names.is_empty() {
        return Ok(found);
    }
    let wanted: Vec<AgentRef> = names
        .iter()
        .map(|name| agent(name))
        .collect::<Result<_, _>>()?;
    if let Some(missing) = wanted
        .iter()
        .find(|wanted| !found.rows.iter().any(|row| is(row, wanted)))
    {
        return Err(is_nowhere(missing));
    }
    found
        .rows
        .retain(|row| wanted.iter().any(|wanted| is(row, wanted)));
    Ok(found)
}

/// Whether a row is that of an agent that is named: of its machine, or of whichever the roster says.
fn is(row: &AgentRow, wanted: &AgentRef) -> bool {
    let named = wanted.endpoint == MachineName::Local && row.mate;
    row.row.name == wanted.agent.as_str() && (named || row.endpoint == wanted.endpoint)
}

fn is_nowhere(agent: &AgentRef) -> Error {
    let message = format!("there is no agent `{agent}` on any machine that answers");
    Error::message(Exit::Usage, message)
        .hint("`fleet ps` with the same `--hub` lists those of all machines")
}

/// Checks that each terminal is there, and one alone is meant.
pub(crate) async fn check(
    client: &HubClient,
    terminals: impl Iterator<Item = &TerminalRef>,
) -> Result<(), Error> {
    let found = list(client, &[], None).await?;
    for wanted in terminals {
        let (agent, fleet) = (&wanted.agent, &wanted.fleet);
        // A fleet of this machine says nothing of one that its roster has elsewhere.
        let is_meant = |row: &&AgentRow| {
            let of_fleet = fleet.is_none() || row.fleet.is_none() || row.fleet == *fleet;
            is(row, agent) && (of_fleet || row.mate)
        };
        let fleets: BTreeSet<Option<&str>> = (found.rows.iter().filter(is_meant))
            .map(|row| row.fleet.as_ref().map(FleetName::as_str))
            .collect();
        if fleets.is_empty() {
            return Err(is_nowhere(agent));
        }
        if fleets.len() > 1 {
            let names: Vec<&str> = fleets.into_iter().flatten().collect();
            let message = format!("several fleets have a `{agent}`: {}", names.join(", "));
            let hint = format!("say which, such as by `--fleet {}`", names[0]);
            return Err(Error::message(Exit::Refused, message).hint(hint));
        }
    }
    Ok(())
}

/// Returns the rows as tables want them, each agent named as commands take it.
pub(crate) fn rows(found: &PsResult) -> Vec<PsRow> {
    let row = |row: &AgentRow| {
        let mut whole = row.whole_row();
        whole.fleet = row.fleet.clone();
        if row.endpoint.as_str() != "local" {
            whole.name = format!("{}@{}", whole.name, row.endpoint);
        }
        whole
    };
    found.rows.iter().map(row).collect()
}

/// What became of a terminal whose stream ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on, and only the way to it broke.
    GoesOn,
    /// It has ended, whatever has its name by now.
    Ended,
    /// There is no way to find out.
    Unknown,
}

/// How often a pod is asked that does not answer as it should: it may just be ending.
const TRIES: u32 = 6;
/// How long the first wait for it is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Finds out what became of a terminal, by looking at it.
pub(crate) async fn fate(client: &HubClient, terminal: &TerminalRef) -> Fate {
    let params = AttachParams {
        role: AttachRole::Viewer,
        take: false,
        size: None,
        from: None,
    };
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        match client.attach_raw(terminal, &params).await {
            Ok(_) => return Fate::GoesOn,
            Err(ClientError::Answer(fault)) => match fault.code {
                Code::AgentGone | Code::AgentNotFound | Code::AgentNotRunning => {
                    return Fate::Ended;
                }
                Code::AgentFailed => {}
                _ => return Fate::Unknown,
            },
            Err(_) => return Fate::Unknown,
        }
        sleep(wait).await;
        wait *= 2;
    }
    Fate::Unknown
}
