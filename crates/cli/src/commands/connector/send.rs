use podfleet::FleetError;
use podfleet_connectors::{Attachment, OutboundMessage};
use podfleet_protocol::MessageId;
use serde_json::json;

use super::{Which, beside_the_bridge};
use crate::commands::body::SpokenArgs;
use crate::commands::scope::JsonFlag;
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::runtime::block_on;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    spoken: SpokenArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    let spoken = &args.spoken;
    let text = spoken.text()?;
    let attachments = spoken.attach.iter().map(std::path::absolute);
    let attachments: Vec<_> = attachments.collect::<Result<_, _>>()?;
    let attachments = attachments.iter().map(|path| Attachment::of_file(path));
    let message = OutboundMessage {
        thread_id: spoken.thread.clone(),
        reply_to: spoken.reply_to.clone(),
        attachments: attachments.collect(),
        ..OutboundMessage::new(MessageId::generate().to_string(), text)
    };
    let receipt = block_on(async {
        let (fleet, connector) = args.which.open(context).await?;
        let sent = connector.send(message).await;
        sent.map_err(|error| {
            let error = FleetError::connector(&*connector, error);
            beside_the_bridge(error.into(), &fleet, &*connector)
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
