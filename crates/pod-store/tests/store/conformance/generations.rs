//! What every store does with the generations of a pod, and what they write of themselves. Each test
//! runs on each store.

use podfleet_pod_store::{
    DeliveryState, GenerationStart, NewSession, PodState, PodStore, StoreErrorKind,
};
use podfleet_protocol::{Address, Generation, Paused, PodId, Receipt, SessionId, UnixMillis};

use super::super::samples::{AT, add, message, pod, start};

on_every_store!(
    an_older_generation_cannot_write,
    a_generation_is_later_than_all_that_are_known,
    a_generation_begins_live_with_its_paths,
    pods_are_found_by_their_processes_whatever_their_tenant,
    what_a_pod_says_of_itself_is_kept,
    a_pause_is_kept_until_it_is_lifted,
    a_session_is_the_pods_until_the_next_one,
);

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

async fn a_generation_is_later_than_all_that_are_known(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    for (above, begun) in [(0, 1), (6, 7), (3, 8), (8, 9)] {
        let start = GenerationStart {
            above: Generation(above),
            ..start(1)
        };
        let record = store.begin_generation(id, &start).await.unwrap();
        assert_eq!(record.generation, Generation(begun));
        let written = store.set_pod_state(record.fence(), PodState::Stopped, AT);
        written.await.unwrap();
    }
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
