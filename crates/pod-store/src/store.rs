//! The store's interface.

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use podfleet_protocol::{
    MessageId, Paused, PodId, PodName, Receipt, SessionId, TenantId, UnixMillis,
};

use crate::chat::ChatStore;
use crate::error::StoreError;
use crate::inbox::{Accepted, DeliveryState, InboxEntry, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention};
use crate::outbox::{OutboxEvent, OutboxPlace};
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor, PodFilter,
    PodRecord, PodState, PodSummary, SessionRecord,
};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, Registered, Relation, VisiblePod, Writer,
};

/// Durable truth about fleets, pods and their inboxes.
///
/// Every method that changes something is one transaction: when it returns `Ok` the change survives
/// a crash of the process and of the machine; when it returns an error nothing was changed, save
/// that a failure in the phase `commit` leaves it open (nothing was *promised*, and doing it again is
/// safe). A call whose future is dropped may or may not have happened.
///
/// Times are arguments; the store has no clock. Order is never taken from times.
#[async_trait]
pub trait PodStore: ChatStore + Send + Sync + Debug {
    /// Claims a fleet's name for the roster at `roster`; claiming it again is no change.
    ///
    /// # Errors
    /// [`FleetClaimed`](crate::StoreErrorKind::FleetClaimed) when another path owns the name.
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError>;

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

    /// Lists pods with the state of their inboxes, by fleet and name, in one query.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged records are named in the listing.
    async fn list_pods(
        &self,
        filter: &PodFilter,
        page: Page<PodCursor>,
    ) -> Result<Listing<PodSummary, PodCursor>, StoreError>;

    /// Begins the next generation of a pod and returns its record, which says `live`.
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

    /// Accepts messages for one receiver in one transaction, in the given order.
    ///
    /// Each gets an answer of its own; a refusal does not touch the others. The transaction checks
    /// that the receiver exists, that the sender may do this, that the id is new and that the inbox
    /// has room. A message accepted before under its id, with the same body, is a duplicate. A
    /// whole batch costs one flush to the disk.
    ///
    /// # Errors
    /// Fails when the store cannot be written; then no message of the batch was accepted.
    async fn accept(
        &self,
        to: PodId,
        offers: Vec<Offer>,
    ) -> Result<Vec<Result<Accepted, Refusal>>, StoreError>;

    /// Lists the messages that are not settled, in order of acceptance.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged messages are named in the listing.
    async fn undelivered(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError>;

    /// Lists all messages of an inbox, in order of acceptance.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged messages are named in the listing.
    async fn inbox(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError>;

    /// Returns one message of a pod.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the message is damaged.
    async fn message(&self, pod: PodId, id: MessageId) -> Result<Option<InboxEntry>, StoreError>;

    /// Records how far the delivery of a message is, and its receipt.
    ///
    /// Writing [`DeliveryState::Delivering`] counts an attempt. Writing what is there already
    /// changes nothing.
    ///
    /// # Errors
    /// [`Settled`](crate::StoreErrorKind::Settled) when the message has a settled receipt, for
    /// instance because it was cancelled meanwhile; fails also when the fence is not the pod's
    /// present generation, there is no such message, or the store cannot be written.
    async fn set_delivery(
        &self,
        fence: Fence,
        id: MessageId,
        state: DeliveryState,
        receipt: &Receipt,
    ) -> Result<(), StoreError>;

    /// Withdraws a message that is not yet being delivered.
    ///
    /// Returns the receipt that holds afterwards: `cancelled` if it was withdrawn, else that of the
    /// delivery that came first.
    ///
    /// # Errors
    /// Fails when there is no such message, or the store cannot be written.
    async fn cancel(
        &self,
        pod: PodId,
        id: MessageId,
        at: UnixMillis,
    ) -> Result<Receipt, StoreError>;

    /// Opens a session and makes it the pod's present one.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, or the store cannot be written.
    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError>;

    /// Records the end of a session. It stays the pod's present one until another is opened.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, there is no such session, or the
    /// store cannot be written.
    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Returns a session.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError>;

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
    /// [`forget_pod`](Self::forget_pod) does.
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

    /// Lists the changes of a pod's relations that are not yet in its log, in order.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged events are named in the listing.
    async fn outbox(
        &self,
        pod: PodId,
        page: Page<OutboxPlace>,
    ) -> Result<Listing<OutboxEvent, OutboxPlace>, StoreError>;

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

    /// Looks what [`prune_messages`](Self::prune_messages) would remove in one call.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn preview_prune(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError>;

    /// Removes the records of a pod's sessions but those of `logged` and the present one, and
    /// returns how many.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError>;

    /// Removes delivered messages of a pod that are too old or too many, the oldest first, at most
    /// [`Retention::batch`] in one call. What waits is never removed.
    ///
    /// A message that is gone can no longer be known as a duplicate.
    ///
    /// # Errors
    /// Fails when the store cannot be read or written.
    async fn prune_messages(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError>;
}
