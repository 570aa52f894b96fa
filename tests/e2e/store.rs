//! A look into a world's store, past its pods.

use std::path::PathBuf;

use podfleet_pod_store::{
    FleetKey, InboxEntry, InboxStore as _, Page, RecordStore as _, SqliteStore,
};
use podfleet_protocol::{FleetName, MessageId, PodId, PodName, Receipt, TenantId};
use tokio::runtime::Runtime;

use crate::world::World;

/// The store as any process may open it, and the pod whose inbox is looked at.
pub(crate) struct Inbox {
    runtime: Runtime,
    store: SqliteStore,
    pod: PodId,
}

impl Inbox {
    pub(crate) fn of(world: &World, agent: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let store = SqliteStore::open(&world.path("state/store.db")).unwrap();
        let tenant = TenantId::new(world.row(agent)["tenant_id"].as_str().unwrap()).unwrap();
        let key = FleetKey::new(tenant, FleetName::default());
        let name = PodName::new(agent).unwrap();
        let pod = runtime.block_on(store.find_pod(&key, &name)).unwrap();
        Self {
            pod: pod.unwrap().identity.id,
            runtime,
            store,
        }
    }

    /// Returns the pod whose inbox it is.
    pub(crate) fn pod(&self) -> PodId {
        self.pod
    }

    /// Returns the socket of the pod that runs.
    pub(crate) fn socket(&self) -> PathBuf {
        let pod = self.runtime.block_on(self.store.pod(self.pod));
        pod.unwrap().unwrap().endpoint.unwrap().socket
    }

    /// Returns the store, and what to run its calls in.
    pub(crate) fn store(&self) -> (&SqliteStore, &Runtime) {
        (&self.store, &self.runtime)
    }

    /// Returns all messages that were ever accepted.
    pub(crate) fn entries(&self) -> Vec<InboxEntry> {
        let mut entries = Vec::new();
        let mut page = Page::first(1000);
        loop {
            let listing = self.runtime.block_on(self.store.inbox(self.pod, page));
            let listing = listing.unwrap();
            entries.extend(listing.items);
            match listing.next {
                Some(next) => page = Page::after(next, 1000),
                None => return entries,
            }
        }
    }

    /// Returns the first message that is not delivered.
    pub(crate) fn first_waiting(&self) -> Option<InboxEntry> {
        let listing = self.store.undelivered(self.pod, Page::first(1));
        let listing = self.runtime.block_on(listing).unwrap();
        listing.items.into_iter().next()
    }

    /// Returns the ids of the messages that wait and cannot be read.
    pub(crate) fn damaged(&self) -> Vec<String> {
        let listing = self.store.undelivered(self.pod, Page::all());
        let listing = self.runtime.block_on(listing).unwrap();
        listing.corrupt.into_iter().map(|found| found.id).collect()
    }

    /// Withdraws a message as another process would.
    pub(crate) fn cancel(&self, id: MessageId) -> Receipt {
        let at = podfleet_pod::clock::wall();
        let cancelled = self.store.cancel(self.pod, id, at);
        self.runtime.block_on(cancelled).unwrap()
    }
}
