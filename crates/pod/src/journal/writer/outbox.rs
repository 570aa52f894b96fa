//! What happened to the pod by other hands: out of the store's outbox into inbox and session log.

use podfleet_pod_store::session_log::{Entry, RelationEvent};
use podfleet_pod_store::{
    CrashPoint, Offer, OutboxEvent, OutboxPlace, Page, Refusal, RelationChange,
};
use podfleet_protocol::Event;
use podfleet_protocol::event::Relative;

use super::Writer;
use crate::account;
use crate::command::Command;
use crate::lifecycle;

/// How many events are copied at once.
const PAGE: u32 = 100;

/// How far the outbox is known.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Up to here nothing is left to copy.
    seen: OutboxPlace,
    /// The last of the pod's events that is in the log, and that the store may still have.
    copied: Option<OutboxPlace>,
}

impl Writer {
    /// Copies what is new, unless the store is lost; what is in the log leaves the outbox.
    pub(super) async fn copy_outbox(&mut self) {
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = self.copy_events().await {
            tracing::error!(error, "cannot take in what happened by other hands yet");
        }
    }

    async fn copy_events(&mut self) -> Result<(), String> {
        let gathered = self.store.gather_sent(self.fence).await;
        let end = self.store.outbox_end().await;
        let end = end.map_err(|error| account(&error))?;
        let mut copied = Ok(());
        while copied.is_ok() && self.outbox.seen < end {
            copied = self.copy_page(end).await;
        }
        let cleared = self.clear_copied().await;
        let gathered = gathered.map(drop).map_err(|error| account(&error));
        copied.and(cleared).and(gathered)
    }

    async fn copy_page(&mut self, end: OutboxPlace) -> Result<(), String> {
        let page = Page::after(self.outbox.seen, PAGE);
        let listing = self.store.outbox(self.fence.pod, page).await;
        let listing = listing.map_err(|error| account(&error))?;
        let (mut last, mut taken, mut told) = (None, Ok(()), Vec::new());
        for event in &listing.items {
            match self.take_in(event).await {
                Ok(news) => told.extend(news),
                Err(error) => {
                    taken = Err(error);
                    break;
                }
            }
            last = Some(event.place);
        }
        if last.is_some() {
            CrashPoint::OutboxWritten.reach();
            self.log.commit().map_err(|error| account(&error))?;
            CrashPoint::OutboxLogged.reach();
            self.outbox.copied = last;
            for event in told {
                self.shared.events.publish(event);
            }
        }
        self.outbox.seen = match (&taken, listing.next) {
            (Err(_), _) => last.unwrap_or(self.outbox.seen),
            (Ok(()), Some(next)) => next,
            // The last one may have come after the question for the end.
            (Ok(()), None) => end.max(last.unwrap_or_default()),
        };
        taken
    }

    /// Takes in an event: a report into the inbox first, and each into the log. Returns what
    /// subscribers are told of it once the log is on the disk.
    async fn take_in(&mut self, event: &OutboxEvent) -> Result<Option<Event>, String> {
        // A shell that started it would run the report; its log has it all the same.
        if let RelationChange::ChildReported { child, report } = &event.change
            && !self.shared.reader.runs_input()
        {
            let offer = lifecycle::offer(&self.shared.identity, child, report, event.at);
            self.accept_report(offer).await?;
        }
        let entry = Entry::from(event);
        let told = told(&entry);
        self.put(entry).map(|()| told)
    }

    async fn accept_report(&mut self, offer: Offer) -> Result<(), String> {
        let message = offer.message.clone();
        let answers = self.store.accept(self.fence.pod, vec![offer]).await;
        match answers.map_err(|error| account(&error))?.pop() {
            Some(Ok(accepted)) if !accepted.duplicate => {
                self.accepted(message);
                self.shared.tell(Command::Accepted(accepted.position));
                Ok(())
            }
            // It waits in the outbox until there is room.
            Some(Err(full @ Refusal::InboxFull { .. })) => Err(full.to_string()),
            Some(Err(refusal)) => {
                tracing::error!(%refusal, "cannot accept what a child reports");
                Ok(())
            }
            Some(Ok(_)) | None => Ok(()),
        }
    }

    async fn clear_copied(&mut self) -> Result<(), String> {
        if let Some(copied) = self.outbox.copied {
            let cleared = self.store.clear_outbox(self.fence, copied).await;
            cleared.map_err(|error| account(&error))?;
            CrashPoint::OutboxCleared.reach();
            self.outbox.copied = None;
        }
        Ok(())
    }
}

fn told(entry: &Entry) -> Option<Event> {
    let relative = |event: &RelationEvent| Relative {
        id: event.pod,
        name: event.name.clone(),
        event: event.event.clone(),
        detail: event.detail.clone(),
    };
    match entry {
        Entry::Peer(event) => Some(Event::Peer(relative(event))),
        Entry::Child(event) => Some(Event::Child(relative(event))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::session_log::SessionReader;
    use podfleet_pod_store::{Endpoint, GenerationStart, NewPod, PeerPair, SpecText, Writer};
    use podfleet_protocol::{
        Address, Class, Generation, Identity, Kind, Message, MessageId, PodId, PodName, Typing,
    };

    use super::*;
    use crate::clock;
    use crate::events::Subscription;
    use crate::testing::Bench;

    async fn put(bench: &Bench, identity: Identity) -> PodId {
        let pod = NewPod {
            identity,
            class: "member".into(),
            alias: None,
            runtime: "sim".into(),
            spec: SpecText::of(&()).unwrap(),
            runtime_dir: bench.directory.path().to_owned(),
            at: clock::wall(),
        };
        let record = bench.shared.store.put_pod(pod).await.unwrap();
        record.identity.id
    }

    /// Makes the pod of the bench one of the store's, which has begun no generation yet.
    async fn known() -> Bench {
        let bench = Bench::new();
        put(&bench, bench.shared.identity.clone()).await;
        bench
    }

    async fn begin(bench: &Bench) {
        let paths = &bench.shared.paths;
        let start = GenerationStart {
            endpoint: Endpoint {
                socket: paths.socket.clone(),
                heartbeat: paths.heartbeat.clone(),
                pid: 1,
                build: String::new(),
            },
            at: clock::wall(),
            above: Generation(0),
        };
        let begun = bench
            .shared
            .store
            .begin_generation(bench.shared.identity.id, &start);
        begun.await.unwrap();
    }

    /// Makes another pod in the fleet of the bench's.
    async fn mate(bench: &Bench, name: &str) -> PodId {
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new(name).unwrap(),
            ..bench.shared.identity.clone()
        };
        put(bench, identity).await
    }

    /// Sends from the pod of the bench; the store alone knows of it.
    async fn send(bench: &Bench, to: PodId) -> MessageId {
        let (id, store) = (MessageId::generate(), &bench.shared.store);
        let message = Message {
            id,
            from: Address::operator("here"),
            to: Address::new("here", "tester"),
            kind: Kind::Notify,
            class: Class::Actionable,
            thread: None,
            body: "look at the test".to_owned(),
            typing: Typing::default(),
            accepted: clock::wall(),
        };
        let offer = Offer::from_pod(bench.shared.identity.id, message);
        let answers = store.accept(to, vec![offer]).await.unwrap();
        assert!(answers[0].is_ok(), "{answers:?}");
        id
    }

    /// What the log says of messages to peers, each without its id.
    fn of_messages(bench: &Bench) -> Vec<String> {
        let records = SessionReader::open(bench.files.clone()).unwrap();
        let told = records.filter_map(|record| match record.unwrap().record.entry {
            Entry::Peer(event) => {
                let (_, detail) = event.detail.split_once(": ")?;
                Some(format!("{}: {detail}", event.event))
            }
            _ => None,
        });
        told.collect()
    }

    async fn befriend(bench: &Bench, name: &str) {
        let peer = mate(bench, name).await;
        let pair = PeerPair::new(bench.shared.identity.id, peer).unwrap();
        let registered = bench
            .shared
            .store
            .register_peer(Writer::Operator, pair, clock::wall());
        registered.await.unwrap();
    }

    /// Copies, and returns the names of the peers that the log tells of and how many events are
    /// still in the outbox.
    async fn copied(bench: &Bench) -> (Vec<String>, usize) {
        bench.shared.journal.copy_outbox();
        bench.shared.journal.flush().await;
        let records = SessionReader::open(bench.files.clone()).unwrap();
        let names = records.filter_map(|record| match record.unwrap().record.entry {
            Entry::Peer(event) => Some(event.name.to_string()),
            _ => None,
        });
        let left = bench
            .shared
            .store
            .outbox(bench.shared.identity.id, Page::all());
        (names.collect(), left.await.unwrap().items.len())
    }

    #[tokio::test]
    async fn changes_of_relations_come_to_the_log_once_and_in_order() {
        let bench = known().await;
        begin(&bench).await;
        assert_eq!(copied(&bench).await, (vec![], 0));
        let names: Vec<_> = (0..=PAGE).map(|number| format!("p{number}")).collect();
        for name in &names {
            befriend(&bench, name).await;
        }
        for _ in 0..2 {
            assert_eq!(copied(&bench).await, (names.clone(), 0));
        }
        befriend(&bench, "late").await;
        let (all, left) = copied(&bench).await;
        assert_eq!(
            (all.len(), all.last().unwrap().as_str(), left),
            (names.len() + 1, "late", 0)
        );
    }

    /// Returns the names of the peers that subscribers are told of, since the last call.
    fn heard(bench: &Bench, subscription: &mut Subscription) -> Vec<String> {
        let lines = bench.shared.events.unseen(subscription, usize::MAX);
        let events = lines.unwrap().into_iter().map(|line| {
            let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
            line["params"]["event"].clone()
        });
        let peers =
            events.filter(|event| event["type"] == "peer" && event["event"] == "registered");
        peers
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn subscribers_are_told_of_relations_once_and_in_order() {
        let bench = known().await;
        begin(&bench).await;
        let (_, mut subscription) = bench.shared.events.subscribe(None);
        for name in ["one", "two"] {
            befriend(&bench, name).await;
        }
        copied(&bench).await;
        assert_eq!(heard(&bench, &mut subscription), ["one", "two"]);
        befriend(&bench, "three").await;
        for _ in 0..2 {
            copied(&bench).await;
        }
        assert_eq!(heard(&bench, &mut subscription), ["three"]);
    }

    #[tokio::test]
    async fn what_it_sent_comes_to_the_log_once_and_before_what_became_of_it() {
        let bench = known().await;
        begin(&bench).await;
        let tester = mate(&bench, "tester").await;
        send(&bench, tester).await;
        let second = send(&bench, tester).await;
        let mut expected = vec!["sent: accepted, position 1", "sent: accepted, position 2"];
        for _ in 0..2 {
            assert_eq!(copied(&bench).await.1, 0);
            assert_eq!(of_messages(&bench), expected);
        }
        // Nobody looked before the third one was withdrawn.
        let third = send(&bench, tester).await;
        let store = &bench.shared.store;
        for id in [third, second] {
            store.cancel(tester, id, clock::wall()).await.unwrap();
        }
        copied(&bench).await;
        expected.extend([
            "sent: accepted, position 3",
            "receipt: cancelled",
            "receipt: cancelled",
        ]);
        assert_eq!(of_messages(&bench), expected);
    }

    #[tokio::test]
    async fn what_the_store_cannot_clear_yet_is_not_copied_again() {
        let bench = known().await;
        befriend(&bench, "tester").await;
        for _ in 0..2 {
            assert_eq!(copied(&bench).await, (vec!["tester".to_owned()], 1));
        }
        begin(&bench).await;
        assert_eq!(copied(&bench).await, (vec!["tester".to_owned()], 0));
    }
}
