//! `pause` and `resume`, which are one switch.

use podfleet::{Brake, BrakeReport};

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Hold the messages of agents; people may still type
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It holds over every restart, until `fleet resume`. Messages are accepted and
wait; what is being typed now is brought to its end. An agent that ends
meanwhile is started again only after `fleet resume`. An agent that is paused
gets no children. Who is added or spawned by the operator afterwards is not
paused: pause it, too.")]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    agents: Named,
    /// Why, for those who find it paused
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// Let the messages of paused agents go on
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    agents: Named,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// Agents by name, or explicitly all: a brake is not pulled by leaving a name out.
#[derive(Debug, clap::Args)]
struct Named {
    /// The agents
    #[arg(value_name = "AGENT", required_unless_present = "all", add = crate::completion::agents())]
    names: Vec<String>,
    /// All agents of the fleet that are recorded
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    scope: Scope,
}

pub(crate) fn pause(args: &PauseArgs, context: &mut Context) -> Outcome {
    let reason = args.reason.clone();
    let brake = Brake::Pause { reason };
    run(
        &args.agents,
        &brake,
        args.dry_run.dry_run,
        args.json.json,
        context,
    )
}

pub(crate) fn resume(args: &ResumeArgs, context: &mut Context) -> Outcome {
    run(
        &args.agents,
        &Brake::Resume,
        args.dry_run.dry_run,
        args.json.json,
        context,
    )
}

fn run(agents: &Named, brake: &Brake, dry_run: bool, json: bool, context: &mut Context) -> Outcome {
    block_on(async {
        let fleet = context.fleet(&agents.scope, RosterNeed::Helpful).await?;
        let verb = far(brake).flag("--dry-run", dry_run).json(json);
        let (here, there) = Elsewhere::split(&fleet, &agents.names);
        there.check(&here, &verb)?;
        let there = there.run(&verb)?;
        // No name at all means all of those that are here.
        if here.is_empty() && !agents.names.is_empty() {
            return Ok(there);
        }
        let reports = fleet.brake(&here, brake, dry_run).await?;
        let here = conclude(&reports, brake, dry_run, json, context)?;
        Ok(there.and(here))
    })
}

/// Returns the same for agents of other machines.
fn far(brake: &Brake) -> FarVerb {
    match brake {
        Brake::Pause { reason } => FarVerb::new("pause").option(
            "--reason",
            Some(reason.clone()).filter(|reason| !reason.is_empty()),
        ),
        Brake::Resume => FarVerb::new("resume"),
    }
}

fn conclude(
    reports: &[BrakeReport],
    brake: &Brake,
    dry_run: bool,
    json: bool,
    context: &mut Context,
) -> Outcome {
    if json {
        context.output.json(&reports)?;
    } else {
        for report in reports {
            let words = words(report, brake, dry_run);
            context.output.line(wrap(&words, 0, "  "))?;
        }
        if reports.is_empty() {
            context.output.say("no agent of this fleet is recorded")?;
        }
    }
    let failed = reports.iter().any(|report| report.error.is_some());
    let refused = failed && reports.iter().all(|report| report.refused);
    Ok(match refused {
        true => Exit::Refused,
        false => Exit::answer(!failed),
    })
}

/// Says what became, or would become, of one agent.
fn words(report: &BrakeReport, brake: &Brake, dry_run: bool) -> String {
    let agent = &report.agent;
    if let Some(error) = &report.error {
        return format!("{agent}: failed: {error}");
    }
    let would = if dry_run { "would be " } else { "" };
    match (brake, report.changed, &report.paused) {
        (Brake::Pause { .. }, true, _) => format!("{agent}: {would}paused"),
        (Brake::Pause { .. }, false, Some(paused)) => format!("{agent}: paused already {paused}"),
        (Brake::Pause { .. }, false, None) => format!("{agent}: paused already"),
        (Brake::Resume, true, _) => format!("{agent}: {would}resumed"),
        (Brake::Resume, false, _) => format!("{agent}: was not paused"),
    }
}
