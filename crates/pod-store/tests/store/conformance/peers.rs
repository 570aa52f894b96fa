//! What every store does with peers. Each test runs on each store.

use podfleet_pod_store::{Page, PodStore, Refusal, Registered, Relation, StoreErrorKind, Writer};
use podfleet_protocol::{Generation, Kind, PodId, TenantId};

use super::super::samples::{AT, add, pod, pod_in};
use super::relating::{befriend, begin, pair, seen, send, words};

on_every_store!(
    peers_are_peers_of_each_other,
    registering_again_or_the_other_way_round_changes_nothing,
    peers_must_be_pods_of_one_tenant,
    a_pod_changes_only_relations_of_its_own_and_only_while_it_is_itself,
    a_peer_may_notify_and_not_order,
    unregistering_ends_the_right_at_once,
    relations_are_not_inherited_with_a_name,
);

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
