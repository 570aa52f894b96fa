//! Agents of many machines, as the commands about agents want them.

use std::time::Duration;

use podfleet::PsRow;
use podfleet_hub::client::{ClientError, HubClient};
use podfleet_hub::fault::Code;
use podfleet_hub::op::{AgentRef, AgentRow, FleetPs, PsParams, PsResult};
use podfleet_hub::terminal::TerminalRef;
use podfleet_hub::topology::MachineName;
use podfleet_protocol::FleetName;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole};
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

/// Attaches to an agent through a hub.
pub(crate) async fn attach(
    client: &HubClient,
    name: &str,
    fleet: Option<&FleetName>,
    params: AttachParams,
) -> Result<(AttachResult, AttachStream), Error> {
    let mut terminal = TerminalRef {
        fleet: fleet.cloned(),
        ..agent(name)?.into()
    };
    Ok(client.attach_to(&mut terminal, &params).await?)
}
