use podfleet::AgentStatus;

use crate::commands::scope::{Agents, JsonFlag, none_of};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::{bridge, status};
use crate::runtime::block_on;

/// Show what is: each agent as its own pod tells it
#[derive(Debug, clap::Args)]
#[command(after_help = "`fleet verify` says whether that is what the roster promises.")]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let (fleet, found): (_, Vec<AgentStatus>) = block_on(async {
        let fleet = context.fleet_to_see(&args.agents.scope).await?;
        let found = fleet.status(&args.agents.names).await?;
        Ok((fleet, found))
    })?;
    if args.json.json {
        context.output.json(&found)?;
    } else if found.is_empty() {
        context.output.say(none_of("agents", &fleet))?;
    } else {
        let now = jiff::Timestamp::now();
        let mut text = status::render(&found, now);
        let glance = fleet.bridge_glance();
        if let Some(glance) = glance.filter(|_| args.agents.names.is_empty()) {
            text.push('\n');
            text.push_str(&match &glance.status {
                Some(status) => bridge::describe(status, glance.runs, now),
                None => format!("{}\n", bridge::line(&glance, now)),
            });
        }
        context.output.data(text)?;
    }
    Ok(Exit::Success)
}
