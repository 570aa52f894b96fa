use podfleet::{Fleet, ResetReport, RestartOptions};
use podfleet_protocol::{Outcome as Reached, Receipt};
use serde::Serialize;

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::progress::{conclude, follow};
use crate::commands::scope::{DryRun, JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::receipt;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const HELP: &str = "\
The agent's own command is typed as a message is: when it is idle, and never over
a draft; then it gets its kickstart. An agent without such a command is restarted
with a new conversation.
Exit status: 0 once it is done, 1 if it was not seen to be done.";

/// Have an agent forget its conversation
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// How an agent was reset.
#[derive(Debug, Serialize)]
struct Typed<'a> {
    agent: &'a str,
    receipt: &'a Receipt,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        if let Some(there) = Elsewhere::one(&fleet, name) {
            let verb = FarVerb::new("reset").flag("--dry-run", args.dry_run.dry_run);
            return there.run(&verb.json(args.json.json));
        }
        if args.dry_run.dry_run {
            let words = match fleet.reset_command(name).await? {
                Some(command) => format!("{name}: `{command}` would be typed"),
                None => format!("{name}: would be restarted with a new conversation"),
            };
            context.output.line(words)?;
            return Ok(Exit::Success);
        }
        match fleet.reset(name).await? {
            ResetReport::Command(receipt) => typed(args, &receipt, context),
            _ => begin_anew(args, &fleet, context).await,
        }
    })
}

fn typed(args: &Args, receipt: &Receipt, context: &mut Context) -> Outcome {
    let agent = &args.agent.name;
    if args.json.json {
        context.output.json(&Typed { agent, receipt })?;
    } else if receipt.outcome.reaches(Reached::Submitted) {
        context.output.line(format_args!("{agent}: reset"))?;
    } else {
        context.output.data(receipt::render(agent, receipt))?;
    }
    Ok(Exit::answer(receipt.outcome.reaches(Reached::Submitted)))
}

async fn begin_anew(args: &Args, fleet: &Fleet, context: &mut Context) -> Outcome {
    let names = [args.agent.name.clone()];
    let options = RestartOptions {
        fresh: true,
        ..RestartOptions::default()
    };
    let restart = |events| fleet.restart(&names, &options, events);
    let report = follow(restart, &mut context.output).await?;
    conclude(&report, args.json.json, &mut context.output)
}
