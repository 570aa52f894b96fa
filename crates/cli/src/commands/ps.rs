mod watch;

use podfleet::{Fleet, PsRow};

use crate::commands::scope::{Agents, JsonFlag, ThroughHub, none_of};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::ps::Lines;
use crate::render::{bridge, explanation, ps};
use crate::runtime::block_on;

const STATES: &str = "\
States: available, working, blocked (waits for a person), starting, stopped,
dead (expected, but gone), stale and unknown (no good heartbeat), quarantined
(ended too often). `--explain AGENT` shows why an agent has its state.
Flags: HELD a message waits, PAUSED none is delivered, DRIFT runs other than
the roster says, VIEW its tmux view is missing, BOOT would not come back after
a boot, OLD runs another build, UNMANAGED no pod hosts it, ROLE its class has
no role, so that it is told no mandate.";

/// List the agents and how they are
#[derive(Debug, clap::Args)]
#[command(after_help = STATES)]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    /// Show all columns, however wide they are
    #[arg(long, short, conflicts_with = "json")]
    wide: bool,
    /// Show it again at every change; `j` and `k` scroll, `q` leaves
    #[arg(long)]
    watch: bool,
    /// Show every fact that an agent's state was derived from, and which decided
    #[arg(
        long,
        value_name = "AGENT",
        conflicts_with_all = ["watch", "wide", "names"],
        add = crate::completion::agents()
    )]
    explain: Option<String>,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    #[cfg(feature = "hub")]
    if let Some(hub) = &args.through.hub {
        return block_on(of_many_machines(hub, args, context));
    }
    block_on(async {
        let scope = &args.agents.scope;
        if args.watch {
            return watch::watch(args, context).await;
        }
        let fleet = context.fleet_to_see(scope).await?;
        if let Some(agent) = &args.explain {
            let explanation = fleet.explain(agent).await?;
            if args.json.json {
                context.output.json(&explanation)?;
            } else {
                let width = context.output.width();
                context
                    .output
                    .data(explanation::render(&explanation, width))?;
            }
            return Ok(Exit::Success);
        }
        let rows = fleet.ps(&args.agents.names).await?;
        show(&fleet, &rows, args, &mut context.output)?;
        Ok(Exit::Success)
    })
}

/// Lists the agents of all machines that a hub reaches, and says which it does not.
#[cfg(feature = "hub")]
async fn of_many_machines(hub: &str, args: &Args, context: &mut Context) -> Outcome {
    use crate::hub::{agents, connect, meant};

    if args.watch || args.explain.is_some() {
        let message = "`--watch` and `--explain` are for the agents of this machine";
        return Err(Error::message(Exit::Usage, message)
            .hint("over ssh, `fleet ps` on the other machine has both"));
    }
    let client = connect::client(hub, context)?;
    let fleet = meant::named(&args.agents.scope, context).await?;
    let found = agents::list(&client, &args.agents.names, fleet.clone()).await?;
    let rows = agents::rows(&found);
    if args.json.json {
        context.output.json(&rows)?;
    } else if rows.is_empty() {
        let of = fleet.map(|fleet| format!(" of the fleet `{fleet}`"));
        let of = of.unwrap_or_default();
        let none = format!("no agents{of} on any machine that answers");
        context.output.say(none)?;
    } else {
        let lines = Lines::of(&context.output);
        context.output.data(ps::render(&rows, args.wide, lines))?;
    }
    for fault in &found.missing {
        let notice = format!("note: {}", fault.message);
        context
            .output
            .say(crate::render::wrap::wrap(&notice, 0, "  "))?;
    }
    Ok(Exit::answer(found.missing.is_empty()))
}

fn show(fleet: &Fleet, rows: &[PsRow], args: &Args, output: &mut Output) -> Result<(), Error> {
    if args.json.json {
        output.json(&rows)?;
        return Ok(());
    }
    if rows.is_empty() {
        output.say(none_of("agents", fleet))?;
        return Ok(());
    }
    output.data(table(fleet, rows, args, Lines::of(output)))?;
    Ok(())
}

/// Renders the rows, and below them how the bridge is where the whole fleet is shown.
fn table(fleet: &Fleet, rows: &[PsRow], args: &Args, lines: Lines) -> String {
    let mut text = ps::render(rows, args.wide, lines);
    let glance = fleet.bridge_glance();
    if let Some(glance) = glance.filter(|_| args.agents.names.is_empty()) {
        let line = bridge::line(&glance, jiff::Timestamp::now());
        text.push_str(&format!("\n{}\n", lines.cut(&line)));
    }
    text
}
