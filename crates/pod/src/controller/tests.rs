use std::collections::BTreeMap;

use podfleet_pod_store::session_log::{Entry, SessionReader};
use podfleet_pod_store::{DeliveryState, InboxEntry, Sequence};
use podfleet_protocol::{Address, Kind, NewMessage, Receipt, RunEnd, UnixMillis};

use super::*;
use crate::delivery::Job;
use crate::spec::{HarnessRef, RestartPolicy};
use crate::testing::Bench;

#[derive(Debug)]
struct Nobody;

impl Keeper for Nobody {
    fn ready(&mut self) {}

    fn alive(&mut self) {}

    fn watchdog(&self) -> Option<Duration> {
        None
    }
}

/// A pod whose agent would be `false`, which starts no agent before its launch is in the log.
fn controller(bench: &Bench) -> Controller {
    let spec = PodSpec {
        harness: HarnessRef {
            name: "sim".into(),
            file: None,
        },
        argv: vec!["/bin/false".into()],
        env: BTreeMap::new(),
        env_file: None,
        working_directory: bench.directory.path().to_owned(),
        prepare: Vec::new(),
        told: "be kind".into(),
        conversation: None,
        first_message: None,
        kickstart: None,
        restart: RestartPolicy::default(),
        size: Size::DEFAULT,
        reset_between_tasks: false,
        model: None,
        resources: crate::spec::Resources::default(),
    };
    Controller::new(Setup {
        shared: Arc::clone(&bench.shared),
        lifecycle: None,
        harness: spec.harness.load().unwrap(),
        spec,
        exe: "/bin/false".into(),
        pod_env: Vec::new(),
        heartbeat_interval: Duration::from_secs(3600),
        bodies: bench.directory.path().join("bodies"),
        quarantined: None,
        boot_id: "boot".into(),
        paused: None,
    })
}

fn entry(bench: &Bench, body: &str) -> InboxEntry {
    let new = NewMessage::new(body);
    let address = Address::operator(&bench.shared.identity.host);
    InboxEntry {
        sequence: Sequence(1),
        receipt: Receipt::accepted(new.id, UnixMillis(0)),
        message: Message {
            id: new.id,
            from: address.clone(),
            to: address,
            kind: Kind::Run,
            class: new.class,
            thread: new.thread,
            body: new.body,
            typing: new.typing,
            accepted: UnixMillis(0),
        },
        sender: None,
        state: DeliveryState::Accepted,
        attempts: 0,
    }
}

#[tokio::test]
async fn a_pod_that_is_ended_while_the_log_takes_its_launch_starts_nothing_and_says_so() {
    let mut bench = Bench::new();
    let controller = controller(&bench);
    let shared = Arc::clone(&bench.shared);
    let (_, none) = mpsc::unbounded_channel();
    let commands = std::mem::replace(&mut bench.commands, none);
    let disk = bench.promises.clone();
    let (slow, is_slow) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holding = std::thread::spawn(move || {
        let _held = disk.held.lock().unwrap();
        slow.send(()).unwrap();
        released.recv().unwrap();
    });
    is_slow.await.unwrap();
    let running = tokio::spawn(controller.run(commands, 0, Box::new(Nobody)));
    bench.promises.waited_for.notified().await;
    let (answer, answered) = oneshot::channel();
    shared.tell(Command::Shutdown("enough".into(), Some(answer)));
    release.send(()).unwrap();
    holding.join().unwrap();
    running.await.unwrap().unwrap();
    answered.await.unwrap();

    let records = SessionReader::open(bench.files).unwrap();
    let entries: Vec<Entry> = records.map(|found| found.unwrap().record.entry).collect();
    let ends: Vec<&Entry> = entries.iter().rev().take(2).collect();
    assert!(
        matches!(ends[1], Entry::Launch { run: Run(1), .. }),
        "{entries:?}"
    );
    let not_started = RunEnd::NotStarted("the pod was ended before".into());
    assert!(
        matches!(ends[0], Entry::Exit { run: Run(1), end } if *end == not_started),
        "{entries:?}"
    );
}

#[tokio::test]
async fn a_message_that_is_withdrawn_while_it_is_fetched_is_counted_once_and_not_begun() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.live.waiting = 2;
    controller.head_asked = true;
    let withdrawn = entry(&bench, "first");
    let id = withdrawn.message.id;
    controller.command(Command::Withdrawn(id)).await;
    let head = Box::new(Ok(Some(withdrawn)));
    controller.command(Command::Head(head)).await;
    assert!(controller.live.next.is_none());
    assert!(controller.head_wanted);
    assert_eq!(controller.live.waiting, 1);
    let head = Box::new(Ok(Some(entry(&bench, "second"))));
    controller.command(Command::Head(head)).await;
    assert_eq!(controller.live.waiting, 1);
}

#[tokio::test]
async fn an_inbox_that_was_empty_when_it_was_read_does_not_hide_what_came_since() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.head_wanted = false;
    controller.head_asked = true;
    controller.command(Command::Accepted(1)).await;
    controller.command(Command::Accepted(2)).await;
    controller.command(Command::Head(Box::new(Ok(None)))).await;
    assert_eq!(controller.live.waiting, 2);
    assert!(controller.head_wanted);
}

#[tokio::test]
async fn a_screen_that_never_rests_is_looked_at_by_the_clock_also_while_a_message_is_on_its_way() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let job = Job {
        id: NewMessage::new("x").id,
        text: "x".into(),
        now: false,
        command: false,
    };
    controller.live.delivery.begin(job, || None);
    let last = controller.last_look;
    controller.dirty = true;
    assert!(!controller.look_due(last));
    assert!(controller.look_due(last + WATCH_EVERY));
    assert!(controller.next_wake() <= last + WATCH_EVERY);
}
