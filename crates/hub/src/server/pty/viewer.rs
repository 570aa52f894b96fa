//! One who only looks at a terminal.
//!
//! A viewer has a way of its own to the pod until it has been shown what its audience has. Then it is
//! given the frames of that, for as long as it reads and acknowledges them in time. One that lags too
//! far behind has a way of its own again, on which the pod skips it to a repaint.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_protocol::frame::{Frame, HEADER, Header, kind};
use podfleet_protocol::limits::ATTACH_WINDOW;
use podfleet_protocol::method::{AttachParams, AttachResult, Position};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, interval, timeout};

use super::audience::{Audience, raw};
use super::place::Place;
use super::replay::{Found, Replay};
use super::side::{BEAT, Incoming, Item, Outgoing, SILENCE, Side, one_way};
use super::{Opened, Target, open};
use crate::server::Shared;

/// How many pings may wait for a viewer to read their answers; further ones get none, as at a pod.
const MAX_UNANSWERED: usize = 16;

/// A viewer, and how far it is.
pub(super) struct Viewer {
    client: Side,
    progress: Progress,
    audience: Arc<Audience>,
}

/// How far a viewer is.
#[derive(Debug, Default)]
struct Progress {
    place: Place,
    credit: Credit,
}

/// What a viewer said of itself.
#[derive(Debug, Default)]
struct Credit {
    /// Up to where it has acknowledged.
    acknowledged: AtomicU64,
    /// Whether it waits for a repaint that it asked for.
    repaint: AtomicBool,
}

/// Why a viewer needs a way of its own again.
enum Again {
    /// It was too slow.
    Late,
    /// It asks the pod for something.
    Asks(Bytes),
}

impl Viewer {
    pub(super) fn new(client: Side, audience: Arc<Audience>) -> Self {
        Self {
            client,
            progress: Progress::default(),
            audience,
        }
    }

    /// Shows the terminal, until either end is done or silent.
    pub(super) async fn show(
        mut self,
        shared: &Shared,
        target: &Target,
        mut params: AttachParams,
        mut way: Opened,
    ) {
        loop {
            let (attached, mut pod, link) = way;
            self.progress.begin(&attached.result, params.from);
            let joined = tokio::select! {
                joined = self.alone(&mut pod) => joined,
                () = link.cancelled() => return,
            };
            // The way ends here; how it ended shows at its ends.
            drop(pod);
            let Ok(number) = joined else { return };
            let Ok(again) = self.with_all(number).await else {
                return;
            };
            // A repaint that is half told cannot be followed by another one.
            if self.progress.place.is_in_reset() {
                return;
            }
            params.from = self.progress.place.shown().map(|shown| shown.position);
            // Why there is none any more is told at the next attach.
            let Ok(opened) = open(shared, target, params).await else {
                return;
            };
            way = opened;
            if let Again::Asks(frame) = again {
                self.progress.credit.hear(&frame);
                if way.1.outgoing.send(Item::Frame(frame)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Passes frames both ways until the viewer can go on with its audience, at the number that comes
    /// back.
    async fn alone(&mut self, pod: &mut Side) -> io::Result<u64> {
        let Progress { place, credit } = &mut self.progress;
        let credit = &*credit;
        let Side {
            outgoing,
            incoming,
            beats,
        } = &mut self.client;
        let heard = incoming.inspect(|item| {
            if let Ok(Item::Frame(frame)) = item {
                credit.hear(frame);
            }
        });
        let up = one_way(heard, *beats, &mut pod.outgoing, pod.beats);
        let frames = self.audience.frames();
        let down = catch_up(
            &mut pod.incoming,
            pod.beats,
            outgoing,
            frames,
            (place, credit),
        );
        tokio::select! {
            ended = up => ended.and(Err(io::ErrorKind::UnexpectedEof.into())),
            joined = down => joined,
        }
    }

    /// Gives the viewer what all are given, from that number on, until it needs a way of its own.
    async fn with_all(&mut self, number: u64) -> io::Result<Again> {
        let Progress { place, credit } = &mut self.progress;
        let credit = &*credit;
        let questions = Questions::default();
        let up = listen(&mut self.client.incoming, credit, &questions);
        let outgoing = &mut self.client.outgoing;
        let frames = self.audience.frames();
        let down = tell(outgoing, frames, number, (place, credit), &questions);
        tokio::select! {
            asked = up => asked.map(Again::Asks),
            late = down => late.map(|()| Again::Late),
        }
    }
}

impl Progress {
    fn begin(&mut self, result: &AttachResult, from: Option<Position>) {
        self.place = Place::after(result, from);
        let offset = result.position.offset;
        self.credit.acknowledged.store(offset, Relaxed);
        self.credit.repaint.store(false, Relaxed);
    }
}

impl Credit {
    /// Takes note of what the viewer says.
    fn hear(&self, frame: &[u8]) {
        match Header::of(frame) {
            Some(header) if header.kind == kind::ACK => {
                self.acknowledged.fetch_max(header.offset, Relaxed);
            }
            Some(header) if header.kind == kind::REPAINT => self.repaint.store(true, Relaxed),
            _ => {}
        }
    }

    /// Takes note of what the viewer is told: a repaint counts as seen.
    fn tell(&self, frame: &[u8]) {
        if let Some(header) = Header::of(frame)
            && header.kind == kind::RESET
        {
            self.acknowledged.store(header.offset, Relaxed);
            self.repaint.store(false, Relaxed);
        }
    }

    fn is_used_up(&self, place: &Place) -> bool {
        let sent = place.shown().map_or(0, |shown| shown.position.offset);
        sent.saturating_sub(self.acknowledged.load(Relaxed)) >= ATTACH_WINDOW
    }
}

/// Passes the pod's frames on, until what was shown is what all are shown.
async fn catch_up(
    pod: &mut Incoming,
    pod_beats: bool,
    outgoing: &mut Outgoing,
    mut frames: watch::Receiver<Replay>,
    (place, credit): (&mut Place, &Credit),
) -> io::Result<u64> {
    let (mut beat, mut seen) = (interval(BEAT), Instant::now());
    // What else is told stands between outputs, and would be told again by those who go on there.
    let mut moved = true;
    loop {
        tokio::select! {
            biased;
            item = pod.next() => {
                seen = Instant::now();
                match item {
                    Some(Ok(Item::Frame(frame))) => {
                        outgoing.send(Item::Frame(frame.clone())).await?;
                        place.pass(&frame);
                        credit.tell(&frame);
                        moved = moves(&frame);
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Err(error),
                    None => {
                        outgoing.close().await?;
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
            changed = frames.changed() => changed.map_err(io::Error::other)?,
            _ = beat.tick() => {
                if pod_beats && seen.elapsed() > SILENCE {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                outgoing.send(Item::Beat).await?;
                continue;
            }
        }
        let joins = moved && !credit.repaint.load(Relaxed);
        if let Some(shown) = place.shown().filter(|_| joins)
            && let Some(number) = frames.borrow_and_update().number(shown)
        {
            return Ok(number);
        }
    }
}

/// Whether a frame brings somebody further in the stream.
fn moves(frame: &[u8]) -> bool {
    Header::of(frame).is_some_and(|header| matches!(header.kind, kind::OUTPUT | kind::RESET))
}

/// What a viewer asks that needs no pod.
#[derive(Debug, Default)]
struct Questions {
    pings: Mutex<Vec<Bytes>>,
    /// There is a ping, or an acknowledgement.
    heard: Notify,
}

impl Questions {
    fn pings(&self) -> std::sync::MutexGuard<'_, Vec<Bytes>> {
        self.pings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens to a viewer until it asks for something that only the pod has.
async fn listen(
    incoming: &mut Incoming,
    credit: &Credit,
    questions: &Questions,
) -> io::Result<Bytes> {
    loop {
        let item = timeout(SILENCE, incoming.next()).await?;
        let frame = match item.ok_or(io::ErrorKind::UnexpectedEof)?? {
            Item::Frame(frame) => frame,
            Item::Beat | Item::Text(_) => continue,
        };
        match Header::of(&frame).map(|header| header.kind) {
            Some(kind::ACK) => credit.hear(&frame),
            Some(kind::PING) => {
                let mut pings = questions.pings();
                if pings.len() < MAX_UNANSWERED {
                    pings.push(frame.slice(HEADER..));
                }
            }
            _ => return Ok(frame),
        }
        questions.heard.notify_one();
    }
}

/// Tells a viewer what all are told, from a number on; comes back when that is gone.
async fn tell(
    outgoing: &mut Outgoing,
    mut frames: watch::Receiver<Replay>,
    mut number: u64,
    (place, credit): (&mut Place, &Credit),
    questions: &Questions,
) -> io::Result<()> {
    let mut beat = interval(BEAT);
    loop {
        let pings = std::mem::take(&mut *questions.pings());
        for ping in pings {
            outgoing.feed(Item::Frame(raw(&Frame::Pong(ping)))).await?;
        }
        loop {
            let found = frames.borrow_and_update().at(number);
            match found {
                Found::Frame(_) if credit.is_used_up(place) => break,
                Found::Frame(frame) => {
                    outgoing.feed(Item::Frame(frame.clone())).await?;
                    // It is on its way: whatever ends this now, it is not told again.
                    place.pass(&frame);
                    credit.tell(&frame);
                    number += 1;
                }
                Found::Nothing => break,
                Found::Gone => {
                    outgoing.flush().await?;
                    return Ok(());
                }
                Found::End => {
                    outgoing.close().await?;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        outgoing.flush().await?;
        tokio::select! {
            changed = frames.changed() => changed.map_err(io::Error::other)?,
            () = questions.heard.notified() => {}
            _ = beat.tick() => outgoing.feed(Item::Beat).await?,
        }
    }
}
