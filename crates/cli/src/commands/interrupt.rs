use podfleet::{Fleet, FleetError};
use podfleet_protocol::AgentPhase;
use podfleet_protocol::method::InterruptResult;

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::scope::{DryRun, JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const HELP: &str = "\
The key is pressed only while the screen shows that the agent works: at any
other moment it would mean something else, such as no to a dialog.
Exit status: 0 if the agent ended its turn, 1 if the key was not pressed or the
agent works on.";

/// Press an agent's interrupt key, if it works
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

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    let dry_run = args.dry_run.dry_run;
    block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        if let Some(there) = Elsewhere::one(&fleet, name) {
            let verb = FarVerb::new("interrupt").flag("--dry-run", dry_run);
            return there.run(&verb.json(args.json.json));
        }
        let result = match dry_run {
            true => would_interrupt(&fleet, name).await?,
            false => fleet.interrupt(name).await?,
        };
        if args.json.json {
            context.output.json(&result)?;
        } else {
            context.output.line(words(name, &result, dry_run))?;
        }
        Ok(Exit::answer(result.pressed && !result.works_on))
    })
}

async fn would_interrupt(fleet: &Fleet, name: &str) -> Result<InterruptResult, FleetError> {
    let pod = fleet.pod_status(name).await?;
    let running = matches!(pod.agent, AgentPhase::Running { .. });
    Ok(InterruptResult {
        pressed: running && pod.screen.state == "busy",
        works_on: false,
        screen: pod.screen,
    })
}

fn words(name: &str, result: &InterruptResult, dry_run: bool) -> String {
    let state = &result.screen.state;
    match (result.pressed, dry_run) {
        (true, false) if result.works_on => {
            format!("{name}: the key was pressed, and it works on\n  `fleet tail {name}` shows why")
        }
        (true, false) => format!("{name}: interrupted"),
        (true, true) => format!("{name}: would be interrupted"),
        (false, _) => format!("{name}: not interrupted, it does not work: {state}"),
    }
}
