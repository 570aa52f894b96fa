//! The interface to inboxes.

use std::fmt::Debug;

use async_trait::async_trait;
use podfleet_protocol::{MessageId, PodId, Receipt, UnixMillis};

use crate::error::StoreError;
use crate::inbox::{Accepted, DeliveryState, InboxEntry, InboxSummary, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention};
use crate::page::{Listing, Page};
use crate::record::Fence;

/// The inboxes of pods: what was accepted for them, and how far its delivery is.
///
/// A call promises what those of [`PodStore`](crate::PodStore) do.
#[async_trait]
pub trait InboxStore: Send + Sync + Debug {
    /// Accepts messages for one receiver in one transaction, in the given order.
    ///
    /// Each gets an answer of its own; a refusal does not touch the others. The transaction checks
    /// that the receiver exists, that the sender may do this, that the id is new and that the inbox
    /// has room. A message accepted before under its id, with the same body, is a duplicate. A
    /// whole batch costs one flush to the disk.
    ///
    /// A pod that sends to another gets an event into its outbox when it
    /// [looks](crate::RelationStore::gather_sent) or the message is settled, and another with the
    /// settled receipt.
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

    /// Lists the messages that are not settled, in order of acceptance, without their bodies; of one
    /// sender only, if it is named.
    ///
    /// # Errors
    /// Fails when the store cannot be read; damaged messages are named in the listing.
    async fn waiting(
        &self,
        pod: PodId,
        sender: Option<PodId>,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxSummary, Sequence>, StoreError>;

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

    /// Removes delivered messages of a pod that are too old or too many, the oldest first, at most
    /// [`Retention::batch`] in one call. What waits is never removed, and nothing is of a pod whose
    /// spawning is not confirmed: what came of its task says whether the spawning is to be undone.
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

    /// Removes files of bodies that no message names and that were not written to for an hour: a
    /// crash between a body and its message leaves them. Or looks what would go. A store without
    /// such files has none.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn prune_stray_bodies(&self, dry_run: bool) -> Result<Pruned, StoreError> {
        let _ = dry_run;
        Ok(Pruned::default())
    }
}
