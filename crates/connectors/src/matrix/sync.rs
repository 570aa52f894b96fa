//! The subscription: polls of the room, one after the other.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use ruma::api::client::filter::{FilterDefinition, RoomEventFilter, RoomFilter};
use ruma::api::client::message::get_message_events;
use ruma::api::client::sync::sync_events;
use ruma::events::AnySyncTimelineEvent;
use ruma::serde::Raw;
use ruma::{OwnedEventId, UInt};

use super::Shared;
use super::client::Client;
use super::incoming;
use super::room::Room;
use crate::{
    Backoff, ConnectorError, ConnectorErrorKind as Kind, Content, InboundBatch, InboundMessage,
    InboundStream, Retry, chance,
};

const DOING: &str = "listen to the room";

/// What a poll may take over the time that the server was allowed.
const SLACK: Duration = Duration::from_secs(15);
/// Events that one poll brings at most; what is before them is a gap.
const PER_POLL: u32 = 100;
/// Events of a gap that are fetched at once.
const PER_PAGE: u32 = 500;
/// Bytes of messages and files that are given at once, or one message.
const MAX_HELD: usize = 8 << 20;

/// The event by which a room is replaced by another.
const TOMBSTONE: &str = "m.room.tombstone";

type RawEvent = Raw<AnySyncTimelineEvent>;

struct Listening {
    shared: Arc<Shared>,
    since: String,
    /// What no other subscription asks for.
    nonce: String,
    /// Whether it is known that the server answers: a batch came of it since the last failure.
    told: bool,
    /// What a poll brought and was not given yet.
    news: Option<News>,
    /// The pause that is due before the next try.
    pause: Option<Duration>,
    backoff: Backoff,
    ended: bool,
}

/// What a poll brought. Until all of it was given, the cursor stays before it.
struct News {
    events: VecDeque<RawEvent>,
    gap: Option<Gap>,
    /// The cursor behind it.
    cursor: String,
    /// Whether another room has taken this one's place.
    replaced: bool,
}

/// What a poll left out before its own events, oldest first.
struct Gap {
    from: String,
    to: String,
    /// The poll's own events.
    latest: Vec<RawEvent>,
}

/// Listens from a cursor, or from now on: then it is known here where that is, so that whatever is said
/// from the return on comes.
pub(super) async fn stream(
    shared: Arc<Shared>,
    from: Option<&str>,
) -> Result<InboundStream, ConnectorError> {
    let room = shared.room().await?;
    let nonce = nonce();
    let since = match from {
        Some(cursor) => cursor.to_owned(),
        None => poll(&shared.client, &room, &nonce, None).await?.next_batch,
    };
    let listening = Listening {
        shared,
        since,
        nonce,
        told: false,
        news: None,
        pause: None,
        backoff: Backoff::default(),
        ended: false,
    };
    Ok(Box::pin(stream::unfold(
        listening,
        |mut listening| async move {
            let batch = listening.next().await?;
            Some((batch, listening))
        },
    )))
}

impl Listening {
    async fn next(&mut self) -> Option<Result<InboundBatch, ConnectorError>> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            match self.step().await {
                Ok(Some(batch)) => {
                    self.backoff.reset();
                    return Some(Ok(batch));
                }
                Ok(None) => self.backoff.reset(),
                Err(error) => {
                    self.told = false;
                    match error.retry() {
                        Retry::Never => self.ended = true,
                        Retry::After(pause) => self.pause = Some(pause),
                        Retry::Backoff => self.pause = Some(self.backoff.next()),
                    }
                    return Some(Err(error));
                }
            }
        }
    }

    /// Makes the next request, and gives what it brought. After a failure the same one is made again.
    async fn step(&mut self) -> Result<Option<InboundBatch>, ConnectorError> {
        let shared = Arc::clone(&self.shared);
        let room = &*shared.room().await?;
        let since = self.since.clone();
        // That the server answers is told at once, be there news or not.
        let wait = match self.told {
            true => shared.poll(),
            false => Duration::ZERO,
        };
        let news = match &mut self.news {
            Some(news) => news,
            None => self.news.insert(News::of(
                poll(&shared.client, room, &self.nonce, Some((&since, wait))).await?,
                room,
                &since,
            )?),
        };
        if news.events.is_empty() {
            news.fill(&shared, room).await?;
        }
        let messages = news.take(&shared, room).await?;
        let cursor = match self.news.take_if(|news| news.is_over()) {
            Some(News {
                cursor, replaced, ..
            }) => {
                if replaced {
                    shared.leave(room).await;
                }
                Some(cursor)
            }
            None => None,
        };
        let moved = cursor.unwrap_or(since);
        // A poll without news moves on by itself; nobody has to store that.
        match messages.is_empty() && self.told {
            true => self.since = moved,
            false => return Ok(Some(self.given(messages, moved))),
        }
        Ok(None)
    }

    fn given(&mut self, messages: Vec<InboundMessage>, cursor: String) -> InboundBatch {
        self.since.clone_from(&cursor);
        self.told = true;
        InboundBatch { messages, cursor }
    }
}

/// Makes a word that no other question to the server has: Synapse answers the same one for two minutes
/// as it did at first, with where now was, and who was in the room.
pub(super) fn nonce() -> String {
    format!("dev.podfleet.{:x}", chance::number())
}

/// Asks what is new in a room, or without `since` only where now is, which takes no time.
pub(super) async fn poll(
    client: &Client,
    room: &Room,
    nonce: &str,
    since: Option<(&str, Duration)>,
) -> Result<sync_events::v3::Response, ConnectorError> {
    let wait = since.map_or(Duration::ZERO, |(_, wait)| wait);
    let mut filter = filter(room);
    filter.presence.not_types = vec![nonce.to_owned()];
    let mut request = sync_events::v3::Request::new();
    request.filter = Some(filter.into());
    request.since = since.map(|(since, _)| since.to_owned());
    request.timeout = Some(wait);
    let answer = client.call_within(wait + SLACK, request, DOING).await;
    // The homeserver itself says so, and nothing else is in it that another poll does not have.
    answer.map_err(|error| match (error.kind(), since) {
        (Kind::Protocol, Some(_)) => error.of_kind(Kind::CursorRefused),
        _ => error,
    })
}

impl News {
    fn of(
        mut sync: sync_events::v3::Response,
        room: &Room,
        since: &str,
    ) -> Result<Self, ConnectorError> {
        if sync.rooms.leave.contains_key(&room.id) {
            let cause = format!("{} is no longer in the room", room.user);
            return Err(ConnectorError::new(Kind::Forbidden, DOING).because(cause));
        }
        let joined = sync.rooms.join.remove(&room.id).unwrap_or_default();
        let timeline = joined.timeline;
        let cursor = sync.next_batch;
        let (events, gap) = match (timeline.limited, timeline.prev_batch) {
            (true, Some(to)) => {
                let from = since.to_owned();
                let latest = timeline.events;
                (VecDeque::new(), Some(Gap { from, to, latest }))
            }
            _ => (timeline.events.into(), None),
        };
        Ok(Self {
            events,
            gap,
            cursor,
            replaced: false,
        })
    }

    fn is_over(&self) -> bool {
        self.events.is_empty() && self.gap.is_none()
    }

    /// Fetches a page of the gap; behind the last one are the poll's own events.
    async fn fill(&mut self, shared: &Shared, room: &Room) -> Result<(), ConnectorError> {
        let Some(gap) = &mut self.gap else {
            return Ok(());
        };
        let mut request = get_message_events::v3::Request::forward(room.id.clone());
        request.from = Some(gap.from.clone());
        request.to = Some(gap.to.clone());
        request.limit = UInt::from(PER_PAGE);
        request.filter = said_by_others(room);
        let page = shared
            .client
            .call(request, "read what was said meanwhile")
            .await?;
        let latest: HashSet<OwnedEventId> = gap.latest.iter().filter_map(id).collect();
        let page_events = page.chunk.into_iter().map(Raw::cast);
        let new = |event: &RawEvent| id(event).is_none_or(|id| !latest.contains(&id));
        self.events.extend(page_events.filter(new));
        // A server that ends where it began would be asked for ever.
        match page.end.filter(|end| *end != gap.from) {
            Some(end) => gap.from = end,
            None => {
                self.events.extend(std::mem::take(&mut gap.latest));
                self.gap = None;
            }
        }
        Ok(())
    }

    /// Takes what people said, up to a size in memory. What fails stays the first.
    async fn take(
        &mut self,
        shared: &Shared,
        room: &Room,
    ) -> Result<Vec<InboundMessage>, ConnectorError> {
        let mut messages = Vec::new();
        let mut held = 0;
        while held < MAX_HELD
            && let Some(event) = self.events.front()
        {
            self.replaced |= is(event, TOMBSTONE);
            match incoming::message(&shared.client, room, event).await {
                Ok(message) => {
                    held += message.as_ref().map_or(0, size);
                    messages.extend(message);
                    self.events.pop_front();
                }
                Err(error) if messages.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(messages)
    }
}

fn size(message: &InboundMessage) -> usize {
    let files = message.attachments.iter();
    let files = files.map(|attachment| match &attachment.content {
        Content::Bytes(bytes) => bytes.len(),
        Content::Path(_) => 0,
    });
    message.text.len() + files.sum::<usize>()
}

fn is(event: &RawEvent, kind: &str) -> bool {
    let of: Option<String> = event.get_field("type").ok().flatten();
    of.is_some_and(|of| of == kind)
}

fn id(event: &RawEvent) -> Option<OwnedEventId> {
    event.get_field("event_id").ok().flatten()
}

/// Lets the server send what people say in this room, and nothing else.
fn filter(room: &Room) -> FilterDefinition {
    let mut of_room = RoomFilter::empty();
    of_room.rooms = Some(vec![room.id.clone()]);
    of_room.include_leave = true;
    of_room.state = RoomEventFilter::ignore_all();
    of_room.ephemeral = RoomEventFilter::ignore_all();
    of_room.account_data = RoomEventFilter::ignore_all();
    of_room.timeline = said_by_others(room);
    of_room.timeline.limit = Some(UInt::from(PER_POLL));
    let mut filter = FilterDefinition::ignore_all();
    filter.room = of_room;
    filter
}

/// That we said something is no news. What begins encryption is told to whoever reads the room, who
/// was thrown out of it learns that by an event of it, and so does everybody that it was replaced.
fn said_by_others(room: &Room) -> RoomEventFilter {
    let types = [
        "m.room.message",
        "m.room.encrypted",
        "m.room.encryption",
        "m.room.member",
        TOMBSTONE,
    ];
    let mut filter = RoomEventFilter::empty();
    filter.types = Some(types.map(str::to_owned).into());
    filter.not_senders = vec![room.user.clone()];
    filter
}
