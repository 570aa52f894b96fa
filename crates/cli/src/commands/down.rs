use podfleet::DownOptions;

use crate::commands::progress::{conclude, follow};
use crate::commands::scope::{Agents, DryRun, JsonFlag};
use crate::context::Context;
use crate::error::Outcome;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const SEATS: &str = "\
Without names and without `--all`, agents with `persistent_persona: true` are
left alone.";

/// Bring agents down: ask them to end, then end them
#[derive(Debug, clap::Args)]
#[command(after_help = SEATS)]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    /// Also those that are always on
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let options = DownOptions {
        all: args.all,
        dry_run: args.dry_run.dry_run,
        ..DownOptions::default()
    };
    block_on(async {
        let fleet = context
            .fleet(&args.agents.scope, RosterNeed::Helpful)
            .await?;
        let names = &args.agents.names;
        let start = |events| fleet.down(names, &options, events);
        let report = follow(start, &mut context.output).await?;
        conclude(&report, args.json.json, &mut context.output)
    })
}
