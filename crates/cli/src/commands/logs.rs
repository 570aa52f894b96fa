use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use podfleet::Fleet;

use crate::change::{Changes, reader_gone};
use crate::commands::scope::{Scope, none_of};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// How much of the log's end is looked at for its last lines.
const END: u64 = 256 << 10;

/// Print a pod's own log: what the process that hosts an agent says
#[derive(Debug, clap::Args)]
#[command(after_help = "`fleet log` prints what the agent was told and did.")]
pub(crate) struct Args {
    /// The agent [default: all that are recorded]
    #[arg(value_name = "AGENT", add = crate::completion::agents())]
    name: Option<String>,
    #[command(flatten)]
    scope: Scope,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value = "100")]
    lines: usize,
    /// Go on with what comes
    #[arg(short, long, requires = "name")]
    follow: bool,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let Some(name) = &args.name else {
            return all(&fleet, args.lines, &mut context.output).await;
        };
        let path = fleet.pod_log(name).await?;
        context
            .output
            .explain(format_args!("log {}", path.display()))?;
        let mut log = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => never_started(name),
            _ => unreadable(&path, error),
        })?;
        let end = last_lines(&mut log, args.lines).map_err(|error| unreadable(&path, error))?;
        context.output.data(end)?;
        if !args.follow {
            return Ok(Exit::Success);
        }
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut changes = Changes::of_directories(&[directory])?;
        let gone = reader_gone();
        tokio::pin!(gone);
        loop {
            print_rest(&mut log, &mut context.output)?;
            tokio::select! {
                changed = changes.next() => changed?,
                gone = &mut gone => return Err(gone),
            }
        }
    })
}

/// Prints the end of every agent's log, below its name.
async fn all(fleet: &Fleet, lines: usize, output: &mut Output) -> Outcome {
    let rows = fleet.ps(&[]).await?;
    let recorded = rows.iter().filter(|row| row.generation.is_some());
    let mut found = false;
    for row in recorded {
        let path = fleet.pod_log(&row.name).await?;
        let Ok(mut log) = File::open(&path) else {
            continue;
        };
        let end = last_lines(&mut log, lines).map_err(|error| unreadable(&path, error))?;
        found = true;
        output.line(format_args!("==> {} <==", row.name))?;
        output.data(end)?;
    }
    if !found {
        output.say(none_of("agents", fleet))?;
    }
    Ok(Exit::Success)
}

fn never_started(agent: &str) -> Error {
    Error::message(Exit::No, format!("the pod of `{agent}` never ran"))
        .hint(format!("start it with `fleet up {agent}`"))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::from(error).context(format!("{} cannot be read", path.display()))
}

/// Returns the last lines of a file, and leaves it at its end.
fn last_lines(file: &mut File, count: usize) -> io::Result<String> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if start > 0 && !lines.is_empty() {
        // The first one is probably cut.
        lines.remove(0);
    }
    let first = lines.len().saturating_sub(count);
    Ok(lines[first..].concat())
}

fn print_rest(log: &mut File, output: &mut Output) -> io::Result<()> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(());
    }
    output.data(String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn last(text: &str, count: usize) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        last_lines(&mut file, count).unwrap()
    }

    #[test]
    fn the_last_lines_are_whole() {
        assert_eq!(last("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last("a\n", 2), "a\n");
        assert_eq!(last("", 2), "");
    }

    #[test]
    fn a_long_log_is_not_read_whole() {
        let text = "a line of some length\n".repeat(20_000);
        let lines = last(&text, 100_000);
        assert!(lines.len() < usize::try_from(END).unwrap() && lines.starts_with("a line"));
    }
}
