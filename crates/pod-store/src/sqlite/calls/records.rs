//! Calls about fleets and pods.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use podfleet_protocol::{Paused, PodId, PodName, UnixMillis};

use crate::error::StoreError;
use crate::outbox::Act;
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, PodCursor, PodFilter, PodRecord, PodState,
    PodSummary,
};
use crate::relation::Writer;
use crate::sqlite::connection::Database;
use crate::sqlite::{SqliteStore, fleets, forget, pods};
use crate::store::RecordStore;

#[async_trait]
impl RecordStore for SqliteStore {
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError> {
        let (key, roster): (_, PathBuf) = (key.clone(), roster.to_owned());
        self.call("claim the fleet", move |database| {
            database.write(|transaction| fleets::claim(transaction, &key, &roster))
        })
        .await
    }

    async fn fleet_owner(&self, key: &FleetKey) -> Result<Option<PathBuf>, StoreError> {
        let key = key.clone();
        self.call("find the fleet's roster", move |database| {
            fleets::owner(database.reader(), &key)
        })
        .await
    }

    async fn release_fleet(&self, key: &FleetKey, roster: &Path) -> Result<bool, StoreError> {
        let (key, roster): (_, PathBuf) = (key.clone(), roster.to_owned());
        self.call("release the fleet", move |database| {
            database.write(|transaction| fleets::release(transaction, &key, &roster))
        })
        .await
    }

    async fn put_pod(&self, pod: NewPod) -> Result<PodRecord, StoreError> {
        self.call("record the pod", move |database| {
            database.write(|transaction| pods::put(transaction, &pod))
        })
        .await
    }

    async fn find_pod(
        &self,
        fleet: &FleetKey,
        name: &PodName,
    ) -> Result<Option<PodRecord>, StoreError> {
        let (fleet, name) = (fleet.clone(), name.clone());
        self.call("find the pod", move |database| {
            pods::find(database.reader(), &fleet, &name)
        })
        .await
    }

    async fn check_place(&self) -> Result<(), StoreError> {
        self.call("look for the store", Database::check_place).await
    }

    async fn pod(&self, id: PodId) -> Result<Option<PodRecord>, StoreError> {
        self.call("read the pod", move |database| {
            pods::get(database.reader(), id)
        })
        .await
    }

    async fn pods_of_processes(&self, processes: &[u32]) -> Result<Vec<PodRecord>, StoreError> {
        let processes = processes.to_vec();
        self.call("find pods by their processes", move |database| {
            pods::of_processes(database.reader(), &processes)
        })
        .await
    }

    async fn list_pods(
        &self,
        filter: &PodFilter,
        page: Page<PodCursor>,
    ) -> Result<Listing<PodSummary, PodCursor>, StoreError> {
        let filter = filter.clone();
        self.call("list pods", move |database| {
            pods::list(database.reader(), &filter, &page)
        })
        .await
    }

    async fn begin_generation(
        &self,
        id: PodId,
        start: &GenerationStart,
    ) -> Result<PodRecord, StoreError> {
        let start = start.clone();
        self.call("begin a generation", move |database| {
            database.write(|transaction| pods::begin_generation(transaction, id, &start))
        })
        .await
    }

    async fn set_pod_state(
        &self,
        fence: Fence,
        state: PodState,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record the pod's state", move |database| {
            database.write(|transaction| pods::set_state(transaction, fence, &state, at))
        })
        .await
    }

    async fn set_expected(
        &self,
        id: PodId,
        expected: bool,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record that the pod is wanted", move |database| {
            database.write(|transaction| pods::set_expected(transaction, id, expected, at))
        })
        .await
    }

    async fn set_paused(
        &self,
        id: PodId,
        wanted: Option<Paused>,
        at: UnixMillis,
    ) -> Result<Option<Paused>, StoreError> {
        self.call("record whether the pod is paused", move |database| {
            database.write(|transaction| pods::set_paused(transaction, id, wanted.as_ref(), at))
        })
        .await
    }

    async fn set_members(
        &self,
        fleet: &FleetKey,
        members: &[PodName],
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let (fleet, members) = (fleet.clone(), members.to_vec());
        self.call("record the fleet's members", move |database| {
            database.write(|transaction| fleets::set_members(transaction, &fleet, &members, at))
        })
        .await
    }

    async fn preview_forget(&self, id: PodId) -> Result<Forgotten, StoreError> {
        self.call("look what goes with the pod", move |database| {
            forget::preview(database.reader(), id)
        })
        .await
    }

    async fn forget_pod(&self, id: PodId, at: UnixMillis) -> Result<Forgotten, StoreError> {
        self.call("forget the pod", move |database| {
            let act = Act::of(Writer::Operator, at);
            let gone = database.write(|transaction| forget::forget(transaction, id, act))?;
            Ok(database.drop_files(gone))
        })
        .await
    }
}
