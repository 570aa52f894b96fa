//! What every store tells pods of what others did. Each test runs on each store.

use podfleet_pod_store::{
    DeliveryState, Fence, MAX_PAIR_MESSAGES, Offer, OutboxPlace, Page, PodStore, RelationChange,
    Report, Sender, StoreErrorKind, Writer,
};
use podfleet_protocol::{Generation, Kind, Message, MessageId, Outcome, Receipt, UnixMillis};

use super::super::samples::{AT, add, message, pod};
use super::relating::{befriend, begin, pair, send, spawn, words};

on_every_store!(
    both_peers_are_told_in_their_outboxes_with_the_change,
    an_event_stays_in_the_outbox_until_its_pod_clears_it,
    a_pod_is_told_what_became_of_what_it_sent,
    what_a_child_tells_is_kept_for_its_parent_beside_all_limits,
    what_a_child_tells_while_it_is_spawned_is_told_when_that_succeeds,
    forgetting_is_previewed_and_told_to_all_relatives,
);

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

fn report() -> Report {
    Report {
        id: MessageId::generate(),
        event: "turn_ended".to_owned(),
        body: "it is idle".to_owned(),
    }
}

async fn what_a_child_tells_while_it_is_spawned_is_told_when_that_succeeds(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    for (name, succeeds) in [("helper", true), ("bad", false), ("forgotten", false)] {
        let before = words(store, parent).await.len();
        let child = spawn(store, name, parent).await.identity.id;
        let fence = begin(store, child, 1).await;
        for _ in 0..2 {
            assert_eq!(store.report(fence, report(), AT).await.unwrap(), None);
        }
        let told = words(store, parent).await;
        assert_eq!(told[before..], [format!("+child {name}")]);
        let end = store.outbox_end().await.unwrap();
        match name {
            "helper" => store
                .confirm_child(Writer::Operator, child, AT)
                .await
                .unwrap(),
            "bad" => drop(
                store
                    .withdraw_child(Writer::Operator, child, AT)
                    .await
                    .unwrap(),
            ),
            _ => drop(store.forget_pod(child, AT).await.unwrap()),
        }
        // Who has read all before finds it, in order.
        let events = store
            .outbox(parent, Page::after(end, 100))
            .await
            .unwrap()
            .items;
        let reports = events.iter().filter(|event| {
            matches!(&event.change, RelationChange::ChildReported { child: by, .. } if by.id == child)
        });
        assert_eq!(reports.count(), if succeeds { 2 } else { 0 }, "{name}");
        if succeeds {
            assert_eq!(
                store.report(fence, report(), AT).await.unwrap(),
                Some(parent)
            );
        }
    }
}

async fn what_a_child_tells_is_kept_for_its_parent_beside_all_limits(store: &dyn PodStore) {
    let parent = add(store, pod("parent")).await;
    let child = spawn(store, "helper", parent).await.identity.id;
    store
        .confirm_child(Writer::Operator, child, AT)
        .await
        .unwrap();
    let (old, fence) = (begin(store, child, 1).await, begin(store, child, 2).await);
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
        ..Offer::from(message("it is idle"))
    });
    let accepted = store.accept(parent, offers.collect()).await.unwrap();
    assert!(accepted.iter().all(Result::is_ok));
    assert_eq!(send(store, parent, child, Kind::Run).await, Ok(()));
    store.forget_pod(parent, AT).await.unwrap();
    assert_eq!(store.report(fence, report(), AT).await.unwrap(), None);
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
