use podfleet::{Check, Verdict};

use crate::commands::scope::{JsonFlag, Scope};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::style::{DIM, ERROR, GOOD, WARNING};
use crate::render::table::{Cell, Column, Table};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Say what of this machine makes trouble, and how to mend it
#[derive(Debug, clap::Args)]
#[command(after_help = "Changes nothing. Exit status: 0 if nothing is wrong, 1 if something is.")]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let checks = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.doctor().await?)
    })?;
    if args.json.json {
        context.output.json(&checks)?;
    } else {
        let width = context.output.width();
        context.output.data(table(&checks).render(Some(width)))?;
    }
    let wrong = checks.iter().any(|check| check.verdict == Verdict::Wrong);
    Ok(Exit::answer(!wrong))
}

fn table(checks: &[Check]) -> Table {
    let mut table = Table::new([
        Column::new("CHECK").wrapping(17),
        Column::new("IS"),
        Column::new("FOUND").wrapping(16),
        Column::new("REMEDY").wrapping(16),
    ]);
    for check in checks {
        let style = match check.verdict {
            Verdict::Ok => GOOD,
            Verdict::Note => WARNING,
            Verdict::Wrong => ERROR,
            Verdict::Unknown => DIM,
        };
        table.row([
            check.check.as_str().into(),
            Cell::styled(check.verdict.as_str(), style),
            check.found.as_str().into(),
            check.remedy.as_deref().unwrap_or("-").into(),
        ]);
    }
    table
}
