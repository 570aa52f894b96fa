use podfleet::Fleet;
use podfleet_roster::{Chat, Field};

use crate::commands::connector_fields::{ConnectorFields, Kind};
use crate::commands::edit::{self, Done, Follows, Mode};
use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::runtime::block_on;

const HOW: &str = "\
Fields that are not given stay as the roster has them, those of other kinds too,
so that `switch` leads back. All else of the roster stays byte for byte.";

#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(super) struct Args {
    /// The kind: tmux, discord, matrix, or x-… of another crate
    #[arg(value_name = "KIND")]
    kind: Kind,
    #[command(flatten)]
    fields: ConnectorFields,
    /// Do not ask the connector first whether it works
    #[arg(long)]
    unchecked: bool,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    let mode = Mode {
        dry_run: args.dry_run.dry_run,
        json: args.json.json,
    };
    args.fields.check(Some(&args.kind), super::the_kind)?;
    let draft = edit::draft(context, Follows::AtOnce, |edit| {
        for (path, value) in args.fields.given() {
            edit.set(&Field::of_roster(path), value)?;
        }
        edit.set(&Field::of_roster("connector.kind"), args.kind.as_str())
    });
    let draft = draft.map_err(|error| match ConnectorFields::needed(&args.kind) {
        needed if needed.is_empty() || !args.fields.given().is_empty() => error,
        needed => error.hint(format!("give its fields: {needed}")),
    })?;
    let roster = draft.roster();
    let mut report = edit::nothing();
    if let (Some(chat), false) = (&roster.connector, args.unchecked || mode.dry_run) {
        super::check(chat, Some(&roster.fleet), context)
            .map_err(|error| error.hint("`--unchecked` switches all the same"))?;
    }
    edit::write(&draft, mode, context)?;
    let before = draft
        .roster_before()
        .and_then(|roster| roster.connector.as_ref());
    report
        .notes
        .extend(operators_note(before, roster.connector.as_ref()));
    if !mode.dry_run {
        let moved = block_on(async {
            let fleet = context.fleet_of(roster.clone(), draft.path()).await?;
            move_bridge(&fleet).await
        });
        report.notes.push(moved?);
    }
    edit::conclude(&Done::new(draft, report), mode, &mut context.output)
}

/// Makes a bridge that runs follow the roster; returns what is to be told.
async fn move_bridge(fleet: &Fleet) -> Result<String, Error> {
    // What the caller's shell left open is not for a process that lives longer.
    close_fds::set_fds_cloexec(3, &[]);
    let runs = fleet.bridge_status().is_some_and(|(_, runs)| runs);
    Ok(match runs {
        false => "no bridge runs; `fleet bridge start` starts it".to_owned(),
        true if fleet.start_bridge().await? => "the bridge moved".to_owned(),
        true => "the bridge is there already".to_owned(),
    })
}

/// Who may give commands is named by ids of the carrier.
fn operators_note(before: Option<&Chat>, after: Option<&Chat>) -> Option<String> {
    let (before, after) = (before?, after?);
    let changes = before.connector.kind() != after.connector.kind();
    let (old, new) = (before.connector.kind(), after.connector.kind());
    (changes && !after.operators.is_empty())
        .then(|| format!("`connector.operators` lists ids of {old}; those of {new} are others"))
}
