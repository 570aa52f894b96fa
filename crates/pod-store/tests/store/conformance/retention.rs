//! What every store keeps and removes. Each test runs on each store.

use podfleet_pod_store::{
    DeliveryState, Fence, NewSession, Page, PodStore, Pruned, Retention, Writer,
};
use podfleet_protocol::{Message, Outcome, PodId, Receipt, SessionId, UnixMillis};

use super::super::samples::{AT, add, message, pod, start};
use super::relating::{begin, child};

on_every_store!(
    delivered_messages_go_when_they_are_old_and_waiting_ones_never,
    the_oldest_delivered_messages_go_when_there_are_too_many_bytes,
    one_call_removes_no_more_than_a_batch,
    a_preview_removes_nothing_and_tells_what_would_go_and_stay,
    nothing_goes_that_tells_how_far_a_spawning_came_until_it_is_confirmed,
    sessions_without_a_log_go_and_never_the_present_one,
);

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn receiver(store: &dyn PodStore) -> (PodId, Fence) {
    let id = add(store, pod("coder")).await;
    (
        id,
        store.begin_generation(id, &start(1)).await.unwrap().fence(),
    )
}

async fn deliver(store: &dyn PodStore, fence: Fence, body: &str, at: UnixMillis) {
    let sent = Message {
        accepted: at,
        ..message(body)
    };
    let id = sent.id;
    store.accept(fence.pod, vec![sent.into()]).await.unwrap();
    let receipt = Receipt {
        outcome: Outcome::Answered,
        settled: true,
        ..Receipt::accepted(id, at)
    };
    let settled = DeliveryState::Settled;
    store
        .set_delivery(fence, id, settled, &receipt)
        .await
        .unwrap();
}

async fn bodies(store: &dyn PodStore, pod: PodId) -> Vec<String> {
    let inbox = store.inbox(pod, Page::all()).await.unwrap();
    assert_eq!(inbox.corrupt, []);
    let bodies = inbox.items.into_iter().map(|entry| entry.message.body);
    bodies.map(|body| body.chars().take(3).collect()).collect()
}

async fn delivered_messages_go_when_they_are_old_and_waiting_ones_never(store: &dyn PodStore) {
    let (id, fence) = receiver(store).await;
    store
        .accept(id, vec![message("waits").into()])
        .await
        .unwrap();
    deliver(store, fence, "old", AT).await;
    deliver(store, fence, "new", UnixMillis(AT.0 + 29 * DAY)).await;
    let now = UnixMillis(AT.0 + 31 * DAY);
    let pruned = store
        .prune_messages(id, &Retention::default(), now)
        .await
        .unwrap();
    assert_eq!((pruned.removed, pruned.bytes, pruned.more), (1, 3, false));
    assert_eq!(bodies(store, id).await, ["wai", "new"]);
    let again = store
        .prune_messages(id, &Retention::default(), now)
        .await
        .unwrap();
    assert_eq!(again.removed, 0);
}

async fn the_oldest_delivered_messages_go_when_there_are_too_many_bytes(store: &dyn PodStore) {
    let (id, fence) = receiver(store).await;
    for name in ["aaa", "bbb", "ccc"] {
        deliver(store, fence, &name.repeat(30_000), AT).await;
    }
    let retention = Retention {
        max_bytes: 100_000,
        ..Retention::default()
    };
    let pruned = store.prune_messages(id, &retention, AT).await.unwrap();
    assert_eq!((pruned.removed, pruned.bytes), (2, 180_000));
    assert_eq!(bodies(store, id).await, ["ccc"]);
}

async fn one_call_removes_no_more_than_a_batch(store: &dyn PodStore) {
    let (id, fence) = receiver(store).await;
    for _ in 0..5 {
        deliver(store, fence, "old", AT).await;
    }
    let retention = Retention {
        batch: 2,
        ..Retention::default()
    };
    let now = UnixMillis(AT.0 + 40 * DAY);
    let mut calls = Vec::new();
    for _ in 0..4 {
        let pruned = store.prune_messages(id, &retention, now).await.unwrap();
        calls.push((pruned.removed, pruned.more));
    }
    assert_eq!(calls, [(2, true), (2, true), (1, false), (0, false)]);
}

async fn a_preview_removes_nothing_and_tells_what_would_go_and_stay(store: &dyn PodStore) {
    let (id, fence) = receiver(store).await;
    deliver(store, fence, "old", AT).await;
    deliver(store, fence, "newer", UnixMillis(AT.0 + 29 * DAY)).await;
    let now = UnixMillis(AT.0 + 31 * DAY);
    let retention = Retention::default();
    let preview = store.preview_prune(id, &retention, now).await.unwrap();
    assert_eq!(bodies(store, id).await, ["old", "new"]);
    assert_eq!((preview.removed, preview.bytes), (1, 3));
    assert_eq!((preview.kept, preview.kept_bytes), (1, 5));
    let pruned = store.prune_messages(id, &retention, now).await.unwrap();
    assert_eq!(pruned, preview);
    let nobody = store.preview_prune(PodId::generate(), &retention, now);
    assert_eq!(nobody.await.unwrap(), Pruned::default());
}

async fn nothing_goes_that_tells_how_far_a_spawning_came_until_it_is_confirmed(
    store: &dyn PodStore,
) {
    let new = child("default", "helper", None);
    let id = new.pod.identity.id;
    store.reserve_child(Writer::Operator, new).await.unwrap();
    let fence = begin(store, id, 1).await;
    deliver(store, fence, "its task", AT).await;
    let (now, retention) = (UnixMillis(AT.0 + 31 * DAY), Retention::default());
    let kept = Pruned {
        kept: 1,
        kept_bytes: 8,
        ..Pruned::default()
    };
    let preview = store.preview_prune(id, &retention, now).await.unwrap();
    assert_eq!(preview, kept);
    let pruned = store.prune_messages(id, &retention, now).await.unwrap();
    assert_eq!(pruned, kept);
    assert_eq!(bodies(store, id).await, ["its"]);

    store.confirm_child(Writer::Operator, id, AT).await.unwrap();
    let pruned = store.prune_messages(id, &retention, now).await.unwrap();
    assert_eq!(pruned.removed, 1);
}

async fn sessions_without_a_log_go_and_never_the_present_one(store: &dyn PodStore) {
    let (_, fence) = receiver(store).await;
    let sessions: [SessionId; 3] = std::array::from_fn(|_| SessionId::generate());
    for id in sessions {
        let session = NewSession { id, started: AT };
        store.open_session(fence, session).await.unwrap();
    }
    let [gone, logged, present] = sessions;
    let count = store.prune_sessions(fence.pod, &[logged]).await.unwrap();
    assert_eq!(count, 1);
    assert_eq!(store.session(gone).await.unwrap(), None);
    for kept in [logged, present] {
        assert!(store.session(kept).await.unwrap().is_some());
    }
}
