use crate::commands::scope::{Agents, JsonFlag};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::count::counted;
use crate::render::report;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Show what `up` would do, and why
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let names = &args.agents.names;
    let plan = block_on(async {
        let fleet = context.fleet(&args.agents.scope, RosterNeed::Sound).await?;
        Ok(fleet.plan(names).await?)
    })?;
    if args.json.json {
        context.output.json(&plan)?;
        return Ok(Exit::Success);
    }
    let width = context.output.width();
    context.output.data(report::plan(&plan, width))?;
    let quarantined = plan.quarantined();
    if plan.is_empty() && quarantined > 0 {
        let held = counted(quarantined, "agent");
        let text = format!("nothing to do; {held} quarantined: `fleet restart` lifts it");
        context.output.say(text)?;
    } else if plan.is_empty() {
        context.output.say("nothing to do")?;
    } else {
        context.output.say("`fleet up` does it")?;
    }
    Ok(Exit::Success)
}
