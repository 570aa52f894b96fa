//! Agents of many machines, as the commands about agents want them.

use podfleet::PsRow;
use podfleet_hub::client::HubClient;
use podfleet_hub::op::{AgentRef, AgentRow, FleetPs, PsParams, PsResult};
use podfleet_hub::topology::MachineName;
use podfleet_protocol::FleetName;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, AttachResult};

use crate::error::Error;
use crate::exit::Exit;

/// Reads `name` or `name@endpoint`.
pub(crate) fn agent(text: &str) -> Result<AgentRef, Error> {
    text.parse().map_err(|error: podfleet_protocol::NameError| {
        Error::new(Exit::Usage, error)
            .hint("an agent of another machine is NAME@ENDPOINT; `fleet ps --hub local` lists them")
    })
}

/// Lists the agents; of those that are named, none may be missing.
pub(crate) async fn list(
    client: &HubClient,
    names: &[String],
    fleet: Option<FleetName>,
) -> Result<PsResult, Error> {
    let params = PsParams {
        endpoint: None,
        fleet,
        all_fleets: false,
    };
    let mut found = client.call::<FleetPs>(params).await?;
    if names.is_empty() {
        return Ok(found);
    }
    let wanted: Vec<AgentRef> = names
        .iter()
        .map(|name| agent(name))
        .collect::<Result<_, _>>()?;
    let is = |row: &AgentRow, wanted: &AgentRef| {
        let named = wanted.endpoint == MachineName::Local && row.mate;
        row.row.name == wanted.agent.as_str() && (named || row.endpoint == wanted.endpoint)
    };
    if let Some(missing) = wanted
        .iter()
        .find(|wanted| !found.rows.iter().any(|row| is(row, wanted)))
    {
        let message = format!("there is no agent `{missing}` on any machine that answers");
        return Err(Error::message(Exit::Usage, message)
            .hint("`fleet ps` with the same `--hub` lists those of all machines"));
    }
    found
        .rows
        .retain(|row| wanted.iter().any(|wanted| is(row, wanted)));
    Ok(found)
}

/// Returns the rows as tables want them, each agent named as commands take it.
pub(crate) fn rows(found: &PsResult) -> Vec<PsRow> {
    let row = |row: &AgentRow| {
        let mut whole = row.whole_row();
        if row.endpoint.as_str() != "local" {
            whole.name = format!("{}@{}", whole.name, row.endpoint);
        }
        whole
    };
    found.rows.iter().map(row).collect()
}

/// Attaches to an agent through a hub.
pub(crate) async fn attach(
    client: &HubClient,
    name: &str,
    fleet: Option<&FleetName>,
    params: AttachParams,
) -> Result<(AttachResult, AttachStream), Error> {
    Ok(client.attach_in(&agent(name)?, fleet, &params).await?)
}
