use podfleet::Fleet;

use crate::commands::start::StartArgs;
use crate::context::Context;
use crate::error::Outcome;
use crate::roster_file::RosterNeed;

/// Restart agents; one in quarantine gets a new chance
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    start: StartArgs,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    args.start.run(RosterNeed::Helpful, context, Fleet::restart)
}
