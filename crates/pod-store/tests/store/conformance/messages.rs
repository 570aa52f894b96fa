//! What every store does with messages that it has accepted. Each test runs on each store.

use podfleet_pod_store::{
    DeliveryState, InboxEntry, InboxSummary, Offer, Page, PodStore, StoreErrorKind,
};
use podfleet_protocol::limits::{MAX_BODY, PREVIEW};
use podfleet_protocol::method::InboxRow;
use podfleet_protocol::{Kind, Message, Outcome, PodId, Receipt, UnixMillis};

use super::super::samples::{AT, add, message, pod, start};

on_every_store!(
    messages_keep_their_order_and_every_field,
    a_listing_of_what_waits_has_the_beginning_of_each_body,
    what_waits_comes_in_pages_in_the_order_of_acceptance_whoever_sent_it,
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
