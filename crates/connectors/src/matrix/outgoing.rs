//! What the fleet says, as events of the room.

use std::collections::HashMap;
use std::time::Duration;

use ruma::api::client::authenticated_media::get_media_config;
use ruma::api::client::media::create_content;
use ruma::api::client::message::{get_message_events, send_message_event};
use ruma::events::relation::{InReplyTo, Reply, Thread};
use ruma::events::room::message::{
    FileInfo, FileMessageEventContent, ImageMessageEventContent, MessageType, Relation,
    RoomMessageEventContent,
};
use ruma::events::room::{ImageInfo, MediaSource};
use ruma::events::{Mentions, MessageLikeEventType};
use ruma::serde::Raw;
use ruma::{OwnedEventId, UInt};
use serde::Serialize;

use super::client::Client;
use super::room::Room;
use crate::markdown::to_html;
use crate::split::split;
use crate::{Attachment, ConnectorError, ConnectorErrorKind as Kind, OutboundMessage};

/// Bytes of text in one event. As JSON it may be twice as long.
const MAX_TEXT: usize = 12_000;
/// Bytes of an event's content as JSON. With what the server adds it stays under the limit of the
/// protocol, 65,536.
const MAX_CONTENT: usize = 60_000;
/// The largest attachment in bytes.
const MAX_FILE: u64 = 50 << 20;
/// How long an upload may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pages of history that are looked through for a message that may have been sent before, and our
/// own messages on each.
const PAGES: usize = 5;
const PER_PAGE: u32 = 200;

/// An event's content, with the key by which it is known again.
#[derive(Serialize)]
struct Keyed<'a> {
    #[serde(flatten)]
    content: &'a RoomMessageEventContent,
    #[serde(rename = "dev.podfleet.key")]
    key: &'a str,
}

/// One message on its way, event by event.
struct Sending<'a> {
    client: &'a Client,
    room: &'a Room,
    message: &'a OutboundMessage,
    thread: Option<OwnedEventId>,
    reply_to: Option<OwnedEventId>,
    /// Events of an earlier attempt, by their keys.
    known: HashMap<String, OwnedEventId>,
    sent: Vec<OwnedEventId>,
}

/// Sends a message, in as many events as it takes; returns their ids.
pub(super) async fn send(
    client: &Client,
    room: &Room,
    message: &OutboundMessage,
) -> Result<Vec<OwnedEventId>, ConnectorError> {
    let known = match message.again {
        true => sent_before(client, room, &message.idempotency_key).await?,
        false => HashMap::new(),
    };
    let mut sending = Sending {
        client,
        room,
        message,
        thread: thread_of(message)?,
        // What was said somewhere else cannot be answered here, and the text is worth more.
        reply_to: message
            .reply_to
            .as_deref()
            .and_then(|id| id.try_into().ok()),
        known,
        sent: Vec::new(),
    };
    let text = without_controls(&message.text);
    for (index, text) in split(&text, MAX_TEXT).into_iter().enumerate() {
        sending.text(index, text).await?;
    }
    for (index, attachment) in message.attachments.iter().enumerate() {
        sending.file(index, attachment).await?;
    }
    Ok(sending.sent)
}

fn thread_of(message: &OutboundMessage) -> Result<Option<OwnedEventId>, ConnectorError> {
    let id = message.thread_id.as_deref();
    let parsed = id.map(OwnedEventId::try_from).transpose();
    parsed.map_err(|_| {
        let cause = format!("{:?} is no event's id", id.unwrap_or_default());
        ConnectorError::new(Kind::NotFound, "find the thread").because(cause)
    })
}

/// Leaves out what no screen shows, and what JSON makes six bytes of.
fn without_controls(text: &str) -> String {
    let keep = |c: &char| matches!(c, '\n' | '\t') || !c.is_control();
    text.chars().filter(keep).collect()
}

impl Sending<'_> {
    async fn text(&mut self, index: usize, text: String) -> Result<(), ConnectorError> {
        let key = format!("{}-{index}", self.message.idempotency_key);
        if self.was_sent(&key) {
            return Ok(());
        }
        let html = to_html(&text);
        // Without marks the text says it all.
        let marked = (html != text).then(|| RoomMessageEventContent::text_html(text.clone(), html));
        let marked = marked
            .map(|content| raw(&self.complete(content), &key))
            .transpose()?;
        let body = match marked.filter(|body| body.json().get().len() <= MAX_CONTENT) {
            Some(body) => body,
            None => raw(
                &self.complete(RoomMessageEventContent::text_plain(text)),
                &key,
            )?,
        };
        self.put(key, body).await
    }

    async fn file(&mut self, index: usize, attachment: &Attachment) -> Result<(), ConnectorError> {
        let key = format!("{}-file{index}", self.message.idempotency_key);
        if self.was_sent(&key) {
            return Ok(());
        }
        let content = upload(self.client, attachment).await?;
        let content = self.complete(RoomMessageEventContent::new(content));
        let body = raw(&content, &key)?;
        self.put(key, body).await
    }

    fn was_sent(&mut self, key: &str) -> bool {
        let known = self.known.remove(key);
        let was_sent = known.is_some();
        self.sent.extend(known);
        was_sent
    }

    /// Says where an event belongs, and that nobody is called by it, whatever its text.
    fn complete(&self, mut content: RoomMessageEventContent) -> RoomMessageEventContent {
        content.relates_to = self.relation();
        content.mentions = Some(Mentions::new());
        content
    }

    /// In a thread, clients without threads see an answer to what was said before. Only the first
    /// event is the answer that was asked for.
    fn relation<C>(&self) -> Option<Relation<C>> {
        let first = self.sent.is_empty();
        let reply = self.reply_to.clone().filter(|_| first);
        match (&self.thread, reply) {
            (Some(thread), Some(reply)) => {
                Some(Relation::Thread(Thread::reply(thread.clone(), reply)))
            }
            (Some(thread), None) => {
                let latest = self.sent.last().unwrap_or(thread);
                Some(Relation::Thread(Thread::plain(
                    thread.clone(),
                    latest.clone(),
                )))
            }
            (None, Some(reply)) => Some(Relation::Reply(Reply::new(InReplyTo::new(reply)))),
            (None, None) => None,
        }
    }

    /// Sends an event under a transaction id that is its key.
    async fn put(
        &mut self,
        key: String,
        body: Raw<ruma::events::AnyMessageLikeEventContent>,
    ) -> Result<(), ConnectorError> {
        let request = send_message_event::v3::Request::new_raw(
            self.room.id.clone(),
            key.into(),
            MessageLikeEventType::RoomMessage,
            body,
        );
        let sent = self.client.call(request, "send to the room").await?;
        self.sent.push(sent.event_id);
        Ok(())
    }
}

fn raw(
    content: &RoomMessageEventContent,
    key: &str,
) -> Result<Raw<ruma::events::AnyMessageLikeEventContent>, ConnectorError> {
    let keyed = Raw::new(&Keyed { content, key });
    let keyed = keyed
        .map_err(|error| ConnectorError::new(Kind::Protocol, "write an event").because(error))?;
    Ok(keyed.cast_unchecked())
}

/// Returns our own events that belong to a message, by the room's history.
async fn sent_before(
    client: &Client,
    room: &Room,
    key: &str,
) -> Result<HashMap<String, OwnedEventId>, ConnectorError> {
    let mut request = get_message_events::v3::Request::backward(room.id.clone());
    request.limit = UInt::from(PER_PAGE);
    request.filter.senders = Some(vec![room.user.clone()]);
    request.filter.types = Some(vec!["m.room.message".to_owned()]);
    let mut found = HashMap::new();
    for _ in 0..PAGES {
        let page = client.call(request.clone(), "look whether it was sent before");
        let page = page.await?;
        found.extend(page.chunk.iter().filter_map(|event| own(event, key)));
        match page.end {
            Some(end) if request.from.as_ref() != Some(&end) => request.from = Some(end),
            _ => break,
        }
    }
    Ok(found)
}

fn own<T>(event: &Raw<T>, key: &str) -> Option<(String, OwnedEventId)> {
    #[derive(serde::Deserialize)]
    struct Own {
        #[serde(rename = "dev.podfleet.key")]
        key: String,
    }
    let own: Own = event.get_field("content").ok().flatten()?;
    let id = event.get_field("event_id").ok().flatten()?;
    let belongs = own.key.strip_prefix(key)?.starts_with('-');
    belongs.then_some((own.key, id))
}

/// Uploads an attachment, and returns what a message of it says.
async fn upload(client: &Client, attachment: &Attachment) -> Result<MessageType, ConnectorError> {
    const DOING: &str = "upload an attachment";
    let bytes = attachment.read(MAX_FILE).await?;
    let size = bytes.len() as u64;
    let (name, media_type) = (attachment.name.clone(), attachment.media_type.clone());
    let mut request = create_content::v3::Request::new(bytes);
    request.filename = Some(name.clone());
    request.content_type = Some(media_type.clone());
    let uploaded = client.call_within(PATIENCE, request, DOING).await;
    let source = match uploaded {
        Ok(uploaded) => MediaSource::Plain(uploaded.content_uri),
        Err(error) if matches!(error.kind(), Kind::TooLarge { .. }) => {
            let limit = limit(client).await.unwrap_or(size);
            return Err(ConnectorError::new(Kind::TooLarge { limit }, DOING));
        }
        Err(error) => return Err(error),
    };
    let (size, mimetype) = (UInt::new(size), Some(media_type.clone()));
    if media_type.starts_with("image/") && media_type != "image/svg+xml" {
        let mut content = ImageMessageEventContent::new(name, source);
        let mut info = ImageInfo::new();
        (info.size, info.mimetype) = (size, mimetype);
        content.info = Some(Box::new(info));
        return Ok(MessageType::Image(content));
    }
    let mut content = FileMessageEventContent::new(name, source);
    let mut info = FileInfo::new();
    (info.size, info.mimetype) = (size, mimetype);
    content.info = Some(Box::new(info));
    Ok(MessageType::File(content))
}

/// Returns the largest file that the server takes, in bytes.
async fn limit(client: &Client) -> Option<u64> {
    let request = get_media_config::v1::Request::new();
    let config = client
        .call(request, "ask for the limit of attachments")
        .await;
    Some(config.ok()?.upload_size.into())
}
