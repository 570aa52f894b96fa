//! Which fleet is meant with the name of an agent, where a hub is asked that reaches many.

use podfleet_hub::op::AgentRef;
use podfleet_hub::terminal::TerminalRef;
use podfleet_hub::topology::MachineName;
use podfleet_protocol::FleetName;

use super::agents::agent;
use crate::commands::scope::Scope;
use crate::context::Context;
use crate::error::Error;

/// Returns the fleet that the command line names: by `--fleet`, or by its roster with `--roster`.
pub(crate) async fn named(
    scope: &Scope,
    context: &mut Context,
) -> Result<Option<FleetName>, Error> {
    if scope.fleet.is_some() || context.named_roster().is_none() {
        return Ok(scope.fleet.clone());
    }
    Ok(context.fleet_to_see(scope).await?.said().cloned())
}

/// Returns an agent as a hub is asked for it. Its fleet is the one that the command line names, else on
/// this machine the one that is meant here without a hub, if that has such an agent, else whichever its
/// machine finds.
pub(crate) async fn terminal(
    hub: &str,
    name: &str,
    scope: &Scope,
    context: &mut Context,
) -> Result<TerminalRef, Error> {
    let agent = agent(name)?;
    let fleet = match named(scope, context).await? {
        None if hub == "local" && agent.endpoint == MachineName::Local => {
            here(&agent, scope, context).await?
        }
        named => named,
    };
    Ok(TerminalRef {
        fleet,
        ..agent.into()
    })
}

async fn here(
    agent: &AgentRef,
    scope: &Scope,
    context: &mut Context,
) -> Result<Option<FleetName>, Error> {
    // Where nothing here says which is meant, its machine finds it, or says that several may be.
    let Ok(fleet) = context.fleet_to_see(scope).await else {
        return Ok(None);
    };
    let has_it = fleet.has(&agent.agent).await?;
    Ok(fleet.said().filter(|_| has_it).cloned())
}
