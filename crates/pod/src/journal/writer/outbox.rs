//! Copying changes of relations from the store's outbox to the session log.

use podfleet_pod_store::session_log::Entry;
use podfleet_pod_store::{OutboxPlace, Page};

use super::Writer;
use crate::account;

/// How many changes of relations are copied at once.
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
    /// Copies what is new; what is in the log leaves the outbox.
    pub(super) async fn copy_outbox(&mut self) {
        if let Err(error) = self.copy_events().await {
            tracing::error!(error, "cannot copy changes of relations yet");
        }
    }

    async fn copy_events(&mut self) -> Result<(), String> {
        let end = self.store.outbox_end().await;
        let end = end.map_err(|error| account(&error))?;
        while self.outbox.seen < end {
            self.copy_page(end).await?;
        }
        self.clear_copied().await
    }

    async fn copy_page(&mut self, end: OutboxPlace) -> Result<(), String> {
        let page = Page::after(self.outbox.seen, PAGE);
        let listing = self.store.outbox(self.fence.pod, page).await;
        let listing = listing.map_err(|error| account(&error))?;
        for event in &listing.items {
            self.put(Entry::from(event))?;
        }
        let last = listing.items.last().map(|event| event.place);
        if last.is_some() {
            self.log.commit().map_err(|error| account(&error))?;
            self.outbox.copied = last;
        }
        self.outbox.seen = match listing.next {
            Some(next) => next,
            // The last one may have come after the question for the end.
            None => end.max(last.unwrap_or_default()),
        };
        Ok(())
    }

    async fn clear_copied(&mut self) -> Result<(), String> {
        if let Some(copied) = self.outbox.copied {
            let cleared = self.store.clear_outbox(self.fence, copied).await;
            cleared.map_err(|error| account(&error))?;
            self.outbox.copied = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::session_log::SessionReader;
    use podfleet_pod_store::{Endpoint, GenerationStart, NewPod, PeerPair, SpecText, Writer};
    use podfleet_protocol::{Identity, PodId, PodName};

    use super::*;
    use crate::clock;
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
        };
        let begun = bench
            .shared
            .store
            .begin_generation(bench.shared.identity.id, &start);
        begun.await.unwrap();
    }

    async fn befriend(bench: &Bench, name: &str) {
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new(name).unwrap(),
            ..bench.shared.identity.clone()
        };
        let peer = put(bench, identity).await;
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
