use podfleet_roster::Staffing;

use crate::commands::new_roster::{self, Writing};
use crate::commands::profile;
use crate::context::Context;
use crate::error::Outcome;
use crate::render::count::counted;
use crate::render::topology;

const WHERE: &str = "\
The roster goes to standard output and all else to standard error, so that
`> roster.yaml` keeps a roster. With --write it goes to --roster, else to
$FLEET_ROSTER, else to roster.yaml in the configuration directory.";

/// Make a roster of a profile: print it, or write it
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    /// Which kind of organisation; `fleet profile list` shows them
    #[arg(long, value_name = "ID", add = crate::completion::profiles())]
    profile: String,
    /// Staff every seat, not only those of the floor
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    writing: Writing,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let path = context.roster_to_write()?;
    let known = context.known()?;
    let own = context.profiles()?;
    let profile = profile::find(&own, &args.profile, context)?;
    let staffing = match args.full {
        true => Staffing::Full,
        false => Staffing::Floor,
    };
    let text = profile.provision(staffing);
    let exit = new_roster::deliver(&text, &path, &known, args.writing, context)?;
    if exit.is_success() {
        let tree = topology::render(profile, Some(staffing));
        context.output.say(format_args!("\n{}", tree.trim_end()))?;
        let empty = profile.seats() - profile.staffed_seats(staffing);
        if empty > 0 {
            let seats = counted(empty, "more seat");
            context
                .output
                .say(format_args!("`--full` staffs {seats}"))?;
        }
    }
    Ok(exit)
}
