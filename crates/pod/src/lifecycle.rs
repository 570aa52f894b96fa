//! What a child tells its parent of itself, through the parent's inbox.
//!
//! The child puts each event into its parent's outbox in the store, whatever the parent does at that
//! time, and from then on it cannot be lost; the parent's pod takes it into its inbox. There it is a
//! message with an id that follows from what it is about, so that telling it again after a doubt
//! delivers it once.

use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::{
    Offer, Page, PodLabel, PodStore, RelationChange, Report, Sender, StoreError, StoreErrorKind,
};
use podfleet_protocol::{
    Address, Class, Generation, Identity, Kind, Message, MessageId, PodId, Typing, UnixMillis,
};
use tokio::sync::mpsc;

use crate::clock;
use crate::post::{Refreshed, refresh};
use crate::reader::Reader;
use crate::shared::Shared;

/// An agent that goes on within this time has not ended its turn: it only drew an idle screen.
const TURN_IS_OVER: Duration = Duration::from_millis(700);
/// How soon an event is told again that could not be told.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Something that a parent is told of its child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// Its agent was busy and is idle.
    TurnEnded,
    /// Its agent's turn failed, or its agent did.
    Errored(String),
    /// Its agent waits for a person.
    Blocked(String),
    /// It was ended.
    ShutDown(String),
    /// Its pod was killed in this generation, and runs again.
    Killed(Generation),
}

impl Lifecycle {
    const fn word(&self) -> &'static str {
        match self {
            Self::TurnEnded => "turn_ended",
            Self::Errored(_) | Self::Killed(_) => "errored",
            Self::Blocked(_) => "blocked",
            Self::ShutDown(_) => "shut_down",
        }
    }

    fn body(&self, child: &str) -> String {
        let word = self.word();
        match self {
            Self::TurnEnded => format!(
                "{word}: `{child}` is idle. Read what it wrote with read_pod_output; give it more \
                 with send_to_pod."
            ),
            Self::Errored(why) => format!("{word}: `{child}`: {why}"),
            Self::Killed(_) => format!("{word}: `{child}`: its pod was killed; it runs again"),
            Self::Blocked(what) => format!(
                "{word}: `{child}` waits for a person: {what}. `fleet attach {child}` shows it."
            ),
            Self::ShutDown(why) if why.is_empty() => {
                format!("{word}: `{child}` was ended. restore_pod starts it again.")
            }
            Self::ShutDown(why) => {
                format!("{word}: `{child}` was ended ({why}). restore_pod starts it again.")
            }
        }
    }
}

/// Tells a parent what happens, in order, until nothing more can happen.
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    events: mpsc::UnboundedReceiver<Lifecycle>,
    count: u64,
}

impl Reporter {
    pub(crate) fn new(shared: Arc<Shared>, events: mpsc::UnboundedReceiver<Lifecycle>) -> Self {
        Self {
            shared,
            events,
            count: 0,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut next = self.events.recv().await;
        while let Some(event) = next.take() {
            if event == Lifecycle::TurnEnded && self.goes_on().await {
                next = self.events.recv().await;
                continue;
            }
            self.count += 1;
            let generation = self.shared.fence.generation;
            let id = event_id(self.shared.identity.id, generation, self.count, &event);
            self.tell(id, &event).await;
            next = self.events.recv().await;
        }
    }

    /// Returns whether the agent works again right after it was idle.
    async fn goes_on(&self) -> bool {
        if self.shared.ending.is_cancelled() {
            return false;
        }
        let mut status = self.shared.status.subscribe();
        let busy = status.wait_for(|status| status.screen.state == "busy");
        let again = tokio::time::timeout(TURN_IS_OVER, busy).await;
        matches!(again, Ok(Ok(_)))
    }

    /// Records an event until the store takes it, or never will.
    async fn tell(&self, id: MessageId, event: &Lifecycle) {
        let report = Report {
            id,
            event: event.word().to_owned(),
            body: event.body(self.shared.identity.name.as_str()),
        };
        let mut wait = FIRST_WAIT;
        loop {
            match self.record(&report).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, event = event.word(), "cannot tell the parent");
                    // A later generation tells what happens now.
                    if matches!(error.kind(), StoreErrorKind::Fenced { .. }) {
                        return;
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn record(&self, report: &Report) -> Result<(), StoreError> {
        let (shared, now) = (&self.shared, clock::wall());
        let recorded = shared.store.report(shared.fence, report.clone(), now);
        // A parent that was forgotten is told nothing; one that is told more in a moment, then.
        if let Some(parent) = recorded.await?
            && self.events.is_empty()
        {
            self.wake(parent).await;
        }
        Ok(())
    }

    /// Lets the parent look into its outbox. For one that does not run this is done in its place, so
    /// that whoever looks into its inbox meanwhile finds all there; its next start does the rest.
    async fn wake(&self, parent: PodId) {
        let (shared, store) = (&self.shared, &self.shared.store);
        let Ok(Some(parent)) = store.pod(parent).await else {
            return;
        };
        let parent_id = parent.identity.id;
        if refresh(&shared.introduction(), &parent).await == Refreshed::Told {
            return;
        }
        if Reader::of(&parent).runs_input() {
            return;
        }
        let Ok(events) = store.outbox(parent_id, Page::all()).await else {
            return;
        };
        let offers = events.items.iter().filter_map(|event| match &event.change {
            RelationChange::ChildReported { child, report } if child.id == shared.identity.id => {
                Some(offer(&parent.identity, child, report, event.at))
            }
            _ => None,
        });
        let _ = store.accept(parent_id, offers.collect()).await;
    }
}

/// Makes the message that a report becomes in the inbox of the parent.
pub(crate) fn offer(to: &Identity, child: &PodLabel, report: &Report, at: UnixMillis) -> Offer {
    Offer {
        sender: Sender::Report,
        message: Message {
            id: report.id,
            from: Address::new(&to.host, child.name.as_str()),
            to: Address::new(&to.host, to.name.as_str()),
            kind: Kind::Notify,
            class: Class::default(),
            thread: None,
            body: report.body.clone(),
            typing: Typing::default(),
            accepted: at,
        },
        once: false,
    }
}

/// Returns the id of an event's message, the same however often it is told, and by whom.
fn event_id(child: PodId, generation: Generation, count: u64, event: &Lifecycle) -> MessageId {
    match event {
        Lifecycle::Killed(killed) => killed_id(child, *killed),
        event => MessageId::derived(child, &format!("{generation}/{count}/{}", event.word())),
    }
}

fn killed_id(child: PodId, generation: Generation) -> MessageId {
    MessageId::derived(child, &format!("{generation}/killed"))
}

/// Makes the report of a child whose pod was killed in this generation, and does not run.
pub(crate) fn found_killed(child: &PodLabel, generation: Generation) -> Report {
    let word = Lifecycle::Killed(generation).word();
    let name = &child.name;
    Report {
        id: killed_id(child.id, generation),
        event: word.to_owned(),
        body: format!("{word}: `{name}`: its pod was killed. restore_pod starts it again."),
    }
}

/// Returns whether a pod has a parent that is to be told.
pub(crate) async fn has_parent(store: &dyn PodStore, child: PodId) -> bool {
    match store.parent(child).await {
        Ok(found) => found.is_some(),
        Err(error) => {
            tracing::error!(%error, "cannot find out whose child this pod is");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_id_however_often_it_is_told() {
        let child = PodId::generate();
        let id = |count, event| event_id(child, Generation(2), count, &event);
        assert_eq!(id(1, Lifecycle::TurnEnded), id(1, Lifecycle::TurnEnded));
        assert_ne!(id(1, Lifecycle::TurnEnded), id(2, Lifecycle::TurnEnded));
        assert_ne!(
            id(1, Lifecycle::TurnEnded),
            event_id(child, Generation(3), 1, &Lifecycle::TurnEnded)
        );
    }
}
