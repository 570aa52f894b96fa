//! What every store does with fleets and pods. Each test runs on each store.

use std::path::Path;

use podfleet_pod_store::{
    DeliveryState, NewSession, Page, PodCursor, PodFilter, PodStore, SpecText, StoreErrorKind,
};
use podfleet_protocol::{
    Generation, Hold, HoldReason, Outcome, PodId, Receipt, SessionId, UnixMillis,
};

use super::super::samples::{AT, add, fleet, message, name, pod, pod_in, start};

on_every_store!(
    a_fleet_name_belongs_to_one_roster,
    a_released_fleet_name_can_be_claimed_by_another_roster,
    a_pod_put_twice_is_one_pod,
    a_revision_grows_only_with_a_difference,
    names_that_differ_only_in_case_are_refused,
    names_at_their_limits_are_kept,
    two_fleets_may_have_pods_of_one_name,
    a_forgotten_pod_takes_everything_with_it,
    pods_are_listed_by_name_in_pages,
    a_listing_shows_what_waits_and_why,
);

async fn a_fleet_name_belongs_to_one_roster(store: &dyn PodStore) {
    let (mine, yours) = (
        Path::new("/mine/roster.yaml"),
        Path::new("/yours/roster.yaml"),
    );
    let owner = async || store.fleet_owner(&fleet("a")).await.unwrap();
    assert_eq!(owner().await, None);
    store.claim_fleet(&fleet("a"), mine).await.unwrap();
    store.claim_fleet(&fleet("a"), mine).await.unwrap();
    assert_eq!(owner().await.as_deref(), Some(mine));
    store.claim_fleet(&fleet("b"), yours).await.unwrap();
    let error = store.claim_fleet(&fleet("a"), yours).await.unwrap_err();
    let StoreErrorKind::FleetClaimed {
        owner, claimant, ..
    } = error.kind()
    else {
        panic!("{error}");
    };
    assert_eq!((owner.as_path(), claimant.as_path()), (mine, yours));
    assert!(error.hint().is_some());
}

async fn a_released_fleet_name_can_be_claimed_by_another_roster(store: &dyn PodStore) {
    let (mine, yours) = (
        Path::new("/mine/roster.yaml"),
        Path::new("/yours/roster.yaml"),
    );
    store.claim_fleet(&fleet("a"), mine).await.unwrap();
    assert!(!store.release_fleet(&fleet("a"), yours).await.unwrap());
    assert!(store.release_fleet(&fleet("a"), mine).await.unwrap());
    store.claim_fleet(&fleet("a"), yours).await.unwrap();
}

async fn a_pod_put_twice_is_one_pod(store: &dyn PodStore) {
    let first = store.put_pod(pod("coder")).await.unwrap();
    let second = store.put_pod(pod("coder")).await.unwrap();
    assert_eq!(first, second);
    let id = first.identity.id;
    assert_eq!(store.pod(id).await.unwrap().as_ref(), Some(&first));
    let found = store
        .find_pod(&fleet("default"), &name("coder"))
        .await
        .unwrap();
    assert_eq!(found, Some(first));
    assert_eq!(store.pod(PodId::generate()).await.unwrap(), None);
    assert_eq!(
        store
            .find_pod(&fleet("default"), &name("Coder"))
            .await
            .unwrap(),
        None
    );
}

async fn a_revision_grows_only_with_a_difference(store: &dyn PodStore) {
    let first = store.put_pod(pod("coder")).await.unwrap();
    assert_eq!((first.revision, first.generation), (1, Generation(0)));
    let mut changed = pod("coder");
    changed.spec = SpecText::of(&serde_json::json!({ "command": ["zsh"] })).unwrap();
    changed.alias = Some("the coder".to_owned());
    changed.at = UnixMillis(AT.0 + 1);
    let second = store.put_pod(changed.clone()).await.unwrap();
    assert_eq!(second.revision, 2);
    assert_eq!((second.identity, second.created), (first.identity, AT));
    assert_eq!(
        (&second.spec, &second.alias),
        (&changed.spec, &changed.alias)
    );
    assert_eq!(second.updated, changed.at);
    changed.at = UnixMillis(AT.0 + 2);
    assert_eq!(store.put_pod(changed).await.unwrap().revision, 2);
}

async fn names_that_differ_only_in_case_are_refused(store: &dyn PodStore) {
    add(store, pod("coder")).await;
    let error = store.put_pod(pod("Coder")).await.unwrap_err();
    assert_eq!(
        *error.kind(),
        StoreErrorKind::NameTaken {
            existing: name("coder")
        }
    );
}

async fn names_at_their_limits_are_kept(store: &dyn PodStore) {
    let longest = "z".repeat(64);
    for text in ["a", "_", "0", "a.b-c_d", longest.as_str()] {
        let id = add(store, pod(text)).await;
        let found = store.find_pod(&fleet("default"), &name(text)).await;
        assert_eq!(found.unwrap().map(|record| record.identity.id), Some(id));
    }
    let twin = longest.to_uppercase();
    let error = store.put_pod(pod(&twin)).await.unwrap_err();
    let existing = name(&longest);
    assert_eq!(*error.kind(), StoreErrorKind::NameTaken { existing });
}

async fn two_fleets_may_have_pods_of_one_name(store: &dyn PodStore) {
    let one = add(store, pod_in("a", "orchestrator")).await;
    let other = add(store, pod_in("b", "orchestrator")).await;
    assert_ne!(one, other);
    let only = PodFilter::from(fleet("a"));
    let listing = store.list_pods(&only, Page::all()).await.unwrap();
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.items[0].record.identity.id, one);
}

async fn a_forgotten_pod_takes_everything_with_it(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let session = NewSession {
        id: SessionId::generate(),
        started: AT,
    };
    store.open_session(fence, session.clone()).await.unwrap();
    let long = message(&"x".repeat(100_000));
    store
        .accept(id, vec![long.into(), message("short").into()])
        .await
        .unwrap();
    let forgotten = store.forget_pod(id, AT).await.unwrap();
    assert_eq!(
        (
            forgotten.messages,
            forgotten.undelivered,
            forgotten.sessions
        ),
        (2, 2, 1)
    );
    assert_eq!(store.pod(id).await.unwrap(), None);
    assert_eq!(store.session(session.id).await.unwrap(), None);
    let error = store.forget_pod(id, AT).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("pod"));

    let again = store.put_pod(pod("coder")).await.unwrap();
    assert_ne!(again.identity.id, id);
    assert_eq!(again.generation, Generation(0));
    assert!(store.inbox(id, Page::all()).await.unwrap().items.is_empty());
}

async fn pods_are_listed_by_name_in_pages(store: &dyn PodStore) {
    for text in ["e", "B", "a", "D", "c"] {
        add(store, pod(text)).await;
    }
    add(store, pod_in("other", "A")).await;
    let filter = PodFilter {
        fleet: None,
        ..PodFilter::from(fleet("default"))
    };
    let (mut names, mut after): (Vec<String>, Option<PodCursor>) = (Vec::new(), None);
    loop {
        let listing = store
            .list_pods(&filter, Page { after, limit: 2 })
            .await
            .unwrap();
        assert!(listing.items.len() <= 2);
        names.extend(
            listing
                .items
                .iter()
                .map(|pod| pod.record.identity.name.to_string()),
        );
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "B", "c", "D", "e", "A"]);
}

async fn a_listing_shows_what_waits_and_why(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let filter = PodFilter::from(fleet("default"));
    let empty = store
        .list_pods(&filter, Page::all())
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(
        (empty.undelivered, empty.oldest, empty.hold),
        (0, None, None)
    );

    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let (first, mut second) = (message("1"), message("2"));
    second.accepted = UnixMillis(AT.0 + 1000);
    store
        .accept(id, vec![first.clone().into(), second.into()])
        .await
        .unwrap();
    let hold = Hold {
        reason: HoldReason::Draft,
        detail: "`half a`".to_owned(),
    };
    let receipt = Receipt {
        outcome: Outcome::Held,
        hold: Some(hold.clone()),
        ..Receipt::accepted(first.id, AT)
    };
    store
        .set_delivery(fence, first.id, DeliveryState::Accepted, &receipt)
        .await
        .unwrap();
    let listed = store
        .list_pods(&filter, Page::all())
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(
        (listed.undelivered, listed.oldest, listed.hold),
        (2, Some(AT), Some(hold))
    );
}
