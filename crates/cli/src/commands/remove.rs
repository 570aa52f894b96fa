use podfleet::{DownOptions, Fleet, FleetErrorKind, Report, RosterDraft};

use super::edit::{self, Done, Follows, Mode};
use crate::commands::progress::follow;
use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::render::wrap::wrap;
use crate::runtime::block_on;

const GOES: &str = "\
The agent is brought down first. Its comments go with it: those directly above
it, and those inside. Its `agents/NAME.env` and its pod's log are removed; its
session logs and messages stay. The only orchestrator and the only enhancer need
a successor.";

/// Bring an agent down, and remove it from the roster
#[derive(Debug, clap::Args)]
#[command(after_help = GOES)]
pub(crate) struct Args {
    /// The agent
    #[arg(value_name = "NAME", add = crate::completion::agents())]
    pub(crate) name: String,
    /// Who takes over its class, and what depended on it
    #[arg(long, value_name = "NEW", add = crate::completion::agents())]
    pub(crate) successor: Option<String>,
    /// Keep its environment file and its pod's log
    #[arg(long)]
    pub(crate) keep_files: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRun,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

impl Args {
    const fn mode(&self) -> Mode {
        Mode {
            dry_run: self.dry_run.dry_run,
            json: self.json.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let done = carry_out(args, context)?;
    edit::conclude(&done, args.mode(), &mut context.output)
}

/// Brings the agent down and removes it; if it cannot be brought down, the roster stays as it is.
pub(crate) fn carry_out(args: &Args, context: &mut Context) -> Result<Done, Error> {
    let mode = args.mode();
    let draft = edit::draft(context, Follows::AtOnce, |edit| {
        if let Some(successor) = &args.successor {
            edit.succeed(&args.name, successor)?;
        }
        edit.remove(&args.name)
    })?;
    let (report, given_up) = block_on(async {
        let before = draft.roster_before().cloned();
        let before = before.unwrap_or_else(|| draft.roster().clone());
        let fleet = context.fleet_of(before, draft.path()).await?;
        // An agent that the roster goes on to name is not to be ended for it.
        let prepared = edit::prepare(&draft, mode)?;
        let mut report = down(&fleet, &args.name, mode, context).await?;
        if !report.succeeded() {
            report.notes.push("the roster is not changed".to_owned());
            return Ok((report, true));
        }
        if !mode.dry_run {
            report.notes.extend(fleet.disable_at_boot(&args.name).await);
        }
        edit::put(&draft, prepared, mode, context)?;
        if !args.keep_files && !mode.dry_run {
            clean(&fleet, &args.name, context, &mut report).await?;
        }
        let fleet = context
            .fleet_of(draft.roster().clone(), draft.path())
            .await?;
        if args.successor.is_some() {
            follow_successor(&draft, &fleet, mode, context, &mut report).await?;
        }
        edit::tell_untold(&fleet, mode, &mut report).await?;
        Ok((report, false))
    })?;
    Ok(Done {
        given_up,
        ..Done::new(draft, report)
    })
}

async fn down(
    fleet: &Fleet,
    name: &str,
    mode: Mode,
    context: &mut Context,
) -> Result<Report, Error> {
    let names = [name.to_owned()];
    let look = DownOptions {
        dry_run: true,
        ..DownOptions::default()
    };
    match fleet.down(&names, &look, quiet()).await {
        Err(error) if matches!(error.kind(), FleetErrorKind::Remote { .. }) => {
            let mut report = edit::nothing();
            report.notes.push(format!("{error}; bring it down there"));
            Ok(report)
        }
        Err(error) => Err(error.into()),
        Ok(planned) if mode.dry_run => Ok(planned),
        Ok(_) => {
            let options = DownOptions::default();
            let start = |events| fleet.down(&names, &options, events);
            follow(start, &mut context.output).await
        }
    }
}

/// Nobody listens to a look.
fn quiet() -> podfleet::Events {
    tokio::sync::mpsc::unbounded_channel().0
}

async fn clean(
    fleet: &Fleet,
    name: &str,
    context: &mut Context,
    report: &mut Report,
) -> Result<(), Error> {
    match fleet.clean(name).await {
        Ok(removed) => {
            for file in removed {
                let said = format!("removed {}", file.display());
                if file.extension().is_some_and(|kind| kind == "env") {
                    // People write it, so they are told.
                    context.output.say(wrap(&said, 0, "  "))?;
                } else {
                    context.output.explain(wrap(&said, 0, "  "))?;
                }
            }
        }
        Err(error) if matches!(error.kind(), FleetErrorKind::Remote { .. }) => {}
        // The agent is out of the roster; that some of its files are left is worth a word.
        Err(error) => report.notes.push(Error::from(error).in_one_line()),
    }
    Ok(())
}

/// Whoever is not any more as before: the successor, and those that depend on it now.
async fn follow_successor(
    draft: &RosterDraft,
    fleet: &Fleet,
    mode: Mode,
    context: &mut Context,
    report: &mut Report,
) -> Result<(), Error> {
    let changed = |agent: &&podfleet_roster::Agent| {
        let before = draft
            .roster_before()
            .and_then(|roster| roster.agent(agent.name.as_str()));
        before != Some(*agent)
    };
    let changed: Vec<String> = draft
        .roster()
        .agents
        .iter()
        .filter(changed)
        .map(|agent| agent.name.to_string())
        .collect();
    let converged = edit::converge(fleet, &changed, mode, context).await?;
    report.agents.extend(converged.agents);
    report.notes.extend(converged.notes);
    Ok(())
}
