//! What every store does with fleets, pods and sessions. Each test runs on each store.

use std::path::Path;

use podfleet_pod_store::{
    DeliveryState, NewSession, Page, PodCursor, PodFilter, PodState, PodStore, SpecText,
    StoreErrorKind,
};
use podfleet_protocol::{
    Address, Generation, Hold, HoldReason, Outcome, Paused, PodId, Receipt, SessionId, UnixMillis,
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
    an_older_generation_cannot_write,
    a_generation_begins_live_with_its_paths,
    pods_are_found_by_their_processes_whatever_their_tenant,
    what_a_pod_says_of_itself_is_kept,
    a_pause_is_kept_until_it_is_lifted,
    a_session_is_the_pods_until_the_next_one,
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

async fn an_older_generation_cannot_write(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let sent = message("hello");
    store.accept(id, vec![sent.clone().into()]).await.unwrap();
    let old = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let new = store.begin_generation(id, &start(2)).await.unwrap().fence();
    let fenced = StoreErrorKind::Fenced {
        current: new.generation,
    };

    let receipt = Receipt::accepted(sent.id, AT);
    let session = || NewSession {
        id: SessionId::generate(),
        started: AT,
    };
    let results = [
        store.set_pod_state(old, PodState::Stopped, AT).await,
        store
            .set_delivery(old, sent.id, DeliveryState::Delivering, &receipt)
            .await,
        store.open_session(old, session()).await,
        store.close_session(old, SessionId::generate(), AT).await,
    ];
    for result in results {
        assert_eq!(*result.unwrap_err().kind(), fenced);
    }
    store
        .set_delivery(new, sent.id, DeliveryState::Delivering, &receipt)
        .await
        .unwrap();
}

async fn a_generation_begins_live_with_its_paths(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    assert_eq!(store.pod(id).await.unwrap().unwrap().endpoint, None);
    for number in 1..=3 {
        let begun = store.begin_generation(id, &start(number)).await.unwrap();
        assert_eq!(begun.generation, Generation(u64::from(number)));
        assert_eq!(begun.state, PodState::Live);
        assert_eq!(begun.endpoint, Some(start(number).endpoint));
        assert_eq!(store.pod(id).await.unwrap(), Some(begun));
    }
    let error = store
        .begin_generation(PodId::generate(), &start(1))
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("pod"));
}

async fn pods_are_found_by_their_processes_whatever_their_tenant(store: &dyn PodStore) {
    let mut foreign = pod("other");
    foreign.identity.tenant_id = podfleet_protocol::TenantId::new("you").unwrap();
    let (mine, yours) = (add(store, pod("mine")).await, add(store, foreign).await);
    let never_started = add(store, pod("idle")).await;
    store.begin_generation(mine, &start(7)).await.unwrap();
    store.begin_generation(yours, &start(8)).await.unwrap();
    let found = async |processes: &[u32]| {
        let found = store.pods_of_processes(processes).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|pod| pod.identity.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(found(&[1, 7]).await, [mine]);
    let mut both = [mine, yours];
    both.sort();
    assert_eq!(found(&[8, 7, 9]).await, both);
    assert!(found(&[]).await.is_empty());
    assert!(!found(&[0]).await.contains(&never_started));
}

async fn what_a_pod_says_of_itself_is_kept(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let quarantined = PodState::Quarantined {
        account: "5 exits in 10m, last: exit 1".to_owned(),
    };
    for state in [quarantined, PodState::Live, PodState::Stopped] {
        store.set_pod_state(fence, state.clone(), AT).await.unwrap();
        assert_eq!(store.pod(id).await.unwrap().unwrap().state, state);
    }
    for expected in [true, false] {
        store.set_expected(id, expected, AT).await.unwrap();
        assert_eq!(store.pod(id).await.unwrap().unwrap().expected, expected);
    }
    let error = store
        .set_expected(PodId::generate(), true, AT)
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("pod"));
}

async fn a_pause_is_kept_until_it_is_lifted(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let by = |name: &str| Paused {
        by: Address::new("fern", name),
        since: AT,
        reason: "demo".to_owned(),
    };
    let (first, second) = (by("operator"), by("lead"));
    let set = |wanted| store.set_paused(id, wanted, AT);
    assert_eq!(set(Some(first.clone())).await.unwrap(), None);
    assert_eq!(set(Some(second)).await.unwrap(), Some(first.clone()));
    let record = store.begin_generation(id, &start(1)).await.unwrap();
    assert_eq!(record.paused, Some(first.clone()));
    assert_eq!(set(None).await.unwrap(), Some(first));
    assert_eq!(set(None).await.unwrap(), None);
    let missing = store.set_paused(PodId::generate(), None, AT).await;
    assert_eq!(
        *missing.unwrap_err().kind(),
        StoreErrorKind::NotFound("pod")
    );
}

async fn a_session_is_the_pods_until_the_next_one(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let (first, second) = (SessionId::generate(), SessionId::generate());
    store
        .open_session(
            fence,
            NewSession {
                id: first,
                started: AT,
            },
        )
        .await
        .unwrap();
    store
        .close_session(fence, first, UnixMillis(AT.0 + 1))
        .await
        .unwrap();
    assert_eq!(store.pod(id).await.unwrap().unwrap().session, Some(first));
    store
        .open_session(
            fence,
            NewSession {
                id: second,
                started: AT,
            },
        )
        .await
        .unwrap();
    assert_eq!(store.pod(id).await.unwrap().unwrap().session, Some(second));

    let record = store.session(first).await.unwrap().unwrap();
    assert_eq!((record.pod, record.generation), (id, Generation(1)));
    assert_eq!(record.ended, Some(UnixMillis(AT.0 + 1)));
    assert_eq!(store.session(second).await.unwrap().unwrap().ended, None);
    let error = store
        .close_session(fence, SessionId::generate(), AT)
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("session"));
}
