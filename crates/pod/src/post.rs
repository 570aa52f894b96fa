//! Handing a message in to another pod, whether that runs or not.
//!
//! A pod that runs accepts its messages itself; for one that does not, the sender's process does it
//! in its place, by the same transaction. Either way the receiver's own records decide.

use std::time::Duration;

use podfleet_pod_store::{Offer, PodRecord, PodStore, Refusal, Sender, StoreError};
use podfleet_protocol::method::{
    AcceptedResult, MessageParams, Nothing, Notify, Refresh, RunMessage,
};
use podfleet_protocol::{Address, Kind, Message, NewMessage, clean_body};

use crate::clock;
use crate::reader::Reader;
use podfleet_protocol::client::{ClientError, ClientErrorKind, Introduction, PodClient};

/// In whose name messages are handed in, and by what right.
#[derive(Debug)]
pub struct Post<'a> {
    /// The records of all pods.
    pub store: &'a dyn PodStore,
    /// How the sender introduces itself to a pod that runs.
    pub who: &'a Introduction,
    /// Who the sender is to the store.
    pub sender: Sender,
    /// What the receiver is told of the sender.
    pub from: Address,
    /// Whether it is an order or a notification.
    pub kind: Kind,
}

/// A message is durably in its receiver's inbox.
#[derive(Debug)]
pub struct HandedIn {
    /// What the receiver's records say of it.
    pub accepted: AcceptedResult,
    /// The connection to the pod that accepted it; `None` if that does not run.
    pub client: Option<PodClient>,
}

/// A message was not accepted, or it is not known whether it was: handing it in again under the same
/// id is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The receiver's pod could not be asked, or refused it.
    #[error(transparent)]
    Pod(#[from] ClientError),
    /// The receiver's records refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Post<'_> {
    /// Hands a message in.
    ///
    /// # Errors
    /// Fails when the message is refused, the receiver's pod does not answer though it listens, or
    /// the store cannot be written.
    pub async fn hand_in(
        &self,
        to: &PodRecord,
        message: NewMessage,
    ) -> Result<HandedIn, PostError> {
        let accepted = match self.connect(to).await? {
            None => None,
            Some(mut client) => match self.ask(&mut client, message.clone()).await {
                Ok(accepted) => Some((accepted, client)),
                // It ended before it answered. Under the same id nothing is accepted twice.
                Err(error) if is_gone(&error) => None,
                Err(error) => return Err(error.into()),
            },
        };
        Ok(match accepted {
            Some((accepted, client)) => HandedIn {
                accepted,
                client: Some(client),
            },
            None => HandedIn {
                accepted: self.accept(to, message).await?,
                client: None,
            },
        })
    }

    /// Connects; nothing if nobody listens.
    async fn connect(&self, to: &PodRecord) -> Result<Option<PodClient>, PostError> {
        let Some(endpoint) = &to.endpoint else {
            return Ok(None);
        };
        match PodClient::connect(&endpoint.socket, self.who).await {
            // The socket of another pod means that the record is old.
            Ok(client) if client.hello().pod != to.identity.id => Ok(None),
            Ok(client) => Ok(Some(client)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(
        &self,
        client: &mut PodClient,
        message: NewMessage,
    ) -> Result<AcceptedResult, ClientError> {
        let params = MessageParams { message };
        match self.kind {
            Kind::Run => client.call::<RunMessage>(params).await,
            Kind::Notify => client.call::<Notify>(params).await,
        }
    }

    /// Accepts a message in the place of a pod that does not run.
    async fn accept(
        &self,
        to: &PodRecord,
        message: NewMessage,
    ) -> Result<AcceptedResult, PostError> {
        let clean = clean_body(&message.body);
        if clean.is_blank() {
            return Err(Refusal::Empty.into());
        }
        let once = !message.again;
        let message = Message {
            id: message.id,
            from: self.from.clone(),
            to: Address::new(&to.identity.host, to.identity.name.as_str()),
            kind: self.kind,
            class: message.class,
            thread: message.thread,
            body: clean.text,
            typing: message.typing,
            accepted: clock::wall(),
        };
        let refused = Reader::of(to)
            .refuses(self.store, self.sender, to.identity.id, &message)
            .await?;
        if let Some(refusal) = refused {
            return Err(refusal.into());
        }
        let offer = Offer {
            sender: self.sender,
            message,
            once,
        };
        let answers = self.store.accept(to.identity.id, vec![offer]).await?;
        // One offer has one answer.
        let accepted = answers
            .into_iter()
            .next()
            .unwrap_or(Err(Refusal::NoSuchPod))?;
        Ok(AcceptedResult {
            id: accepted.id,
            position: accepted.position,
            duplicate: accepted.duplicate,
            stripped: clean.stripped,
        })
    }
}

/// Returns whether nobody listens any more.
#[must_use]
pub fn is_gone(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ClientErrorKind::NotListening | ClientErrorKind::Closed
    )
}

/// How long another pod may take to be told that its records changed.
const TELL_PATIENCE: Duration = Duration::from_millis(500);

/// What came of telling a pod to read its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// It was told, or runs and does not answer now: it reads them by itself after a while.
    Told,
    /// Nobody listens: it reads them at its next start.
    NotRunning,
}

/// Tells a pod that its records changed by another hand.
pub(crate) async fn refresh(who: &Introduction, pod: &PodRecord) -> Refreshed {
    let Some(endpoint) = &pod.endpoint else {
        return Refreshed::NotRunning;
    };
    let telling = async {
        let mut client = PodClient::connect(&endpoint.socket, who).await?;
        client.call::<Refresh>(Nothing {}).await
    };
    match tokio::time::timeout(TELL_PATIENCE, telling).await {
        Ok(Err(error)) if is_gone(&error) => Refreshed::NotRunning,
        _ => Refreshed::Told,
    }
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::{MemoryStore, NewPod, RecordStore as _, SpecText};
    use podfleet_protocol::{FleetName, Identity, PodId, PodName, TenantId};

    use super::*;

    async fn add(store: &MemoryStore, name: &str) -> PodRecord {
        let new = NewPod {
            identity: Identity {
                id: PodId::generate(),
                name: PodName::new(name).unwrap(),
                fleet: FleetName::default(),
                tenant_id: TenantId::new("ada").unwrap(),
                host: "fern".into(),
            },
            class: "member".into(),
            alias: None,
            runtime: "sim".into(),
            spec: SpecText::of(&()).unwrap(),
            runtime_dir: "/run/fleet".into(),
            at: clock::wall(),
        };
        store.put_pod(new).await.unwrap()
    }

    #[tokio::test]
    async fn a_stopped_pod_is_told_the_same_words_once_unless_they_are_meant_again() {
        let store = MemoryStore::new();
        let (coder, tester) = (add(&store, "coder").await, add(&store, "tester").await);
        let who = Introduction {
            client: "the test".into(),
            credential: None,
        };
        let post = Post {
            store: &store,
            who: &who,
            sender: Sender::Pod(tester.identity.id),
            from: Address::new("fern", "tester"),
            kind: Kind::Notify,
        };
        let send = async |again| {
            let message = NewMessage {
                again,
                ..NewMessage::new("run it")
            };
            let handed_in = post.hand_in(&coder, message).await.unwrap();
            handed_in.accepted
        };
        let first = send(false).await;
        let second = send(false).await;
        assert_eq!((second.id, second.duplicate), (first.id, true));
        let meant = send(true).await;
        assert!(meant.id != first.id && !meant.duplicate);
    }
}
