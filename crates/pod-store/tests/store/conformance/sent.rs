//! What every store tells a pod of what it has sent. Each test runs on each store.

use podfleet_pod_store::{
    DeliveryState, Fence, Offer, OutboxPlace, Page, PodStore, RelationChange,
};
use podfleet_protocol::{Generation, Kind, Message, Outcome, PodId, Receipt, UnixMillis};

use super::super::samples::{AT, add, message, pod, start};

on_every_store!(
    a_pod_that_looks_has_what_it_sent_in_its_outbox_once_and_in_order,
    what_is_settled_was_accepted_before_in_the_outbox_too,
    what_goes_with_its_receiver_is_told_all_the_same,
    only_the_present_generation_of_a_pod_looks,
);

fn note(number: i64) -> Message {
    Message {
        kind: Kind::Notify,
        accepted: UnixMillis(AT.0 + number),
        ..message(&format!("{number}"))
    }
}

async fn send(store: &dyn PodStore, from: PodId, to: PodId, sent: &Message) {
    let offers = vec![Offer::from_pod(from, sent.clone())];
    let answers = store.accept(to, offers).await.unwrap();
    assert!(answers[0].is_ok(), "{answers:?}");
}

async fn begin(store: &dyn PodStore, name: &str, number: u32) -> Fence {
    let id = add(store, pod(name)).await;
    let record = store.begin_generation(id, &start(number)).await.unwrap();
    record.fence()
}

/// What the outbox of a pod tells of its messages: to whom, which one, and what.
async fn told(store: &dyn PodStore, pod: PodId) -> Vec<String> {
    let listing = store.outbox(pod, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let events = listing.items.iter().map(|event| match &event.change {
        RelationChange::MessageSent { to, position, .. } => {
            assert_eq!(event.by, Some(pod));
            format!("{} #{position} at {}", to.name, event.at.0 - AT.0)
        }
        RelationChange::MessageSettled { to, outcome, .. } => format!("{} {outcome}", to.name),
        other => format!("{other:?}"),
    });
    events.collect()
}

async fn a_pod_that_looks_has_what_it_sent_in_its_outbox_once_and_in_order(store: &dyn PodStore) {
    let sender = begin(store, "sender", 1).await;
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    assert_eq!(store.gather_sent(sender).await.unwrap(), 0);
    for (number, to) in [(1, other), (2, one), (3, other)] {
        send(store, sender.pod, to, &note(number)).await;
    }
    send(store, one, other, &note(4)).await;
    // Of itself it need not be told, and neither need the operator.
    send(store, sender.pod, sender.pod, &note(5)).await;
    let of_the_operator = vec![message("hello").into()];
    store.accept(other, of_the_operator).await.unwrap();
    assert_eq!(told(store, sender.pod).await, [""; 0]);

    let expected = ["other #1 at 1", "one #1 at 2", "other #2 at 3"];
    for count in [3, 0] {
        assert_eq!(store.gather_sent(sender).await.unwrap(), count);
        assert_eq!(told(store, sender.pod).await, expected);
    }
    assert_eq!(told(store, one).await, [""; 0]);
    let all = OutboxPlace(u64::MAX >> 1);
    assert_eq!(store.clear_outbox(sender, all).await.unwrap(), 3);
    send(store, sender.pod, one, &note(6)).await;
    assert_eq!(store.gather_sent(sender).await.unwrap(), 1);
    assert_eq!(told(store, sender.pod).await, ["one #2 at 6"]);
}

async fn what_is_settled_was_accepted_before_in_the_outbox_too(store: &dyn PodStore) {
    let (sender, receiver) = (
        begin(store, "sender", 1).await,
        begin(store, "receiver", 2).await,
    );
    let sent = [1, 2, 3].map(note);
    for sent in &sent {
        send(store, sender.pod, receiver.pod, sent).await;
    }
    let receipt = |of: &Message, outcome, settled| Receipt {
        outcome,
        settled,
        ..Receipt::accepted(of.id, AT)
    };
    let deliver = async |of: &Message, state, outcome, settled| {
        let receipt = receipt(of, outcome, settled);
        let written = store.set_delivery(receiver, of.id, state, &receipt);
        written.await.unwrap();
    };
    deliver(
        &sent[0],
        DeliveryState::Delivering,
        Outcome::Accepted,
        false,
    )
    .await;
    assert_eq!(told(store, sender.pod).await, [""; 0]);
    deliver(&sent[0], DeliveryState::Settled, Outcome::Started, false).await;
    store.cancel(receiver.pod, sent[1].id, AT).await.unwrap();
    deliver(&sent[0], DeliveryState::Settled, Outcome::Answered, true).await;
    let mut expected = vec![
        "receiver #1 at 1",
        "receiver #2 at 2",
        "receiver cancelled",
        "receiver answered",
    ];
    assert_eq!(told(store, sender.pod).await, expected);
    assert_eq!(store.gather_sent(sender).await.unwrap(), 1);
    expected.push("receiver #3 at 3");
    assert_eq!(told(store, sender.pod).await, expected);
}

async fn what_goes_with_its_receiver_is_told_all_the_same(store: &dyn PodStore) {
    let sender = begin(store, "sender", 1).await;
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    send(store, sender.pod, one, &note(1)).await;
    send(store, other, one, &note(2)).await;
    send(store, one, other, &note(3)).await;
    store.forget_pod(one, AT).await.unwrap();
    assert_eq!(told(store, sender.pod).await, ["one #1 at 1"]);
    assert_eq!(told(store, other).await, ["one #2 at 2"]);
    assert_eq!(store.gather_sent(sender).await.unwrap(), 0);
    // Who is gone is told nothing.
    store.forget_pod(other, AT).await.unwrap();
    assert_eq!(told(store, one).await, [""; 0]);
}

async fn only_the_present_generation_of_a_pod_looks(store: &dyn PodStore) {
    let sender = begin(store, "sender", 1).await;
    let other = add(store, pod("other")).await;
    send(store, sender.pod, other, &note(1)).await;
    let stale = Fence {
        generation: Generation(7),
        ..sender
    };
    assert!(store.gather_sent(stale).await.is_err());
    assert_eq!(told(store, sender.pod).await, [""; 0]);
    assert_eq!(store.gather_sent(sender).await.unwrap(), 1);
}
