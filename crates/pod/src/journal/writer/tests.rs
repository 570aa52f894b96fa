use std::sync::atomic::Ordering;

use podfleet_pod_store::session_log::{RelationEvent, SessionReader};
use podfleet_pod_store::{
    Endpoint, GenerationStart, NewChild, NewPod, Page, PodLabel, RelationChange, Report, SpecText,
    Writer as RelationWriter,
};
use podfleet_protocol::limits::MAX_INBOX;
use podfleet_protocol::{Address, Class, Generation, Identity, Kind, PodId, PodName, Run, Typing};

use super::*;
use crate::lifecycle;
use crate::testing::Bench;

async fn launch(bench: &mut Bench) -> Result<(), String> {
    bench.shared.journal.launch(Entry::Launch {
        run: Run(1),
        argv: vec!["agent".into()],
        env_names: Vec::new(),
        told: "be kind".into(),
    });
    match bench.commands.recv().await {
        Some(Command::LaunchCommitted(result)) => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_launch_is_told_of_only_when_the_disk_has_it() {
    let mut bench = Bench::new();
    assert_eq!(launch(&mut bench).await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_launch_that_the_disk_does_not_keep_is_told_of_as_failed_until_it_keeps_one() {
    let mut bench = Bench::new();
    bench.promises.refused.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = launch(&mut bench).await.unwrap_err();
        assert!(error.contains("no storage space"), "{error}");
    }
    bench.promises.refused.store(false, Ordering::SeqCst);
    assert_eq!(launch(&mut bench).await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_launch_whose_log_was_removed_is_told_of_as_failed_and_the_next_one_is_on_disk() {
    let mut bench = Bench::new();
    assert_eq!(launch(&mut bench).await, Ok(()));
    std::fs::remove_dir_all(bench.files.directory()).unwrap();
    let error = launch(&mut bench).await.unwrap_err();
    assert!(error.contains("was removed"), "{error}");
    assert_eq!(launch(&mut bench).await, Ok(()));
    let kept: Vec<_> = SessionReader::open(bench.files.clone()).unwrap().collect();
    let launches = kept
        .iter()
        .filter(|item| matches!(item.as_ref().unwrap().record.entry, Entry::Launch { .. }));
    assert_eq!(launches.count(), 1);
}

fn new_pod(identity: Identity) -> NewPod {
    NewPod {
        identity,
        class: "member".into(),
        alias: None,
        runtime: "sim".into(),
        spec: SpecText::of(&()).unwrap(),
        runtime_dir: "/run/fleet".into(),
        at: clock::wall(),
    }
}

fn start() -> GenerationStart {
    GenerationStart {
        endpoint: Endpoint {
            socket: "/s".into(),
            heartbeat: "/h".into(),
            pid: 1,
            build: String::new(),
        },
        at: clock::wall(),
        above: Generation(0),
    }
}

/// Makes the pod of a bench the parent of another, which then has this right to write.
async fn child_of(bench: &Bench) -> Fence {
    let (store, parent) = (&bench.shared.store, &bench.shared.identity);
    let start = start();
    store.put_pod(new_pod(parent.clone())).await.unwrap();
    store.begin_generation(parent.id, &start).await.unwrap();
    let child = NewChild {
        pod: new_pod(Identity {
            id: PodId::generate(),
            name: PodName::new("helper").unwrap(),
            ..parent.clone()
        }),
        parent: Some(parent.id),
        scope: serde_json::json!({}),
    };
    let child = store.reserve_child(RelationWriter::Operator, child).await;
    let child = child.unwrap().identity.id;
    let confirmed = store.confirm_child(RelationWriter::Operator, child, clock::wall());
    confirmed.await.unwrap();
    let begun = store.begin_generation(child, &start).await.unwrap();
    begun.fence()
}

fn report() -> Report {
    Report {
        id: MessageId::generate(),
        event: "turn_ended".to_owned(),
        body: "turn_ended: `helper` is idle.".to_owned(),
    }
}

fn from_operator(body: &str) -> Offer {
    Offer::from(Message {
        id: MessageId::generate(),
        from: Address::operator("fern"),
        to: Address::new("fern", "coder"),
        kind: Kind::Run,
        class: Class::default(),
        thread: None,
        body: body.to_owned(),
        typing: Typing::default(),
        accepted: clock::wall(),
    })
}

impl Bench {
    async fn copy_outbox(&self) {
        self.shared.journal.copy_outbox();
        self.shared.journal.flush().await;
    }

    /// What of a child's reports the inbox has, the outbox still has, and the log has.
    async fn reports(&self) -> (usize, usize, usize) {
        let (store, pod) = (&self.shared.store, self.shared.identity.id);
        let inbox = store.inbox(pod, Page::all()).await.unwrap().items;
        let inbox = inbox.iter().filter(|entry| {
            entry.message.body.starts_with("turn_ended") && entry.message.kind == Kind::Notify
        });
        let outbox = store.outbox(pod, Page::all()).await.unwrap().items;
        let outbox = outbox
            .iter()
            .filter(|event| matches!(event.change, RelationChange::ChildReported { .. }));
        let log = SessionReader::open(self.files.clone()).unwrap();
        let log = log.filter(|record| {
            let Entry::Child(RelationEvent { event, .. }) = &record.as_ref().unwrap().record.entry
            else {
                return false;
            };
            event == "turn_ended"
        });
        (inbox.count(), outbox.count(), log.count())
    }
}

#[tokio::test]
async fn what_a_child_reports_comes_out_of_the_outbox_into_the_inbox_once() {
    let mut bench = Bench::new();
    let child = child_of(&bench).await;
    let store = Arc::clone(&bench.shared.store);
    let report = report();
    let now = clock::wall();
    store.report(child, report.clone(), now).await.unwrap();
    assert_eq!(bench.reports().await, (0, 1, 0));
    bench.copy_outbox().await;
    assert_eq!(bench.reports().await, (1, 0, 1));
    let told = bench.commands.recv().await;
    assert!(matches!(told, Some(Command::Accepted(1))), "{told:?}");
    // Told again after a doubt, and accepted by the child in the place of a pod that does not run.
    store.report(child, report.clone(), now).await.unwrap();
    bench.copy_outbox().await;
    assert_eq!(bench.reports().await, (1, 0, 2));
    let label = PodLabel {
        id: child.pod,
        fleet: bench.shared.identity.fleet.clone(),
        name: PodName::new("helper").unwrap(),
    };
    let offer = lifecycle::offer(&bench.shared.identity, &label, &report, now);
    let accepted = store.accept(bench.shared.identity.id, vec![offer]).await;
    assert!(accepted.unwrap().remove(0).unwrap().duplicate);
}

#[tokio::test]
async fn what_a_child_reports_to_a_full_inbox_waits_for_room() {
    let bench = Bench::new();
    let child = child_of(&bench).await;
    let (store, pod) = (&bench.shared.store, bench.shared.identity.id);
    let offers: Vec<_> = (0..MAX_INBOX).map(|_| from_operator("work")).collect();
    let first = offers[0].message.id;
    store.accept(pod, offers).await.unwrap();
    store.report(child, report(), clock::wall()).await.unwrap();
    bench.copy_outbox().await;
    assert_eq!(bench.reports().await, (0, 1, 0));
    store.cancel(pod, first, clock::wall()).await.unwrap();
    bench.copy_outbox().await;
    assert_eq!(bench.reports().await, (1, 0, 1));
}

/// A message that the store calls `delivering` and that cannot be read any more.
async fn damaged_on_the_way(bench: &Bench) -> MessageId {
    let (store, pod) = (&bench.shared.store, &bench.shared.identity);
    let start = start();
    store.put_pod(new_pod(pod.clone())).await.unwrap();
    let fence = store.begin_generation(pod.id, &start).await.unwrap();
    let offer = from_operator(&"x".repeat(100_000));
    let id = offer.message.id;
    store.accept(pod.id, vec![offer]).await.unwrap();
    let receipt = Receipt::accepted(id, clock::wall());
    let set = store.set_delivery(fence.fence(), id, DeliveryState::Delivering, &receipt);
    set.await.unwrap();
    std::fs::remove_dir_all(bench.directory.path().join("bodies")).unwrap();
    id
}

#[tokio::test]
async fn who_withdraws_a_damaged_message_has_the_log_and_who_waits_learn_its_fate() {
    let bench = Bench::on_disk();
    let id = damaged_on_the_way(&bench).await;
    let receipt = bench.shared.journal.cancel(id).await.unwrap().unwrap();
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Unknown, true));
    assert_eq!(bench.shared.receipts.get(id), Some(receipt.clone()));
    let logged = || {
        let log = SessionReader::open(bench.files.clone()).unwrap();
        log.filter(|record| {
            let entry = &record.as_ref().unwrap().record.entry;
            matches!(entry, Entry::MessageReceipt { receipt: logged } if *logged == receipt)
        })
        .count()
    };
    assert_eq!(logged(), 1);
}

#[tokio::test]
async fn a_damaged_message_that_is_on_its_way_is_settled_by_what_becomes_of_it() {
    let bench = Bench::on_disk();
    let id = damaged_on_the_way(&bench).await;
    bench.shared.journal.deliver(Delivering {
        id,
        text: "x".to_owned(),
        attempt: 1,
        receipt: Some(Receipt::accepted(id, clock::wall())),
        item: None,
    });
    // Nothing is known of it yet but that it may have been typed.
    let answer = bench.shared.journal.cancel(id).await.unwrap().unwrap();
    assert!(!answer.settled, "{answer:?}");
    let answered = Receipt {
        outcome: Outcome::Answered,
        settled: true,
        ..Receipt::accepted(id, clock::wall())
    };
    bench.shared.journal.record(Recording {
        receipt: answered.clone(),
        state: Some(DeliveryState::Settled),
        leaves: true,
        answer: None,
    });
    bench.shared.journal.flush().await;
    let pod = bench.shared.identity.id;
    let fate = bench.shared.store.cancel(pod, id, clock::wall()).await;
    assert_eq!(fate.unwrap(), answered);
}

#[tokio::test]
async fn a_store_that_nobody_would_find_accepts_nothing_and_lets_nothing_be_typed() {
    let mut bench = Bench::on_disk();
    let pod = bench.shared.identity.clone();
    bench.shared.store.put_pod(new_pod(pod)).await.unwrap();
    let store = bench.directory.path().join("store.db");
    std::fs::copy(&store, bench.directory.path().join("copy.db")).unwrap();
    std::fs::rename(bench.directory.path().join("copy.db"), &store).unwrap();
    bench.copy_outbox().await;
    let told = bench.commands.recv().await;
    assert!(
        matches!(told, Some(Command::StoreLost(Some(_)))),
        "{told:?}"
    );
    let refused = bench.shared.journal.accept(from_operator("work")).await;
    let refused = refused.unwrap_err().message;
    for word in [
        "nothing was accepted",
        "another file took its place",
        "put it back",
    ] {
        assert!(refused.contains(word), "{refused}");
    }
    let id = MessageId::generate();
    bench.shared.journal.deliver(Delivering {
        id,
        text: "x".to_owned(),
        attempt: 1,
        receipt: Some(Receipt::accepted(id, clock::wall())),
        item: None,
    });
    let told = bench.commands.recv().await;
    let Some(Command::Committed(_, Err(NotCommitted::Failed(why)))) = told else {
        panic!("{told:?}");
    };
    assert!(why.contains("another file took its place"), "{why}");
    let log = SessionReader::open(bench.files.clone()).unwrap();
    let begun = log.filter(|record| {
        let entry = &record.as_ref().unwrap().record.entry;
        matches!(entry, Entry::MessageDelivering { .. })
    });
    assert_eq!(begun.count(), 0);
}
