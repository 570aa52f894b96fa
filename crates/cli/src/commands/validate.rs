use std::path::PathBuf;
use std::thread;

use podfleet_roster::{Diagnostic, Disk, Document, Known, Severity};

use crate::context::Context;
use crate::disk::LocalDisk;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::input::{self, Input};
use crate::render::findings::{Checked, Format, Unread, summary, total};

const EXITS: &str = "\
FILE may be a pattern in quotes, such as 'fleets/**/*.yaml'.

Exit status: 0 without errors, 1 with findings, 2 if a file cannot be read.
`fleet explain CODE` tells more of a finding.";

/// Check rosters, and show every fault with its place
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Args {
    /// Rosters, `-` for standard input [default: the one in use]
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// How to print the findings
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_default_value = true
    )]
    format: Format,
    /// Print JSON: the same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Exit with 1 also when there are only warnings
    #[arg(long)]
    deny_warnings: bool,
    /// Look at nothing but the files: neither at your own runtimes and roles, nor at the disk
    #[arg(long)]
    isolated: bool,
}

/// Bytes from which on a roster is large.
const LARGE: usize = 128 * 1024;

/// How the findings are judged, and against what.
struct Checker {
    known: Known,
    disk: Option<LocalDisk>,
}

impl Checker {
    fn new(isolated: bool, context: &Context) -> Result<Self, Error> {
        if isolated {
            return Ok(Self {
                known: Known::shipped(),
                disk: None,
            });
        }
        Ok(Self {
            known: context.known().map_err(isolation)?,
            disk: Some(LocalDisk::new(context.home().map_err(isolation)?)),
        })
    }

    fn check(&self, bytes: Vec<u8>, name: &str) -> Checked {
        let document = Document::read_bytes(bytes, name);
        let disk = self.disk.as_ref().map(|disk| disk as &dyn Disk);
        let findings = document.findings(&self.known, disk);
        let checked = Checked::of(&document, findings);
        if document.text().len() > LARGE {
            give_back(document);
        }
        checked
    }
}

/// Gives memory back on a thread of its own: of a large roster that takes milliseconds, and after
/// the last one nobody waits for it.
fn give_back(document: Document) {
    // Where no thread can be had, it is given back here.
    let _ = thread::Builder::new().spawn(move || drop(document));
}

/// A check that looks at nothing of the user needs no home either.
fn isolation(error: Error) -> Error {
    error.hint("`--isolated` checks without looking there")
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    // Meanwhile the files are read. Where no thread can be had, the first check does it.
    let _ = thread::Builder::new().spawn(podfleet_roster::prepare_schema);
    let checker = Checker::new(isolated(args, context)?, context)?;
    let inputs = if args.files.is_empty() {
        vec![Ok(Input::File(context.roster_path()?))]
    } else {
        input::named(&args.files)
    };
    let mut checked = Vec::new();
    let mut unread = Vec::new();
    for input in inputs {
        let name = input.as_ref().ok().map(Input::name);
        match input.and_then(|input| Ok((input.read()?, input.name()))) {
            Ok((bytes, name)) => checked.push(checker.check(bytes, &name)),
            Err(error) => {
                context.output.complain(error.render())?;
                let why = error.in_one_line();
                unread.push(Unread { name, why });
            }
        }
    }
    let format = if args.json { Format::Json } else { args.format };
    context.output.data(format.render(&checked, &unread)?)?;
    for roster in &checked {
        context.output.say(summary(roster))?;
    }
    if checked.len() + unread.len() > 1 {
        context.output.say(total(&checked, unread.len()))?;
    }
    Ok(exit(&checked, !unread.is_empty(), args.deny_warnings))
}

/// Whether nothing but the files is looked at: as asked for, and where others than their author
/// check them.
fn isolated(args: &Args, context: &mut Context) -> Result<bool, Error> {
    let in_ci = context.env.get("CI").is_some();
    if in_ci && !args.isolated {
        context
            .output
            .explain("isolated, since the variable CI is set")?;
    }
    Ok(args.isolated || in_ci)
}

fn exit(checked: &[Checked], unreadable: bool, deny_warnings: bool) -> Exit {
    let bad = |finding: &Diagnostic| {
        finding.is_error() || (deny_warnings && finding.severity == Severity::Warning)
    };
    if unreadable {
        return Exit::Usage;
    }
    let found = checked.iter().flat_map(|roster| &roster.findings).any(bad);
    Exit::answer(!found)
}
