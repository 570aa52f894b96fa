//! Events of the room, as what people said.

use std::time::Duration;

use ruma::api::client::authenticated_media::get_content;
use ruma::api::client::room::get_room_event;
use ruma::events::room::MediaSource;
use ruma::events::room::message::sanitize::remove_plain_reply_fallback;
use ruma::events::room::message::{
    MessageType, OriginalSyncRoomMessageEvent, Relation, RoomMessageEvent, SyncRoomMessageEvent,
};
use ruma::events::{
    AnyMessageLikeEvent, AnySyncMessageLikeEvent, AnySyncStateEvent, AnySyncTimelineEvent,
    AnyTimelineEvent,
};
use ruma::serde::Raw;
use ruma::{EventId, MxcUri, OwnedEventId};

use super::client::Client;
use super::room::{Room, encrypted};
use crate::{
    Attachment, Backoff, ConnectorError, ConnectorErrorKind as Kind, Content, InboundMessage,
    Retry, in_one_line, media_type,
};

/// How long a file may take, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(60);
const TRIES: u32 = 2;

/// Returns what a person said by an event; nothing for notices of other programs, for what was taken
/// back, and for what is no message at all.
///
/// # Errors
/// When the room is encrypted by now, and when the server cannot say what an edit is about.
pub(super) async fn message(
    client: &Client,
    room: &Room,
    event: &Raw<AnySyncTimelineEvent>,
) -> Result<Option<InboundMessage>, ConnectorError> {
    // What a client made wrongly nobody can read, and it must not keep the rest away.
    let Ok(event) = event.deserialize() else {
        return Ok(None);
    };
    match event {
        AnySyncTimelineEvent::State(AnySyncStateEvent::RoomEncryption(_))
        | AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomEncrypted(_)) => {
            Err(encrypted())
        }
        AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomMessage(
            SyncRoomMessageEvent::Original(event),
        )) if event.sender != room.user => said(client, room, event).await,
        _ => Ok(None),
    }
}

async fn said(
    client: &Client,
    room: &Room,
    event: OriginalSyncRoomMessageEvent,
) -> Result<Option<InboundMessage>, ConnectorError> {
    let about = match &event.content.relates_to {
        Some(Relation::Replacement(edit)) => original(client, room, &edit.event_id).await?,
        _ => None,
    };
    let (content, thread, edited) = match event.content.relates_to {
        Some(Relation::Replacement(edit)) => match about {
            // Nobody edits another one's words.
            Some(about) if about.sender == event.sender => {
                (edit.new_content.msgtype, about.thread, true)
            }
            _ => return Ok(None),
        },
        Some(Relation::Thread(thread)) => (event.content.msgtype, Some(thread.event_id), false),
        _ => (event.content.msgtype, None, false),
    };
    let Some((text, attachments)) = read(client, content).await else {
        return Ok(None);
    };
    let text = match edited {
        true => format!("(corrected) {text}"),
        false => remove_plain_reply_fallback(&text).to_owned(),
    };
    Ok(Some(InboundMessage {
        id: event.event_id.into(),
        text,
        thread_id: thread.map(Into::into),
        sender_name: None,
        sender: event.sender.into(),
        ts: event
            .origin_server_ts
            .to_system_time()
            .unwrap_or(std::time::SystemTime::UNIX_EPOCH),
        attachments,
    }))
}

/// The message that an edit is about.
struct Original {
    sender: ruma::OwnedUserId,
    thread: Option<OwnedEventId>,
}

/// Returns the message of an id; nothing if it was taken back or never was.
async fn original(
    client: &Client,
    room: &Room,
    id: &EventId,
) -> Result<Option<Original>, ConnectorError> {
    let request = get_room_event::v3::Request::new(room.id.clone(), id.to_owned());
    let found = match client.call(request, "read what was edited").await {
        Ok(found) => found.event.deserialize(),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Forbidden) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Ok(AnyTimelineEvent::MessageLike(AnyMessageLikeEvent::RoomMessage(
        RoomMessageEvent::Original(found),
    ))) = found
    else {
        return Ok(None);
    };
    let thread = found.content.thread().map(|thread| thread.event_id.clone());
    let sender = found.sender;
    Ok(Some(Original { sender, thread }))
}

/// Takes what the four kinds of file have in common: name, caption, place and media type.
macro_rules! parts {
    ($file:ident) => {
        (
            $file.filename(),
            $file.caption(),
            &$file.source,
            $file.info.as_ref().and_then(|info| info.mimetype.clone()),
        )
    };
}

/// Returns text and files of a message, if it is of a kind that people write.
async fn read(client: &Client, content: MessageType) -> Option<(String, Vec<Attachment>)> {
    let (name, caption, source, media_type) = match &content {
        MessageType::Text(text) => return Some((text.body.clone(), Vec::new())),
        MessageType::Emote(emote) => return Some((format!("* {}", emote.body), Vec::new())),
        MessageType::Location(place) => return Some((place.body.clone(), Vec::new())),
        MessageType::Image(file) => parts!(file),
        MessageType::File(file) => parts!(file),
        MessageType::Audio(file) => parts!(file),
        MessageType::Video(file) => parts!(file),
        _ => return None,
    };
    let text = caption.unwrap_or_default().to_owned();
    match fetch(client, source).await {
        Ok(bytes) => {
            let attachment = Attachment {
                name: name.to_owned(),
                media_type: media_type.unwrap_or_else(|| media_type::BYTES.to_owned()),
                content: Content::Bytes(bytes),
            };
            Some((text, vec![attachment]))
        }
        // The message itself is not lost for that.
        Err(error) => {
            let why = in_one_line(&error);
            let gap = if text.is_empty() { "" } else { "\n" };
            let text = format!("{text}{gap}(the attachment {name} is missing: {why})");
            Some((text, Vec::new()))
        }
    }
}

async fn fetch(client: &Client, source: &MediaSource) -> Result<Vec<u8>, ConnectorError> {
    const DOING: &str = "download an attachment";
    let address = match source {
        MediaSource::Plain(address) => address,
        MediaSource::Encrypted(_) => return Err(encrypted()),
    };
    let mut backoff = Backoff::default();
    for _ in 1..TRIES {
        match download(client, address, DOING).await {
            Err(error) => match error.retry() {
                Retry::Never => return Err(error),
                Retry::After(pause) => tokio::time::sleep(pause.min(PATIENCE)).await,
                Retry::Backoff => tokio::time::sleep(backoff.next()).await,
            },
            done => return done,
        }
    }
    download(client, address, DOING).await
}

async fn download(
    client: &Client,
    address: &MxcUri,
    doing: &'static str,
) -> Result<Vec<u8>, ConnectorError> {
    let request = get_content::v1::Request::from_uri(address)
        .map_err(|error| ConnectorError::new(Kind::Protocol, doing).because(error))?;
    Ok(client.call_within(PATIENCE, request, doing).await?.file)
}
