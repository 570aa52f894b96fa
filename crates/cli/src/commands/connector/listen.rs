use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet::FleetError;
use podfleet_connectors::{Attachment, Content, InboundMessage, Retry, in_one_line};
use serde_json::json;

use super::{Which, beside_the_bridge};
use crate::commands::chat::plain;
use crate::commands::number;
use crate::commands::scope::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::runtime::block_on;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Go on where an earlier one was, by the cursor that `--json` shows
    #[arg(long, value_name = "CURSOR")]
    from: Option<String>,
    /// End after so many messages
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::within(1..=1_000_000))]
    count: Option<u64>,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    block_on(async {
        let (fleet, connector) = args.which.open(context).await?;
        let place = format!("{} {}", connector.kind(), connector.channel());
        let fault = |error| {
            let error: Error = FleetError::connector(&*connector, error).into();
            beside_the_bridge(error, &fleet, &*connector)
        };
        let subscribed = connector.subscribe(args.from.as_deref()).await;
        let mut stream = subscribed.map_err(fault)?;
        context
            .output
            .say(wrap(&format!("listening at {place}"), 0, "  "))?;
        let mut left = args.count;
        while let Some(batch) = stream.next().await {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) if error.retry() == Retry::Never => return Err(fault(error)),
                Err(error) => {
                    let said = in_one_line(&error);
                    context
                        .output
                        .say(wrap(&format!("note: {said}"), 0, "  "))?;
                    continue;
                }
            };
            for message in &batch.messages {
                show(message, &batch.cursor, args.json, context)?;
                left = left.map(|left| left - 1);
                if left == Some(0) {
                    return Ok(Exit::Success);
                }
            }
        }
        Ok(Exit::Success)
    })
}

fn show(
    message: &InboundMessage,
    cursor: &str,
    json: JsonFlag,
    context: &mut Context,
) -> Result<(), Error> {
    if json.json {
        let attachments = message.attachments.iter().map(|attachment| {
            let Attachment {
                name, media_type, ..
            } = attachment;
            json!({ "name": name, "media_type": media_type, "where": place(attachment) })
        });
        context.output.json_line(&json!({
            "id": message.id,
            "text": message.text,
            "thread": message.thread_id,
            "sender": message.sender,
            "sender_name": message.sender_name,
            "ts": Timestamp::try_from(message.ts).ok(),
            "attachments": attachments.collect::<Vec<_>>(),
            "cursor": cursor,
        }))?;
    } else {
        context
            .output
            .data(describe(message, &TimeZone::system()))?;
    }
    Ok(())
}

fn describe(message: &InboundMessage, zone: &TimeZone) -> String {
    let at = Timestamp::try_from(message.ts).unwrap_or_default();
    let at = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    let name = message.sender_name.as_ref();
    let name = name
        .map(|name| format!("{} ", plain(name)))
        .unwrap_or_default();
    let thread = message.thread_id.as_ref();
    let thread = thread.map(|thread| format!(" in {}", plain(thread)));
    let mut text = format!(
        "{at} {name}({}){}\n",
        plain(&message.sender),
        thread.unwrap_or_default()
    );
    for line in plain(&message.text).lines() {
        text.push_str(&format!("  {}\n", wrap(line, 2, "  ")));
    }
    for attachment in &message.attachments {
        let (name, place) = (plain(&attachment.name), plain(&place(attachment)));
        text.push_str(&format!(
            "  [{}] {name}: {place}\n",
            plain(&attachment.media_type)
        ));
    }
    text
}

fn place(attachment: &Attachment) -> String {
    match &attachment.content {
        Content::Path(path) => path.display().to_string(),
        Content::Bytes(bytes) => crate::render::bytes::size(bytes.len() as u64),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_message_is_told_with_its_sender_and_orders_no_terminal_about() {
        let message = InboundMessage {
            id: "1".to_owned(),
            text: "look\u{1b}[2J\nhere".to_owned(),
            thread_id: Some("77".to_owned()),
            sender: "42".to_owned(),
            sender_name: Some("Ada".to_owned()),
            ts: SystemTime::UNIX_EPOCH,
            attachments: vec![Attachment {
                name: "p.png".to_owned(),
                media_type: "image/png".to_owned(),
                content: Content::Bytes(vec![0; 2048]),
            }],
        };
        insta::assert_snapshot!(describe(&message, &TimeZone::UTC), @"
        00:00 Ada (42) in 77
          look[2J
          here
          [image/png] p.png: 2.0 KiB
        ");
    }
}
