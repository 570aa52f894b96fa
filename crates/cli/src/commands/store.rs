use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use podfleet_pod_store::{Check, MinWriter, Records, SqliteStore};
use serde_json::json;

use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Own;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::runtime::block_on;

/// Look after the records of all fleets: check, back up, move
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Look for damage, record by record, and in the session logs
    Check(JsonFlag),
    /// Copy the store to a new file while the fleet goes on
    #[command(after_help = "\
Long messages are copied to the directory `bodies` beside the file. To go back:
stop all pods, remove `store.db-wal` and `store.db-shm`, and put the file in the
store's place, `bodies` beside it.
Session logs are files of their own: copy the directory `sessions` too, and
leave it in place when you go back. What later logs say was delivered is not
typed again.")]
    Backup {
        /// Where to; nothing may be there, and its directory has to
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        to: PathBuf,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Write all records as lines of JSON
    #[command(after_help = "\
Session logs are no part of it. Credentials are not in the store; what a roster
says of an agent's environment is.")]
    Export {
        /// A new file, or - for standard output
        #[arg(value_name = "FILE", default_value = "-", hide_default_value = true, value_hint = clap::ValueHint::FilePath)]
        to: PathBuf,
    },
    /// Read what was exported into a store without records
    #[command(after_help = "\
Afterwards no pod of this state directory runs and none is wanted up. An import
that fails changes nothing. What session logs in the state directory say was
delivered after the export is not typed again.
End the pods of the exported store for good before you start them here: two
that live go on with one conversation, and each accepts messages of its own.
While one listens in the same runtime directory, its second is not started.")]
    Import {
        /// The file, or - for standard input
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        from: PathBuf,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Lock builds of older schemas out of the store, for good
    #[command(after_help = "\
Opening the store does all else: older and newer builds share it until then.
Refused while a pod of an older build lives.")]
    Migrate {
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        json: JsonFlag,
    },
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    match args.verb {
        Verb::Check(json) => check(json, context),
        Verb::Backup { to, json } => backup(&to, json, context),
        Verb::Export { to } => export(&to, context),
        Verb::Import {
            from,
            dry_run,
            json,
        } => import(&from, dry_run, json, context),
        Verb::Migrate { dry_run, json } => migrate(dry_run, json, context),
    }
}

/// Opens the store, which must be there: looking at it makes none.
fn open(context: &Context) -> Result<SqliteStore, Error> {
    let dirs = context.dirs()?;
    let path = dirs.state_paths().store();
    if !dirs.has_store()? {
        let error = format!("there is no store {}", path.display());
        return Err(Error::message(Exit::Usage, error).hint("`fleet up` makes one"));
    }
    Ok(SqliteStore::open_existing(&path)?)
}

/// Opens the store for what is the operator's alone: it holds the pods and messages of all fleets.
fn open_as_operator(context: &Context) -> Result<SqliteStore, Error> {
    let store = open(context)?;
    let dirs = context.dirs()?;
    block_on(async { Ok(podfleet::check_operator(&store, &dirs, &context.env).await?) })?;
    Ok(store)
}

fn check(json: JsonFlag, context: &mut Context) -> Outcome {
    let store = open_as_operator(context)?;
    let check = block_on(async { Ok(store.check().await?) })?;
    let sound = check.is_sound();
    if json.json {
        let path = store.path();
        context
            .output
            .json(&json!({ "path": path, "sound": sound, "check": check }))?;
    } else {
        let width = context.output.width();
        context.output.data(render(store.path(), &check, width))?;
    }
    Ok(Exit::answer(sound))
}

fn render(path: &Path, check: &Check, width: usize) -> String {
    let mut text = format!(
        "{}\nschema {} (writers from schema {} on)\n{}\n",
        path.display(),
        check.schema,
        check.min_writer,
        contents(&check.records)
    );
    if check.stray_bodies > 0 {
        let stray = count(check.stray_bodies, "body file");
        text.push_str(&format!(
            "{stray} that no message names: only space is lost, `fleet prune` frees it\n"
        ));
    }
    if check.is_sound() {
        text.push_str("no damage\n");
        return text;
    }
    let mut table = Table::new([
        Column::new("WHAT"),
        Column::new("WHOSE").flexible(8),
        Column::new("ID").optional(1),
        Column::new("PROBLEM").wrapping(20),
    ]);
    for finding in &check.findings {
        table.row([
            finding.subject.as_str().into(),
            finding.label.as_str().into(),
            finding.id.as_str().into(),
            finding.problem.as_str().into(),
        ]);
    }
    text.push('\n');
    text.push_str(&table.render(Some(width)));
    text
}

/// Returns what a store has; what not every one has is named only where it is.
fn contents(records: &Records) -> String {
    let always = [
        count(records.fleets, "fleet"),
        count(records.pods, "pod"),
        count(records.messages, "message"),
        count(records.sessions, "session"),
    ];
    let sometimes = [
        (records.children, "spawned pod"),
        (records.peers, "peering"),
        (records.sayings, "chat message"),
    ];
    let there = sometimes.into_iter().filter(|(number, _)| *number > 0);
    let named = there.map(|(number, one)| count(number, one));
    always
        .into_iter()
        .chain(named)
        .collect::<Vec<_>>()
        .join(", ")
}

fn backup(to: &Path, json: JsonFlag, context: &mut Context) -> Outcome {
    let store = open_as_operator(context)?;
    let directory = to.parent().filter(|parent| parent.as_os_str() != "");
    if let Some(missing) = directory.filter(|directory| !directory.exists()) {
        let error = format!("the directory {} is not there", missing.display());
        return Err(Error::message(Exit::System, error)
            .context(format!("{} cannot be created", to.display()))
            .hint("make it, or choose another path"));
    }
    let backup = block_on(async { Ok(store.backup(to).await?) })?;
    if json.json {
        context
            .output
            .json(&json!({ "path": to, "backup": backup }))?;
    } else {
        let long = count(backup.bodies, "long message");
        let (path, bytes) = (to.display(), backup.bytes);
        context
            .output
            .line(format_args!("{path}: {bytes} bytes, {long} beside it"))?;
        if backup.missing > 0 {
            let missing = backup.missing;
            context.output.say(format_args!(
                "note: {missing} more were pruned meanwhile, and are damaged in the copy"
            ))?;
        }
    }
    Ok(Exit::answer(backup.missing == 0))
}

fn export(to: &Path, context: &mut Context) -> Outcome {
    let store = open_as_operator(context)?;
    let out: Box<dyn Write + Send> = if is_standard(to) {
        Box::new(io::BufWriter::new(Own(io::stdout())))
    } else {
        Box::new(io::BufWriter::new(create(to)?))
    };
    let exported = block_on(async { Ok(store.export(out).await?) });
    if exported.is_err() && !is_standard(to) {
        // We made it: without the end of the export it is none, and it would be in the way.
        let _ = std::fs::remove_file(to);
    }
    let transfer = exported?;
    let records = count(transfer.records, "record");
    context.output.say(format_args!("{records} exported"))?;
    for id in &transfer.without_body {
        context
            .output
            .say(format_args!("note: message {id} has lost its body"))?;
    }
    Ok(Exit::answer(transfer.without_body.is_empty()))
}

fn create(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600).open(path);
    file.map_err(|error| {
        let exit = match error.kind() {
            io::ErrorKind::AlreadyExists => Exit::Refused,
            _ => Exit::System,
        };
        Error::new(exit, error)
            .context(format!("{} cannot be created", path.display()))
            .hint("choose another path")
    })
}

fn import(from: &Path, dry_run: DryRun, json: JsonFlag, context: &mut Context) -> Outcome {
    let lines: Box<dyn BufRead + Send> = if is_standard(from) {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let unreadable = |error| {
            let what = format!("{} cannot be read", from.display());
            Error::new(Exit::Usage, error).context(what)
        };
        let file = File::open(from).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(unreadable(io::ErrorKind::IsADirectory.into()));
        }
        Box::new(BufReader::new(file))
    };
    let dirs = context.dirs()?;
    // Nothing is imported into the place of one that is away.
    dirs.has_store()?;
    let path = dirs.state_paths().store();
    let runtime = dirs.runtime;
    let dry_run = dry_run.dry_run;
    let transfer = block_on(async {
        Ok(if dry_run {
            SqliteStore::preview_import(&path, lines).await?
        } else {
            SqliteStore::import_at(&path, lines, &runtime).await?
        })
    })?;
    if json.json {
        let records = transfer.records;
        context
            .output
            .json(&json!({ "path": path, "dry_run": dry_run, "records": records }))?;
    } else {
        let records = count(transfer.records, "record");
        let path = path.display();
        context.output.line(if dry_run {
            format!("{path}: {records} would be imported")
        } else {
            format!("{path}: {records} imported")
        })?;
    }
    Ok(Exit::Success)
}

fn migrate(dry_run: DryRun, json: JsonFlag, context: &mut Context) -> Outcome {
    let store = open_as_operator(context)?;
    let dirs = context.dirs()?;
    let dry_run = dry_run.dry_run;
    let is_live = move |pod| dirs.pod_lives(pod);
    let raised = block_on(async {
        Ok(if dry_run {
            store.preview_min_writer(is_live).await?
        } else {
            store.raise_min_writer(is_live).await?
        })
    })?;
    let MinWriter { before, now } = raised;
    if json.json {
        context
            .output
            .json(&json!({ "dry_run": dry_run, "min_writer": raised }))?;
    } else {
        context.output.line(match (before == now, dry_run) {
            (true, _) => format!("already so: builds below schema {now} are locked out"),
            (false, true) => format!("builds below schema {now} would be locked out"),
            (false, false) => format!("builds below schema {now} are locked out from now on"),
        })?;
    }
    Ok(Exit::Success)
}

fn count(number: u64, one: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), one)
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::Finding;

    use super::*;

    #[test]
    fn what_is_damaged_stands_in_a_table() {
        let finding = |subject: &str, id: &str, problem: &str| Finding {
            subject: subject.into(),
            id: id.into(),
            label: "coder".into(),
            problem: problem.into(),
        };
        let check = Check {
            schema: 2,
            min_writer: 1,
            ours: 2,
            records: Records {
                pods: 1,
                messages: 12,
                peers: 2,
                sayings: 1,
                ..Records::default()
            },
            findings: vec![
                finding(
                    "pod",
                    "01a21479-29ff-708c-bd30-98554bbd8c03",
                    "column `spec`: EOF",
                ),
                finding(
                    "message",
                    "01a21479-2a17-73e6-80d9-89c7b6940bd6",
                    "damaged: column `receipt`: expected value at line 1 column 1",
                ),
            ],
            stray_bodies: 1,
        };
        let text = render(Path::new("/state/store.db"), &check, 80);
        let text = anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(text, @"
        /state/store.db
        schema 2 (writers from schema 1 on)
        0 fleets, 1 pod, 12 messages, 0 sessions, 2 peerings, 1 chat message
        1 body file that no message names: only space is lost, `fleet prune` frees it

        WHAT     WHOSE  ID                                    PROBLEM
        pod      coder  01a21479-29ff-708c-bd30-98554bbd8c03  column `spec`: EOF
        message  coder  01a21479-2a17-73e6-80d9-89c7b6940bd6  damaged: column `receipt`:
                                                              expected value at line 1
                                                              column 1
        ");
    }
}
