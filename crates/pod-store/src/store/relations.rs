//! The interface to what pods are to each other.

use std::fmt::Debug;

use async_trait::async_trait;
use podfleet_protocol::{PodId, TenantId, UnixMillis};

use crate::error::StoreError;
use crate::outbox::{OutboxEvent, OutboxPlace, Report};
use crate::page::{Listing, Page};
use crate::record::{Fence, Forgotten, PodCursor, PodRecord};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, Reasons, Registered, Relation, VisiblePod, Writer,
};

/// What pods are to each other, what that lets them see, and what they are still to be told of it.
///
/// A call promises what those of [`PodStore`](crate::PodStore) do.
#[async_trait]
pub trait RelationStore: Send + Sync + Debug {
    /// Makes two pods peers; making them peers again is no change.
    ///
    /// # Errors
    /// [`NotFound`](crate::StoreErrorKind::NotFound) unless both are pods of one tenant,
    /// [`NotItsRelation`](crate::StoreErrorKind::NotItsRelation) when the writer is none of them;
    /// fails also when its fence is not its present generation, or the store cannot be written.
    async fn register_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<Registered, StoreError>;

    /// Ends the relation of two peers, for both and at once. Returns whether there was one.
    ///
    /// # Errors
    /// As [`register_peer`](Self::register_peer), save that pods need not exist.
    async fn unregister_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Lists a tenant's pairs of peers, or those of one pod, by ids.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn peers(
        &self,
        tenant: &TenantId,
        of: Option<PodId>,
        page: Page<PeerPair>,
    ) -> Result<Listing<PeerRecord, PeerPair>, StoreError>;

    /// Reserves the name and the records of a pod that is to be spawned.
    ///
    /// It is unconfirmed until [`confirm_child`](Self::confirm_child) says that its spawning
    /// succeeded; what a crash left unconfirmed can be found among the
    /// [`children`](Self::children) and withdrawn.
    ///
    /// # Errors
    /// [`NameTaken`](crate::StoreErrorKind::NameTaken) when the fleet has a pod of this name, in
    /// whatever case; [`NotItsRelation`](crate::StoreErrorKind::NotItsRelation) when the writer is a
    /// pod other than the parent; fails also when there is no such parent, the fence is not its
    /// present generation, or the store cannot be written.
    async fn reserve_child(&self, by: Writer, child: NewChild) -> Result<PodRecord, StoreError>;

    /// Records that the spawning of a pod succeeded; saying it again is no change.
    ///
    /// # Errors
    /// Fails when there is no such spawned pod, the writer is neither the operator nor its parent,
    /// the fence is not the parent's present generation, or the store cannot be written.
    async fn confirm_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Undoes the reservation of a pod whose spawning failed: removes it as
    /// [`forget_pod`](crate::RecordStore::forget_pod) does.
    ///
    /// Whether a process of it still runs is the caller's question.
    ///
    /// # Errors
    /// [`Confirmed`](crate::StoreErrorKind::Confirmed) once its spawning has succeeded; else as
    /// [`confirm_child`](Self::confirm_child).
    async fn withdraw_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<Forgotten, StoreError>;

    /// Records that a child was stopped by order. Returns whether that is new.
    ///
    /// The relation stays; the child's next generation makes it wanted again.
    ///
    /// # Errors
    /// Fails when it is nobody's child, the writer is neither the operator nor its parent nor the
    /// child, the fence is not the writer's present generation, or the store cannot be written.
    async fn end_child(&self, by: Writer, child: PodId, at: UnixMillis)
    -> Result<bool, StoreError>;

    /// Lists the children of a pod, by id: those that were reserved first come first.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn children(
        &self,
        parent: PodId,
        page: Page<PodId>,
    ) -> Result<Listing<ChildRecord, PodId>, StoreError>;

    /// Returns how a pod is a child, if it is one.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn parent(&self, child: PodId) -> Result<Option<ChildRecord>, StoreError>;

    /// Returns what `from` is to `to`; nothing if one of them is missing.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or a record is damaged.
    async fn relation(&self, from: PodId, to: PodId) -> Result<Relation, StoreError>;

    /// Lists what a pod may see: itself, its children, its peers and its fleet mates, by fleet and
    /// name, each with every reason that holds. Empty if there is no such viewer.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn visible_pods(
        &self,
        viewer: PodId,
        page: Page<PodCursor>,
    ) -> Result<Listing<VisiblePod, PodCursor>, StoreError>;

    /// Returns the children and peers of a pod that no record is there of: a store that was damaged may have
    /// some, and one that keeps both together none.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn missing_relatives(&self, _of: PodId) -> Result<Vec<(PodId, Reasons)>, StoreError> {
        Ok(Vec::new())
    }

    /// Puts what a child tells of itself into its parent's outbox, and returns the parent; nobody
    /// if it is nobody's child. While the child is being spawned, it is there when that is confirmed, and goes
    /// with the child if it fails; nobody is returned then, either.
    ///
    /// # Errors
    /// Fails when the fence is not the child's present generation, or the store cannot be written.
    async fn report(
        &self,
        fence: Fence,
        report: Report,
        at: UnixMillis,
    ) -> Result<Option<PodId>, StoreError>;

    /// Puts into a pod's outbox what it has sent to others since the last call, in the order of
    /// acceptance. Returns how many events that are.
    ///
    /// To accept a message takes its receiver's inbox alone. What is settled, withdrawn or goes with
    /// its receiver is in the sender's outbox from that moment, so that an event of its acceptance comes
    /// once, and before that of its settlement.
    ///
    /// # Errors
    /// Fails when there is something to write and the fence is not the pod's present generation, or
    /// when the store cannot be read or written.
    async fn gather_sent(&self, fence: Fence) -> Result<u64, StoreError>;

    /// Lists what happened to a pod by another hand and is not yet in its log, in order.
    ///
    /// It takes the longer the more events of any pod follow the page's cursor.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged events are named in the listing.
    async fn outbox(
        &self,
        pod: PodId,
        page: Page<OutboxPlace>,
    ) -> Result<Listing<OutboxEvent, OutboxPlace>, StoreError>;

    /// Returns the place of the last event, of whichever pod, whether it is still there or not: what
    /// comes later has a later place.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn outbox_end(&self) -> Result<OutboxPlace, StoreError>;

    /// Drops a pod's events up to a place, which are in its log now. Returns how many.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, or the store cannot be written.
    async fn clear_outbox(&self, fence: Fence, up_to: OutboxPlace) -> Result<u64, StoreError>;

    /// Returns how far a pod has read the output of another, as
    /// [`set_read_cursor`](Self::set_read_cursor) kept it.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn read_cursor(&self, reader: PodId, source: PodId)
    -> Result<Option<String>, StoreError>;

    /// Keeps how far a pod has read the output of another, in the words of the layer above. It goes
    /// with either pod.
    ///
    /// # Errors
    /// Fails when there is no such source, the fence is not the reader's present generation, or the
    /// store cannot be written.
    async fn set_read_cursor(
        &self,
        fence: Fence,
        source: PodId,
        cursor: &str,
        at: UnixMillis,
    ) -> Result<(), StoreError>;
}
