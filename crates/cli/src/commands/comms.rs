use podfleet::CommsBlock;

use crate::commands::scope::{JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const WHAT: &str = "\
It is a part of the text that the agent gets at its launch: who it is, who its
fleet mates are, and by which command it reaches each. `--all` prints the whole:
`SOUL.md`, the role of its class, `personas/NAME.md`, then that part. A change
reaches an agent that runs at its next start.";

/// Print what an agent is told at its launch
#[derive(Debug, clap::Args)]
#[command(after_help = WHAT)]
pub(crate) struct Args {
    /// The agents; with `--all`, every one if none is named
    #[arg(value_name = "AGENT", required_unless_present = "all", add = crate::completion::agents())]
    names: Vec<String>,
    /// Print all that they are told at their launch
    #[arg(long)]
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
    let text = |found: &CommsBlock| match args.all {
        true => Some(format!("{}\n", found.told)).filter(|_| !found.told.is_empty()),
        false => found.block.clone(),
    };
    let texts: Vec<_> = blocks.iter().filter_map(text).collect();
    context.output.data(texts.join("\n"))?;
    for found in &blocks {
        let agent = &found.agent;
        let notice = match (args.all, found.handed, &found.block) {
            (true, false, _) => {
                format!("note: the program of `{agent}` takes no such text, so it is told nothing")
            }
            (false, _, None) => {
                format!("note: `{agent}` has no fleet mates, and is told of none")
            }
            _ => continue,
        };
        context
            .output
            .say(wrap(&notice, 0, "  "))
            .map_err(Error::from)?;
    }
    Ok(Exit::Success)
}
