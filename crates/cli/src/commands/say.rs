use std::time::Duration;

use podfleet::{SayReport, SayRequest};
use podfleet_pod_store::Fate;
use podfleet_protocol::MessageId;

use crate::commands::body::SpokenArgs;
use crate::commands::scope::{JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const EXITS: &str = "\
For the fleet's orchestrator, and for you. The text is Markdown. It is kept
before this returns, and sent by the fleet's bridge in its order: do not say it
again. A message of the chat names its thread as `thread=ID`; give that back
with --thread.
Exit status: 0 once it is kept, 1 if it cannot be sent, 3 if a rule refused it.";

/// Say something to the fleet's human, in its chat
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS, group = clap::ArgGroup::new("body"))]
pub(crate) struct Args {
    #[command(flatten)]
    spoken: SpokenArgs,
    /// Its id; saying it again with the same one is harmless
    #[arg(long, value_parser = super::send::message_id)]
    id: Option<MessageId>,
    /// How long to wait until it is sent, in seconds [default: 5, none inside a pod]
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = super::number::within(0..=3600))]
    timeout: Option<u64>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

impl Args {
    fn request(&self, in_pod: bool) -> Result<SayRequest, Error> {
        let spoken = &self.spoken;
        let attachments = spoken.attach.iter().map(std::path::absolute);
        Ok(SayRequest {
            text: spoken.text()?,
            thread: spoken.thread.clone(),
            reply_to: spoken.reply_to.clone(),
            attachments: attachments.collect::<Result<_, _>>()?,
            id: self.id,
            wait: Duration::from_secs(self.timeout.unwrap_or(if in_pod { 0 } else { 5 })),
        })
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let in_pod = context.env.get("FLEET_POD_CREDENTIAL").is_some();
    let request = args.request(in_pod)?;
    let report = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.say(request).await?)
    })?;
    if args.json.json {
        context.output.json(&report)?;
    } else {
        context.output.line(line(&report))?;
        if let Some(Fate::Failed {
            hint: Some(hint), ..
        }) = &report.fate
        {
            context
                .output
                .say(wrap(&format!("hint: {hint}"), 0, "  "))?;
        }
        for note in notes(&report) {
            context
                .output
                .say(wrap(&format!("note: {note}"), 0, "  "))?;
        }
    }
    Ok(Exit::answer(!matches!(
        report.fate,
        Some(Fate::Failed { .. })
    )))
}

fn line(report: &SayReport) -> String {
    match &report.fate {
        None => format!("kept, not sent yet ({})", report.id),
        Some(Fate::Failed { why, .. }) => wrap(&format!("cannot be sent: {why}"), 0, "  "),
        Some(_) => format!("sent ({})", report.id),
    }
}

fn notes(report: &SayReport) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if report.duplicate {
        notes.push("it had been said before, and is sent once");
    }
    if report.fate.is_none() && !report.bridge {
        notes.push("no bridge of this fleet runs; `fleet bridge start` starts it");
    }
    notes
}
