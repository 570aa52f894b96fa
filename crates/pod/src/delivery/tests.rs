//! Scripts of screens against the state machine; the whole pod is tested against the simulated
//! agent elsewhere.

use super::*;
use podfleet_protocol::HoldReason;

const TEXT: &str = "[fern:operator -> fern:coder] hello";

/// A simulated agent's screen over time.
struct Script {
    harness: Harness,
    delivery: Delivery,
    now: Instant,
    screen: Screen,
    log: Vec<String>,
}

fn composer(text: &str, above: &str) -> Screen {
    let rule = "─".repeat(60);
    Screen::from_text(
        60,
        &format!("{above}\n{rule}\n❯ {text}\n{rule}\n  ? for shortcuts\n"),
    )
}

fn job(now: bool) -> Job {
    Job {
        id: MessageId::generate(),
        text: TEXT.into(),
        now,
        command: false,
    }
}

fn permission() -> Screen {
    Screen::from_text(60, "Do you want to proceed?\n❯ 1. Yes\n  2. No\n")
}

impl Script {
    fn typed(now: bool) -> Self {
        let mut script = Self {
            harness: Harness::shipped("sim").unwrap(),
            delivery: Delivery::new(),
            now: Instant::now(),
            screen: composer("", ""),
            log: Vec::new(),
        };
        script.delivery.begin(job(now), || None);
        let job = script.delivery.withdraw().unwrap();
        script.delivery.typed(job, script.now);
        script
    }

    /// Begins and types a further message of the same text.
    fn types_again(mut self) -> Self {
        assert!(self.delivery.may_begin());
        let (harness, screen) = (&self.harness, &self.screen);
        self.delivery.begin(job(false), || harness.answer(screen));
        let job = self.delivery.withdraw().unwrap();
        self.delivery.typed(job, self.now);
        self
    }

    /// Shows a still screen for some milliseconds, with a look every 10.
    fn shows(self, screen: Screen, millis: u64) -> Self {
        self.looks(screen, millis, true)
    }

    /// Shows a screen on which something always moves.
    fn spins(self, screen: Screen, millis: u64) -> Self {
        self.looks(screen, millis, false)
    }

    fn looks(self, screen: Screen, millis: u64, still: bool) -> Self {
        self.sees(screen, millis, still, false)
    }

    /// The agent stands still, and what is typed to it lies in the kernel.
    fn stalls(self, screen: Screen, millis: u64) -> Self {
        self.sees(screen, millis, true, true)
    }

    fn sees(mut self, screen: Screen, millis: u64, still: bool, unread: bool) -> Self {
        self.screen = screen;
        let began = self.now;
        for _ in 0..millis / 10 {
            self.now += Duration::from_millis(10);
            let quiet_for = if still {
                self.now - began
            } else {
                Duration::ZERO
            };
            let signals = podfleet_harness::Signals {
                quiet_for,
                running_for: Duration::from_secs(60),
                output_seen: true,
                was_ready: true,
                ..podfleet_harness::Signals::default()
            };
            let classification = self.harness.classify(&self.screen, &signals);
            let actions = self.delivery.look(&Look {
                now: self.now,
                harness: &self.harness,
                screen: &self.screen,
                classification: &classification,
                quiet_for,
                written: true,
                unread: Some(unread),
            });
            self.log.extend(actions.into_iter().map(told));
        }
        self
    }

    /// The agent says something of itself.
    fn says(self, fact: &Fact) -> Self {
        self.says_by(Source::Transcript, fact)
    }

    fn says_by(mut self, source: Source, fact: &Fact) -> Self {
        let actions = self.delivery.witnessed(source, fact, self.now);
        self.log.extend(actions.into_iter().map(told));
        self
    }

    fn log(self) -> String {
        self.log.join("\n")
    }
}

fn told(action: Action) -> String {
    let Action::Found(_, found) = action else {
        return "submit key".to_owned();
    };
    let settled = if found.settled { ", settled" } else { "" };
    let hold = found.hold.map(|hold| format!(", {hold}"));
    let answer = found.answer.map(|answer| format!(": {}", answer.text));
    format!(
        "{}{settled}{}{}",
        found.outcome,
        hold.unwrap_or_default(),
        answer.unwrap_or_default()
    )
}

fn end(answer: &str, of: Option<&str>) -> Fact {
    Fact::End {
        answer: Some(answer.into()),
        of: of.map(str::to_owned),
        error: None,
    }
}

#[test]
fn a_turn_that_its_agent_says_has_failed_is_answered_with_the_reason() {
    let failed = Fact::End {
        answer: None,
        of: None,
        error: Some("no such thing".into()),
    };
    let turns = &mut super::turns::Turns::default();
    let begun = Finding::new(Outcome::Started, false, 1);
    let mut turn =
        super::turn::Turn::new(MessageId::generate(), TEXT.into(), &begun, Instant::now());
    turn.seen(Source::Transcript);
    turns.follow(turn, begun);
    let actions = turns.ended(Source::Transcript, &failed, Instant::now());
    let [Action::Found(_, found)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(found.outcome, Outcome::Answered);
    let reason = "the turn ended with an error: no such thing";
    assert_eq!(found.reason.as_deref(), Some(reason));
}

#[test]
fn what_an_agent_has_not_read_is_waited_for_and_submitted_when_it_shows() {
    let log = Script::typed(false)
        .stalls(composer("", ""), 9000)
        .shows(composer("", ""), 4000)
        .shows(composer(TEXT, ""), 300)
        .log();
    assert_eq!(log, "submit key");
    let log = Script::typed(false)
        .stalls(composer("", ""), 60_000)
        .shows(composer(TEXT, ""), 300)
        .log();
    assert_eq!(log, "typed_not_submitted\nsubmit key");
}

#[test]
fn a_submit_key_that_an_agent_has_not_read_is_pressed_once() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 300)
        .stalls(composer(TEXT, ""), 60_000)
        .shows(composer(TEXT, ""), 500)
        .shows(composer("", "● echo: hello"), 100)
        .log();
    assert_eq!(log, "submit key\ntyped_not_submitted\nsubmitted");
}

#[test]
fn a_turn_too_fast_for_the_screen_is_told_by_the_agents_own_records() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", "● echo: hello"), 30)
        .says(&Fact::User(TEXT.into()))
        .says(&Fact::Answer("one".into()))
        .says(&end("two", None))
        .shows(composer("", "● echo: hello"), 3000)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    started
    answered, settled: two
    ");
}

#[test]
fn the_words_and_the_end_of_another_turn_are_not_ours() {
    let log = Script::typed(false)
        .says(&Fact::User(TEXT.into()))
        .shows(composer(TEXT, ""), 100)
        .says(&Fact::User("something else".into()))
        .says(&end("of something else", None))
        .shows(composer("", "⠹ Working… (0s · esc to interrupt)"), 100)
        .says(&Fact::Answer("of before".into()))
        .says(&end("of something else", Some("something else")))
        .says(&end("ours", Some(TEXT)))
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    started
    answered, settled: ours
    ");
}

#[test]
fn the_last_words_are_waited_for_where_the_agent_writes_them_down() {
    let begun = || {
        let mut script = Script::typed(false);
        script.delivery.expect_records(Records::Expected);
        let busy = composer("", "⠹ Working… (0s · esc to interrupt)");
        let script = script.shows(composer(TEXT, ""), 100).shows(busy, 100);
        script.says(&Fact::User(TEXT.into()))
    };
    let idle = || composer("", "● as far as the screen shows it");
    let log = begun().shows(idle(), 500).says(&end("whole", None)).log();
    assert!(log.ends_with("answered, settled: whole"), "{log}");
    let log = begun().shows(idle(), 3000).log();
    assert!(
        log.ends_with("answered, settled: as far as the screen shows it"),
        "{log}"
    );
}

#[test]
fn a_queue_that_shows_late_is_seen_all_the_same() {
    let queue = "  ↳ [fern:operator -> fern:coder] hello\n  Press up to edit queued messages";
    let log = Script::typed(true)
        .shows(composer(TEXT, "⠹ Working… (0s · esc to interrupt)"), 100)
        .shows(composer("", "⠹ Working… (0s · esc to interrupt)"), 200)
        .shows(composer("", queue), 100)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    submitted
    queued_by_agent
    ");
}

#[test]
fn a_message_is_submitted_started_and_answered() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", "⠹ Working… (0s · esc to interrupt)"), 100)
        .shows(composer("", "● echo: hello"), 300)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    started
    answered, settled: echo: hello
    ");
}

#[test]
fn an_equal_message_that_follows_at_once_is_no_interruption() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", SPINNER), 100)
        .shows(composer("", "● echo: one"), 30)
        .types_again()
        .shows(composer(TEXT, "● echo: one"), 100)
        .shows(composer("", SPINNER), 100)
        .shows(composer("", "● echo: two"), 300)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    started
    submit key
    answered, settled: echo: one
    started
    answered, settled: echo: two
    ");
}

#[test]
fn a_swallowed_submit_key_is_pressed_again_at_most_three_times() {
    let log = Script::typed(false).shows(composer(TEXT, ""), 6000).log();
    insta::assert_snapshot!(log, @r"
    submit key
    submit key
    submit key
    submit key
    typed_not_submitted, settled
    ");
}

#[test]
fn no_key_is_pressed_into_a_dialog_that_opened_after_the_paste() {
    let log = Script::typed(false)
        .shows(permission(), 3000)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", ""), 1000)
        .log();
    insta::assert_snapshot!(log, @r"
    typed_not_submitted, dialog (permission: Do you want to proceed?)
    submit key
    submitted
    submitted, settled
    ");
}

#[test]
fn no_key_is_pressed_into_a_dialog_between_two_submit_keys() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 500)
        .shows(permission(), 5000)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", ""), 200)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    unknown, dialog (permission: Do you want to proceed?)
    submit key
    submitted
    ");
}

#[test]
fn a_text_that_never_shows_is_not_submitted() {
    let log = Script::typed(false).shows(composer("", ""), 6000).log();
    insta::assert_snapshot!(log, @"unknown, settled");
}

#[test]
fn a_cut_text_is_not_submitted() {
    let log = Script::typed(false)
        .shows(composer("[fern:oper", ""), 6000)
        .log();
    insta::assert_snapshot!(log, @"typed_not_submitted, settled");
}

#[test]
fn one_look_at_an_empty_composer_proves_nothing() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", ""), 30)
        .shows(composer(TEXT, ""), 30)
        .log();
    insta::assert_snapshot!(log, @"submit key");
}

const SPINNER: &str = "⠹ Working… (0s · esc to interrupt)";

/// A busy screen with a list of queued messages.
fn queue(held: &str) -> Screen {
    let above = format!("{SPINNER}\n  ↳ {TEXT}");
    let mut screen = composer(held, &above);
    let hint = screen.rows.last_mut().unwrap();
    hint.text = "  Press up to edit queued messages".into();
    screen
}

#[test]
fn a_spinner_that_never_rests_does_not_keep_a_message_out_of_the_queue() {
    let log = Script::typed(true)
        .spins(composer(TEXT, SPINNER), 400)
        .spins(composer(TEXT, SPINNER), 200)
        .spins(queue(""), 20)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    ");
}

#[test]
fn an_equal_message_in_the_queue_is_no_proof_while_the_composer_holds_ours() {
    let log = Script::typed(true)
        .shows(queue(TEXT), 1500)
        .shows(queue(""), 20)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    submit key
    queued_by_agent
    ");
}

/// A message that stands in the agent's queue.
fn queued() -> Script {
    Script::typed(true)
        .shows(composer(TEXT, SPINNER), 200)
        .shows(queue(""), 200)
}

#[test]
fn a_queued_message_is_started_and_answered_when_its_turn_comes() {
    let log = queued()
        .shows(composer("", SPINNER), 1000)
        .shows(composer("", "● echo: hello"), 300)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    started
    answered, settled: echo: hello
    ");
    let log = queued()
        .says(&Fact::User(TEXT.into()))
        .says(&end("two", Some(TEXT)))
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    started
    answered, settled: two
    ");
}

#[test]
fn a_queue_that_is_half_drawn_or_behind_a_dialog_is_not_left() {
    let log = queued()
        .shows(composer("", SPINNER), 300)
        .shows(queue(""), 50)
        .shows(permission(), 5000)
        .shows(composer("", SPINNER), 300)
        .shows(queue(""), 50)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    ");
}

#[test]
fn a_message_that_is_taken_into_the_turn_that_goes_on_ends_with_it() {
    let mut script = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", SPINNER), 100)
        .says(&Fact::User(TEXT.into()));
    let second = "[fern:operator -> fern:coder] and this";
    let mut job = job(true);
    job.text = second.into();
    script.delivery.begin(job, || None);
    let job = script.delivery.withdraw().unwrap();
    script.delivery.typed(job, script.now);
    let log = script
        .shows(composer(second, SPINNER), 700)
        .says(&Fact::Queued(second.into()))
        .says(&Fact::User(second.into()))
        .says(&end("both", None))
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    started
    submit key
    queued_by_agent
    started
    answered, settled: both
    answered, settled: both
    ");
}

#[test]
fn a_late_word_of_the_turn_before_does_not_end_a_queued_message() {
    let log = queued()
        .says_by(Source::Hook, &Fact::User(TEXT.into()))
        .says(&Fact::Answer("of before".into()))
        .says(&end("of before", None))
        .says(&Fact::User(TEXT.into()))
        .says_by(Source::Hook, &end("ours", None))
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    started
    answered, settled: ours
    ");
}

#[test]
fn a_queued_message_that_a_person_takes_back_is_not_begun() {
    for back in [composer(TEXT, SPINNER), composer(TEXT, "")] {
        let log = queued().shows(back, 3000).log();
        assert!(log.ends_with("queued_by_agent, settled"), "{log}");
    }
    let both = format!("other {TEXT}");
    let log = queued()
        .shows(composer(&both, SPINNER), 100)
        .shows(composer("", SPINNER), 3000)
        .log();
    assert!(log.ends_with("queued_by_agent, settled"), "cleared: {log}");
}

#[test]
fn an_idle_flash_gives_no_queued_message_up() {
    let log = Script::typed(true)
        .shows(composer(TEXT, SPINNER), 200)
        .shows(composer("", SPINNER), 50)
        .says(&Fact::Queued(TEXT.into()))
        .shows(composer("", SPINNER), 6000)
        .shows(composer("", ""), 50)
        .shows(composer("", SPINNER), 100)
        .log();
    assert!(log.ends_with("queued_by_agent"), "{log}");
}

#[test]
fn a_queued_message_whose_fate_is_to_be_written_down_and_is_not_is_given_up() {
    let mut script = queued();
    script.delivery.expect_records(Records::Expected);
    let log = script.shows(composer("", ""), 6000).log();
    assert!(log.ends_with("queued_by_agent, settled"), "{log}");
}

#[test]
fn a_queued_message_with_which_the_agent_was_done_at_once_is_answered() {
    let log = queued().shows(composer("", "● echo: hello"), 1000).log();
    insta::assert_snapshot!(log, @r"
    submit key
    queued_by_agent
    started
    answered, settled: echo: hello
    ");
}

#[test]
fn a_queue_ends_with_its_agent_and_that_is_told() {
    let mut script = queued();
    let actions = script.delivery.agent_ended(&RunEnd::Exited(1));
    let [Action::Found(_, finding)] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!((finding.outcome, finding.settled), (Outcome::Unknown, true));
    let why = finding.reason.as_deref().unwrap_or_default();
    assert!(why.contains("the agent's own queue"), "{why}");
    assert!(!script.delivery.is_watching());
}

#[test]
fn an_agent_that_asks_for_leave_has_started() {
    let log = Script::typed(false)
        .shows(composer(TEXT, ""), 100)
        .shows(composer("", ""), 200)
        .shows(permission(), 5000)
        .shows(composer("", ""), 200)
        .log();
    insta::assert_snapshot!(log, @r"
    submit key
    submitted
    started
    answered, settled
    ");
}

#[test]
fn a_turn_that_is_over_when_the_next_is_begun_keeps_its_answer() {
    let begun = Finding::new(Outcome::Started, false, 1);
    let turn = || Turn::new(MessageId::generate(), TEXT.into(), &begun, Instant::now());
    let shown = || Some("on the screen".to_owned());
    let mut seen = turn();
    seen.found_idle(shown);
    assert_eq!(seen.followed().answer, shown().map(Words::shown));
    let mut told = turn();
    told.answered("by its own record");
    told.found_idle(shown);
    let own = Words::own("by its own record".to_owned());
    assert_eq!(told.followed().answer, Some(own));
}

#[test]
fn an_agent_that_ends_leaves_no_message_open() {
    let mut script = Script::typed(false).shows(composer(TEXT, ""), 100);
    let actions = script.delivery.agent_ended(&RunEnd::Exited(1));
    let [Action::Found(_, finding)] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!((finding.outcome, finding.settled), (Outcome::Unknown, true));
    assert!(script.delivery.is_free());
}

#[test]
fn a_draft_a_dialog_and_a_busy_agent_hold_a_message() {
    let harness = Harness::shipped("sim").unwrap();
    let why = |screen: &Screen, conditions: &Conditions| {
        let signals = podfleet_harness::Signals {
            quiet_for: Duration::from_secs(1),
            running_for: Duration::from_secs(60),
            output_seen: true,
            ..podfleet_harness::Signals::default()
        };
        let classification = harness.classify(screen, &signals);
        let look = Look {
            now: Instant::now(),
            harness: &harness,
            screen,
            classification: &classification,
            quiet_for: Duration::from_secs(1),
            written: true,
            unread: Some(false),
        };
        hold(&look, conditions).map(|hold| hold.reason)
    };
    let none = Conditions::default();
    assert_eq!(why(&composer("", ""), &none), None);
    assert_eq!(
        why(&composer("half a thou", ""), &none),
        Some(HoldReason::Draft)
    );
    assert_eq!(why(&permission(), &none), Some(HoldReason::Dialog));
    let busy = composer("", "⠹ Working… (0s · esc to interrupt)");
    assert_eq!(why(&busy, &none), Some(HoldReason::Busy));
    assert_eq!(
        why(
            &busy,
            &Conditions {
                now: true,
                ..none.clone()
            }
        ),
        None
    );
    let key = Conditions {
        key_age: Some(Duration::from_secs(4)),
        ..none
    };
    assert_eq!(why(&composer("", ""), &key), Some(HoldReason::Draft));
}

#[test]
fn a_text_that_the_composer_holds_is_looked_at_again_when_the_key_may_be_pressed() {
    let script = Script::typed(false).shows(composer(TEXT, ""), 10);
    let submit = script.harness.submit();
    let quiet_again = submit.quiet - Duration::from_millis(10);
    assert_eq!(
        script.delivery.next_look(script.now),
        Some(script.now + quiet_again.max(submit.gap))
    );
}
