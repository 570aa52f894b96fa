//! The store in an `SQLite` database.

mod bodies;
mod chat;
mod children;
mod columns;
mod connection;
mod cursors;
mod file_system;
mod forget;
mod inbox;
mod listing;
mod maintenance;
mod outbox;
mod peers;
mod pods;
mod prune;
mod relations;
mod schema;
mod sessions;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;

use async_trait::async_trait;
use podfleet_protocol::{
    MessageId, Paused, PodId, PodName, Receipt, SessionId, TenantId, UnixMillis,
};
use tokio::sync::oneshot;

use crate::crash::CrashPoint;
use crate::error::{Fault, StoreError, StoreErrorKind};
use crate::inbox::{Accepted, DeliveryState, InboxEntry, Offer, Refusal, Sequence};
use crate::maintenance::{Pruned, Retention};
use crate::outbox::{Act, OutboxEvent, OutboxPlace};
use crate::page::{Listing, Page};
use crate::record::{
    Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor, PodFilter,
    PodRecord, PodState, PodSummary, SessionRecord,
};
use crate::relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, Registered, Relation, VisiblePod, Writer,
};
use crate::store::PodStore;
use connection::Database;
pub use connection::SqliteOptions;
use inbox::Which;

type Job = Box<dyn FnOnce(&mut Database) + Send>;

/// The store in an `SQLite` database: several processes may use it at once.
///
/// One thread a process owns the connection and does one call after the other; it ends when the
/// store is dropped. A commit is flushed to the disk before a call returns.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    path: Arc<Path>,
}

impl SqliteStore {
    /// Opens the store at `path`, and creates it, its directory (0700) and its files (0600) if they
    /// are not there. Blocks for the time of some file operations; waits at most ten seconds for
    /// other processes.
    ///
    /// # Errors
    /// Fails when the directory is not the caller's alone or on a network file system, when the
    /// file is no store or needs a newer build, and when it cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// Opens the store at `path` as [`open`](Self::open) does, with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        const OPERATION: &str = "open the store";
        let mut database =
            Database::open(path, options).map_err(|fault| fault.into_error(OPERATION, path))?;
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("pod-store".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut database);
                }
            })
            .map_err(|error| Fault::io(path, "start thread", error).into_error(OPERATION, path))?;
        Ok(Self {
            jobs,
            path: path.into(),
        })
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Database) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |database| {
            // Nobody waits for the answer of a call that was given up.
            let _ = reply.send(work(database));
        });
        let closed = || Err(StoreErrorKind::Closed.into());
        let result = match self.jobs.send(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| closed()),
            Err(_) => closed(),
        };
        result.map_err(|fault| fault.into_error(operation, &self.path))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl PodStore for SqliteStore {
    async fn claim_fleet(&self, key: &FleetKey, roster: &Path) -> Result<(), StoreError> {
        let (key, roster): (_, PathBuf) = (key.clone(), roster.to_owned());
        self.call("claim the fleet", move |database| {
            database.write(|transaction| pods::claim_fleet(transaction, &key, &roster))
        })
        .await
    }

    async fn release_fleet(&self, key: &FleetKey, roster: &Path) -> Result<bool, StoreError> {
        let (key, roster): (_, PathBuf) = (key.clone(), roster.to_owned());
        self.call("release the fleet", move |database| {
            database.write(|transaction| pods::release_fleet(transaction, &key, &roster))
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

    async fn pod(&self, id: PodId) -> Result<Option<PodRecord>, StoreError> {
        self.call("read the pod", move |database| {
            pods::get(database.reader(), id)
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
            database.write(|transaction| pods::set_members(transaction, &fleet, &members, at))
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

    async fn accept(
        &self,
        to: PodId,
        offers: Vec<Offer>,
    ) -> Result<Vec<Result<Accepted, Refusal>>, StoreError> {
        self.call("accept messages", move |database| {
            inbox::accept(database, to, &offers)
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
            database.write(|transaction| inbox::cancel(transaction, pod, id, at))
        })
        .await
    }

    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError> {
        self.call("open the session", move |database| {
            database.write(|transaction| sessions::open(transaction, fence, &session))
        })
        .await
    }

    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("close the session", move |database| {
            database.write(|transaction| sessions::close(transaction, fence, id, ended))
        })
        .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.call("read the session", move |database| {
            sessions::get(database.reader(), id)
        })
        .await
    }

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

    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError> {
        let logged = logged.to_vec();
        self.call("prune sessions", move |database| {
            database.write(|transaction| prune::sessions(transaction, pod, &logged))
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
}
