use std::path::PathBuf;

use podfleet::FleetError;
use podfleet_connectors::{Attachment, OutboundMessage};
use podfleet_protocol::MessageId;
use serde_json::json;

use super::{Which, beside_the_bridge};
use crate::commands::body::BodyArgs;
use crate::commands::scope::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::runtime::block_on;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    body: BodyArgs,
    /// The thread that it belongs to
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// The message that it answers
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// A file that goes with it; may be given several times
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    attach: Vec<PathBuf>,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    if !args.body.is_given() && args.attach.is_empty() {
        let error = Error::message(Exit::Usage, "there is nothing to say");
        return Err(error.hint("give a text with `-m TEXT`, or a file with `--attach`"));
    }
    let text = match args.body.is_given() {
        true => args.body.read()?,
        false => String::new(),
    };
    let attachments = args.attach.iter().map(|path| Attachment::of_file(path));
    let message = OutboundMessage {
        thread_id: args.thread.clone(),
        reply_to: args.reply_to.clone(),
        attachments: attachments.collect(),
        ..OutboundMessage::new(MessageId::generate().to_string(), text)
    };
    let receipt = block_on(async {
        let (fleet, connector) = args.which.open(context).await?;
        let sent = connector.send(message).await;
        sent.map_err(|error| {
            beside_the_bridge(FleetError::connector(error).into(), &fleet, &*connector)
        })
    })?;
    if args.json.json {
        context
            .output
            .json(&json!({ "message_ids": receipt.message_ids }))?;
    } else {
        let ids = receipt.message_ids.join(", ");
        context.output.line(format_args!("sent ({ids})"))?;
    }
    Ok(Exit::Success)
}
