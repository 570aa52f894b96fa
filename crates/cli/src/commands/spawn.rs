use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use podfleet_protocol::method::SpawnParams;
use podfleet_protocol::{PodName, Scope as Writable, ScopePath};
use serde_json::json;

use crate::commands::progress::follow;
use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::count::taken_out;
use crate::render::receipt;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const NOTES: &str = "\
A spawned pod is in no roster: `plan`, `up` and `down` leave it alone unless it
is named; `fleet up NAME` starts it again as it is recorded. Its parent gives it
orders, reads what it writes, ends it, and is told when a turn of it ends or
fails. Inside a pod, that pod is the parent.
If the child does not start, or does not take its task in time, nothing of it is
left and the end of its log is shown.";

/// Start a pod outside the roster, and give it a task
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The name of the new pod
    name: PodName,
    /// The harness that runs its agent, such as claude or codex
    #[arg(long, value_name = "R")]
    runtime: String,
    /// Its first order
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    task: String,
    /// The pod that it is a child of [default: the one that we run in]
    #[arg(long, value_name = "P", add = crate::completion::agents())]
    parent: Option<String>,
    /// Where it runs [default: where its parent does, else here]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    directory: Option<PathBuf>,
    /// What it may change, given again for more; `none` is nothing [default: its parent's]
    #[arg(long = "scope", value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,
    /// The model
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// What it is told of its role
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    role: Option<String>,
    /// How long it may take until its task is submitted, in seconds
    #[arg(long, value_name = "S", default_value = "60", allow_negative_numbers = true, value_parser = super::number::within(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

impl Args {
    fn params(&self, inside_a_pod: bool) -> Result<SpawnParams, Error> {
        let here = std::env::current_dir()?;
        let own = self.parent.is_none() && !inside_a_pod;
        let place = match &self.directory {
            Some(directory) => Some(absolute_text(&here, directory)?),
            None if own => Some(absolute_text(&here, &here)?),
            None => None,
        };
        let absolute = |path: &Path| -> PathBuf { here.join(path).components().collect() };
        Ok(SpawnParams {
            name: self.name.clone(),
            id: None,
            runtime: self.runtime.clone(),
            task: self.task.clone(),
            working_directory: place,
            scope: self.writable(absolute)?,
            model: self.model.clone(),
            role: self.role.clone(),
            timeout_ms: self.timeout * 1000,
        })
    }

    fn writable(&self, absolute: impl Fn(&Path) -> PathBuf) -> Result<Option<Writable>, Error> {
        let paths = match self.paths.as_slice() {
            [] => return Ok(None),
            [none] if none == "none" => BTreeSet::new(),
            paths if paths.iter().any(|path| path == "none") => {
                let message = "`--scope none` is nothing at all, and goes with no other scope";
                return Err(Error::message(Exit::Usage, message)
                    .hint("a directory of this name is `--scope ./none`"));
            }
            paths if paths.iter().any(String::is_empty) => {
                return Err(Error::message(Exit::Usage, "a scope is empty")
                    .hint("`--scope .` is this directory, `--scope none` is nothing"));
            }
            paths => {
                let paths = paths
                    .iter()
                    .map(|path| ScopePath::new(absolute(path.as_ref())));
                paths
                    .collect::<Result<_, _>>()
                    .map_err(|error| Error::new(Exit::Usage, error))?
            }
        };
        Ok(Some(Writable {
            writable: Some(paths),
        }))
    }
}

/// Returns a directory's whole path. Records and requests are text, so it has to be that too.
fn absolute_text(here: &Path, directory: &Path) -> Result<PathBuf, Error> {
    let path: PathBuf = here.join(directory).components().collect();
    if path.to_str().is_some() {
        return Ok(path);
    }
    let message = format!(
        "the directory {} has a name that is no UTF-8",
        path.display()
    );
    Err(Error::message(Exit::Usage, message).hint(
        "a pod works where the name of each directory is text; name another one by `--directory`",
    ))
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    if args.task.trim().is_empty() {
        return Err(Error::message(Exit::Usage, "the task is empty"));
    }
    let params = args.params(context.env.get("FLEET_POD_NAME").is_some())?;
    let spawned = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let parent = args.parent.as_deref();
        if args.dry_run.dry_run {
            fleet.check_spawn(parent, &params).await?;
            return Ok(None);
        }
        let start = |events| fleet.spawn(parent, params.clone(), events);
        follow(start, &mut context.output).await.map(Some)
    })
    .map_err(|error| {
        let name = &args.name;
        error.hint_if_interrupted(format!(
            "`{name}` may be half made: `fleet up`, or the same command again, settles that"
        ))
    })?;
    let Some(spawned) = spawned else {
        let name = &args.name;
        if args.json.json {
            context
                .output
                .json(&json!({ "dry_run": true, "name": name }))?;
            return Ok(Exit::Success);
        }
        context
            .output
            .say(format_args!("`{name}` would be started and given its task"))?;
        return Ok(Exit::Success);
    };
    if args.json.json {
        context.output.json(&spawned)?;
        return Ok(Exit::Success);
    }
    let name = spawned.name.as_str();
    context.output.data(receipt::render(name, &spawned.task))?;
    let scope = format!("it may change: {}", spawned.scope);
    context.output.say(wrap(&scope, 0, "  "))?;
    if let Some(what) = taken_out(spawned.stripped) {
        context
            .output
            .say(format_args!("note: of its task: {what}"))?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn scope(paths: &[&str]) -> Option<Option<Writable>> {
        let mut line = vec!["spawn", "helper", "--runtime", "sim", "--task", "t"];
        line.extend(paths.iter().flat_map(|path| ["--scope", path]));
        let args = Cli::try_parse_from(line).unwrap().args;
        let absolute = |path: &Path| Path::new("/work").join(path).components().collect();
        args.writable(absolute).ok()
    }

    #[test]
    fn a_scope_of_nothing_is_told_from_paths_and_from_no_scope() {
        assert_eq!(scope(&[]), Some(None));
        let nothing = scope(&["none"]).unwrap().unwrap();
        assert_eq!(nothing.writable, Some(BTreeSet::new()));
        let some = scope(&["a", "./none"]).unwrap().unwrap();
        assert_eq!(some.writable.map(|paths| paths.len()), Some(2));
        for wrong in [&["none", "a"][..], &["a", "none"], &["a", ""]] {
            assert!(scope(wrong).is_none(), "{wrong:?}");
        }
    }
}
