//! What operations write to the disk, in pages of the write-ahead log. They take most of an
//! operation's time, and depend on the tables and their indexes, not on the machine.

use std::fs;
use std::path::{Path, PathBuf};

use podfleet_pod_store::{
    DeliveryState, InboxStore as _, Offer, PeerPair, RecordStore as _, RelationStore as _,
    SqliteStore, Writer,
};
use podfleet_protocol::{Kind, Message, Outcome, PodId, Receipt, UnixMillis};
use tempfile::TempDir;

use super::samples::{AT, add, message, pod, start};
use super::sqlite::place;

const ROUNDS: u32 = 100;

struct Measured {
    _directory: TempDir,
    log: PathBuf,
    store: SqliteStore,
}

impl Measured {
    fn new() -> Self {
        let (_directory, path) = place();
        let store = SqliteStore::open(&path).unwrap();
        Self {
            _directory,
            log: path.with_extension("db-wal"),
            store,
        }
    }

    /// Returns how many pages a round has written since there were `before`, in tenths. The log
    /// only grows while it is shorter than a thousand pages.
    fn tenths_of_pages(&self, before: u64) -> u64 {
        (pages(&self.log) - before) * 10 / u64::from(ROUNDS)
    }

    /// Accepts messages for a pod, and returns what one of them writes.
    async fn accept(&self, to: PodId, offer: impl Fn(Message) -> Offer) -> u64 {
        let before = pages(&self.log);
        for minute in 0..ROUNDS {
            let offers = vec![offer(notification(minute))];
            let answers = self.store.accept(to, offers).await.unwrap();
            assert!(answers[0].is_ok(), "{answers:?}");
        }
        self.tenths_of_pages(before)
    }
}

/// A minute after the one before: no limit of a minute is near.
fn notification(minute: u32) -> Message {
    Message {
        kind: Kind::Notify,
        accepted: UnixMillis(AT.0 + i64::from(minute) * 60_000),
        ..message("please look at the failing test")
    }
}

fn pages(log: &Path) -> u64 {
    const HEAD: u64 = 32;
    const FRAME: u64 = 24 + 4096;
    (fs::metadata(log).unwrap().len() - HEAD) / FRAME
}

#[tokio::test]
async fn a_message_of_a_mate_writes_what_one_of_the_operator_does() {
    let [operators, mates] = [false, true].map(|by_mate| async move {
        let measured = Measured::new();
        let coder = add(&measured.store, pod("coder")).await;
        let tester = add(&measured.store, pod("tester")).await;
        let offer = |sent: Message| match by_mate {
            true => Offer::from_pod(tester, sent),
            false => sent.into(),
        };
        measured.accept(coder, offer).await
    });
    let (operators, mates) = (operators.await, mates.await);
    assert!(operators < 30, "{operators}");
    assert!(mates <= operators + 2, "{mates}, not {operators}");
}

#[tokio::test]
async fn a_message_that_is_settled_at_once_writes_fewer_than_five_pages_in_all() {
    let measured = Measured::new();
    let coder = add(&measured.store, pod("coder")).await;
    let begun = measured.store.begin_generation(coder, &start(1)).await;
    let fence = begun.unwrap().fence();
    let before = pages(&measured.log);
    for minute in 0..ROUNDS {
        let sent = notification(minute);
        let accepted = measured
            .store
            .accept(coder, vec![sent.clone().into()])
            .await;
        assert!(accepted.unwrap()[0].is_ok());
        let settled = Receipt {
            outcome: Outcome::Answered,
            settled: true,
            ..Receipt::accepted(sent.id, sent.accepted)
        };
        let typed = Receipt {
            outcome: Outcome::Submitted,
            ..Receipt::accepted(sent.id, sent.accepted)
        };
        for (state, receipt) in [
            (DeliveryState::Delivering, typed),
            (DeliveryState::Settled, settled),
        ] {
            let written = measured.store.set_delivery(fence, sent.id, state, &receipt);
            written.await.unwrap();
        }
    }
    let written = measured.tenths_of_pages(before);
    assert!(written < 50, "{written}");
}

#[tokio::test]
async fn what_a_pod_sent_is_put_into_its_outbox_with_fewer_than_four_pages_each() {
    let measured = Measured::new();
    let coder = add(&measured.store, pod("coder")).await;
    let tester = add(&measured.store, pod("tester")).await;
    let begun = measured.store.begin_generation(tester, &start(1)).await;
    let fence = begun.unwrap().fence();
    let mut written = 0;
    for minute in 0..ROUNDS {
        let offers = vec![Offer::from_pod(tester, notification(minute))];
        measured.store.accept(coder, offers).await.unwrap();
        let before = pages(&measured.log);
        assert_eq!(measured.store.gather_sent(fence).await.unwrap(), 1);
        // Another look finds nothing, and writes nothing.
        assert_eq!(measured.store.gather_sent(fence).await.unwrap(), 0);
        written += pages(&measured.log) - before;
    }
    let written = written * 10 / u64::from(ROUNDS);
    assert!(written < 40, "{written}");
}

#[tokio::test]
async fn a_registration_of_a_peer_writes_fewer_than_four_pages() {
    let measured = Measured::new();
    let hub = add(&measured.store, pod("hub")).await;
    let mut others = Vec::new();
    for number in 0..ROUNDS {
        others.push(add(&measured.store, pod(&format!("p{number}"))).await);
    }
    let before = pages(&measured.log);
    for other in others {
        let pair = PeerPair::new(hub, other).unwrap();
        let registered = measured.store.register_peer(Writer::Operator, pair, AT);
        registered.await.unwrap();
    }
    let written = measured.tenths_of_pages(before);
    assert!(written < 40, "{written}");
}
