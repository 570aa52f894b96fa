//! Fleets and pods in memory.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use podfleet_protocol::{Paused, PodId, PodName, UnixMillis};

use super::MemoryStore;
use crate::error::{StoreError, StoreErrorKind};
use crate::outbox::Act;
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, PodCursor, PodFilter, PodRecord, PodState,
    PodSummary,
};
use crate::relation::Writer;
use crate::store::RecordStore;

#[async_trait]
impl RecordStore for MemoryStore {
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError> {
        self.call("claim the fleet", |state| {
            let owner = state
                .fleets
                .entry(key.clone())
                .or_insert_with(|| roster.to_owned());
            if owner == roster {
                return Ok(());
            }
            Err(StoreErrorKind::FleetClaimed {
                fleet: key.fleet.to_string(),
                owner: owner.clone(),
                claimant: roster.to_owned(),
            }
            .into())
        })
    }

    async fn fleet_owner(&self, key: &FleetKey) -> Result<Option<PathBuf>, StoreError> {
        self.call("find the fleet's roster", |state| {
            Ok(state.fleets.get(key).cloned())
        })
    }

    async fn release_fleet(&self, key: &FleetKey, roster: &Path) -> Result<bool, StoreError> {
        self.call("release the fleet", |state| {
            let owned = state.fleets.get(key).is_some_and(|owner| owner == roster);
            if owned {
                state.fleets.remove(key);
            }
            Ok(owned)
        })
    }

    async fn put_pod(&self, pod: NewPod) -> Result<PodRecord, StoreError> {
        self.call("record the pod", |state| state.put(pod))
    }

    async fn find_pod(
        &self,
        fleet: &FleetKey,
        name: &PodName,
    ) -> Result<Option<PodRecord>, StoreError> {
        self.call("find the pod", |state| {
            let found = state
                .named(fleet, name)
                .filter(|pod| pod.identity.name == *name);
            Ok(found.cloned())
        })
    }

    async fn pod(&self, id: PodId) -> Result<Option<PodRecord>, StoreError> {
        self.call("read the pod", |state| Ok(state.pods.get(&id).cloned()))
    }

    async fn pods_of_processes(&self, processes: &[u32]) -> Result<Vec<PodRecord>, StoreError> {
        self.call("find pods by their processes", |state| {
            let pods = state.pods.values().filter(|pod| {
                let endpoint = pod.endpoint.as_ref();
                endpoint.is_some_and(|endpoint| processes.contains(&endpoint.pid))
            });
            Ok(pods.cloned().collect())
        })
    }

    async fn list_pods(
        &self,
        filter: &PodFilter,
        page: Page<PodCursor>,
    ) -> Result<Listing<PodSummary, PodCursor>, StoreError> {
        self.call("list pods", |state| {
            let mut pods: Vec<_> = state
                .pods
                .values()
                .filter(|pod| {
                    pod.identity.tenant_id == filter.tenant
                        && filter
                            .fleet
                            .as_ref()
                            .is_none_or(|fleet| pod.identity.fleet == *fleet)
                        && page
                            .after
                            .as_ref()
                            .is_none_or(|after| PodCursor::of(pod) > *after)
                })
                .collect();
            pods.sort_by_key(|pod| PodCursor::of(pod));
            let summaries = pods.into_iter().map(|pod| state.summary(pod));
            Ok(Listing::first(summaries, page.limit, |summary| {
                PodCursor::of(&summary.record)
            }))
        })
    }

    async fn begin_generation(
        &self,
        id: PodId,
        start: &GenerationStart,
    ) -> Result<PodRecord, StoreError> {
        self.call("begin a generation", |state| {
            let pod = state.pod(id)?;
            pod.generation.0 = pod.generation.0.max(start.above.0) + 1;
            pod.state = PodState::Live;
            pod.endpoint = Some(start.endpoint.clone());
            pod.updated = start.at;
            let begun = pod.clone();
            state.relations.resume(id);
            Ok(begun)
        })
    }

    async fn set_pod_state(
        &self,
        fence: Fence,
        new: PodState,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record the pod's state", |state| {
            let pod = state.fenced(fence)?;
            (pod.state, pod.updated) = (new, at);
            Ok(())
        })
    }

    async fn set_expected(
        &self,
        id: PodId,
        expected: bool,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record that the pod is wanted", |state| {
            let pod = state.pod(id)?;
            (pod.expected, pod.updated) = (expected, at);
            Ok(())
        })
    }

    async fn set_paused(
        &self,
        id: PodId,
        wanted: Option<Paused>,
        at: UnixMillis,
    ) -> Result<Option<Paused>, StoreError> {
        self.call("record whether the pod is paused", |state| {
            let pod = state.pod(id)?;
            let before = pod.paused.clone();
            if before.is_some() != wanted.is_some() {
                (pod.paused, pod.updated) = (wanted, at);
            }
            Ok(before)
        })
    }

    async fn set_members(
        &self,
        fleet: &FleetKey,
        members: &[PodName],
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("record the fleet's members", |state| {
            state.set_members(fleet, members, at);
            Ok(())
        })
    }

    async fn preview_forget(&self, id: PodId) -> Result<Forgotten, StoreError> {
        self.call("look what goes with the pod", |state| {
            state.preview_forget(id)
        })
    }

    async fn forget_pod(&self, id: PodId, at: UnixMillis) -> Result<Forgotten, StoreError> {
        let act = Act::of(Writer::Operator, at);
        self.call("forget the pod", |state| state.forget(id, act))
    }
}
