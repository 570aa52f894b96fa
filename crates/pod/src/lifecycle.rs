//! What a child tells its parent of itself, through the parent's inbox.
//!
//! Each event is a message with an id that follows from what it is about, so that telling it again
//! after a doubt delivers it once. A parent that does not run finds it in its inbox.

use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::{PodStore, Sender};
use podfleet_protocol::{Address, Generation, Kind, MessageId, NewMessage, PodId};
use tokio::sync::mpsc;

use crate::post::{Post, PostError};
use crate::shared::Shared;
use podfleet_protocol::client::Introduction;

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
}

impl Lifecycle {
    const fn word(&self) -> &'static str {
        match self {
            Self::TurnEnded => "turn_ended",
            Self::Errored(_) => "errored",
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
    parent: PodId,
    events: mpsc::UnboundedReceiver<Lifecycle>,
    count: u64,
}

impl Reporter {
    pub(crate) fn new(
        shared: Arc<Shared>,
        parent: PodId,
        events: mpsc::UnboundedReceiver<Lifecycle>,
    ) -> Self {
        Self {
            shared,
            parent,
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
        let mut status = self.shared.status.subscribe();
        let busy = status.wait_for(|status| status.screen.state == "busy");
        let again = tokio::time::timeout(TURN_IS_OVER, busy).await;
        matches!(again, Ok(Ok(_)))
    }

    /// Hands an event in until it is accepted, or can never be.
    async fn tell(&self, id: MessageId, event: &Lifecycle) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.hand_in(id, event).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, event = event.word(), "cannot tell the parent");
                    if matches!(error, PostError::Refused(_)) {
                        return;
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn hand_in(&self, id: MessageId, event: &Lifecycle) -> Result<(), PostError> {
        let shared = &self.shared;
        let Some(parent) = shared.store.pod(self.parent).await? else {
            // A forgotten parent is told nothing.
            return Ok(());
        };
        let name = shared.identity.name.as_str();
        let who = Introduction {
            client: format!("the pod {name}"),
            credential: Some(shared.credential.clone()),
        };
        let post = Post {
            store: &*shared.store,
            who: &who,
            sender: Sender::Pod(shared.identity.id),
            from: Address::new(&shared.identity.host, name),
            kind: Kind::Notify,
        };
        let message = NewMessage {
            id,
            // A turn may end as the one before did.
            again: true,
            ..NewMessage::new(event.body(name))
        };
        post.hand_in(&parent, message).await.map(drop)
    }
}

/// Returns the id of an event's message, the same however often it is told.
fn event_id(child: PodId, generation: Generation, count: u64, event: &Lifecycle) -> MessageId {
    MessageId::derived(child, &format!("{generation}/{count}/{}", event.word()))
}

/// Tells the parent of a pod that its former generation ended without a word.
pub(crate) fn killed() -> Lifecycle {
    Lifecycle::Errored("its pod was killed; it runs again".to_owned())
}

/// Returns the parent of a pod, if it has one that is to be told.
pub(crate) async fn parent_of(store: &dyn PodStore, child: PodId) -> Option<PodId> {
    match store.parent(child).await {
        Ok(found) => found.map(|child| child.parent.id),
        Err(error) => {
            tracing::error!(%error, "cannot find out whose child this pod is");
            None
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
