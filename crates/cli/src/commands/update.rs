use std::time::Duration;

use podfleet::{AgentResult, UpOptions, Update, UpdateOptions};

use crate::commands::install::units;
use crate::commands::progress::follow;
use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Refresh what an older build wrote, and find its pods
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Downloads nothing. What you own stays byte for byte: rosters, roles, personas, \
                  harness files, environment files and drop-ins. Exit status: 0 if all is done, 1 \
                  if an agent could not be restarted."
)]
pub(crate) struct Args {
    /// Restart the agents that run another build, each once it is idle
    #[arg(long)]
    relaunch: bool,
    /// How long to wait for that, in seconds; then it is restarted all the same
    #[arg(long, value_name = "S", default_value = "600", requires = "relaunch")]
    drain_timeout: u64,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let options = UpdateOptions {
        relaunch: args.relaunch,
        drain: Duration::from_secs(args.drain_timeout),
        restart: UpOptions {
            dry_run: args.dry_run.dry_run,
            ..UpOptions::default()
        },
    };
    block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let update = |events| fleet.update(&options, events);
        let update = follow(update, &mut context.output).await?;
        conclude(&update, args, &mut context.output)
    })
}

fn conclude(update: &Update, args: &Args, output: &mut Output) -> Result<Exit, Error> {
    let relaunched = update.relaunched.as_ref();
    let exit = Exit::answer(relaunched.is_none_or(podfleet::Report::succeeded));
    if args.json.json {
        output.json(update)?;
        return Ok(exit);
    }
    let dry_run = args.dry_run.dry_run;
    if !update.units.is_empty() {
        output.data(units(&update.units, dry_run, output.width()))?;
    }
    // What they run now is the progress of their restart.
    if !update.old.is_empty() && (dry_run || !args.relaunch) {
        let mut table = Table::new([Column::new("AGENT").flexible(12), Column::new("BUILD")]);
        for old in &update.old {
            table.row([old.agent.as_str().into(), old.build.as_str().into()]);
        }
        output.data(table.render(Some(output.width())))?;
    }
    for failed in relaunched.into_iter().flat_map(podfleet::Report::failed) {
        if let AgentResult::Failed(failure) = &failed.result {
            let agent = &failed.agent;
            let text = format!(
                "{agent}: {}; try again: fleet restart {agent}",
                failure.message
            );
            output.say(wrap(&text, 0, "  "))?;
        }
    }
    let old = counted(update.old.len(), "agent");
    if update.old.is_empty() {
        output.say("all agents that are up run this build")?;
    } else if dry_run && args.relaunch {
        output.say(format_args!("{old} of another build would be restarted"))?;
    } else if !args.relaunch {
        output.say(wrap(
            &format!("{old} of another build; `fleet update --relaunch` restarts them when idle"),
            0,
            "  ",
        ))?;
    }
    Ok(exit)
}
