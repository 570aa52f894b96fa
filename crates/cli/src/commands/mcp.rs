use std::path::Path;

use crate::commands::scope::Scope;
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const WHO: &str = "\
Speaks the Model Context Protocol on standard input and output. What it offers
has exactly the rights of the pod that it runs in. Agents whose harness knows
how are started with it; others can be given it as an MCP server with the
command `fleet mcp`.";

/// Serve the agent of the pod around it with tools
#[derive(Debug, clap::Args)]
#[command(after_help = WHO)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let roster = context.named_roster().map(Path::to_owned);
        crate::mcp::serve(fleet, roster, context.client.clone()).await?;
        Ok(Exit::Success)
    })
}
