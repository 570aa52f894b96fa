use clap::ValueEnum;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// Print a JSON Schema
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Subject,
    /// Draft 07 instead of 2020-12, for editors; of the roster alone
    #[arg(long, value_name = "DRAFT")]
    draft: Option<Draft>,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The definition of a fleet, `roster.yaml`
    Roster,
    /// The language of a pod's socket
    Protocol,
    /// The output of `fleet ps --json`
    Ps,
}

/// The drafts of JSON Schema besides 2020-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Draft {
    #[value(name = "07", alias = "7")]
    Draft07,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let schema = match (args.of, args.draft) {
        (Subject::Roster, None) => podfleet_roster::json_schema(),
        (Subject::Roster, Some(Draft::Draft07)) => podfleet_roster::json_schema_draft07(),
        (Subject::Protocol, None) => podfleet_protocol::json_schema(),
        (Subject::Ps, None) => podfleet::ps_json_schema(),
        (_, Some(Draft::Draft07)) => {
            return Err(Error::message(
                Exit::Usage,
                "only the roster's schema is given in draft 07",
            ));
        }
    };
    context.output.json(&schema)?;
    Ok(Exit::Success)
}
