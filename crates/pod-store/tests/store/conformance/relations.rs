//! What every store does with peers, children and what pods see of each other. Each test runs on
//! each store.

use podfleet_pod_store::{
    DeliveryState, Fence, MAX_PAIR_MESSAGES, NewChild, Offer, OutboxPlace, Page, PeerPair,
    PodRecord, PodStore, Refusal, Registered, Relation, RelationChange, Report, Sender,
    StoreErrorKind, Writer,
};
use podfleet_protocol::{
    Generation, Kind, Message, MessageId, Outcome, PodId, PodName, Receipt, TenantId, UnixMillis,
};

use super::super::samples::{AT, add, fleet, message, name, pod, pod_in, start};

on_every_store!(
    peers_are_peers_of_each_other,
    registering_again_or_the_other_way_round_changes_nothing,
    peers_must_be_pods_of_one_tenant,
    a_pod_changes_only_relations_of_its_own_and_only_while_it_is_itself,
    both_peers_are_told_in_their_outboxes_with_the_change,
    an_event_stays_in_the_outbox_until_its_pod_clears_it,
    a_pod_is_told_what_became_of_what_it_sent,
    what_a_child_tells_is_kept_for_its_parent_beside_all_limits,
    a_peer_may_notify_and_not_order,
    unregistering_ends_the_right_at_once,
    a_child_is_reserved_with_its_name_its_scope_and_its_relation,
    a_name_that_is_taken_reserves_nothing,
    a_failed_spawn_leaves_nothing,
    a_confirmed_child_cannot_be_withdrawn,
    a_parent_orders_its_child_and_the_child_notifies_its_parent,
    an_ended_child_stays_listed_and_its_next_start_makes_it_wanted,
    a_pod_spawned_by_the_operator_is_nobodys_child_and_nobodys_mate,
    a_roster_cannot_take_the_name_of_a_spawned_pod,
    a_forgotten_parent_leaves_children_that_are_no_mates,
    relations_are_not_inherited_with_a_name,
    forgetting_is_previewed_and_told_to_all_relatives,
    who_left_the_roster_is_no_mate,
    a_pod_sees_itself_its_children_its_peers_and_its_mates_with_every_reason,
    what_a_pod_sees_comes_in_pages_without_gaps,
    a_read_cursor_is_kept_and_goes_with_its_source,
);

async fn begin(store: &dyn PodStore, id: PodId, number: u32) -> Fence {
    let record = store.begin_generation(id, &start(number)).await.unwrap();
    record.fence()
}

fn pair(one: PodId, other: PodId) -> PeerPair {
    PeerPair::new(one, other).unwrap()
}

async fn befriend(store: &dyn PodStore, one: PodId, other: PodId) -> Registered {
    let pair = pair(one, other);
    let registered = store.register_peer(Writer::Operator, pair, AT).await;
    registered.unwrap()
}

async fn send(store: &dyn PodStore, from: PodId, to: PodId, kind: Kind) -> Result<(), Refusal> {
    let sent = Message {
        kind,
        ..message("hello")
    };
    let offers = vec![Offer::from_pod(from, sent)];
    store.accept(to, offers).await.unwrap().remove(0).map(drop)
}

fn child(fleet_name: &str, pod_name: &str, parent: Option<PodId>) -> NewChild {
    NewChild {
        pod: pod_in(fleet_name, pod_name),
        parent,
        scope: serde_json::json!({ "write": ["/work"] }),
    }
}

async fn spawn(store: &dyn PodStore, pod_name: &str, parent: PodId) -> PodRecord {
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

async fn words(store: &dyn PodStore, pod: PodId) -> Vec<String> {
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
async fn seen(store: &dyn PodStore, viewer: PodId) -> Vec<String> {
    let listing = store.visible_pods(viewer, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let pods = listing.items.iter();
    pods.map(|pod| format!("{}: {}", pod.summary.record.identity.name, pod.reasons))
        .collect()
}

async fn peers_are_peers_of_each_other(store: &dyn PodStore) {
    let one = add(store, pod_in("a", "one")).await;
    let other = add(store, pod_in("b", "other")).await;
    assert_eq!(
        store.relation(one, other).await.unwrap(),
        Relation::default()
    );
    assert_eq!(befriend(store, one, other).await, Registered::New);
    let peer = Relation {
        peer: true,
        ..Relation::default()
    };
    assert_eq!(store.relation(one, other).await.unwrap(), peer);
    assert_eq!(store.relation(other, one).await.unwrap(), peer);
    assert_eq!(seen(store, one).await, ["one: self", "other: peer"]);
    assert_eq!(seen(store, other).await, ["one: peer", "other: self"]);
}

async fn registering_again_or_the_other_way_round_changes_nothing(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    assert_eq!(befriend(store, one, other).await, Registered::New);
    assert_eq!(befriend(store, one, other).await, Registered::AlreadyThere);
    assert_eq!(befriend(store, other, one).await, Registered::AlreadyThere);
    let tenant = TenantId::new("me").unwrap();
    for of in [None, Some(one), Some(other)] {
        let peers = store.peers(&tenant, of, Page::all()).await.unwrap();
        assert_eq!(peers.items.len(), 1);
        let names = peers.items[0]
            .pods
            .each_ref()
            .map(|label| label.name.as_str());
        assert_eq!(names, ["one", "other"]);
    }
    let nobody = store.peers(&tenant, Some(PodId::generate()), Page::all());
    assert_eq!(nobody.await.unwrap().items, []);
    assert_eq!(words(store, one).await, ["+peer other"]);
}

async fn peers_must_be_pods_of_one_tenant(store: &dyn PodStore) {
    let here = add(store, pod("here")).await;
    let mut elsewhere = pod("elsewhere");
    elsewhere.identity.tenant_id = TenantId::new("you").unwrap();
    let elsewhere = add(store, elsewhere).await;
    for other in [PodId::generate(), elsewhere] {
        let pair = pair(here, other);
        let error = store.register_peer(Writer::Operator, pair, AT).await;
        assert_eq!(*error.unwrap_err().kind(), StoreErrorKind::NotFound("pod"));
    }
    assert!(words(store, here).await.is_empty());
}

async fn a_pod_changes_only_relations_of_its_own_and_only_while_it_is_itself(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    let third = add(store, pod("third")).await;
    let old = begin(store, one, 1).await;
    let new = begin(store, one, 2).await;
    let alien = begin(store, third, 3).await;
    let register = |fence| store.register_peer(Writer::Pod(fence), pair(one, other), AT);
    let error = register(old).await.unwrap_err();
    let current = Generation(2);
    assert_eq!(*error.kind(), StoreErrorKind::Fenced { current });
    let error = register(alien).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotItsRelation);
    assert!(!store.relation(one, other).await.unwrap().peer);
    assert_eq!(register(new).await.unwrap(), Registered::New);
    let unregister = store.unregister_peer(Writer::Pod(alien), pair(one, other), AT);
    let error = unregister.await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotItsRelation);
    assert!(store.relation(one, other).await.unwrap().peer);
}

async fn both_peers_are_told_in_their_outboxes_with_the_change(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    let fence = begin(store, one, 1).await;
    let by = Writer::Pod(fence);
    store.register_peer(by, pair(one, other), AT).await.unwrap();
    let later = UnixMillis(AT.0 + 1);
    let ended = store.unregister_peer(Writer::Operator, pair(one, other), later);
    assert!(ended.await.unwrap());
    assert_eq!(words(store, one).await, ["+peer other", "-peer other"]);
    let events = store.outbox(other, Page::all()).await.unwrap().items;
    assert_eq!(words(store, other).await, ["+peer one", "-peer one"]);
    assert_eq!((events[0].by, events[0].at), (Some(one), AT));
    assert_eq!((events[1].by, events[1].at), (None, later));
    assert!(events[0].place < events[1].place);
}

async fn an_event_stays_in_the_outbox_until_its_pod_clears_it(store: &dyn PodStore) {
    assert_eq!(store.outbox_end().await.unwrap(), OutboxPlace(0));
    let hub = add(store, pod("hub")).await;
    for number in 0..5 {
        let other = add(store, pod(&format!("p{number}"))).await;
        befriend(store, hub, other).await;
    }
    let first = store.outbox(hub, Page::first(3)).await.unwrap();
    assert_eq!(first.items.len(), 3);
    let rest = Page::after(first.next.unwrap(), 3);
    let rest = store.outbox(hub, rest).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (2, None));

    let fence = begin(store, hub, 1).await;
    let stale = Fence {
        generation: Generation(7),
        ..fence
    };
    let third = first.items[2].place;
    assert!(store.clear_outbox(stale, third).await.is_err());
    assert_eq!(store.clear_outbox(fence, third).await.unwrap(), 3);
    assert_eq!(store.clear_outbox(fence, third).await.unwrap(), 0);
    assert_eq!(words(store, hub).await, ["+peer p3", "+peer p4"]);
    let all = OutboxPlace(u64::MAX);
    assert_eq!(store.clear_outbox(fence, all).await.unwrap(), 2);
    let end = store.outbox_end().await.unwrap();
    assert!(end >= rest.items[1].place);

    // A place is never used twice, so that a pod which crashed knows what it has copied.
    let late = add(store, pod("late")).await;
    befriend(store, hub, late).await;
    let events = store.outbox(hub, Page::all()).await.unwrap().items;
    assert!(events[0].place > end);
    assert!(events[0].place <= store.outbox_end().await.unwrap());
}

async fn a_pod_is_told_what_became_of_what_it_sent(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    let fence = begin(store, other, 1).await;
    let note = |body: &str| Message {
        kind: Kind::Notify,
        ..message(body)
    };
    let sent = note("hello");
    let id = sent.id;
    let offer = || vec![Offer::from_pod(one, sent.clone())];
    store
        .accept(other, offer())
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    // Sent again it is the same one, and what the operator or the pod itself sends tells nobody.
    store
        .accept(other, offer())
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let own = Offer::from_pod(other, note("to myself"));
    let offers = vec![Offer::from(message("of the operator")), own];
    store.accept(other, offers).await.unwrap();
    let receipt = |outcome, settled| Receipt {
        outcome,
        settled,
        ..Receipt::accepted(id, AT)
    };
    for (outcome, settled) in [(Outcome::Started, false), (Outcome::Answered, true)] {
        let receipt = receipt(outcome, settled);
        for _ in 0..2 {
            let state = DeliveryState::Settled;
            let stored = store.set_delivery(fence, id, state, &receipt).await;
            stored.unwrap();
        }
    }
    let withdrawn = note("never mind");
    let offers = vec![Offer::from_pod(one, withdrawn.clone())];
    store.accept(other, offers).await.unwrap();
    for _ in 0..2 {
        store.cancel(other, withdrawn.id, AT).await.unwrap();
    }
    assert_eq!(
        words(store, one).await,
        ["other #1", "other answered", "other #3", "other cancelled"]
    );
    assert_eq!(words(store, other).await, [""; 0]);
    // Who is gone is told nothing.
    let last = note("last");
    let offers = vec![Offer::from_pod(one, last.clone())];
    store.accept(other, offers).await.unwrap();
    store.forget_pod(one, AT).await.unwrap();
    store.cancel(other, last.id, AT).await.unwrap();
}

async fn what_a_child_tells_is_kept_for_its_parent_beside_all_limits(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let child = spawn(store, "helper", parent).await.identity.id;
    let (old, fence) = (begin(store, child, 1).await, begin(store, child, 2).await);
    let report = || Report {
        id: MessageId::generate(),
        event: "turn_ended".to_owned(),
        body: "it is idle".to_owned(),
    };
    assert!(store.report(old, report(), AT).await.is_err());
    let count = 2 * MAX_PAIR_MESSAGES as usize;
    for _ in 0..count {
        let told = store.report(fence, report(), AT).await.unwrap();
        assert_eq!(told, Some(parent));
    }
    let events = store.outbox(parent, Page::all()).await.unwrap().items;
    let reports = events.iter().filter(|event| {
        matches!(&event.change, RelationChange::ChildReported { child: by, .. } if by.id == child)
    });
    assert_eq!(reports.count(), count);
    // What is taken out of it into the inbox counts in no pair.
    let offers = (0..count).map(|_| Offer {
        sender: Sender::Report,
        message: message("it is idle"),
    });
    let accepted = store.accept(parent, offers.collect()).await.unwrap();
    assert!(accepted.iter().all(Result::is_ok));
    assert_eq!(send(store, parent, child, Kind::Run).await, Ok(()));
    store.forget_pod(parent, AT).await.unwrap();
    assert_eq!(store.report(fence, report(), AT).await.unwrap(), None);
}

async fn a_peer_may_notify_and_not_order(store: &dyn PodStore) {
    let one = add(store, pod_in("a", "one")).await;
    let other = add(store, pod_in("b", "other")).await;
    let notify = send(store, one, other, Kind::Notify).await;
    assert_eq!(notify, Err(Refusal::NoSuchPod));
    befriend(store, one, other).await;
    assert_eq!(send(store, one, other, Kind::Notify).await, Ok(()));
    assert_eq!(send(store, other, one, Kind::Notify).await, Ok(()));
    let order = send(store, one, other, Kind::Run).await;
    assert_eq!(order, Err(Refusal::NotItsOrders));
}

async fn unregistering_ends_the_right_at_once(store: &dyn PodStore) {
    let one = add(store, pod_in("a", "one")).await;
    let other = add(store, pod_in("b", "other")).await;
    befriend(store, one, other).await;
    let gone = store.unregister_peer(Writer::Operator, pair(other, one), AT);
    assert!(gone.await.unwrap());
    for (from, to) in [(one, other), (other, one)] {
        let notify = send(store, from, to, Kind::Notify).await;
        assert_eq!(notify, Err(Refusal::NoSuchPod));
    }
    let again = store.unregister_peer(Writer::Operator, pair(one, other), AT);
    assert!(!again.await.unwrap());
    assert_eq!(words(store, one).await, ["+peer other", "-peer other"]);
}

async fn a_child_is_reserved_with_its_name_its_scope_and_its_relation(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let fence = begin(store, parent, 1).await;
    let new = child("default", "helper", Some(parent));
    let record = store.reserve_child(Writer::Pod(fence), new.clone()).await;
    let record = record.unwrap();
    assert_eq!(record.identity, new.pod.identity);
    assert_eq!((record.member, record.generation), (false, Generation(0)));
    let spawned = record.spawned.clone().unwrap();
    assert_eq!((spawned.scope, spawned.confirmed), (new.scope, false));
    let id = record.identity.id;
    assert_eq!(store.pod(id).await.unwrap(), Some(record));

    let children = store.children(parent, Page::all()).await.unwrap().items;
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].child.name, name("helper"));
    assert_eq!((children[0].created, children[0].ended), (AT, None));
    assert_eq!(store.parent(id).await.unwrap().as_ref(), Some(&children[0]));
    assert_eq!(store.parent(parent).await.unwrap(), None);

    store
        .confirm_child(Writer::Pod(fence), id, AT)
        .await
        .unwrap();
    store
        .confirm_child(Writer::Pod(fence), id, AT)
        .await
        .unwrap();
    let confirmed = store.pod(id).await.unwrap().unwrap().spawned.unwrap();
    assert!(confirmed.confirmed);
    assert_eq!(
        words(store, parent).await,
        ["+child helper", "=child helper"]
    );
    assert_eq!(words(store, id).await, ["+parent parent"]);
}

async fn a_name_that_is_taken_reserves_nothing(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    for taken in ["parent", "PARENT"] {
        let new = child("default", taken, Some(parent));
        let error = store
            .reserve_child(Writer::Operator, new)
            .await
            .unwrap_err();
        let existing = name("parent");
        assert_eq!(*error.kind(), StoreErrorKind::NameTaken { existing });
    }
    let orphan = child("default", "orphan", Some(PodId::generate()));
    let error = store.reserve_child(Writer::Operator, orphan).await;
    assert_eq!(
        *error.unwrap_err().kind(),
        StoreErrorKind::NotFound("parent")
    );
    let fence = begin(store, parent, 1).await;
    let stepchild = child("default", "orphan", None);
    let error = store.reserve_child(Writer::Pod(fence), stepchild).await;
    assert_eq!(*error.unwrap_err().kind(), StoreErrorKind::NotItsRelation);
    let found = store.find_pod(&fleet("default"), &name("orphan")).await;
    assert_eq!(found.unwrap(), None);
    assert!(words(store, parent).await.is_empty());
}

async fn a_failed_spawn_leaves_nothing(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let fence = begin(store, parent, 1).await;
    let id = spawn(store, "helper", parent).await.identity.id;
    begin(store, id, 2).await;
    let task = message("the task");
    store.accept(id, vec![task.into()]).await.unwrap();
    let gone = store
        .withdraw_child(Writer::Pod(fence), id, AT)
        .await
        .unwrap();
    assert_eq!((gone.messages, gone.parent), (1, true));
    assert_eq!(store.pod(id).await.unwrap(), None);
    assert_eq!(store.children(parent, Page::all()).await.unwrap().items, []);
    assert_eq!(
        words(store, parent).await,
        ["+child helper", "-child helper"]
    );
    spawn(store, "helper", parent).await;
}

async fn a_confirmed_child_cannot_be_withdrawn(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let (other, outsider) = (add(store, pod("other")).await, begin);
    let id = spawn(store, "helper", parent).await.identity.id;
    let alien = Writer::Pod(outsider(store, other, 1).await);
    let error = store.withdraw_child(alien, id, AT).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotItsRelation);
    store.confirm_child(Writer::Operator, id, AT).await.unwrap();
    let error = store.withdraw_child(Writer::Operator, id, AT).await;
    assert_eq!(*error.unwrap_err().kind(), StoreErrorKind::Confirmed);
    let error = store.withdraw_child(Writer::Operator, parent, AT).await;
    assert_eq!(
        *error.unwrap_err().kind(),
        StoreErrorKind::NotFound("child")
    );
    assert!(store.pod(id).await.unwrap().is_some());
}

async fn a_parent_orders_its_child_and_the_child_notifies_its_parent(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let id = spawn(store, "helper", parent).await.identity.id;
    let (down, up) = (
        store.relation(parent, id).await.unwrap(),
        store.relation(id, parent).await.unwrap(),
    );
    assert!(down.parent && !down.mate && down.may_stop() && down.may_read_output());
    assert!(up.child && !up.mate && !up.may_stop() && !up.may_restore());
    assert_eq!(send(store, parent, id, Kind::Run).await, Ok(()));
    assert_eq!(send(store, id, parent, Kind::Notify).await, Ok(()));
    let order = send(store, id, parent, Kind::Run).await;
    assert_eq!(order, Err(Refusal::NotItsOrders));
}

async fn an_ended_child_stays_listed_and_its_next_start_makes_it_wanted(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let id = spawn(store, "helper", parent).await.identity.id;
    let own = Writer::Pod(begin(store, id, 1).await);
    let later = UnixMillis(AT.0 + 5);
    assert!(store.end_child(own, id, later).await.unwrap());
    assert!(!store.end_child(Writer::Operator, id, later).await.unwrap());
    let children = store.children(parent, Page::all()).await.unwrap().items;
    assert_eq!(children[0].ended, Some(later));
    assert_eq!(
        words(store, parent).await,
        ["+child helper", ".child helper"]
    );
    begin(store, id, 2).await;
    assert_eq!(store.parent(id).await.unwrap().unwrap().ended, None);
    let error = store.end_child(Writer::Operator, parent, AT).await;
    assert_eq!(
        *error.unwrap_err().kind(),
        StoreErrorKind::NotFound("child")
    );
}

async fn a_pod_spawned_by_the_operator_is_nobodys_child_and_nobodys_mate(store: &dyn PodStore) {
    let mate = add(store, pod("mate")).await;
    let alone = child("default", "alone", None);
    let alone = store.reserve_child(Writer::Operator, alone).await.unwrap();
    let alone = alone.identity.id;
    assert_eq!(store.parent(alone).await.unwrap(), None);
    assert!(store.relation(mate, alone).await.unwrap().is_none());
    assert_eq!(seen(store, alone).await, ["alone: self"]);
    store
        .confirm_child(Writer::Operator, alone, AT)
        .await
        .unwrap();
}

async fn a_roster_cannot_take_the_name_of_a_spawned_pod(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    spawn(store, "helper", parent).await;
    let error = store.put_pod(pod("helper")).await.unwrap_err();
    let existing = name("helper");
    assert_eq!(*error.kind(), StoreErrorKind::SpawnedName { existing });
    assert!(error.hint().is_some());
}

async fn a_forgotten_parent_leaves_children_that_are_no_mates(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let mate = add(store, pod("mate")).await;
    let id = spawn(store, "helper", parent).await.identity.id;
    store.forget_pod(parent, AT).await.unwrap();
    assert!(store.relation(mate, id).await.unwrap().is_none());
    assert_eq!(seen(store, mate).await, ["mate: self"]);
    let orphan = store.pod(id).await.unwrap().unwrap();
    let scope = serde_json::json!({ "write": ["/work"] });
    assert_eq!(orphan.spawned.unwrap().scope, scope);
    assert_eq!(words(store, id).await, ["+parent parent", "-parent parent"]);
}

async fn relations_are_not_inherited_with_a_name(store: &dyn PodStore) {
    let one = add(store, pod_in("a", "one")).await;
    let other = add(store, pod_in("b", "other")).await;
    befriend(store, one, other).await;
    store.forget_pod(other, AT).await.unwrap();
    let heir = add(store, pod_in("b", "other")).await;
    assert!(store.relation(one, heir).await.unwrap().is_none());
    assert!(words(store, heir).await.is_empty());
    let notify = send(store, one, heir, Kind::Notify).await;
    assert_eq!(notify, Err(Refusal::NoSuchPod));
}

async fn forgetting_is_previewed_and_told_to_all_relatives(store: &dyn PodStore) {
    let (top, peer) = (add(store, pod("top")).await, add(store, pod("peer")).await);
    let middle = spawn(store, "middle", top).await.identity.id;
    let bottom = spawn(store, "bottom", middle).await.identity.id;
    befriend(store, middle, peer).await;
    store
        .accept(middle, vec![message("1").into()])
        .await
        .unwrap();
    let preview = store.preview_forget(middle).await.unwrap();
    assert_eq!(
        (preview.peers, preview.children, preview.parent),
        (1, 1, true)
    );
    assert_eq!((preview.messages, preview.undelivered), (1, 1));
    assert!(store.pod(middle).await.unwrap().is_some());
    assert_eq!(store.forget_pod(middle, AT).await.unwrap(), preview);
    assert_eq!(words(store, top).await, ["+child middle", "-child middle"]);
    assert_eq!(words(store, peer).await, ["+peer middle", "-peer middle"]);
    assert_eq!(
        words(store, bottom).await,
        ["+parent middle", "-parent middle"]
    );
    let error = store.preview_forget(middle).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("pod"));
}

async fn who_left_the_roster_is_no_mate(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    let elsewhere = add(store, pod_in("b", "one")).await;
    let helper = spawn(store, "helper", one).await.identity.id;
    let set = async |members: &[&str]| {
        let members: Vec<PodName> = members.iter().map(|text| name(text)).collect();
        let set = store.set_members(&fleet("default"), &members, AT).await;
        set.unwrap();
    };
    set(&["one", "helper", "nobody"]).await;
    assert!(store.relation(one, other).await.unwrap().is_none());
    assert!(store.pod(elsewhere).await.unwrap().unwrap().member);
    assert!(!store.pod(helper).await.unwrap().unwrap().member);
    let notify = send(store, other, one, Kind::Notify).await;
    assert_eq!(notify, Err(Refusal::NoSuchPod));
    assert_eq!(seen(store, other).await, ["other: self"]);
    set(&["one", "other"]).await;
    assert!(store.relation(one, other).await.unwrap().mate);
    set(&["one"]).await;
    assert!(store.put_pod(pod("other")).await.unwrap().member);
}

async fn a_pod_sees_itself_its_children_its_peers_and_its_mates_with_every_reason(
    store: &dyn PodStore,
) {
    let me = add(store, pod("me")).await;
    let friend = add(store, pod("friend")).await;
    add(store, pod("mate")).await;
    let far = add(store, pod_in("z", "far")).await;
    add(store, pod_in("z", "hidden")).await;
    let helper = spawn(store, "helper", me).await.identity.id;
    let grandchild = spawn(store, "grandchild", helper).await.identity.id;
    for other in [friend, far, helper] {
        befriend(store, me, other).await;
    }
    store
        .accept(helper, vec![message("1").into()])
        .await
        .unwrap();
    let expected = [
        "friend: peer, fleet",
        "helper: child, peer",
        "mate: fleet",
        "me: self",
        "far: peer",
    ];
    assert_eq!(seen(store, me).await, expected);
    assert_eq!(
        seen(store, far).await,
        ["me: peer", "far: self", "hidden: fleet"]
    );
    assert_eq!(seen(store, grandchild).await, ["grandchild: self"]);
    assert!(seen(store, PodId::generate()).await.is_empty());
    let listing = store.visible_pods(me, Page::all()).await.unwrap();
    assert_eq!(listing.items[1].summary.undelivered, 1);
}

async fn what_a_pod_sees_comes_in_pages_without_gaps(store: &dyn PodStore) {
    let me = add(store, pod_in("m", "me")).await;
    for number in 0..7 {
        add(store, pod_in("m", &format!("mate{number}"))).await;
        for fleet in ["a", "z"] {
            let far = add(store, pod_in(fleet, &format!("far{number}"))).await;
            if number % 2 == 0 {
                befriend(store, me, far).await;
            }
        }
    }
    let whole = store.visible_pods(me, Page::all()).await.unwrap().items;
    assert_eq!(whole.len(), 1 + 7 + 4 + 4);
    let (mut pages, mut page) = (Vec::new(), Page::first(3));
    loop {
        let listing = store.visible_pods(me, page).await.unwrap();
        pages.extend(listing.items);
        match listing.next {
            Some(next) => page = Page::after(next, 3),
            None => break,
        }
    }
    assert_eq!(pages, whole);
}

async fn a_read_cursor_is_kept_and_goes_with_its_source(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let fence = begin(store, parent, 1).await;
    let id = spawn(store, "helper", parent).await.identity.id;
    assert_eq!(store.read_cursor(parent, id).await.unwrap(), None);
    for cursor in ["line:7", "line:9"] {
        store.set_read_cursor(fence, id, cursor, AT).await.unwrap();
        let kept = store.read_cursor(parent, id).await.unwrap();
        assert_eq!(kept.as_deref(), Some(cursor));
    }
    let nobody = store.set_read_cursor(fence, PodId::generate(), "x", AT);
    assert_eq!(
        *nobody.await.unwrap_err().kind(),
        StoreErrorKind::NotFound("pod")
    );
    store.forget_pod(id, AT).await.unwrap();
    assert_eq!(store.read_cursor(parent, id).await.unwrap(), None);
}
