//! From a message of the fleet to messages of Discord.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Shared;
use super::api::{PAGE, Upload};
use super::snowflake::Snowflake;
use super::wire::Message;
use crate::split::split;
use crate::{Attachment, ConnectorError, ConnectorErrorKind, OutboundMessage};

/// How long one message may be, in characters; and so in bytes, of which no character has less than
/// one.
const MAX_TEXT: usize = 2_000;
/// How many files one message may have.
const MAX_FILES: usize = 10;
/// The largest file that any server takes, in bytes; how large one may be in ours, Discord says.
const MAX_FILE: u64 = 100 << 20;
/// How much the clocks of Discord and of this host may differ.
const SKEW: Duration = Duration::from_secs(120);

/// A message of Discord that is to be sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part<'a> {
    text: String,
    files: &'a [Attachment],
    /// The message that it answers.
    reply_to: Option<Snowflake>,
}

/// Sends a message in as many parts as it takes; returns their ids.
pub(super) async fn send(
    shared: &Shared,
    message: OutboundMessage,
) -> Result<Vec<String>, ConnectorError> {
    let channel = channel_of(shared, message.thread_id.as_deref()).await?;
    let mut earlier = match message.again {
        true => Earlier::look(shared, channel, &message.idempotency_key).await?,
        false => Earlier::default(),
    };
    let mut ids = Vec::new();
    for (index, part) in parts(&message).into_iter().enumerate() {
        if let Some(id) = earlier.take(&part) {
            ids.push(id);
            continue;
        }
        let nonce = nonce(&message.idempotency_key, index);
        let body = body(&part, &nonce);
        let files = uploads(part.files).await?;
        let sent = shared.api.create_message(channel, &body, &files).await?;
        ids.push(sent.id);
    }
    shared.sent.note(&message.idempotency_key, &ids);
    Ok(ids.iter().map(ToString::to_string).collect())
}

/// Returns where a thread is; only those of our channel are any of our business.
async fn channel_of(shared: &Shared, thread: Option<&str>) -> Result<Snowflake, ConnectorError> {
    let Some(thread) = thread else {
        return Ok(shared.channel);
    };
    let not_found = |cause: String| {
        ConnectorError::new(ConnectorErrorKind::NotFound, "send into a thread").because(cause)
    };
    let id: Snowflake = thread
        .parse()
        .map_err(|_| not_found(format!("{thread:?} is no thread's id")))?;
    match shared.whereabouts.is_ours(&shared.api, id).await? {
        true => Ok(id),
        false => Err(not_found(format!("{id} is no thread of the channel"))),
    }
}

/// Splits a message: its text at the limit, and its files behind the text. The first part is the
/// answer, if it is one.
fn parts(message: &OutboundMessage) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = split(&message.text, MAX_TEXT)
        .into_iter()
        .map(|text| Part {
            text,
            ..Part::default()
        })
        .collect();
    let mut files = message.attachments.chunks(MAX_FILES);
    if let (Some(last), Some(first)) = (parts.last_mut(), files.next()) {
        last.files = first;
    } else {
        files = message.attachments.chunks(MAX_FILES);
    }
    parts.extend(files.map(|files| Part {
        files,
        ..Part::default()
    }));
    if let Some(first) = parts.first_mut() {
        first.reply_to = message.reply_to.as_deref().and_then(|id| id.parse().ok());
    }
    parts
}

/// Returns what Discord knows a part by for a few minutes; at most 25 characters.
fn nonce(key: &str, index: usize) -> String {
    let hash = Sha256::digest(format!("{index} {key}"));
    hash[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn body(part: &Part<'_>, nonce: &str) -> Value {
    let mut body = json!({
        "content": part.text,
        "nonce": nonce,
        "enforce_nonce": true,
        // Nobody is pinged by what an agent writes.
        "allowed_mentions": { "parse": [], "replied_user": false },
    });
    if let Some(id) = part.reply_to {
        body["message_reference"] = json!({ "message_id": id, "fail_if_not_exists": false });
    }
    if !part.files.is_empty() {
        let named = part.files.iter().enumerate();
        let named = named.map(|(index, file)| json!({ "id": index, "filename": file.name }));
        body["attachments"] = named.collect();
    }
    body
}

async fn uploads(files: &[Attachment]) -> Result<Vec<Upload>, ConnectorError> {
    let mut uploads = Vec::new();
    for file in files {
        let bytes = file.read(MAX_FILE).await?;
        uploads.push(Upload {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes,
        });
    }
    Ok(uploads)
}

/// Our own messages of late: what an earlier attempt at the same message may have sent.
#[derive(Debug, Default)]
struct Earlier(Vec<Message>);

impl Earlier {
    async fn look(shared: &Shared, channel: Snowflake, key: &str) -> Result<Self, ConnectorError> {
        let me = shared.whereabouts.me(&shared.api).await?.id;
        let mut messages = shared.api.last_messages(channel).await?;
        let since = made_at(key).unwrap_or(SystemTime::UNIX_EPOCH);
        let may_be_it = |message: &Message| {
            let own = message.author.id == me && message.id.time() + SKEW >= since;
            own && !shared.sent.is_of_another(message.id, key)
        };
        messages.retain(may_be_it);
        Ok(Self(messages))
    }

    /// Returns the message that a part is, if it was sent; each of them once.
    fn take(&mut self, part: &Part<'_>) -> Option<Snowflake> {
        let same = |message: &Message| {
            let files = message.attachments.iter().map(|file| plain(&file.filename));
            let wanted = part.files.iter().map(|file| plain(&file.name));
            let text = message.content.trim() == part.text.trim();
            text && files.eq(wanted) && message.answers() == part.reply_to
        };
        let index = self.0.iter().position(same)?;
        Some(self.0.remove(index).id)
    }
}

/// Which of the last messages belong to which key: the same words said twice are two messages.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<VecDeque<(Snowflake, String)>>);

impl Sent {
    /// How many are remembered: more than the history that is looked through has.
    const MOST: usize = 2 * PAGE;

    fn note(&self, key: &str, ids: &[Snowflake]) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.extend(ids.iter().map(|id| (*id, key.to_owned())));
        let excess = sent.len().saturating_sub(Self::MOST);
        sent.drain(..excess);
    }

    fn is_of_another(&self, id: Snowflake, key: &str) -> bool {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sent = sent.iter();
        sent.any(|(of, known)| *of == id && known != key)
    }
}

/// Returns a file's name without what Discord changes of it.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Returns when a key was made, if it is one that tells: a UUID of version 7.
fn made_at(key: &str) -> Option<SystemTime> {
    let digits: String = key.chars().filter(|c| *c != '-').collect();
    let told = digits.len() == 32 && digits.as_bytes().get(12) == Some(&b'7');
    let millis = u64::from_str_radix(digits.get(..12).filter(|_| told)?, 16).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;

    fn files(count: usize) -> Vec<Attachment> {
        let file = |index| Attachment {
            name: format!("{index}.txt"),
            media_type: "text/plain".to_owned(),
            content: Content::Bytes(Vec::new()),
        };
        (0..count).map(file).collect()
    }

    fn message(text: &str, attachments: usize) -> OutboundMessage {
        OutboundMessage {
            attachments: files(attachments),
            ..OutboundMessage::new("key", text)
        }
    }

    #[test]
    fn files_go_with_the_last_part_of_the_text_and_what_is_too_many_behind_it() {
        let shape = |message: &OutboundMessage| {
            let parts = parts(message).into_iter();
            parts
                .map(|part| (part.text.chars().count(), part.files.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shape(&message("hello", 0)), [(5, 0)]);
        assert_eq!(shape(&message("hello", 2)), [(5, 2)]);
        assert_eq!(shape(&message("", 2)), [(0, 2)]);
        assert_eq!(shape(&message("hello", 12)), [(5, 10), (0, 2)]);
        let long = format!("{}\n\n{}", "a".repeat(1_500), "b".repeat(1_500));
        assert_eq!(shape(&message(&long, 1)), [(1_500, 0), (1_500, 1)]);
    }

    #[test]
    fn a_part_has_a_nonce_of_its_own_that_every_attempt_repeats() {
        assert_eq!(nonce("key", 0), nonce("key", 0));
        assert_ne!(nonce("key", 0), nonce("key", 1));
        assert_ne!(nonce("key", 0), nonce("other", 0));
        assert!(nonce("key", 0).len() <= 25);
    }

    #[test]
    fn a_body_pings_nobody_and_answers_what_it_answers() {
        let files = files(1);
        let part = Part {
            text: "@everyone look".to_owned(),
            files: &files,
            reply_to: "7".parse().ok(),
        };
        insta::assert_snapshot!(body(&part, "n").to_string(), @r#"{"allowed_mentions":{"parse":[],"replied_user":false},"attachments":[{"filename":"0.txt","id":0}],"content":"@everyone look","enforce_nonce":true,"message_reference":{"fail_if_not_exists":false,"message_id":"7"},"nonce":"n"}"#);
        let to_nothing = OutboundMessage {
            reply_to: Some("no id".to_owned()),
            ..message("text", 0)
        };
        let body = body(&parts(&to_nothing)[0], "n");
        assert_eq!(body.get("message_reference"), None);
    }

    #[test]
    fn a_key_that_tells_when_it_was_made_is_understood() {
        let made = made_at("01a21561-472d-7088-84d8-31f035afd501").unwrap();
        let millis = made.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(millis.as_millis(), 0x01a2_1561_472d);
        assert_eq!(made_at("3d813cbb-47fb-52ba-91df-831e1593ac29"), None);
        assert_eq!(made_at("build-7"), None);
    }
}
