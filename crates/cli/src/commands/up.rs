use podfleet::Fleet;

use crate::commands::start::StartArgs;
use crate::context::Context;
use crate::error::Outcome;
use crate::roster_file::RosterNeed;

/// Bring agents up: make the fleet what its roster says
#[derive(Debug, clap::Args)]
#[command(after_help = "A second `up` does nothing. `fleet plan` shows what it would do.")]
pub(crate) struct Args {
    #[command(flatten)]
    start: StartArgs,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    args.start.run(RosterNeed::Sound, None, context, Fleet::up)
}
