use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::Value;

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// Print a JSON Schema
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of what
    #[arg(value_parser = subjects())]
    of: Subject,
    /// Draft 07 instead of 2020-12, for editors; of rosters and profiles alone
    #[arg(long, value_name = "DRAFT")]
    draft: Option<Draft>,
}

/// What has a schema.
#[derive(Debug, Clone)]
struct Subject {
    name: &'static str,
    summary: &'static str,
    schema: fn() -> Value,
    draft07: Option<fn() -> Value>,
}

const SUBJECTS: &[Subject] = &[
    Subject {
        name: "roster",
        summary: "The definition of a fleet, `roster.yaml`",
        schema: podfleet_roster::json_schema,
        draft07: Some(podfleet_roster::json_schema_draft07),
    },
    Subject {
        name: "profile",
        summary: "A kind of organisation, `profiles/ID.yaml`",
        schema: podfleet_roster::profile_json_schema,
        draft07: Some(podfleet_roster::profile_json_schema_draft07),
    },
    #[cfg(feature = "fleet")]
    Subject {
        name: "protocol",
        summary: "The language of a pod's socket",
        schema: podfleet_protocol::json_schema,
        draft07: None,
    },
    #[cfg(feature = "fleet")]
    Subject {
        name: "ps",
        summary: "The output of `fleet ps --json`",
        schema: podfleet::ps_json_schema,
        draft07: None,
    },
];

fn subjects() -> impl TypedValueParser<Value = Subject> {
    let value = |subject: &Subject| PossibleValue::new(subject.name).help(subject.summary);
    PossibleValuesParser::new(SUBJECTS.iter().map(value)).try_map(|name| {
        let named = |subject: &&Subject| subject.name == name;
        SUBJECTS
            .iter()
            .find(named)
            .cloned()
            .ok_or("nothing of that name has a schema")
    })
}

/// The drafts of JSON Schema besides 2020-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Draft {
    #[value(name = "07", alias = "7")]
    Draft07,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let schema = match args.draft {
        None => args.of.schema,
        Some(Draft::Draft07) => args.of.draft07.ok_or_else(|| {
            Error::message(
                Exit::Usage,
                "only the schemas of rosters and profiles are given in draft 07",
            )
        })?,
    };
    context.output.json(&schema())?;
    Ok(Exit::Success)
}
