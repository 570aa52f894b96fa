use podfleet::TrustReport;

use crate::commands::scope::{DryRun, JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const HELP: &str = "\
Programs ask at their first start in a directory whether its files are trusted.
This records it in the program's own settings, which nothing else of the fleet
ever writes: with a backup beside them, and never over somebody else's change.
The agent must not run. To answer a dialog that stands already, use `fleet answer`.";

/// Record an agent's directory as trusted, in its program's settings
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
    let dry_run = args.dry_run.dry_run;
    let report = block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        Ok(fleet.trust(&args.agent.name, dry_run).await?)
    })?;
    if args.json.json {
        context.output.json(&report)?;
    } else {
        context
            .output
            .line(wrap(&words(&report, dry_run), 0, "  "))?;
    }
    Ok(Exit::Success)
}

fn words(report: &TrustReport, dry_run: bool) -> String {
    let TrustReport {
        agent,
        directory,
        settings,
        changed,
        backup,
    } = report;
    let (directory, settings) = (directory.display(), settings.display());
    if !changed {
        return format!("{agent}: {directory} is trusted already by {settings}");
    }
    let backup = backup.as_ref().map(|backup| {
        let keep = if dry_run { "would be" } else { "is" };
        format!("; what it was {keep} in {}", backup.display())
    });
    let backup = backup.unwrap_or_default();
    let verb = if dry_run {
        "would be recorded"
    } else {
        "is recorded"
    };
    format!("{agent}: trust in {directory} {verb} in {settings}{backup}")
}
