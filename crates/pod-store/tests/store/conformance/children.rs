//! What every store does with children. Each test runs on each store.

use podfleet_pod_store::{Page, PodStore, Refusal, StoreErrorKind, Writer};
use podfleet_protocol::{Generation, Kind, PodId, UnixMillis};

use super::super::samples::{AT, add, fleet, message, name, pod};
use super::relating::{begin, child, seen, send, spawn, words};

on_every_store!(
    a_child_is_reserved_with_its_name_its_scope_and_its_relation,
    a_name_that_is_taken_reserves_nothing,
    a_failed_spawn_leaves_nothing,
    a_confirmed_child_cannot_be_withdrawn,
    a_parent_orders_its_child_and_the_child_notifies_its_parent,
    an_ended_child_stays_listed_and_its_next_start_makes_it_wanted,
    a_pod_spawned_by_the_operator_is_nobodys_child_and_nobodys_mate,
    a_roster_cannot_take_the_name_of_a_spawned_pod,
    a_forgotten_parent_leaves_children_that_are_no_mates,
    a_read_cursor_is_kept_and_goes_with_its_source,
);

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
