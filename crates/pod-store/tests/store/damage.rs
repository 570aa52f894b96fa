//! Databases with damage: what is whole is read, and what is not is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use podfleet_pod_store::{
    CorruptRecord, DeliveryState, InboxStore as _, Offer, Page, PeerPair, PodFilter, Reasons,
    RecordStore as _, RelationChange, RelationStore as _, SqliteStore, StoreErrorKind, Writer,
};
use podfleet_protocol::{Kind, Message, MessageId, Outcome, PodId, PodName, Receipt};

use super::samples::{AT, add, fleet, message, pod, start};
use super::sqlite::{place, tamper};

#[test]
fn files_that_are_no_store_are_refused_and_left_alone() {
    let (_directory, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&path, "dear diary, ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Corrupt(_)),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "dear diary, ".repeat(100)
    );

    fs::remove_file(&path).unwrap();
    tamper(&path, "CREATE TABLE recipe (name TEXT)");
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), StoreErrorKind::Corrupt(_)),
        "{error}"
    );
}

#[tokio::test]
async fn one_damaged_record_does_not_hide_the_others() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    add(&store, pod("b")).await;
    let long = message(&"x".repeat(100_000));
    let sent = [message("1"), message("2"), long.clone(), message("3")];
    store
        .accept(id, sent.iter().cloned().map(Into::into).collect())
        .await
        .unwrap();
    let second = sent[1].id;
    tamper(
        &path,
        &format!(
            "UPDATE pod SET spec = '{{' WHERE name = 'b';
             UPDATE message SET receipt = 'gone' WHERE id = '{second}'"
        ),
    );
    fs::remove_dir_all(path.with_file_name("bodies")).unwrap();

    let pods = store
        .list_pods(&PodFilter::from(fleet("default")), Page::all())
        .await
        .unwrap();
    assert_eq!(pods.items.len(), 1);
    assert_eq!(pods.corrupt[0].label, "b");
    assert!(
        pods.corrupt[0].error.contains("`spec`"),
        "{:?}",
        pods.corrupt
    );
    let inbox = store.undelivered(id, Page::all()).await.unwrap();
    assert_eq!(inbox.items.len(), 2);
    let corrupt: Vec<_> = inbox
        .corrupt
        .iter()
        .map(|record| record.id.clone())
        .collect();
    assert_eq!(corrupt, [second.to_string(), long.id.to_string()]);

    // What is damaged can still be settled, so that it does not wait for ever.
    let fence = store.begin_generation(id, &start(1)).await.unwrap().fence();
    for id in [second, long.id] {
        let receipt = Receipt {
            settled: true,
            ..Receipt::accepted(id, AT)
        };
        store
            .set_delivery(fence, id, DeliveryState::Settled, &receipt)
            .await
            .unwrap();
    }
    assert!(
        store
            .undelivered(id, Page::all())
            .await
            .unwrap()
            .corrupt
            .is_empty()
    );
}

#[tokio::test]
async fn the_damage_of_one_pod_is_told_as_its_own_and_it_can_be_forgotten() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    add(&store, pod("b")).await;
    tamper(&path, "UPDATE pod SET spec = '{' WHERE name = 'a'");
    let name = PodName::new("a").unwrap();
    let found = store.find_pod(&fleet("default"), &name).await.unwrap_err();
    let asked = store.pod(id).await.unwrap_err();
    for error in [found, asked] {
        let StoreErrorKind::DamagedPod {
            id: told,
            name,
            what,
            ..
        } = error.kind()
        else {
            panic!("{error}");
        };
        assert_eq!((told, name.as_str()), (&id.to_string(), "a"));
        assert!(what.starts_with("column `spec`: "), "{what}");
    }
    store.forget_pod(id, AT).await.unwrap();
    assert_eq!(
        store.find_pod(&fleet("default"), &name).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_damages_its_own_record_alone() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let id = add(&store, pod("a")).await;
    for name in ["b", "c"] {
        add(&store, pod(name)).await;
    }
    let sent = ["1", "2", "3"].map(message);
    let offers = sent.iter().cloned().map(Into::into).collect();
    store.accept(id, offers).await.unwrap();
    let second = sent[1].id;
    tamper(
        &path,
        &format!(
            "UPDATE pod SET name = CAST(x'62ff' AS TEXT) WHERE name = 'b';
             UPDATE message SET body = CAST(x'ff41' AS TEXT) WHERE id = '{second}'"
        ),
    );

    let filter = PodFilter::from(fleet("default"));
    let pods = store.list_pods(&filter, Page::all()).await.unwrap();
    assert_eq!(pods.items.len(), 2);
    assert_eq!(pods.corrupt[0].label, "b\u{fffd}");
    let inbox = store.undelivered(id, Page::all()).await.unwrap();
    assert_eq!(inbox.items.len(), 2);
    assert_eq!(inbox.corrupt[0].id, second.to_string());
    let check = store.check().await.unwrap();
    let damaged = check.findings.iter();
    let damaged = damaged.filter(|found| found.problem.contains("invalid utf-8"));
    let damaged: Vec<_> = damaged.map(|found| found.subject.as_str()).collect();
    assert_eq!(damaged, ["message", "pod"], "{:?}", check.findings);
}

#[tokio::test]
async fn a_damaged_message_is_withdrawn_by_its_id_alone() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let (id, mate) = (add(&store, pod("a")).await, add(&store, pod("b")).await);
    let long = "x".repeat(100_000);
    let sent = ["1", "2", "3", "4", &long].map(|body| Message {
        kind: Kind::Notify,
        ..message(body)
    });
    let offers = sent.iter().map(|sent| Offer::from_pod(mate, sent.clone()));
    store.accept(id, offers.collect()).await.unwrap();
    let [body, typing, state, behind, filed] = sent.map(|sent| sent.id);
    for file in fs::read_dir(path.with_file_name("bodies")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() = 0xff;
        fs::write(&file, bytes).unwrap();
    }
    tamper(
        &path,
        &format!(
            "UPDATE message SET body = CAST(x'ff41' AS TEXT) WHERE id = '{body}';
             UPDATE message SET typing = '{{', state = 'delivering' WHERE id = '{typing}';
             UPDATE message SET state = CAST(x'ff' AS TEXT) WHERE id = '{state}';
             UPDATE message SET body = CAST(CAST(printf('%300s', 'x') AS BLOB) || x'ff' AS TEXT)
               WHERE id = '{behind}'"
        ),
    );
    assert_eq!(waiting(&store, id).await, (0, 5));
    for (id_of, outcome) in [
        (body, Outcome::Cancelled),
        (typing, Outcome::Unknown),
        (state, Outcome::Unknown),
        (behind, Outcome::Cancelled),
        (filed, Outcome::Cancelled),
    ] {
        let receipt = store.cancel(id, id_of, AT).await.unwrap();
        assert_eq!((receipt.outcome, receipt.settled), (outcome, true));
        let reason = receipt.reason.clone().unwrap_or_default();
        assert!(reason.starts_with("its record was damaged: "), "{reason}");
        assert_eq!(store.cancel(id, id_of, AT).await.unwrap(), receipt);
    }
    assert_eq!(waiting(&store, id).await, (0, 0));
    let told = store.outbox(mate, Page::all()).await.unwrap().items;
    let told = told.iter().filter(|event| {
        matches!(
            event.change,
            RelationChange::MessageSettled {
                reason: Some(_),
                ..
            }
        )
    });
    assert_eq!(told.count(), 5);
}

#[tokio::test]
async fn what_a_sender_is_to_be_told_is_damaged_row_by_row() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let [one, other, sender] = ["one", "other", "sender"].map(pod);
    let (one, other) = (add(&store, one).await, add(&store, other).await);
    let sender = add(&store, sender).await;
    let begun = store.begin_generation(sender, &start(1)).await.unwrap();
    let fence = begun.fence();
    let mut sent = Vec::new();
    for to in [one, one, one, one, other, other] {
        let notification = Message {
            kind: Kind::Notify,
            ..message("look")
        };
        sent.push(notification.id);
        let offer = Offer::from_pod(sender, notification);
        store.accept(to, vec![offer]).await.unwrap();
    }
    let [negative, sound, huge, kind, behind, last] = sent[..] else {
        panic!("{sent:?}")
    };
    tamper(
        &path,
        &format!(
            "UPDATE message SET untold = -1 WHERE id IN ('{negative}', '{behind}');
             UPDATE message SET untold = 4294967296 WHERE id = '{huge}';
             UPDATE message SET kind = CAST(x'ff' AS TEXT) WHERE id = '{kind}'"
        ),
    );
    assert_eq!(store.gather_sent(fence).await.unwrap(), 2);
    assert_eq!(told(&store, sender).await, [sound, last]);
    // Neither does a further message wait for them.
    let later = Message {
        kind: Kind::Notify,
        ..message("and again")
    };
    let offer = Offer::from_pod(sender, later.clone());
    store.accept(one, vec![offer]).await.unwrap();
    assert_eq!(store.gather_sent(fence).await.unwrap(), 1);
    assert_eq!(told(&store, sender).await, [sound, last, later.id]);

    let check = store.check().await.unwrap();
    let named = check.findings.iter();
    let named = named.filter(|found| found.problem.contains("to be told"));
    assert_eq!(named.count(), 3, "{:?}", check.findings);

    // They are delivered and withdrawn, and what came of them is told; they go with their receiver.
    let begun = store.begin_generation(one, &start(2)).await.unwrap();
    let receipt = Receipt {
        outcome: Outcome::Answered,
        settled: true,
        ..Receipt::accepted(negative, AT)
    };
    let settled = DeliveryState::Settled;
    let set = store.set_delivery(begun.fence(), negative, settled, &receipt);
    set.await.unwrap();
    store.cancel(one, huge, AT).await.unwrap();
    let fates = [sound, last, later.id, negative, huge];
    assert_eq!(told(&store, sender).await, fates);
    store.forget_pod(other, AT).await.unwrap();
    assert_eq!(store.gather_sent(fence).await.unwrap(), 0);
    assert_eq!(told(&store, sender).await, fates);
}

/// Returns the messages that a pod's outbox tells of, in order.
async fn told(store: &SqliteStore, pod: PodId) -> Vec<MessageId> {
    let listing = store.outbox(pod, Page::all()).await.unwrap();
    assert_eq!(listing.corrupt, []);
    let events = listing.items.into_iter().map(|event| match event.change {
        RelationChange::MessageSent { message, .. }
        | RelationChange::MessageSettled { message, .. } => message.id,
        other => panic!("{other:?}"),
    });
    events.collect()
}

/// Counts what waits, and what of it cannot be read: the same with bodies and without.
async fn waiting(store: &SqliteStore, pod: PodId) -> (usize, usize) {
    let listing = store.undelivered(pod, Page::all()).await.unwrap();
    let summaries = store.waiting(pod, None, Page::all()).await.unwrap();
    let named = |corrupt: &[CorruptRecord]| -> Vec<_> {
        corrupt.iter().map(|record| record.id.clone()).collect()
    };
    assert_eq!(named(&summaries.corrupt), named(&listing.corrupt));
    (listing.items.len(), listing.corrupt.len())
}

#[tokio::test]
async fn children_and_peers_whose_records_are_gone_are_missing_and_not_forgotten() {
    let (_directory, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    let [lead, both, peer, other] = ["a", "b", "c", "d"].map(|name| add(&store, pod(name)));
    let [lead, both, peer, _other] = [lead.await, both.await, peer.await, other.await];
    for friend in [both, peer] {
        let pair = PeerPair::new(lead, friend).unwrap();
        let registered = store.register_peer(Writer::Operator, pair, AT).await;
        registered.unwrap();
    }
    assert_eq!(store.missing_relatives(lead).await.unwrap(), []);
    tamper(
        &path,
        &format!(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO child (child, parent, created) VALUES ('{both}', '{lead}', 1);
             DELETE FROM pod WHERE name IN ('b', 'c', 'd');"
        ),
    );
    let reasons = |child| Reasons {
        child,
        peer: true,
        ..Reasons::default()
    };
    let mut expected = [(both, reasons(true)), (peer, reasons(false))];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(store.missing_relatives(lead).await.unwrap(), expected);
}
