//! What a pod does about other pods, in its own name.
//!
//! Whether the caller may speak for this pod has been checked; here it is checked what this pod
//! may do to the other one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use podfleet_pod_store::{
    CorruptRecord, Page, PeerPair, PodCursor, PodRecord, Registered, Relation, Sender, StoreError,
    StoreErrorKind, VisiblePod, Writer,
};
use podfleet_protocol::method::{
    AcceptedResult, InspectResult, ListPodsParams, ListPodsResult, NameParams, PeerResult,
    ReadOutputParams, ReadOutputResult, RestoreParams, RestoreResult, SendParams, SpawnParams,
    SpawnResult, StopParams, StopResult,
};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, FleetName, Kind, OutputCursor, PodListCursor, PodName, PodRow};

use super::caller::Caller;
use super::messages::refusal_error;
use crate::clock;
use crate::host::Host;
use crate::output::{OutputError, read_output as read_output_of};
use crate::paths::StatePaths;
use crate::post::{HandedIn, Post, PostError, refresh};
use crate::probe::{May, Probed, corrupt_row, missing_row, probe, row};
use crate::rights::no_such_pod;
use crate::shared::Shared;
use podfleet_protocol::client::Introduction;

/// How long a start may take unless the caller says.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A pod that this one sees, and what this one is to it.
struct Target {
    visible: VisiblePod,
    relation: Relation,
}

impl Target {
    fn record(self) -> PodRecord {
        self.visible.summary.record
    }
}

/// Finds a pod that this one sees. A hidden one and a missing one give the same answer.
async fn target(shared: &Shared, name: &PodName) -> Result<Target, RpcError> {
    let own = &shared.identity;
    let listing = shared.store.visible_pods(own.id, Page::all()).await;
    let listing = listing.map_err(|error| storage(&error))?;
    let mut named: Vec<_> = listing
        .items
        .into_iter()
        .filter(|visible| visible.summary.record.identity.name == *name)
        .collect();
    // Peers may be of other fleets; its own fleet's pod is meant first.
    named.sort_by_key(|visible| visible.summary.record.identity.fleet != own.fleet);
    let visible = named.into_iter().next().ok_or_else(no_such_pod)?;
    let to = visible.summary.record.identity.id;
    let relation = shared.store.relation(own.id, to).await;
    let relation = relation.map_err(|error| storage(&error))?;
    Ok(Target { visible, relation })
}

/// Finds a pod that this one may make its peer, or have as one: any of its own fleet. One of another
/// fleet is known by its name as long as it is a peer already.
async fn possible_peer(shared: &Shared, name: &PodName) -> Result<PodRecord, RpcError> {
    let key = podfleet_pod_store::FleetKey::of(&shared.identity);
    let found = shared.store.find_pod(&key, name).await;
    match found.map_err(|error| storage(&error))? {
        Some(other) => Ok(other),
        None => Ok(target(shared, name).await?.record()),
    }
}

pub(super) fn storage(error: &StoreError) -> RpcError {
    let code = match error.kind() {
        StoreErrorKind::NotFound(_) => return no_such_pod(),
        StoreErrorKind::NameTaken { .. } => ErrorCode::NameTaken,
        StoreErrorKind::NotItsRelation => ErrorCode::Forbidden,
        StoreErrorKind::Corrupt(_) | StoreErrorKind::DamagedPod { .. } => ErrorCode::Damaged,
        _ => ErrorCode::Storage,
    };
    RpcError::new(code, error.to_string())
}

fn forbidden(why: impl Into<String>) -> RpcError {
    RpcError::new(ErrorCode::Forbidden, why)
}

/// Lists what this pod sees, each asked how it is at the same time as the others.
pub(super) async fn list(
    shared: &Shared,
    params: ListPodsParams,
) -> Result<ListPodsResult, RpcError> {
    let listing = shared
        .store
        .visible_pods(shared.identity.id, page(&params)?)
        .await
        .map_err(|error| storage(&error))?;
    let who = shared.introduction();
    let next = listing.next.as_ref().and_then(cursor);
    let rows = listing
        .items
        .into_iter()
        .map(|visible| seen(shared, visible, &who));
    let mut pods = join_all(rows).await;
    for damaged in listing.corrupt {
        pods.push(seen_damaged(shared, damaged).await);
    }
    if next.is_none() {
        let missing = shared.store.missing_relatives(shared.identity.id).await;
        let missing = missing.map_err(|error| storage(&error))?.into_iter();
        pods.extend(missing.map(|(id, reasons)| missing_row(id, reasons)));
    }
    Ok(ListPodsResult { pods, next })
}

/// A cursor of a listing is the fleet and the name of its last pod.
fn cursor(last: &PodCursor) -> Option<PodListCursor> {
    last.to_string().parse().ok()
}

fn read_cursor(cursor: &PodListCursor) -> Option<PodCursor> {
    let (fleet, name) = cursor.as_str().split_once('/')?;
    Some(PodCursor::at(
        &FleetName::new(fleet).ok()?,
        &PodName::new(name).ok()?,
    ))
}

fn page(params: &ListPodsParams) -> Result<Page<PodCursor>, RpcError> {
    use podfleet_protocol::limits::{MAX_PAGE, PAGE};
    let limit = params
        .limit
        .filter(|limit| *limit > 0)
        .unwrap_or(PAGE)
        .min(MAX_PAGE);
    Ok(match &params.after {
        None => Page::first(limit),
        Some(cursor) => {
            let cursor = read_cursor(cursor).ok_or_else(|| {
                RpcError::new(
                    ErrorCode::NoSuchCursor,
                    "the cursor is none of a listing of pods",
                )
            })?;
            Page::after(cursor, limit)
        }
    })
}

async fn seen(shared: &Shared, visible: VisiblePod, who: &Introduction) -> PodRow {
    let record = &visible.summary.record;
    if visible.reasons.itself {
        let status = shared.status.borrow().clone();
        let probed = Probed::live(status);
        return row(visible, probed, May::default());
    }
    let paths = StatePaths::new(&shared.state_dir);
    let (probed, relation) = tokio::join!(
        probe(record, who, &paths),
        shared
            .store
            .relation(shared.identity.id, record.identity.id)
    );
    let may = relation.map_or_else(
        |_| May::default(),
        |relation| May {
            restore: relation.may_restore(),
            stop: relation.may_stop(),
        },
    );
    row(visible, probed, may)
}

async fn seen_damaged(shared: &Shared, damaged: CorruptRecord) -> PodRow {
    let reasons = match damaged.id.parse() {
        Ok(id) => shared.store.relation(shared.identity.id, id).await,
        Err(_) => Ok(Relation::default()),
    };
    corrupt_row(damaged, reasons.unwrap_or_default().reasons())
}

/// Tells more about a pod that this one sees.
pub(super) async fn inspect(
    shared: &Shared,
    params: NameParams,
) -> Result<InspectResult, RpcError> {
    let Target { visible, relation } = target(shared, &params.name).await?;
    let record = visible.summary.record.clone();
    let pod = seen(shared, visible, &shared.introduction()).await;
    // Who only sees a pod learns nothing of its other relations.
    let whole = relation.itself || relation.may_read_output();
    let inspected = crate::inspect::inspect(&*shared.store, record, pod, whole).await;
    inspected.map_err(|error| storage(&error))
}

/// Makes another pod a peer of this one.
pub(super) async fn register_peer(
    shared: &Shared,
    caller: &Caller,
    params: NameParams,
) -> Result<PeerResult, RpcError> {
    let other = possible_peer(shared, &params.name).await?;
    let pair = pair(shared, &other)?;
    let registered = shared
        .store
        .register_peer(writer(shared, caller), pair, clock::wall())
        .await
        .map_err(|error| storage(&error))?;
    let changed = registered == Registered::New;
    Ok(changed_peer(shared, &other, true, changed).await)
}

/// Ends the relation to a peer.
pub(super) async fn unregister_peer(
    shared: &Shared,
    caller: &Caller,
    params: NameParams,
) -> Result<PeerResult, RpcError> {
    let other = possible_peer(shared, &params.name).await?;
    let pair = pair(shared, &other)?;
    let changed = shared
        .store
        .unregister_peer(writer(shared, caller), pair, clock::wall())
        .await
        .map_err(|error| storage(&error))?;
    Ok(changed_peer(shared, &other, false, changed).await)
}

fn pair(shared: &Shared, other: &PodRecord) -> Result<PeerPair, RpcError> {
    PeerPair::new(shared.identity.id, other.identity.id)
        .ok_or_else(|| RpcError::new(ErrorCode::InvalidParams, "a pod is no peer of itself"))
}

fn writer(shared: &Shared, caller: &Caller) -> Writer {
    match caller.sender {
        Sender::Operator => Writer::Operator,
        Sender::Pod(_) | Sender::Report => Writer::Pod(shared.fence),
    }
}

/// Lets both pods copy what changed into their logs, and says what it was.
async fn changed_peer(shared: &Shared, other: &PodRecord, peer: bool, changed: bool) -> PeerResult {
    if changed {
        shared.journal.copy_outbox();
        refresh(&shared.introduction(), other).await;
    }
    PeerResult {
        id: other.identity.id,
        name: other.identity.name.clone(),
        peer,
        changed,
    }
}

/// Sends to a peer (a notification), or to a pod that takes this one's orders (an order).
pub(super) async fn send(
    shared: &Shared,
    params: SendParams,
    kind: Kind,
) -> Result<AcceptedResult, RpcError> {
    let SendParams { name, message } = params;
    let target = target(shared, &name).await?;
    let (relation, record) = (target.relation, target.record());
    match kind {
        Kind::Notify if !relation.peer => {
            return Err(forbidden(format!(
                "`{name}` is no peer of this pod; `register_peer` makes it one"
            )));
        }
        Kind::Run if !relation.may_send(Kind::Run) => {
            return Err(forbidden(format!(
                "`{name}` takes no orders from this pod: only the operator, its lead and its parent give them"
            )));
        }
        _ => {}
    }
    let who = shared.introduction();
    let post = Post {
        store: &*shared.store,
        who: &who,
        sender: Sender::Pod(shared.identity.id),
        from: Address::new(&shared.identity.host, shared.identity.name.as_str()),
        kind,
    };
    let HandedIn { accepted, .. } = post.hand_in(&record, message).await.map_err(post_error)?;
    // That it is sent and what comes of it is told by the store.
    shared.journal.copy_outbox();
    Ok(accepted)
}

fn post_error(error: PostError) -> RpcError {
    match error {
        PostError::Refused(refusal) => refusal_error(&refusal),
        PostError::Store(error) => storage(&error),
        PostError::Pod(error) => match error.answer() {
            Some(answer) => answer.clone(),
            None => RpcError::new(ErrorCode::Unreachable, error.to_string()),
        },
    }
}

fn host(shared: &Shared) -> Result<&dyn Host, RpcError> {
    shared.host.as_deref().ok_or_else(|| {
        RpcError::new(
            ErrorCode::Refused,
            "this pod was started without the means to start others",
        )
    })
}

/// Reads what the agent of a child, or of the lead's fleet mate, has written.
pub(super) async fn read_output(
    shared: &Shared,
    params: ReadOutputParams,
) -> Result<ReadOutputResult, RpcError> {
    let target = target(shared, &params.name).await?;
    if !target.relation.may_read_output() {
        return Err(forbidden(format!(
            "only the operator, the fleet's lead and its parent read what `{}` writes",
            params.name
        )));
    }
    let record = target.record();
    let who = shared.introduction();
    let from = match params.cursor {
        Some(cursor) if cursor == OutputCursor::last() => last_cursor(shared, &record).await?,
        cursor => cursor,
    };
    let state = &shared.state_dir;
    let read = read_output_of(state, &record, &who, from.as_ref(), params.limit).await;
    let read = read.map_err(|error| output_error(&error))?;
    let (source, cursor) = (record.identity.id, read.cursor.as_str());
    let kept = shared
        .store
        .set_read_cursor(shared.fence, source, cursor, clock::wall());
    kept.await.map_err(|error| storage(&error))?;
    Ok(read)
}

/// Returns where this pod's last reading of another's output ended.
async fn last_cursor(shared: &Shared, of: &PodRecord) -> Result<Option<OutputCursor>, RpcError> {
    let kept = shared
        .store
        .read_cursor(shared.identity.id, of.identity.id)
        .await
        .map_err(|error| storage(&error))?;
    Ok(kept.and_then(|kept| kept.parse().ok()))
}

fn output_error(error: &OutputError) -> RpcError {
    match error {
        OutputError::Cursor => RpcError::new(ErrorCode::NoSuchCursor, error.to_string()),
        OutputError::Log(_) => RpcError::new(ErrorCode::Storage, error.to_string()),
        OutputError::Pod(fault) => match fault.answer() {
            Some(answer) => answer.clone(),
            None => RpcError::new(ErrorCode::Unreachable, error.to_string()),
        },
        OutputError::NotRunning => RpcError::new(ErrorCode::Unreachable, error.to_string()),
    }
}

/// Starts a stopped pod that this one sees and may restore.
pub(super) async fn restore(
    shared: &Shared,
    params: RestoreParams,
) -> Result<RestoreResult, RpcError> {
    let target = target(shared, &params.name).await?;
    let (relation, record) = (target.relation, target.record());
    if !relation.itself && !relation.may_restore() {
        return Err(forbidden(format!(
            "`{}` is restored by its parent, its peers, the fleet's lead and the operator",
            params.name
        )));
    }
    let patience = patience(params.timeout_ms);
    host(shared)?
        .restore(&shared.asker(), record, patience)
        .await
}

fn patience(timeout_ms: u64) -> Duration {
    match timeout_ms {
        0 => START_PATIENCE,
        some => Duration::from_millis(some).min(super::LONGEST_WAIT),
    }
}

/// Makes a child of this pod.
pub(super) async fn spawn(shared: &Shared, params: SpawnParams) -> Result<SpawnResult, RpcError> {
    let spawned = host(shared)?.spawn(&shared.asker(), params).await;
    shared.journal.copy_outbox();
    spawned
}

/// Settles what former generations of this pod began to spawn and could not end.
pub(crate) async fn settle_spawns(shared: Arc<Shared>) {
    let Some(host) = &shared.host else { return };
    match has_unconfirmed_children(&shared).await {
        Ok(false) => return,
        Ok(true) => {
            if let Err(error) = host.settle_spawns(&shared.asker()).await {
                tracing::warn!(%error, "cannot settle a spawning that was cut off");
            }
        }
        Err(error) => tracing::warn!(%error, "cannot look for spawnings that were cut off"),
    }
    shared.journal.copy_outbox();
}

async fn has_unconfirmed_children(shared: &Shared) -> Result<bool, StoreError> {
    let children = shared
        .store
        .children(shared.identity.id, Page::all())
        .await?;
    let mut children = children.items.iter();
    Ok(children.any(|child| !child.spawned.confirmed))
}

/// Ends a child of this pod, or as the lead a fleet mate.
pub(super) async fn stop(shared: &Shared, params: StopParams) -> Result<StopResult, RpcError> {
    let target = target(shared, &params.name).await?;
    let (relation, record) = (target.relation, target.record());
    // The lead of all is no lead of its own, and nobody would be left to start it again.
    if relation.itself || !relation.may_stop() {
        return Err(forbidden(format!(
            "only the operator, the fleet's lead and its parent may end `{}`",
            params.name
        )));
    }
    let host = host(shared)?;
    let stopped = host.stop(&shared.asker(), record, &params.reason).await;
    shared.journal.copy_outbox();
    stopped
}
