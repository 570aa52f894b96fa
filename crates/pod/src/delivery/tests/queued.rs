//! Messages that wait in the queue of a busy agent.

use super::super::*;
use super::script::{SPINNER, Script, TEXT, composer, end, job, permission};

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
