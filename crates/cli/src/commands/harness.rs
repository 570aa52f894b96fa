use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use podfleet::Fleet;
use podfleet_harness::{Harness, Recording, SHIPPED};
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole};
use serde::Serialize;

use crate::commands::scope::{JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::input::read_file;
use crate::new_file;
use crate::own_files::{Source, files, stem};
use crate::render::table::{Column, Table};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const WHERE: &str = "\
Your own harnesses lie in `harnesses/` of the configuration directory, one file
`NAME.toml` each; one of a shipped name takes its place. docs/harnesses.md tells
how one is written.";

/// Show and try what is known of the agents' programs
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the harnesses: the shipped ones and yours
    List(JsonFlag),
    /// Print one's file, to begin one of your own with
    Show(Show),
    /// Say which state each screen shows, by which rule and line
    Test(Test),
    /// Print an agent's present screen, for `test`
    Record(Record),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The harness
    #[arg(value_name = "NAME", add = crate::completion::harnesses())]
    name: String,
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The harness
    #[arg(value_name = "NAME", add = crate::completion::harnesses())]
    name: String,
    /// Screens: what `record` printed, or plain text as a terminal shows it
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct Record {
    #[command(flatten)]
    agent: OneAgent,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output")]
    force: bool,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::List(args) => list(args.json, context),
        Command::Show(args) => {
            let text = find(&args.name, context)?.text;
            context.output.data(text)?;
            Ok(Exit::Success)
        }
        Command::Test(args) => test(args, context),
        Command::Record(args) => record(args, context),
    }
}

/// A harness file, with where it is from.
struct HarnessFile {
    source: Source,
    text: String,
}

impl HarnessFile {
    fn parse(&self, name: &str) -> Result<Harness, Error> {
        Harness::parse(name, &self.text).map_err(|error| {
            let hint = error.hint().map(str::to_owned);
            let faulty = Error::new(Exit::No, error);
            match hint {
                Some(hint) => faulty.hint(hint),
                None => faulty,
            }
        })
    }
}

/// Returns the user's harness files by name.
fn own(context: &Context) -> Result<BTreeMap<String, PathBuf>, Error> {
    let found = files(&context.config_dir()?.join("harnesses"), &["toml"])?;
    Ok(found
        .into_iter()
        .map(|file| (stem(&file).to_owned(), file))
        .collect())
}

/// Returns all names: the shipped ones, then the user's.
pub(crate) fn names(context: &Context) -> Vec<String> {
    let own = own(context).unwrap_or_default().into_keys();
    let shipped = SHIPPED.iter().map(|name| (*name).to_owned());
    let mut names: Vec<_> = shipped.collect();
    names.extend(own.filter(|name| !SHIPPED.contains(&name.as_str())));
    names
}

fn find(name: &str, context: &Context) -> Result<HarnessFile, Error> {
    if let Some(file) = own(context)?.get(name) {
        return Ok(HarnessFile {
            source: Source::Yours,
            text: text_of(file)?,
        });
    }
    let shipped = Harness::shipped_file(name).map(|text| HarnessFile {
        source: Source::Shipped,
        text: text.to_owned(),
    });
    shipped.ok_or_else(|| {
        let near = podfleet::near(name, names(context));
        let error = Error::message(Exit::Usage, format!("there is no harness `{name}`"));
        match near.first() {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`fleet harness list` lists them"),
        }
    })
}

fn text_of(file: &Path) -> Result<String, Error> {
    String::from_utf8(read_file(file)?).map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{} is no UTF-8 text", file.display()))
    })
}

/// A harness, as programs read it.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    source: Source,
    title: Option<String>,
    versions: Vec<String>,
    /// What is wrong with the user's file.
    error: Option<String>,
}

fn list(json: bool, context: &mut Context) -> Outcome {
    let mut faults = Vec::new();
    let mut listed = Vec::new();
    for name in names(context) {
        let file = find(&name, context);
        let source = file.as_ref().map_or(Source::Yours, |file| file.source);
        let harness = file.and_then(|file| file.parse(&name));
        listed.push(Listed {
            source,
            title: harness.as_ref().ok().map(|found| found.title().to_owned()),
            versions: harness
                .as_ref()
                .map_or_else(|_| Vec::new(), |found| found.versions().to_vec()),
            error: harness.as_ref().err().map(Error::in_one_line),
            name,
        });
        faults.extend(harness.err());
    }
    if json {
        context.output.json(&listed)?;
    } else {
        let width = context.output.width();
        context.output.data(table(&listed).render(Some(width)))?;
    }
    for fault in &faults {
        context.output.complain(fault.render())?;
    }
    Ok(Exit::answer(faults.is_empty()))
}

fn table(listed: &[Listed]) -> Table {
    let mut table = Table::new([
        Column::new("HARNESS"),
        Column::new("SOURCE"),
        Column::new("TRIED WITH"),
        Column::new("PROGRAM").wrapping(20),
    ]);
    for harness in listed {
        let title = harness
            .title
            .clone()
            .unwrap_or_else(|| "its file is faulty".into());
        table.row([
            harness.name.as_str().into(),
            harness.source.as_str().into(),
            harness.versions.join(", ").into(),
            title.into(),
        ]);
    }
    table
}

/// What a harness says of a screen, as programs read it.
#[derive(Debug, Serialize)]
struct Tested {
    file: String,
    state: String,
    rule: String,
    line: Option<String>,
}

fn test(args: &Test, context: &mut Context) -> Outcome {
    let harness = find(&args.name, context)?.parse(&args.name)?;
    let mut tested = Vec::new();
    for file in &args.files {
        let recording = read_recording(file)?;
        let found = harness.classify(&recording.screen, &recording.signals());
        tested.push(Tested {
            file: file.display().to_string(),
            state: found.state.to_string(),
            rule: found.rule,
            line: found.line,
        });
    }
    if args.json.json {
        context.output.json(&tested)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("FILE").flexible(12),
        Column::new("STATE"),
        Column::new("RULE"),
        Column::new("LINE").flexible(12),
    ]);
    for screen in tested {
        let line = screen.line.unwrap_or_default();
        table.row([
            screen.file.into(),
            screen.state.into(),
            screen.rule.into(),
            line.into(),
        ]);
    }
    let width = context.output.width();
    context.output.data(table.render(Some(width)))?;
    Ok(Exit::Success)
}

/// A file that begins with a brace is a recording, any other is what a terminal shows.
fn read_recording(file: &Path) -> Result<Recording, Error> {
    let text = text_of(file)?;
    if !text.trim_start().starts_with('{') {
        return Ok(Recording::from_text(&text));
    }
    serde_json::from_str(&text).map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{} is no recording", file.display()))
    })
}

fn record(args: &Record, context: &mut Context) -> Outcome {
    let recording = block_on(async {
        let fleet = context
            .fleet(&args.agent.scope, RosterNeed::Helpful)
            .await?;
        present(&fleet, &args.agent.name).await
    })?;
    let Some(path) = &args.output else {
        context.output.json(&recording)?;
        return Ok(Exit::Success);
    };
    let text = serde_json::to_string_pretty(&recording)
        .map_err(|error| Error::new(Exit::Defect, error))?;
    new_file::write(
        path,
        &format!("{text}\n"),
        args.force,
        "`--force` replaces it",
    )?;
    context.output.say(format!("recorded {}", path.display()))?;
    Ok(Exit::Success)
}

/// Returns what an agent's terminal shows now: a viewer is first told all of it.
async fn present(fleet: &Fleet, agent: &str) -> Result<Recording, Error> {
    let params = AttachParams {
        role: AttachRole::Viewer,
        take: false,
        size: None,
        from: None,
    };
    let (result, mut stream) = fleet.attach(agent, params).await?;
    let mut terminal = Terminal::new(result.size, 0);
    while let Some(Ok(frame)) = stream.next().await {
        let more = match frame {
            Frame::Reset {
                size, bytes, more, ..
            } => {
                terminal = Terminal::new(size, 0);
                terminal.feed(&bytes);
                more
            }
            Frame::ResetPart { bytes, more, .. } => {
                terminal.feed(&bytes);
                more
            }
            _ => continue,
        };
        if !more {
            return Ok(Recording::of(terminal.screen()));
        }
    }
    let ended = format!("the pod of `{agent}` ended");
    Err(Error::message(Exit::No, ended))
}
