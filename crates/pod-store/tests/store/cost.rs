//! What operations write to the disk, in pages of the write-ahead log. They take most of an
//! operation's time, and depend on the tables and their indexes, not on the machine.

use std::fs;
use std::path::{Path, PathBuf};

use podfleet_pod_store::{
    InboxStore as _, Offer, PeerPair, RelationStore as _, SqliteStore, Writer,
};
use podfleet_protocol::{Kind, Message, PodId, UnixMillis};
use tempfile::TempDir;

use super::samples::{AT, add, message, pod};
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
            let sent = Message {
                kind: Kind::Notify,
                accepted: UnixMillis(AT.0 + i64::from(minute) * 60_000),
                ..message("please look at the failing test")
            };
            let answers = self.store.accept(to, vec![offer(sent)]).await.unwrap();
            assert!(answers[0].is_ok(), "{answers:?}");
        }
        self.tenths_of_pages(before)
    }
}

fn pages(log: &Path) -> u64 {
    const HEAD: u64 = 32;
    const FRAME: u64 = 24 + 4096;
    (fs::metadata(log).unwrap().len() - HEAD) / FRAME
}

#[tokio::test]
async fn a_message_of_a_mate_writes_what_one_of_the_operator_does_and_its_senders_outbox() {
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
    assert!(operators < 40, "{operators}");
    assert!(mates <= operators + 25, "{mates}, not {operators}");
}

#[tokio::test]
async fn a_registration_of_a_peer_writes_fewer_than_five_pages() {
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
    assert!(written < 50, "{written}");
}
