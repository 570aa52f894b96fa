use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Let no agent be started at boot any more, and remove the units
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It is about all fleets of this user. What runs goes on, and systemd keeps it until \
                  it is brought down; run this again then to remove its units. Roster, records, logs \
                  and what somebody edited stay."
)]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let dry_run = args.dry_run.dry_run;
    let done = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.uninstall(dry_run).await?)
    })?;
    let output = &mut context.output;
    if args.json.json {
        output.json(&done)?;
        return Ok(Exit::Success);
    }
    if !done.disabled.is_empty() {
        let word = if dry_run {
            "would be disabled"
        } else {
            "disabled"
        };
        let mut table = Table::new([Column::new("UNIT").flexible(20), Column::new("BOOT")]);
        for unit in &done.disabled {
            table.row([unit.as_str().into(), word.into()]);
        }
        output.data(table.render(Some(output.width())))?;
    }
    let stays = if dry_run { "would stay" } else { "stays" };
    for path in &done.left {
        let text = format!("{path} {stays}: somebody edited it");
        output.say(wrap(&text, 0, "  "))?;
    }
    if done.kept.is_empty() {
        return Ok(Exit::Success);
    }
    let running = counted(done.running.len(), "agent");
    let units = counted(done.kept.len(), "unit");
    let stay = match done.kept.len() {
        1 => "stays while it runs",
        _ => "stay while they run",
    };
    let text = format!(
        "{running} of this fleet still up; {units} {stay}: `fleet down --all`, then `fleet uninstall` \
         again"
    );
    output.say(wrap(&text, 0, "  "))?;
    Ok(Exit::Success)
}
