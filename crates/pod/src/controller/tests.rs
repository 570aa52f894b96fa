mod geometry;

use std::collections::BTreeMap;

use podfleet_pod_store::session_log::{Entry, SessionReader};
use podfleet_pod_store::{DeliveryState, InboxEntry, Sequence};
use podfleet_protocol::method::{AnswerParams, AnswerResult, ShutdownParams};
use podfleet_protocol::{Address, HoldReason, Kind, NewMessage, Receipt, RunEnd, Size, UnixMillis};

use super::status::Beat;
use super::waking::WATCH_EVERY;
use super::*;
use crate::delivery::Job;
use crate::journal::{Attempt, NotCommitted};
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
pub(super) fn controller(bench: &Bench) -> Controller {
    hosting(bench, "sim")
}

/// The same, of a harness.
fn hosting(bench: &Bench, harness: &str) -> Controller {
    let spec = PodSpec {
        harness: HarnessRef {
            name: harness.into(),
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
    shared.tell(Command::Shutdown(ShutdownParams::default(), Some(answer)));
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

#[tokio::test]
async fn a_text_of_ours_that_is_being_typed_is_told_as_nobodys_draft() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.live.classification.state = ScreenState::Draft;
    assert_eq!(controller.status().screen.state, "draft");
    let job = Job {
        id: NewMessage::new("x").id,
        text: "x".into(),
        now: false,
        command: false,
    };
    controller.live.delivery.typed(job, Instant::now());
    let screen = controller.status().screen;
    assert_eq!(
        (screen.state.as_str(), screen.rule.as_str()),
        ("busy", "message")
    );
    controller.live.delivery.agent_ended(&RunEnd::Exited(0));
    assert_eq!(controller.status().screen.state, "draft");
}

#[tokio::test]
async fn who_interrupts_meanwhile_waits_for_the_same_key() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.phase = agent::Phase::Running;
    let now = Instant::now();
    shows(&mut controller, "\x1b]0;⠹ Working…\x07", now);
    let (first, first_told) = oneshot::channel();
    let (second, second_told) = oneshot::channel();
    controller.interrupt(first);
    controller.interrupt(second);
    let key = controller.setup.harness.submit().interrupt.clone();
    assert_eq!(controller.live.outgoing, key);
    controller.go_on_interrupting(now);
    controller.live.classification.state = ScreenState::Ready;
    controller.go_on_interrupting(now);
    for mut told in [first_told, second_told] {
        let told = told.try_recv().unwrap();
        assert!(told.pressed && !told.works_on, "{told:?}");
    }
}

#[tokio::test]
async fn a_pod_at_rest_begins_nothing_for_longer_than_one_that_was_only_asked() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    let now = Instant::now();
    for (phase, rests, seconds) in [
        (agent::Phase::Running, false, 1),
        (agent::Phase::Idle, true, 30),
    ] {
        controller.phase = phase;
        shows(&mut controller, "\x1b]0;⠹ Working…\x07", now);
        let (asked, mut told) = oneshot::channel();
        controller.come_to_rest(asked, now);
        assert_eq!(told.try_recv().unwrap().idle, rests);
        let over = now + Duration::from_secs(seconds);
        let hold = controller.about_to_end(over - Duration::from_millis(1));
        assert!(hold.unwrap().detail.contains("restart"));
        assert_eq!(controller.about_to_end(over), None);
        assert!(controller.next_wake() <= over && controller.look_due(over));
    }
}

#[tokio::test]
async fn an_agent_that_works_on_after_the_key_is_told_to() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.phase = agent::Phase::Running;
    let now = Instant::now();
    shows(&mut controller, "\x1b]0;⠹ Working…\x07", now);
    let (order, mut told) = oneshot::channel();
    controller.interrupt(order);
    let due = controller.live.interruption.as_ref().unwrap().due();
    controller.go_on_interrupting(due);
    let told = told.try_recv().unwrap();
    assert!(told.pressed && told.works_on, "{told:?}");
}

/// A dialog of opencode at 100 columns, with one of its choices lit by its background.
fn asks(lit: &str) -> String {
    let choice = |label| match label == lit {
        true => format!("\x1b[48;2;245;167;66m {label} \x1b[48;2;30;30;30m"),
        false => format!(" {label} "),
    };
    let choices = ["Allow once", "Allow always", "Reject"].map(choice);
    format!(
        "\x1b[?25l\x1b[2J\x1b[10;1H  \u{2503}\x1b[48;2;30;30;30m  \u{25b3} Permission required\x1b[K\
         \x1b[11;1H\x1b[m  \u{2503}\x1b[48;2;30;30;30m  {}   \u{21c6} select  enter confirm\x1b[K\x1b[m",
        choices.join(" "),
    )
}

fn shows(controller: &mut Controller, screen: &str, now: Instant) {
    controller.live.terminal.feed(screen.as_bytes());
    controller.live.last_output = Some(now);
    controller.look(now);
}

/// The controller of an agent that has just asked, with its first choice lit.
fn asking(bench: &Bench) -> (Controller, Instant) {
    let mut controller = hosting(bench, "opencode");
    controller.phase = Phase::Running;
    let start = Instant::now();
    shows(&mut controller, &asks("Allow once"), start);
    (controller, start)
}

/// Begins to answer the dialog on the screen.
fn answers(
    controller: &mut Controller,
    key: &str,
    now: Instant,
) -> oneshot::Receiver<AnswerResult> {
    let dialog = controller.dialog_result().dialog.unwrap();
    let (answer, answered) = oneshot::channel();
    let params = AnswerParams {
        dialog: dialog.id,
        key: key.into(),
    };
    let journal = &controller.setup.shared.journal;
    let attempt = Attempt::new(journal, control("answer-given-up"));
    controller.answer(params, attempt, answer, now);
    answered
}

fn control(action: &str) -> Entry {
    Entry::Control {
        action: action.into(),
        by: Address::operator("fern"),
        detail: String::new(),
    }
}

/// What has been pressed, which goes to the agent now.
fn pressed(controller: &mut Controller, now: Instant) -> BytesMut {
    let keys = controller.live.outgoing.clone();
    if !keys.is_empty() {
        controller.write_done(Some(keys.len()), now);
    }
    keys
}

#[tokio::test]
async fn a_choice_is_confirmed_only_when_it_is_seen_to_be_lit() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    let mut answered = answers(&mut controller, "3", later(10));
    assert_eq!(pressed(&mut controller, later(20)), "", "the screen moves");
    controller.go_on_answering(later(100));
    assert_eq!(pressed(&mut controller, later(110)), "\x1b[C");
    controller.go_on_answering(later(200));
    assert_eq!(pressed(&mut controller, later(210)), "", "nothing came yet");
    shows(&mut controller, &asks("Allow always"), later(300));
    controller.go_on_answering(later(310));
    assert_eq!(pressed(&mut controller, later(320)), "", "the screen moves");
    controller.go_on_answering(later(400));
    assert_eq!(pressed(&mut controller, later(410)), "\x1b[C");
    assert!(answered.try_recv().is_err());
    shows(&mut controller, &asks("Reject"), later(500));
    controller.go_on_answering(later(600));
    assert_eq!(pressed(&mut controller, later(610)), "\r");
    assert!(answered.try_recv().unwrap().pressed);
    let again = answers(&mut controller, "1", later(700));
    assert!(!again.await.unwrap().pressed);
    assert_eq!(pressed(&mut controller, later(710)), "");
}

/// The agent gets a key of a person.
fn gets_key(controller: &mut Controller, now: Instant) {
    controller.live.outgoing.extend_from_slice(b"\x1b[C");
    pressed(controller, now);
}

#[tokio::test]
async fn a_light_that_a_key_may_have_moved_unseen_is_not_trusted() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    gets_key(&mut controller, later(1000));
    let mut answered = answers(&mut controller, "1", later(1100));
    controller.go_on_answering(later(1200));
    assert_eq!(pressed(&mut controller, later(1210)), "", "not drawn yet");
    shows(&mut controller, &asks("Allow always"), later(2500));
    controller.go_on_answering(later(2600));
    assert_eq!(pressed(&mut controller, later(2610)), "", "of that key?");
    controller.go_on_answering(later(4000));
    assert_eq!(pressed(&mut controller, later(4010)), "\x1b[C");
    shows(&mut controller, &asks("Reject"), later(4100));
    controller.go_on_answering(later(4200));
    assert_eq!(pressed(&mut controller, later(4210)), "\x1b[C");
    shows(&mut controller, &asks("Allow once"), later(4300));
    controller.go_on_answering(later(4400));
    assert_eq!(pressed(&mut controller, later(4410)), "\r");
    assert!(answered.try_recv().unwrap().pressed);
}

#[tokio::test]
async fn a_key_that_draws_nothing_delays_an_answer_and_does_not_stop_it() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    gets_key(&mut controller, later(1000));
    let mut answered = answers(&mut controller, "1", later(9000));
    controller.go_on_answering(later(11_900));
    assert_eq!(
        pressed(&mut controller, later(11_910)),
        "",
        "unread until then?"
    );
    controller.go_on_answering(later(12_000));
    assert_eq!(pressed(&mut controller, later(12_010)), "\r");
    assert!(answered.try_recv().unwrap().pressed);
}

#[tokio::test]
async fn a_list_that_opens_above_the_dialog_gets_no_key_of_an_answer() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    let mut answered = answers(&mut controller, "1", later(10));
    shows(&mut controller, "\x1b[1;1HCommands\x1b[?25h", later(20));
    controller.go_on_answering(later(900));
    assert_eq!(pressed(&mut controller, later(910)), "");
    assert!(answered.try_recv().is_err(), "it may be drawn again");
    // The person who opened it has the keys back.
    controller.go_on_answering(later(1020));
    assert_eq!(pressed(&mut controller, later(1030)), "");
    let given_up = answered.try_recv().unwrap();
    assert!(!given_up.pressed && given_up.dialog.is_none());
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_any_more_is_given_up_and_the_log_says_so() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    let answered = answers(&mut controller, "1", later(10));
    drop(answered);
    controller.go_on_answering(later(4000));
    assert_eq!(pressed(&mut controller, later(4010)), "");
    // One that is pressed is no failure.
    let mut answered = answers(&mut controller, "1", later(4020));
    assert!(answered.try_recv().unwrap().pressed);
    bench.shared.journal.flush().await;
    let records = SessionReader::open(bench.files.clone()).unwrap();
    let failures = records
        .map(|record| record.unwrap().record.entry)
        .filter(|entry| matches!(entry, Entry::Control { .. }));
    assert_eq!(failures.collect::<Vec<_>>(), [control("answer-given-up")]);
}

#[tokio::test]
async fn where_another_choice_gets_lit_than_was_meant_nothing_is_confirmed() {
    let bench = Bench::new();
    let (mut controller, start) = asking(&bench);
    let later = |millis| start + Duration::from_millis(millis);
    let mut answered = answers(&mut controller, "2", later(100));
    assert_eq!(pressed(&mut controller, later(110)), "\x1b[C");
    // A person has moved on meanwhile.
    shows(&mut controller, &asks("Reject"), later(200));
    controller.go_on_answering(later(300));
    assert!(answered.try_recv().is_err());
    assert!(controller.next_wake() <= later(5100));
    controller.go_on_answering(later(5100));
    assert_eq!(pressed(&mut controller, later(5110)), "");
    let given_up = answered.try_recv().unwrap();
    assert!(!given_up.pressed && given_up.dialog.is_some());
    // What was pressed for it may still be drawn.
    shows(&mut controller, &asks("Allow once"), later(5200));
    let mut answered = answers(&mut controller, "1", later(5300));
    assert_eq!(pressed(&mut controller, later(5310)), "");
    controller.go_on_answering(later(8100));
    assert_eq!(pressed(&mut controller, later(8110)), "\r");
    assert!(answered.try_recv().unwrap().pressed);
}

#[tokio::test]
async fn what_the_log_does_not_take_is_held_and_told_so_until_it_is_tried_again() {
    let bench = Bench::new();
    let mut controller = controller(&bench);
    controller.phase = Phase::Running;
    let waits = entry(&bench, "first");
    let id = waits.message.id;
    controller.head_asked = true;
    let head = Box::new(Ok(Some(waits)));
    controller.command(Command::Head(head)).await;
    for _ in 0..2 {
        let failed = Err(NotCommitted::Failed("the disk is full".into()));
        controller.command(Command::Committed(id, failed)).await;
        assert!(controller.dirty);
        controller.look(Instant::now());
        let hold = controller.status().hold.unwrap();
        assert_eq!(hold.to_string(), "log (the disk is full)");
        // The heartbeat lets the next look try it.
        controller.heartbeat = Beat::default();
        controller.publish();
        controller.look(Instant::now());
        let hold = controller.status().hold;
        assert_ne!(hold.unwrap().reason, HoldReason::Log);
    }
}

#[tokio::test]
async fn while_the_store_is_lost_nothing_is_begun_and_the_status_says_so_until_it_is_back() {
    let mut bench = Bench::on_disk();
    let mut controller = controller(&bench);
    let store = bench.directory.path().join("store.db");
    let aside = bench.directory.path().join("aside.db");
    std::fs::rename(&store, &aside).unwrap();
    bench.shared.journal.copy_outbox();
    let told = bench.commands.recv().await.unwrap();
    controller.command(told).await;
    controller.look(Instant::now());
    let hold = controller.status().hold.unwrap();
    assert_eq!(hold.reason, HoldReason::Log);
    assert!(hold.detail.contains("was removed or renamed"), "{hold}");
    assert!(hold.detail.contains("put it back"), "{hold}");
    // The heartbeat does not try whether it is over.
    controller.publish();
    controller.look(Instant::now());
    assert_eq!(controller.status().hold, Some(hold));

    std::fs::rename(&aside, &store).unwrap();
    bench.shared.journal.copy_outbox();
    let told = bench.commands.recv().await.unwrap();
    controller.command(told).await;
    controller.look(Instant::now());
    assert_eq!(controller.status().hold, None);
}
