use podfleet::RestartOptions;

use crate::commands::far::FarVerb;
use crate::commands::start::StartArgs;
use crate::context::Context;
use crate::error::Outcome;
use crate::roster_file::RosterNeed;

const CONVERSATIONS: &str = "\
An agent goes on with its conversation where its program can and the roster's
`resume` allows it; with --fresh it never does.";

/// Restart agents; one in quarantine gets a new chance
#[derive(Debug, clap::Args)]
#[command(after_help = CONVERSATIONS)]
pub(crate) struct Args {
    /// Begin new conversations
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    start: StartArgs,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let fresh = args.fresh;
    args.start.run(
        RosterNeed::Helpful,
        Some(FarVerb::new("restart").flag("--fresh", fresh)),
        context,
        async |fleet, agents, options, events| {
            let options = RestartOptions { fresh, ..*options };
            fleet.restart(agents, &options, events).await
        },
    )
}
