//! What happens in a pod, numbered, for its subscribers.
//!
//! The last events are kept once for all subscribers, each as the line that is sent. A subscriber
//! reads them at its own pace: it holds up nobody, and costs no memory when it does not read. One
//! that is so slow that events are gone is told so, and has to begin anew.
//!
//! Snapshot and place are taken under the lock under which events are numbered, so that there is
//! neither a gap nor a duplicate between them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use podfleet_protocol::event::{EventParams, LaggedParams};
use podfleet_protocol::limits::{EVENT_RING, EVENT_RING_BYTES};
use podfleet_protocol::method::{Snapshot, SubscribeResult};
use podfleet_protocol::rpc::Notification;
use podfleet_protocol::{Event, EventCursor, Generation, Outcome, PodStatus, Receipt, SessionId};
use tokio::sync::watch;

use crate::clock;

/// The last events of one generation, and what all of them led to.
#[derive(Debug)]
pub(crate) struct Events {
    generation: Generation,
    inner: Mutex<Inner>,
    /// The number of the last event.
    last: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    lines: VecDeque<Bytes>,
    bytes: usize,
    /// The number of the last event.
    last: u64,
    snapshot: Snapshot,
}

/// A subscriber's place in the events.
#[derive(Debug)]
pub(crate) struct Subscription {
    seen: u64,
    last: watch::Receiver<u64>,
}

/// Events that a subscriber has not seen are gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lagged(pub(crate) LaggedParams);

impl Events {
    pub(crate) fn new(generation: Generation, status: PodStatus, session: SessionId) -> Self {
        Self {
            generation,
            inner: Mutex::new(Inner {
                lines: VecDeque::new(),
                bytes: 0,
                last: 0,
                snapshot: Snapshot {
                    status,
                    session,
                    log_seq: 0,
                },
            }),
            last: watch::Sender::new(0),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before anything in it can fail.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what happened.
    pub(crate) fn publish(&self, event: Event) {
        self.number(&mut self.inner(), event);
    }

    /// Tells what was learnt of a message, and where the log says so; with its answer its turn has
    /// ended.
    pub(crate) fn receipt(&self, receipt: Receipt, log_seq: Option<u64>, answer: Option<String>) {
        let mut inner = self.inner();
        if let Some(seq) = log_seq {
            inner.snapshot.log_seq = seq;
        }
        let answered = (receipt.outcome == Outcome::Answered).then_some(receipt.id);
        self.number(&mut inner, Event::Message { receipt, log_seq });
        if answered.is_some() {
            let message = answered;
            self.number(&mut inner, Event::TurnEnded { message, answer });
        }
    }

    /// Keeps a new status for snapshots, and tells of it unless nothing changed but what a busy
    /// screen changes many times a second.
    pub(crate) fn status(&self, status: &PodStatus) {
        let mut inner = self.inner();
        let news = steady(&inner.snapshot.status) != steady(status);
        inner.snapshot.status.clone_from(status);
        if news {
            let status = Box::new(status.clone());
            self.number(&mut inner, Event::Status { status });
        }
    }

    fn number(&self, inner: &mut Inner, event: Event) {
        let number = inner.last + 1;
        let params = EventParams {
            cursor: EventCursor::new(self.generation, number),
            number,
            at: clock::wall(),
            event,
        };
        let line = Notification::event(&params).and_then(|line| serde_json::to_vec(&line));
        let line = match line {
            Ok(line) => Bytes::from(line),
            Err(error) => return tracing::error!(%error, "cannot tell of an event"),
        };
        inner.last = number;
        inner.bytes += line.len();
        inner.lines.push_back(line);
        while inner.lines.len() > EVENT_RING || inner.bytes > EVENT_RING_BYTES {
            let Some(oldest) = inner.lines.pop_front() else {
                break;
            };
            inner.bytes -= oldest.len();
        }
        self.last.send_replace(number);
    }

    /// Begins a subscription: where the client left off if what follows is still here, else with a
    /// snapshot.
    pub(crate) fn subscribe(&self, from: Option<EventCursor>) -> (SubscribeResult, Subscription) {
        let inner = self.inner();
        let oldest = inner.last - inner.lines.len() as u64;
        let resumed = from.filter(|from| {
            from.generation() == self.generation && (oldest..=inner.last).contains(&from.number())
        });
        let seen = resumed.map_or(inner.last, EventCursor::number);
        let result = SubscribeResult {
            cursor: EventCursor::new(self.generation, seen),
            snapshot: resumed.is_none().then(|| inner.snapshot.clone()),
            lagged: if resumed.is_none() { from } else { None },
        };
        let last = self.last.subscribe();
        (result, Subscription { seen, last })
    }

    /// Returns the lines of events that a subscriber has not seen, at most so many.
    ///
    /// # Errors
    /// Fails when the first of them is gone.
    pub(crate) fn unseen(
        &self,
        subscription: &mut Subscription,
        limit: usize,
    ) -> Result<Vec<Bytes>, Lagged> {
        let inner = self.inner();
        let oldest = inner.last - inner.lines.len() as u64;
        let Some(skip) = subscription.seen.checked_sub(oldest) else {
            let from = EventCursor::new(self.generation, subscription.seen);
            return Err(Lagged(LaggedParams { from }));
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let unseen = inner.lines.iter().skip(skip).take(limit).cloned();
        let lines: Vec<Bytes> = unseen.collect();
        subscription.seen += lines.len() as u64;
        Ok(lines)
    }
}

impl Subscription {
    /// Returns whether there is an event that was not seen.
    pub(crate) fn is_behind(&self) -> bool {
        *self.last.borrow() > self.seen
    }

    /// Waits until there is an event that was not seen. Dropping the future loses nothing.
    pub(crate) async fn ready(&mut self) {
        let seen = self.seen;
        if self.last.wait_for(|last| *last > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Leaves out what a busy agent's screen changes many times a second.
fn steady(status: &PodStatus) -> impl PartialEq + '_ {
    let PodStatus {
        identity: _,
        generation: _,
        run,
        pod_pid: _,
        build: _,
        agent,
        screen,
        last_output: _,
        inbox,
        hold,
        paused,
        resumed,
        size,
        controller,
        viewers,
        says,
    } = status;
    let screen = (&screen.state, screen.since);
    let hold = hold.as_ref().map(|hold| hold.reason);
    let screen = (screen, says);
    (
        (run, resumed, agent, screen, inbox, hold),
        (paused, size, controller, viewers),
    )
}

#[cfg(test)]
mod tests;
