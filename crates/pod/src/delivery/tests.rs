//! Scripts of screens against the state machine; the whole pod is tested against the simulated
//! agent elsewhere.

mod queued;
mod script;

use podfleet_protocol::HoldReason;

use super::*;
use script::{SPINNER, Script, TEXT, composer, end, permission};

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
