//! Telling more of one pod than a listing does.

use podfleet_pod_store::{Page, PodRecord, PodStore, StoreError};
use podfleet_protocol::method::InspectResult;
use podfleet_protocol::{PodName, PodRow, Scope};

use crate::spec::PodSpec;

/// Returns what is recorded of a pod, given its row. How it runs, what it may change and its
/// relations are told only where `whole` says so.
///
/// # Errors
/// Fails when the store cannot be read.
pub async fn inspect(
    store: &dyn PodStore,
    record: PodRecord,
    pod: PodRow,
    whole: bool,
) -> Result<InspectResult, StoreError> {
    let id = record.identity.id;
    let (mut parent, mut children, mut peers) = (None, Vec::new(), Vec::new());
    if whole {
        parent = store.parent(id).await?.map(|child| child.parent.name);
        let listing = store.children(id, Page::all()).await?;
        children.extend(listing.items.into_iter().map(|child| child.child.name));
        peers = peer_names(store, &record).await?;
    }
    let scope = whole.then(|| scope_of(&record));
    let spec = spec_of(&record).filter(|_| whole);
    let endpoint = record.endpoint.filter(|_| whole);
    Ok(InspectResult {
        pod,
        generation: record.generation,
        session: record.session,
        socket: endpoint.map(|endpoint| endpoint.socket),
        working_directory: spec.as_ref().map(|spec| spec.working_directory.clone()),
        argv: spec.map(|spec| spec.argv).unwrap_or_default(),
        scope,
        parent,
        children,
        peers,
        created: record.created,
    })
}

async fn peer_names(store: &dyn PodStore, of: &PodRecord) -> Result<Vec<PodName>, StoreError> {
    let id = of.identity.id;
    let tenant = &of.identity.tenant_id;
    let listing = store.peers(tenant, Some(id), Page::all()).await?;
    let others = listing.items.into_iter().flat_map(|pair| pair.pods);
    Ok(others
        .filter(|label| label.id != id)
        .map(|label| label.name)
        .collect())
}

/// Returns the scope that a pod was spawned with; one of a roster has no limits of its own.
#[must_use]
pub fn scope_of(record: &PodRecord) -> Scope {
    let Some(spawned) = &record.spawned else {
        return Scope::UNLIMITED;
    };
    // A scope that cannot be read allows nothing.
    serde_json::from_value(spawned.scope.clone()).unwrap_or(Scope {
        writable: Some(std::collections::BTreeSet::new()),
    })
}

/// Returns the specification that a pod was recorded with, if it can be read.
#[must_use]
pub fn spec_of(record: &PodRecord) -> Option<PodSpec> {
    record.spec.read().ok()
}
