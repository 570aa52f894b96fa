//! The interface to fleets and the records of their pods.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use podfleet_protocol::{Paused, PodId, PodName, UnixMillis};

use crate::error::StoreError;
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, PodCursor, PodFilter, PodRecord, PodState,
    PodSummary,
};

/// Fleets, and the records of their pods: who they are, what they were last said to do, and which
/// generation may write.
///
/// A call promises what those of [`PodStore`](crate::PodStore) do.
#[async_trait]
pub trait RecordStore: Send + Sync + Debug {
    /// Claims a fleet's name for the roster at `roster`; claiming it again is no change.
    ///
    /// # Errors
    /// [`FleetClaimed`](crate::StoreErrorKind::FleetClaimed) when another path owns the name.
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError>;

    /// Returns the roster that owns a fleet's name; none while nobody has claimed it.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn fleet_owner(&self, key: &FleetKey) -> Result<Option<PathBuf>, StoreError>;

    /// Looks whether the store is still where it was opened, since other processes look for it there.
    /// From when it is not until it is found there again, every write fails in the same way. One that
    /// is in no place cannot be lost.
    ///
    /// # Errors
    /// [`Lost`](crate::StoreErrorKind::Lost) when it was moved or removed, or another took its place;
    /// fails also when that cannot be found out.
    async fn check_place(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Gives a fleet's name up, if `roster` owns it. Returns whether it did.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn release_fleet(&self, key: &FleetKey, roster: &Path) -> Result<bool, StoreError>;

    /// Records a pod of a roster, or returns the one of this name in this fleet, brought up to date.
    ///
    /// A pod that is there keeps its id, generation and state; its revision grows only if something
    /// differs.
    ///
    /// # Errors
    /// [`NameTaken`](crate::StoreErrorKind::NameTaken) when the fleet has a pod whose name differs
    /// only in case, [`SpawnedName`](crate::StoreErrorKind::SpawnedName) when it has a spawned pod
    /// of this name.
    async fn put_pod(&self, pod: NewPod) -> Result<PodRecord, StoreError>;

    /// Returns the pod of this name. Case counts.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn find_pod(
        &self,
        fleet: &FleetKey,
        name: &PodName,
    ) -> Result<Option<PodRecord>, StoreError>;

    /// Returns the pod of this id.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn pod(&self, id: PodId) -> Result<Option<PodRecord>, StoreError>;

    /// Returns the pods whose present or last process had one of these ids, of every tenant.
    ///
    /// An id that was given anew is among them: whether a pod lives, only its lock tells.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or one of the records is damaged.
    async fn pods_of_processes(&self, processes: &[u32]) -> Result<Vec<PodRecord>, StoreError>;

    /// Lists pods with the state of their inboxes, by fleet and name, in one query.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn list_pods(
        &self,
        filter: &PodFilter,
        page: Page<PodCursor>,
    ) -> Result<Listing<PodSummary, PodCursor>, StoreError>;

    /// Begins the next generation of a pod, later than all that are known, and returns its record,
    /// which says `live`.
    ///
    /// From then on every write of an older generation is
    /// [fenced](crate::StoreErrorKind::Fenced).
    ///
    /// # Errors
    /// Fails when there is no such pod, or the store cannot be written.
    async fn begin_generation(
        &self,
        id: PodId,
        start: &GenerationStart,
    ) -> Result<PodRecord, StoreError>;

    /// Records what a pod says of itself.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, or the store cannot be written.
    async fn set_pod_state(
        &self,
        fence: Fence,
        state: PodState,
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Records that delivery to the pod is paused, or goes on, and returns what held before.
    ///
    /// Pausing again keeps the first pause. It holds over restarts; a pod that lives has to be told
    /// as well, which is the caller's matter.
    ///
    /// # Errors
    /// Fails when there is no such pod, or the store cannot be written.
    async fn set_paused(
        &self,
        id: PodId,
        wanted: Option<Paused>,
        at: UnixMillis,
    ) -> Result<Option<Paused>, StoreError>;

    /// Records whether somebody wants the pod up.
    ///
    /// # Errors
    /// Fails when there is no such pod, or the store cannot be written.
    async fn set_expected(
        &self,
        id: PodId,
        expected: bool,
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Records who is in a fleet's roster: these names and no others.
    ///
    /// Names without a pod are passed over, and so are spawned pods, which are in no roster. Only
    /// members are [mates](crate::Relation::mate).
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn set_members(
        &self,
        fleet: &FleetKey,
        members: &[PodName],
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Returns what [`forget_pod`](Self::forget_pod) would remove.
    ///
    /// # Errors
    /// Fails when there is no such pod, or the store cannot be read.
    async fn preview_forget(&self, id: PodId) -> Result<Forgotten, StoreError>;

    /// Removes a pod and all that the store holds of it; its name is free again.
    ///
    /// Its peers, its parent and its children get an event of it. Messages that it sent stay in the
    /// inboxes of others. Whether the pod still runs is the caller's question.
    ///
    /// # Errors
    /// Fails when there is no such pod, or the store cannot be written.
    async fn forget_pod(&self, id: PodId, at: UnixMillis) -> Result<Forgotten, StoreError>;
}
