use std::time::Duration;

use podfleet::RestartOptions;

use crate::commands::progress::{conclude, follow};
use crate::commands::scope::{Agents, DryRun, JsonFlag};
use crate::context::Context;
use crate::error::Outcome;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Restart agents; one in quarantine gets a new chance
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    /// How long an agent may take until its terminal is ready, in seconds
    #[arg(long, value_name = "S", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let options = RestartOptions {
        timeout: Duration::from_secs(args.timeout),
        dry_run: args.dry_run.dry_run,
        ..RestartOptions::default()
    };
    block_on(async {
        let fleet = context
            .fleet(&args.agents.scope, RosterNeed::Helpful)
            .await?;
        let names = &args.agents.names;
        let start = |events| fleet.restart(names, &options, events);
        let report = follow(start, &mut context.output).await?;
        conclude(&report, args.json.json, &mut context.output)
    })
    .map_err(|error| error.hint_if_interrupted("what was started goes on; `fleet ps` shows it"))
}
