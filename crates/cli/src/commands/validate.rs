use std::io::Read;
use std::path::{Path, PathBuf};

use podfleet_roster::{Diagnostic, Document, Known, Severity};

use crate::context::Context;
use crate::disk::LocalDisk;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::findings::{Checked, Format, summary};

const EXITS: &str = "\
Exit status: 0 without errors, 1 with findings, 2 if a file cannot be read.
`fleet explain CODE` tells more of a finding.";

/// Check rosters, and show every fault with its place
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Args {
    /// Rosters, `-` for standard input [default: the one that `up` would use]
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
            known: context.known()?,
            disk: Some(LocalDisk::new(context.home()?)),
        })
    }

    fn check(&self, bytes: &[u8], name: &str) -> Checked {
        let document = Document::read_bytes(bytes, name);
        let (_, mut findings) = document.check(&self.known);
        if let Some(disk) = &self.disk {
            findings.extend(document.check_disk(disk));
            findings.sort_by_key(|finding: &Diagnostic| (finding.span.start, finding.span.end));
        }
        Checked {
            name: name.to_owned(),
            text: document.redacted_text(),
            findings,
        }
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let isolated = args.isolated || context.env.get("CI").is_some();
    let checker = Checker::new(isolated, context)?;
    let files = if args.files.is_empty() {
        vec![context.roster_path()?]
    } else {
        args.files.clone()
    };
    let mut checked = Vec::new();
    let mut unreadable = false;
    for file in &files {
        match read(file) {
            Ok(bytes) => checked.push(checker.check(&bytes, &name(file))),
            Err(error) => {
                unreadable = true;
                context.output.complain(error.render())?;
            }
        }
    }
    let format = if args.json { Format::Json } else { args.format };
    context.output.data(format.render(&checked)?)?;
    for roster in &checked {
        context.output.say(summary(roster))?;
    }
    Ok(exit(&checked, unreadable, args.deny_warnings))
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

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn name(file: &Path) -> String {
    if is_stdin(file) {
        "<stdin>".to_owned()
    } else {
        file.to_string_lossy().into_owned()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let bytes = if is_stdin(file) {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{} cannot be read", name(file)))
    })
}
