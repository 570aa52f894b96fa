use podfleet::CommsBlock;

use crate::commands::scope::{JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const WHAT: &str = "\
It is the text that the agent gets at its launch: who it is, who its fleet mates
are, and by which command it reaches each. A change of the roster reaches an
agent that runs at its next start.";

/// Print what an agent is told about its fleet mates
#[derive(Debug, clap::Args)]
#[command(after_help = WHAT)]
pub(crate) struct Args {
    /// The agents
    #[arg(value_name = "AGENT", required_unless_present = "all", add = crate::completion::agents())]
    names: Vec<String>,
    /// All agents of the roster
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let blocks = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Sound).await?;
        Ok(fleet.comms(&args.names).await?)
    })?;
    if args.json.json {
        context.output.json(&blocks)?;
        return Ok(Exit::Success);
    }
    let told = |found: &CommsBlock| match &found.block {
        Some(block) => block.clone(),
        None => String::new(),
    };
    let texts: Vec<_> = blocks
        .iter()
        .map(told)
        .filter(|text| !text.is_empty())
        .collect();
    context.output.data(texts.join("\n"))?;
    for alone in blocks.iter().filter(|found| found.block.is_none()) {
        let agent = &alone.agent;
        let notice = format!("note: `{agent}` has no fleet mates, and is told of none");
        context.output.say(notice).map_err(Error::from)?;
    }
    Ok(Exit::Success)
}
