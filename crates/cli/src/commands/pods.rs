use crate::commands::scope::{JsonFlag, Scope, none_of};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::pods;
use crate::runtime::block_on;

const SEEN: &str = "\
The operator sees all pods of the tenant, in a roster or not; `--fleet` leaves
those of one fleet. Inside a pod these are the pods that it sees: itself, its
children, its peers and its fleet mates.
A pod that does not answer within 200 ms is listed with the reason.";

/// List pods: of the roster, spawned ones, and peers
#[derive(Debug, clap::Args)]
#[command(after_help = SEEN)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let (fleet, rows) = block_on(async {
        let fleet = context.fleet_to_see(&args.scope).await?;
        let mut rows = fleet.pods().await?;
        if let Some(fleet) = &args.scope.fleet {
            rows.retain(|row| {
                let identity = row.identity.as_ref();
                identity.is_none_or(|identity| identity.fleet == *fleet)
            });
        }
        Ok((fleet, rows))
    })?;
    if args.json.json {
        context.output.json(&rows)?;
    } else if rows.is_empty() {
        context.output.say(match fleet.roster() {
            Some(_) => "no pods: `fleet up` starts the roster's".to_owned(),
            None => none_of("pods", &fleet),
        })?;
    } else {
        let width = context.output.width();
        context
            .output
            .data(pods::table(&rows).render(Some(width)))?;
    }
    Ok(Exit::Success)
}
