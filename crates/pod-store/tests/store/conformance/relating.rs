//! Relations to try stores with, and what came of them in words.

use podfleet_pod_store::{
    Fence, NewChild, Offer, Page, PeerPair, PodRecord, PodStore, Refusal, Registered,
    RelationChange, Writer,
};
use podfleet_protocol::{Kind, Message, PodId};

use super::super::samples::{AT, message, pod_in, start};

pub(super) async fn begin(store: &dyn PodStore, id: PodId, number: u32) -> Fence {
    let record = store.begin_generation(id, &start(number)).await.unwrap();
    record.fence()
}

pub(super) fn pair(one: PodId, other: PodId) -> PeerPair {
    PeerPair::new(one, other).unwrap()
}

pub(super) async fn befriend(store: &dyn PodStore, one: PodId, other: PodId) -> Registered {
    let pair = pair(one, other);
    let registered = store.register_peer(Writer::Operator, pair, AT).await;
    registered.unwrap()
}

pub(super) async fn send(
    store: &dyn PodStore,
    from: PodId,
    to: PodId,
    kind: Kind,
) -> Result<(), Refusal> {
    let sent = Message {
        kind,
        ..message("hello")
    };
    let offers = vec![Offer::from_pod(from, sent)];
    store.accept(to, offers).await.unwrap().remove(0).map(drop)
}

pub(super) fn child(fleet_name: &str, pod_name: &str, parent: Option<PodId>) -> NewChild {
    NewChild {
        pod: pod_in(fleet_name, pod_name),
        parent,
        scope: serde_json::json!({ "write": ["/work"] }),
    }
}

pub(super) async fn spawn(store: &dyn PodStore, pod_name: &str, parent: PodId) -> PodRecord {
    let child = child("default", pod_name, Some(parent));
    store.reserve_child(Writer::Operator, child).await.unwrap()
}

async fn changes(store: &dyn PodStore, pod: PodId) -> Vec<RelationChange> {
    let listing = store.outbox(pod, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    listing
        .items
        .into_iter()
        .map(|event| event.change)
        .collect()
}

pub(super) async fn words(store: &dyn PodStore, pod: PodId) -> Vec<String> {
    let changes = changes(store, pod).await;
    let word = |change: &RelationChange| match change {
        RelationChange::PeerAdded { peer } => format!("+peer {}", peer.name),
        RelationChange::PeerRemoved { peer } => format!("-peer {}", peer.name),
        RelationChange::ChildAdded { child } => format!("+child {}", child.name),
        RelationChange::ChildConfirmed { child } => format!("=child {}", child.name),
        RelationChange::ChildEnded { child } => format!(".child {}", child.name),
        RelationChange::ChildRemoved { child } => format!("-child {}", child.name),
        RelationChange::ParentAdded { parent } => format!("+parent {}", parent.name),
        RelationChange::ParentRemoved { parent } => format!("-parent {}", parent.name),
        RelationChange::MessageSent { to, position, .. } => format!("{} #{position}", to.name),
        RelationChange::MessageSettled { to, outcome, .. } => format!("{} {outcome}", to.name),
        other => format!("{other:?}"),
    };
    changes.iter().map(word).collect()
}

/// What a pod sees: names, each with its reasons.
pub(super) async fn seen(store: &dyn PodStore, viewer: PodId) -> Vec<String> {
    let listing = store.visible_pods(viewer, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let pods = listing.items.iter();
    pods.map(|pod| format!("{}: {}", pod.summary.record.identity.name, pod.reasons))
        .collect()
}
