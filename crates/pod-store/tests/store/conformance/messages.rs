//! What every store does with messages. Each test runs on each store.

use podfleet_pod_store::{
    DeliveryState, InboxEntry, InboxSummary, MAX_PAIR_MESSAGES, Offer, Page, PodStore, Refusal,
    StoreErrorKind,
};
use podfleet_protocol::limits::{MAX_BODY, MAX_INBOX, MAX_THREAD, PREVIEW};
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{Kind, Message, Outcome, PodId, Receipt, UnixMillis};

use super::super::samples::{AT, add, message, pod, pod_in, start};

on_every_store!(
    messages_keep_their_order_and_every_field,
    a_listing_of_what_waits_has_the_beginning_of_each_body,
    what_waits_comes_in_pages_in_the_order_of_acceptance_whoever_sent_it,
    the_same_message_again_is_a_duplicate,
    an_id_of_another_body_is_refused,
    a_refusal_does_not_touch_the_rest_of_the_batch,
    a_full_inbox_refuses,
    nobody_is_told_of_pods_that_he_has_no_relation_to,
    mates_notify_and_the_lead_orders,
    two_pods_that_answer_each_other_are_stopped,
    a_settled_message_leaves_the_inbox_and_stays_readable,
    a_settled_receipt_is_final,
    every_attempt_is_counted,
    a_message_is_cancelled_only_before_its_delivery,
);

async fn messages_keep_their_order_and_every_field(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let mut odd = message("🦀 漢字\n\ttab");
    odd.thread = Some("t-1".to_owned());
    odd.class = podfleet_protocol::Class::TerminalLog;
    odd.typing.raw = true;
    odd.typing.on_crash = podfleet_protocol::OnCrash::Retry;
    odd.accepted = UnixMillis(AT.0 - 5);
    let long = message(&"é".repeat(MAX_BODY / 2));
    let sent = vec![message("1"), odd, long, message("")];
    for (index, message) in sent.iter().enumerate() {
        let answers = store
            .accept(id, vec![message.clone().into()])
            .await
            .unwrap();
        let accepted = answers[0].as_ref().unwrap();
        assert_eq!(
            (accepted.position as usize, accepted.duplicate),
            (index + 1, false)
        );
    }
    let listing = store.undelivered(id, Page::all()).await.unwrap();
    let got: Vec<_> = listing
        .items
        .iter()
        .map(|entry| entry.message.clone())
        .collect();
    assert_eq!(got, sent);
    assert!(listing.items.is_sorted_by_key(|entry| entry.sequence));

    let page = Page::after(listing.items[0].sequence, 2);
    let part = store.undelivered(id, page).await.unwrap();
    assert_eq!(part.items, listing.items[1..3]);
    assert_eq!(part.next, Some(listing.items[2].sequence));
    let entry = store.message(id, sent[2].id).await.unwrap();
    assert_eq!(entry.as_ref(), Some(&listing.items[2]));
    assert_eq!(
        store.message(PodId::generate(), sent[2].id).await.unwrap(),
        None
    );
}

async fn a_listing_of_what_waits_has_the_beginning_of_each_body(store: &dyn PodStore) {
    let coder = add(store, pod("coder")).await;
    let mate = add(store, pod("tester")).await;
    let mut threaded = message("short");
    threaded.thread = Some("t-1".to_owned());
    let bodies = [
        "",
        "é".repeat(300).as_str(),
        "漢".repeat(MAX_BODY / 3).as_str(),
    ]
    .map(message);
    let mut sent = vec![threaded];
    sent.extend(bodies);
    for message in &sent {
        store
            .accept(coder, vec![message.clone().into()])
            .await
            .unwrap()[0]
            .as_ref()
            .unwrap();
    }
    let note = Message {
        kind: Kind::Notify,
        ..message(&"x".repeat(MAX_BODY))
    };
    let offer = Offer::from_pod(mate, note.clone());
    store.accept(coder, vec![offer]).await.unwrap()[0]
        .as_ref()
        .unwrap();

    let whole = store.undelivered(coder, Page::all()).await.unwrap();
    let listing = store.waiting(coder, None, Page::all()).await.unwrap();
    let expected: Vec<_> = whole.items.iter().map(shown).collect();
    assert_eq!(listing.items, expected);
    let lengths: Vec<_> = listing.items.iter().map(|item| item.row.bytes).collect();
    let of = |message: &Message| message.body.len() as u64;
    assert_eq!(lengths[..4], sent.iter().map(of).collect::<Vec<_>>());
    assert_eq!(listing.items[3].row.preview, "漢".repeat(PREVIEW));

    let its_own = store.waiting(coder, Some(mate), Page::all()).await.unwrap();
    assert_eq!(its_own.items, expected[4..]);
    let page = Page::after(expected[1].sequence, 2);
    let part = store.waiting(coder, None, page).await.unwrap();
    assert_eq!(part.items, expected[2..4]);
    assert_eq!(part.next, Some(expected[3].sequence));
}

/// What a listing shows of a message.
fn shown(entry: &InboxEntry) -> InboxSummary {
    InboxSummary {
        sequence: entry.sequence,
        sender: entry.sender,
        state: entry.state,
        row: InboxRow::new(&entry.message, entry.attempts, entry.receipt.clone()),
    }
}

async fn what_waits_comes_in_pages_in_the_order_of_acceptance_whoever_sent_it(
    store: &dyn PodStore,
) {
    let coder = add(store, pod("coder")).await;
    let mates = [
        add(store, pod("tester")).await,
        add(store, pod("lead")).await,
    ];
    let mut accepted = Vec::new();
    for number in 0..9 {
        // As clocks may tell it: who came later, came earlier.
        let sent = Message {
            kind: Kind::Notify,
            accepted: UnixMillis(AT.0 - i64::try_from(number).unwrap()),
            ..message("hi")
        };
        let offer = match number % 3 {
            0 => sent.into(),
            which => Offer::from_pod(mates[which - 1], sent),
        };
        let answers = store.accept(coder, vec![offer]).await.unwrap();
        accepted.push(answers[0].as_ref().unwrap().sequence);
    }
    let mut listed = Vec::new();
    let mut page = Page::first(2);
    loop {
        let listing = store.undelivered(coder, page.clone()).await.unwrap();
        assert!(listing.items.len() <= 2);
        let waiting = store.waiting(coder, None, page).await.unwrap();
        let shown: Vec<_> = listing.items.iter().map(shown).collect();
        assert_eq!((waiting.items, waiting.next), (shown, listing.next));
        listed.extend(listing.items.iter().map(|entry| entry.sequence));
        match listing.next {
            Some(next) => page = Page::after(next, 2),
            None => break,
        }
    }
    assert_eq!(listed, accepted);
}

async fn the_same_message_again_is_a_duplicate(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let (first, second) = (message("1"), message(&"2".repeat(70_000)));
    let batch = || {
        vec![
            Offer::from(first.clone()),
            second.clone().into(),
            first.clone().into(),
        ]
    };
    let answers = store.accept(id, batch()).await.unwrap();
    let again = store.accept(id, batch()).await.unwrap();
    let places = |answers: &[Result<podfleet_pod_store::Accepted, Refusal>]| -> Vec<_> {
        let place = |answer: &Result<podfleet_pod_store::Accepted, Refusal>| {
            let accepted = answer.as_ref().unwrap();
            (accepted.position, accepted.duplicate)
        };
        answers.iter().map(place).collect()
    };
    assert_eq!(places(&answers), [(1, false), (2, false), (1, true)]);
    assert_eq!(places(&again), [(1, true), (2, true), (1, true)]);
    let inbox = store.inbox(id, Page::all()).await.unwrap();
    assert_eq!(inbox.items[1].message.body, second.body);
    assert_eq!(inbox.items.len(), 2);

    let receipt = Receipt {
        outcome: Outcome::Submitted,
        ..Receipt::accepted(first.id, AT)
    };
    store
        .set_delivery(fence, first.id, DeliveryState::Settled, &receipt)
        .await
        .unwrap();
    let later = store.accept(id, batch()).await.unwrap();
    assert_eq!(places(&later), [(0, true), (1, true), (0, true)]);
}

async fn an_id_of_another_body_is_refused(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let first = message("one");
    store.accept(id, vec![first.clone().into()]).await.unwrap();
    for body in ["other".to_owned(), "o".repeat(70_000)] {
        let other = podfleet_protocol::Message {
            body,
            ..first.clone()
        };
        let answers = store.accept(id, vec![other.into()]).await.unwrap();
        assert_eq!(answers, [Err(Refusal::IdReused)]);
    }
    let entry = store.message(id, first.id).await.unwrap().unwrap();
    assert_eq!(entry.message, first);
}

async fn a_refusal_does_not_touch_the_rest_of_the_batch(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let huge = message(&"x".repeat(MAX_BODY + 1));
    let stranger = Offer::from_pod(PodId::generate(), message("let me in"));
    let mut woolly = message("hi");
    woolly.thread = Some("x".repeat(MAX_THREAD + 1));
    let batch = vec![
        message("1").into(),
        huge.into(),
        stranger,
        woolly.into(),
        message("2").into(),
    ];
    let answers = store.accept(id, batch).await.unwrap();
    assert_eq!(answers[1], Err(Refusal::TooLarge { limit: MAX_BODY }));
    assert_eq!(answers[2], Err(Refusal::NoSuchPod));
    let limit = MAX_THREAD;
    assert_eq!(answers[3], Err(Refusal::ThreadTooLong { limit }));
    assert_eq!(answers[4].as_ref().unwrap().position, 2);
    assert_eq!(
        store
            .undelivered(id, Page::all())
            .await
            .unwrap()
            .items
            .len(),
        2
    );

    let nobody = store
        .accept(PodId::generate(), vec![message("1").into()])
        .await
        .unwrap();
    assert_eq!(nobody, [Err(Refusal::NoSuchPod)]);
}

async fn a_full_inbox_refuses(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let first = message("first");
    store.accept(id, vec![first.clone().into()]).await.unwrap();
    let rest = (1..MAX_INBOX).map(|_| message("x").into()).collect();
    assert!(
        store
            .accept(id, rest)
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
    let one_more = message("one more");
    let refused = store
        .accept(id, vec![one_more.clone().into()])
        .await
        .unwrap();
    assert_eq!(refused, [Err(Refusal::InboxFull { limit: MAX_INBOX })]);

    store.cancel(id, first.id, AT).await.unwrap();
    let answers = store.accept(id, vec![one_more.into()]).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap().position, MAX_INBOX);
}

async fn nobody_is_told_of_pods_that_he_has_no_relation_to(store: &dyn PodStore) {
    let here = add(store, pod_in("a", "coder")).await;
    let elsewhere = add(store, pod_in("b", "coder")).await;
    for kind in [Kind::Run, Kind::Notify] {
        let sent = podfleet_protocol::Message {
            kind,
            ..message("hello")
        };
        let hidden = store
            .accept(here, vec![Offer::from_pod(elsewhere, sent.clone())])
            .await;
        let missing = store
            .accept(PodId::generate(), vec![Offer::from_pod(elsewhere, sent)])
            .await;
        assert_eq!(hidden.unwrap(), missing.unwrap());
    }
}

async fn mates_notify_and_the_lead_orders(store: &dyn PodStore) {
    let coder = add(store, pod("coder")).await;
    let tester = add(store, pod("tester")).await;
    let mut lead = pod("lead");
    lead.class = "orchestrator".to_owned();
    let lead = add(store, lead).await;
    let send = async |from, kind| {
        let sent = podfleet_protocol::Message {
            kind,
            ..message("hello")
        };
        let answers = store
            .accept(coder, vec![Offer::from_pod(from, sent)])
            .await
            .unwrap();
        answers[0].clone().map(drop)
    };
    assert_eq!(send(tester, Kind::Notify).await, Ok(()));
    assert_eq!(send(tester, Kind::Run).await, Err(Refusal::NotItsOrders));
    assert_eq!(send(lead, Kind::Notify).await, Ok(()));
    assert_eq!(send(lead, Kind::Run).await, Ok(()));
    let senders: Vec<_> = store.inbox(coder, Page::all()).await.unwrap().items;
    let senders: Vec<_> = senders.iter().map(|entry| entry.sender).collect();
    assert_eq!(senders, [Some(tester), Some(lead), Some(lead)]);
}

async fn two_pods_that_answer_each_other_are_stopped(store: &dyn PodStore) {
    let (one, other) = (add(store, pod("one")).await, add(store, pod("other")).await);
    let send = async |from, to, accepted| {
        let kind = Kind::Notify;
        let sent = podfleet_protocol::Message {
            kind,
            accepted,
            ..message("thank you")
        };
        store
            .accept(to, vec![Offer::from_pod(from, sent)])
            .await
            .unwrap()
            .remove(0)
            .map(drop)
    };
    for _ in 0..MAX_PAIR_MESSAGES / 2 {
        assert_eq!(send(one, other, AT).await, Ok(()));
        assert_eq!(send(other, one, AT).await, Ok(()));
    }
    let limit = Err(Refusal::PairLimit {
        limit: MAX_PAIR_MESSAGES,
    });
    assert_eq!(send(one, other, UnixMillis(AT.0 + 59_999)).await, limit);
    assert_eq!(send(one, other, UnixMillis(AT.0 + 60_000)).await, Ok(()));
    // A clock that was set back leaves them in a future that no window reaches.
    assert_eq!(send(one, other, UnixMillis(AT.0 - 1)).await, Ok(()));
}

async fn a_settled_message_leaves_the_inbox_and_stays_readable(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let (first, second) = (message("1"), message("2"));
    store
        .accept(id, vec![first.clone().into(), second.clone().into()])
        .await
        .unwrap();
    let receipt = Receipt {
        outcome: Outcome::Submitted,
        ..Receipt::accepted(first.id, AT)
    };
    store
        .set_delivery(fence, first.id, DeliveryState::Settled, &receipt)
        .await
        .unwrap();

    let waiting = store.undelivered(id, Page::all()).await.unwrap().items;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].message, second);
    assert_eq!(store.inbox(id, Page::all()).await.unwrap().items.len(), 2);
    let answered = Receipt {
        outcome: Outcome::Answered,
        settled: true,
        ..receipt
    };
    store
        .set_delivery(fence, first.id, DeliveryState::Settled, &answered)
        .await
        .unwrap();
    let entry = store.message(id, first.id).await.unwrap().unwrap();
    assert_eq!(
        (entry.state, entry.receipt),
        (DeliveryState::Settled, answered)
    );
}

async fn a_settled_receipt_is_final(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let sent = message("1");
    store.accept(id, vec![sent.clone().into()]).await.unwrap();
    let last = Receipt {
        outcome: Outcome::Unknown,
        settled: true,
        ..Receipt::accepted(sent.id, AT)
    };
    store
        .set_delivery(fence, sent.id, DeliveryState::Settled, &last)
        .await
        .unwrap();
    store
        .set_delivery(fence, sent.id, DeliveryState::Settled, &last)
        .await
        .unwrap();
    let other = Receipt::accepted(sent.id, AT);
    let error = store
        .set_delivery(fence, sent.id, DeliveryState::Accepted, &other)
        .await
        .unwrap_err();
    assert_eq!(
        *error.kind(),
        StoreErrorKind::Settled {
            outcome: "unknown".to_owned()
        }
    );
    let unknown = store
        .set_delivery(fence, message("").id, DeliveryState::Settled, &last)
        .await;
    assert_eq!(
        *unknown.unwrap_err().kind(),
        StoreErrorKind::NotFound("message")
    );
}

async fn every_attempt_is_counted(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let sent = message("1");
    store.accept(id, vec![sent.clone().into()]).await.unwrap();
    let receipt = Receipt::accepted(sent.id, AT);
    for attempts in 1..=3 {
        store
            .set_delivery(fence, sent.id, DeliveryState::Delivering, &receipt)
            .await
            .unwrap();
        store
            .set_delivery(fence, sent.id, DeliveryState::Delivering, &receipt)
            .await
            .unwrap();
        store
            .set_delivery(fence, sent.id, DeliveryState::Accepted, &receipt)
            .await
            .unwrap();
        let entry = store.message(id, sent.id).await.unwrap().unwrap();
        assert_eq!(
            (entry.state, entry.attempts),
            (DeliveryState::Accepted, attempts)
        );
    }
}

async fn a_message_is_cancelled_only_before_its_delivery(store: &dyn PodStore) {
    let id = add(store, pod("coder")).await;
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    let (first, second) = (message("1"), message("2"));
    store
        .accept(id, vec![first.clone().into(), second.clone().into()])
        .await
        .unwrap();
    let cancelled = store.cancel(id, first.id, AT).await.unwrap();
    assert_eq!(
        (cancelled.outcome, cancelled.settled),
        (Outcome::Cancelled, true)
    );
    assert_eq!(
        store.cancel(id, first.id, UnixMillis(0)).await.unwrap(),
        cancelled
    );
    let receipt = Receipt::accepted(first.id, AT);
    let late = store
        .set_delivery(fence, first.id, DeliveryState::Delivering, &receipt)
        .await;
    assert!(matches!(
        late.unwrap_err().kind(),
        StoreErrorKind::Settled { .. }
    ));

    let typing = Receipt::accepted(second.id, UnixMillis(AT.0 + 1));
    store
        .set_delivery(fence, second.id, DeliveryState::Delivering, &typing)
        .await
        .unwrap();
    assert_eq!(store.cancel(id, second.id, AT).await.unwrap(), typing);
    let error = store.cancel(id, message("").id, AT).await.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::NotFound("message"));
}
