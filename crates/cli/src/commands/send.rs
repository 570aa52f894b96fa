use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use podfleet::{SendReport, SendRequest, Via};
use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::{Class, MessageId, OnCrash, Outcome as Reached, Typing};

use crate::commands::scope::{DryRun, JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::count::counted;
use crate::render::receipt;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const OUTCOMES: &str = "\
Outcomes, from the weakest: accepted (it is safe in the inbox), submitted (the
agent has taken it), queued_by_agent, started (the agent works on it), answered
(the turn has ended). A message that is held stays in the inbox and is typed
when the agent is free.
Exit status without --wait: 0 once it is accepted. With --wait: 0 if that was
reached, 1 if not; 3 if a rule refused it.";

/// Send a message to an agent, and show the receipt
#[derive(Debug, clap::Args)]
#[command(after_help = OUTCOMES, group = clap::ArgGroup::new("body").required(true))]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// The message
    #[arg(
        short,
        long,
        value_name = "TEXT",
        group = "body",
        allow_hyphen_values = true
    )]
    message: Option<String>,
    /// A file with the message
    #[arg(short, long, value_name = "FILE", group = "body", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Read the message from standard input
    #[arg(value_name = "-", group = "body", value_parser = ["-"], hide_possible_values = true)]
    stdin: Option<String>,
    /// Wait until it came so far: accepted, submitted, started or answered
    #[arg(long, value_name = "OUTCOME", value_parser = wanted)]
    wait: Option<Reached>,
    /// How long to wait or look at most, in seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=3600))]
    timeout: Option<u64>,
    /// The message's id; sending it again with the same one is harmless
    #[arg(long, value_parser = message_id)]
    id: Option<MessageId>,
    /// What it asks for: actionable, human, reaction or terminal-log
    #[arg(long, value_parser = class, default_value = "actionable", hide_default_value = true)]
    class: Class,
    /// It starts a task: the context is reset before it where the roster says so
    #[arg(long)]
    task: bool,
    /// Type it into a busy agent's own queue, where that is safe
    #[arg(long)]
    now: bool,
    /// Leave out the line head that says who speaks to whom
    #[arg(long)]
    raw: bool,
    /// Allow a raw message that the agent may take for a command (`!`, `/`, `@`)
    #[arg(long, requires = "raw")]
    allow_command: bool,
    /// What to do when a crash interrupts the typing: `retry` types it again
    #[arg(long, value_name = "WHAT", value_parser = ["retry"], hide_possible_values = true)]
    on_crash: Option<String>,
    /// The conversation that it belongs to
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

fn wanted(text: &str) -> Result<Reached, String> {
    match text.parse() {
        Ok(
            outcome @ (Reached::Accepted
            | Reached::Submitted
            | Reached::Started
            | Reached::Answered),
        ) => Ok(outcome),
        _ => Err("it is one of accepted, submitted, started and answered".to_owned()),
    }
}

pub(super) fn message_id(text: &str) -> Result<MessageId, String> {
    let no_id = |_| "it is a UUID, such as a receipt shows".to_owned();
    text.parse().map_err(no_id)
}

fn class(text: &str) -> Result<Class, String> {
    text.parse().map_err(|()| {
        let classes = Class::ALL.map(Class::as_str);
        format!("it is one of {}", classes.join(", "))
    })
}

impl Args {
    fn body(&self) -> Result<String, Error> {
        let body = match (&self.message, &self.file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) if file != Path::new("-") => {
                let read = std::fs::File::open(file).and_then(read_body);
                text(read, &file.display().to_string())?
            }
            (None, _) => text(read_body(std::io::stdin()), "standard input")?,
        };
        if body.trim().is_empty() {
            return Err(Error::message(Exit::Usage, "the message is empty"));
        }
        Ok(body)
    }
}

/// Reads a body, and one byte more than the longest, so that a longer one is told.
fn read_body(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BODY as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(read: std::io::Result<Vec<u8>>, what: &str) -> Result<String, Error> {
    let bytes = read.map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{what} cannot be read"))
    })?;
    if bytes.len() > MAX_BODY {
        return Err(too_long());
    }
    String::from_utf8(bytes)
        .map_err(|error| Error::new(Exit::Usage, error).context(format!("{what} is no UTF-8 text")))
}

fn too_long() -> Error {
    let limit = MAX_BODY >> 20;
    Error::message(
        Exit::Refused,
        format!("the message is longer than {limit} MiB"),
    )
    .hint("put it into a file that the agent can read, and send the file's name")
}

impl Args {
    fn request(&self) -> Result<SendRequest, Error> {
        let request = SendRequest::new(self.agent.name.as_str(), self.body()?);
        Ok(SendRequest {
            id: self.id,
            class: self.class,
            thread: self.thread.clone(),
            typing: Typing {
                raw: self.raw,
                allow_command: self.allow_command,
                task: self.task,
                now: self.now,
                on_crash: match self.on_crash {
                    Some(_) => OnCrash::Retry,
                    None => OnCrash::Report,
                },
            },
            wait: self.wait,
            timeout: self.timeout.map(Duration::from_secs),
            ..request
        })
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let request = args.request()?;
    let sent = block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        if args.dry_run.dry_run {
            fleet.check_send(&request).await?;
            return Ok(None);
        }
        Ok(Some(fleet.send(request).await?))
    });
    let sent = sent.map_err(|error| {
        let name = &args.agent.name;
        error.hint_if_interrupted(format!(
            "if it was accepted it stays in the inbox; `fleet log {name}` says so"
        ))
    })?;
    let Some(report) = sent else {
        context
            .output
            .say(format_args!("it would be sent to `{}`", args.agent.name))?;
        return Ok(Exit::Success);
    };
    if args.json.json {
        context.output.json(&report)?;
    } else {
        let text = receipt::render(&report.agent, &report.receipt);
        context.output.data(text)?;
        for note in notes(&report, args.wait) {
            context
                .output
                .say(wrap(&format!("note: {note}"), 0, "  "))?;
        }
    }
    Ok(exit(&report, args.wait))
}

fn notes(report: &SendReport, wait: Option<Reached>) -> Vec<String> {
    let mut notes = Vec::new();
    if report.duplicate {
        notes.push("it had been accepted before, and is delivered once".to_owned());
    }
    if report.stripped > 0 {
        let stripped = counted(report.stripped, "control character");
        notes.push(format!("{stripped} taken out of it"));
    }
    if report.via == Via::Store && !report.receipt.settled {
        notes.push("its pod does not run; the message waits for it".to_owned());
    } else if let Some(wanted) = wait.filter(|wanted| !report.reached(*wanted))
        && !report.receipt.settled
    {
        let agent = &report.agent;
        notes.push(format!(
            "not {} in time; it goes on by itself, and `fleet log {agent}` tells",
            wanted.as_str()
        ));
    }
    notes
}

/// Without a wait an accepted message is a success: whoever reads a failure would send it again.
fn exit(report: &SendReport, wait: Option<Reached>) -> Exit {
    if report.receipt.outcome == Reached::Refused {
        return Exit::Refused;
    }
    Exit::answer(wait.is_none_or(|wanted| report.reached(wanted)))
}
