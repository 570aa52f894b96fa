//! What was said in a channel and its threads while nobody listened.

use std::time::{Duration, SystemTime};

use twilight_model::util::Timestamp;

use super::Shared;
use super::position::Position;
use super::snowflake::Snowflake;
use super::wire::{Channel, Message};
use crate::{ConnectorError, ConnectorErrorKind};

/// Returns the position behind all that has been said.
pub(super) async fn present(shared: &Shared) -> Result<Position, ConnectorError> {
    let channel = shared.api.channel(shared.channel).await?;
    let threads = active_threads(shared, &channel).await?;
    let all = std::iter::once(&channel).chain(&threads);
    let last = all.filter_map(|channel| channel.last_message_id).max();
    Ok(Position::behind(last.unwrap_or_default()))
}

/// Returns what was said behind a message, in the channel and in all threads, in order of ids.
pub(super) async fn missing(
    shared: &Shared,
    after: Snowflake,
) -> Result<Vec<Message>, ConnectorError> {
    let channel = shared.api.channel(shared.channel).await?;
    let mut messages = all_after(shared, channel.id, after).await?;
    let mut threads = active_threads(shared, &channel).await?;
    threads.extend(archived_threads(shared, &channel, after).await?);
    for thread in threads {
        if thread.last_message_id.is_some_and(|last| last > after) {
            messages.extend(all_after(shared, thread.id, after).await?);
        }
    }
    messages.sort_by_key(|message| message.id);
    messages.dedup_by_key(|message| message.id);
    Ok(messages)
}

async fn all_after(
    shared: &Shared,
    channel: Snowflake,
    mut after: Snowflake,
) -> Result<Vec<Message>, ConnectorError> {
    let mut messages = Vec::new();
    loop {
        let page = shared.api.messages_after(channel, after).await?;
        let Some(last) = page.last() else {
            return Ok(messages);
        };
        after = last.id;
        messages.extend(page);
    }
}

async fn active_threads(
    shared: &Shared,
    channel: &Channel,
) -> Result<Vec<Channel>, ConnectorError> {
    // A chat between two has no server, and no threads.
    let Some(guild) = channel.guild_id else {
        return Ok(Vec::new());
    };
    let mut threads = shared.api.active_threads(guild).await?;
    threads.retain(|thread| shared.whereabouts.is_thread(thread));
    Ok(threads)
}

/// Returns threads that were archived since a message: those of before hold nothing newer.
async fn archived_threads(
    shared: &Shared,
    channel: &Channel,
    after: Snowflake,
) -> Result<Vec<Channel>, ConnectorError> {
    let mut threads: Vec<Channel> = Vec::new();
    if channel.guild_id.is_none() || channel.thread_metadata.is_some() {
        return Ok(threads);
    }
    let mut before: Option<String> = None;
    loop {
        let page = shared
            .api
            .archived_threads(channel.id, before.as_deref())
            .await;
        let page = match page {
            Ok(page) => page,
            // To see them is a right of its own.
            Err(error) if error.kind() == ConnectorErrorKind::Forbidden => return Ok(threads),
            Err(error) => return Err(error),
        };
        let last = page.threads.last().and_then(archived);
        let since = |thread: &Channel| {
            let archived = archived(thread).and_then(moment);
            archived.is_none_or(|archived| archived > after.time())
        };
        let asked = page.threads.len();
        let more = page.has_more && page.threads.iter().all(since);
        threads.extend(page.threads.iter().filter(|thread| since(thread)).cloned());
        match last {
            Some(last) if more && asked > 0 && before.as_deref() != Some(last) => {
                before = Some(last.to_owned());
            }
            _ => return Ok(threads),
        }
    }
}

fn archived(thread: &Channel) -> Option<&str> {
    let metadata = thread.thread_metadata.as_ref();
    metadata.map(|metadata| metadata.archive_timestamp.as_str())
}

fn moment(text: &str) -> Option<SystemTime> {
    let micros = Timestamp::parse(text).ok()?.as_micros();
    let since = Duration::from_micros(u64::try_from(micros).ok()?);
    Some(SystemTime::UNIX_EPOCH + since)
}
