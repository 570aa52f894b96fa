//! Calls about inboxes.

use async_trait::async_trait;
use podfleet_protocol::{MessageId, PodId, Receipt, UnixMillis};

use crate::error::StoreError;
use crate::inbox::{Accepted, DeliveryState, InboxEntry, InboxSummary, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention};
use crate::page::{Listing, Page};
use crate::record::Fence;
use crate::sqlite::bodies::Bodies;
use crate::sqlite::inbox::Which;
use crate::sqlite::{SqliteStore, acceptance, inbox, prune};
use crate::store::InboxStore;

#[async_trait]
impl InboxStore for SqliteStore {
    async fn accept(
        &self,
        to: PodId,
        offers: Vec<Offer>,
    ) -> Result<Vec<Result<Accepted, Refusal>>, StoreError> {
        self.call("accept messages", move |database| {
            acceptance::accept(database, to, &offers)
        })
        .await
    }

    async fn undelivered(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError> {
        self.call("list undelivered messages", move |database| {
            inbox::list(database, pod, Which::Undelivered, &page)
        })
        .await
    }

    async fn waiting(
        &self,
        pod: PodId,
        sender: Option<PodId>,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxSummary, Sequence>, StoreError> {
        self.call("list waiting messages", move |database| {
            inbox::waiting(database, pod, sender, &page)
        })
        .await
    }

    async fn inbox(
        &self,
        pod: PodId,
        page: Page<Sequence>,
    ) -> Result<Listing<InboxEntry, Sequence>, StoreError> {
        self.call("list the inbox", move |database| {
            inbox::list(database, pod, Which::All, &page)
        })
        .await
    }

    async fn message(&self, pod: PodId, id: MessageId) -> Result<Option<InboxEntry>, StoreError> {
        self.call("read the message", move |database| {
            inbox::get(database, pod, id)
        })
        .await
    }

    async fn set_delivery(
        &self,
        fence: Fence,
        id: MessageId,
        state: DeliveryState,
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let receipt = receipt.clone();
        self.call("record the delivery", move |database| {
            inbox::set_delivery(database, fence, id, state, &receipt)
        })
        .await
    }

    async fn cancel(
        &self,
        pod: PodId,
        id: MessageId,
        at: UnixMillis,
    ) -> Result<Receipt, StoreError> {
        self.call("cancel the message", move |database| {
            let bodies = Bodies::clone(&database.bodies);
            database.write(|transaction| inbox::cancel(transaction, &bodies, pod, id, at))
        })
        .await
    }

    async fn preview_prune(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        let retention = *retention;
        self.call("look what would be pruned", move |database| {
            prune::preview(database, pod, &retention, now)
        })
        .await
    }

    async fn prune_messages(
        &self,
        pod: PodId,
        retention: &Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        let retention = *retention;
        self.call("prune messages", move |database| {
            prune::messages(database, pod, &retention, now)
        })
        .await
    }

    async fn prune_stray_bodies(&self, dry_run: bool) -> Result<Pruned, StoreError> {
        self.call("remove body files that no message names", move |database| {
            prune::stray_bodies(database, dry_run)
        })
        .await
    }
}
