//! What pods see of each other in every store. Each test runs on each store.

use podfleet_pod_store::{Page, PodStore, Refusal};
use podfleet_protocol::{Kind, PodId, PodName};

use super::super::samples::{AT, add, fleet, message, name, pod, pod_in};
use super::relating::{befriend, seen, send, spawn};

on_every_store!(
    who_left_the_roster_is_no_mate,
    a_pod_sees_itself_its_children_its_peers_and_its_mates_with_every_reason,
    what_a_pod_sees_comes_in_pages_without_gaps,
);

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
