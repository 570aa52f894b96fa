//! Calls about what pods are to each other.

use async_trait::async_trait;
use podfleet_protocol::{PodId, TenantId, UnixMillis};

use crate::crash::CrashPoint;
use crate::error::StoreError;
use crate::outbox::{OutboxEvent, OutboxPlace, Report};
use crate::page::{Listing, Page};
use crate::record::{Fence, Forgotten, PodCursor, PodRecord};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, Reasons, Registered, Relation, VisiblePod, Writer,
};
use crate::sqlite::{SqliteStore, children, cursors, outbox, peers, relations, sent};
use crate::store::RelationStore;

#[async_trait]
impl RelationStore for SqliteStore {
    async fn register_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<Registered, StoreError> {
        self.call("register the peer", move |database| {
            let done = database.write(|transaction| peers::register(transaction, by, pair, at))?;
            CrashPoint::RegisterCommitted.reach();
            Ok(done)
        })
        .await
    }

    async fn unregister_peer(
        &self,
        by: Writer,
        pair: PeerPair,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.call("unregister the peer", move |database| {
            let done =
                database.write(|transaction| peers::unregister(transaction, by, pair, at))?;
            CrashPoint::UnregisterCommitted.reach();
            Ok(done)
        })
        .await
    }

    async fn peers(
        &self,
        tenant: &TenantId,
        of: Option<PodId>,
        page: Page<PeerPair>,
    ) -> Result<Listing<PeerRecord, PeerPair>, StoreError> {
        let tenant = tenant.clone();
        self.call("list peers", move |database| {
            peers::list(database.reader(), &tenant, of, &page)
        })
        .await
    }

    async fn reserve_child(&self, by: Writer, child: NewChild) -> Result<PodRecord, StoreError> {
        self.call("reserve the child", move |database| {
            database.write(|transaction| children::reserve(transaction, by, &child))
        })
        .await
    }

    async fn confirm_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("confirm the child", move |database| {
            database.write(|transaction| children::confirm(transaction, by, child, at))
        })
        .await
    }

    async fn withdraw_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<Forgotten, StoreError> {
        self.call("withdraw the child", move |database| {
            let gone =
                database.write(|transaction| children::withdraw(transaction, by, child, at))?;
            Ok(database.drop_files(gone))
        })
        .await
    }

    async fn end_child(
        &self,
        by: Writer,
        child: PodId,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.call("end the child", move |database| {
            database.write(|transaction| children::end(transaction, by, child, at))
        })
        .await
    }

    async fn children(
        &self,
        parent: PodId,
        page: Page<PodId>,
    ) -> Result<Listing<ChildRecord, PodId>, StoreError> {
        self.call("list children", move |database| {
            children::list(database.reader(), parent, &page)
        })
        .await
    }

    async fn parent(&self, child: PodId) -> Result<Option<ChildRecord>, StoreError> {
        self.call("find the parent", move |database| {
            children::parent(database.reader(), child)
        })
        .await
    }

    async fn relation(&self, from: PodId, to: PodId) -> Result<Relation, StoreError> {
        self.call("find the relation", move |database| {
            relations::between(database.reader(), from, to)
        })
        .await
    }

    async fn visible_pods(
        &self,
        viewer: PodId,
        page: Page<PodCursor>,
    ) -> Result<Listing<VisiblePod, PodCursor>, StoreError> {
        self.call("list visible pods", move |database| {
            relations::visible(database.reader(), viewer, &page)
        })
        .await
    }

    async fn missing_relatives(&self, of: PodId) -> Result<Vec<(PodId, Reasons)>, StoreError> {
        self.call("list missing pods", move |database| {
            relations::missing(database.reader(), of)
        })
        .await
    }

    async fn report(
        &self,
        fence: Fence,
        report: Report,
        at: UnixMillis,
    ) -> Result<Option<PodId>, StoreError> {
        self.call("report to the parent", move |database| {
            database.write(|transaction| children::report(transaction, fence, report, at))
        })
        .await
    }

    async fn gather_sent(&self, fence: Fence) -> Result<u64, StoreError> {
        self.call("gather what it sent", move |database| {
            sent::gather(database, fence)
        })
        .await
    }

    async fn outbox(
        &self,
        pod: PodId,
        page: Page<OutboxPlace>,
    ) -> Result<Listing<OutboxEvent, OutboxPlace>, StoreError> {
        self.call("list the outbox", move |database| {
            outbox::list(database.reader(), pod, &page)
        })
        .await
    }

    async fn outbox_end(&self) -> Result<OutboxPlace, StoreError> {
        self.call("find the end of the outbox", |database| {
            outbox::end(database.reader())
        })
        .await
    }

    async fn clear_outbox(&self, fence: Fence, up_to: OutboxPlace) -> Result<u64, StoreError> {
        self.call("clear the outbox", move |database| {
            database.write(|transaction| outbox::clear(transaction, fence, up_to))
        })
        .await
    }

    async fn read_cursor(
        &self,
        reader: PodId,
        source: PodId,
    ) -> Result<Option<String>, StoreError> {
        self.call("read the cursor", move |database| {
            cursors::get(database.reader(), reader, source)
        })
        .await
    }

    async fn set_read_cursor(
        &self,
        fence: Fence,
        source: PodId,
        cursor: &str,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let cursor = cursor.to_owned();
        self.call("keep the cursor", move |database| {
            database.write(|transaction| cursors::set(transaction, fence, source, &cursor, at))
        })
        .await
    }
}
