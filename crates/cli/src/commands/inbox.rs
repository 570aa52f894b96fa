use podfleet::{Fleet, InboxReport};
use podfleet_protocol::{MessageId, Outcome as Reached};

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::scope::{DryRun, JsonFlag, OneAgent, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::{inbox, receipt};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const EXITS: &str = "\
Exit status: 0; with --cancel 1 if there is no such message, or it is too late
to withdraw it.";

/// List the messages that wait for an agent, or withdraw one
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// Withdraw this message, if it is not yet being typed
    #[arg(long, value_name = "ID", value_parser = super::send::message_id)]
    cancel: Option<MessageId>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

impl Args {
    /// Returns the same for an agent of another machine.
    fn far(&self) -> FarVerb {
        FarVerb::new("inbox")
            .option("--cancel", self.cancel.map(|id| id.to_string()))
            .flag("--dry-run", self.dry_run.dry_run)
            .json(self.json.json)
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    #[cfg(feature = "hub")]
    if let Some(hub) = &args.through.hub {
        if args.cancel.is_some() {
            let message = "`--cancel` is for the agents of this machine, not for a hub's";
            return Err(Error::message(Exit::Usage, message));
        }
        let report = block_on(through_hub(hub, args, context))?;
        return list(args, None, report, context);
    }
    block_on(async {
        let name = &args.agent.name;
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        if let Some(there) = Elsewhere::one(&fleet, name) {
            return there.run(&args.far());
        }
        match args.cancel {
            Some(id) if !args.dry_run.dry_run => cancel(args, id, &fleet, context).await,
            wanted => list(args, wanted, fleet.inbox(name).await?, context),
        }
    })
}

/// Lists what waits; of a dry run, only the message that would be withdrawn.
fn list(
    args: &Args,
    wanted: Option<MessageId>,
    mut report: InboxReport,
    context: &mut Context,
) -> Outcome {
    let name = &args.agent.name;
    if let Some(id) = wanted {
        report.messages.retain(|row| row.id == id);
        let named = id.to_string();
        report.corrupt.retain(|damaged| damaged.starts_with(&named));
        if report.messages.is_empty() && report.corrupt.is_empty() {
            let text = format!("no message {id} waits for `{name}`");
            return Err(Error::message(Exit::No, text));
        }
    }
    if args.json.json {
        context.output.json(&report)?;
    } else {
        let now = jiff::Timestamp::now();
        let width = context.output.width();
        context.output.data(inbox::render(&report, now, width))?;
        for damaged in &report.corrupt {
            context.output.say(format!("damaged: {damaged}"))?;
        }
        if !report.corrupt.is_empty() && wanted.is_none() {
            let remedy = format!("`fleet inbox {name} --cancel ID` removes what is damaged");
            context.output.say(remedy)?;
        } else if report.messages.is_empty() && wanted.is_none() {
            context.output.say(format!("{name}: no message waits"))?;
        }
    }
    if wanted.is_some() {
        context.output.say("would be withdrawn")?;
    }
    Ok(Exit::Success)
}

#[cfg(feature = "hub")]
async fn through_hub(hub: &str, args: &Args, context: &mut Context) -> Result<InboxReport, Error> {
    use crate::hub::{connect, meant};
    use podfleet_hub::op::{FleetInbox, InboxParams};

    let client = connect::client(hub, context)?;
    let OneAgent { name, scope } = &args.agent;
    let meant = meant::terminal(hub, name, scope, context).await?;
    let params = InboxParams {
        agent: meant.agent,
        fleet: meant.fleet,
    };
    Ok(client.call::<FleetInbox>(params).await?)
}

async fn cancel(args: &Args, id: MessageId, fleet: &Fleet, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    let found = fleet.cancel(name, id).await?;
    if args.json.json {
        context.output.json(&found)?;
    } else {
        context.output.data(receipt::render(name, &found))?;
    }
    if found.outcome == Reached::Cancelled {
        return Ok(Exit::Success);
    }
    context.output.say(too_late(found.outcome))?;
    Ok(Exit::No)
}

fn too_late(outcome: Reached) -> &'static str {
    match outcome {
        Reached::Refused => "too late: it was refused already, and is in the inbox no more",
        Reached::Accepted | Reached::Held => "too late: it is being typed, and is not withdrawn",
        Reached::Unknown => "too late: it may have been typed, and is in the inbox no more",
        _ => "too late: it was typed already, and is not withdrawn",
    }
}
