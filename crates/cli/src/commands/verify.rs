use podfleet::Verification;

use crate::commands::scope::{Agents, JsonFlag};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Check that everything that the roster promises is there
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 if all is there, 1 if not; each miss is named.")]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let found = block_on(async {
        let fleet = context.fleet(&args.agents.scope, RosterNeed::Sound).await?;
        Ok(fleet.verify(&args.agents.names).await?)
    })?;
    if args.json.json {
        context.output.json(&found)?;
    } else if !found.misses.is_empty() {
        let width = context.output.width();
        context.output.data(table(&found).render(Some(width)))?;
    }
    let agents = counted(found.agents, "agent");
    context.output.say(match found.misses.len() {
        0 => format!("{agents}: all is there"),
        misses => {
            let ending = if misses == 1 { "" } else { "es" };
            format!("{agents}: {misses} miss{ending}")
        }
    })?;
    Ok(Exit::answer(found.misses.is_empty()))
}

fn table(found: &Verification) -> Table {
    let mut table = Table::new([
        Column::new("AGENT").flexible(10),
        Column::new("MISS").wrapping(12),
        Column::new("REMEDY").wrapping(12),
    ]);
    for miss in &found.misses {
        let cells = [&miss.agent, &miss.what, &miss.remedy];
        table.row(cells.map(|text| text.as_str().into()));
    }
    table
}
