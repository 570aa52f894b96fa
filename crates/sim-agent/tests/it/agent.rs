//! The well-behaved agent.

use podfleet_sim_agent::agent::{End, Signal};

use crate::session::Session;

fn ready() -> Session {
    let mut session = Session::start("{}");
    assert_eq!(session.journal(), ["start: /work", "ready"]);
    session
}

#[test]
fn a_paste_and_a_submit_key_make_a_turn() {
    let mut session = ready();
    session.paste("[h:operator -> h:coder] hello").send("\r");
    assert_eq!(
        session.journal(),
        [
            "paste: [h:operator -> h:coder] hello",
            "submit: [h:operator -> h:coder] hello",
        ]
    );
    assert_eq!(session.title().as_deref(), Some("⠂ sim"));
    session.wait(299);
    assert!(session.journal().is_empty());
    session.wait(1);
    assert_eq!(session.journal(), ["answer: echo: hello"]);
    assert_eq!(session.title().as_deref(), Some("✳ sim"));
}

#[test]
fn an_idle_agent_is_not_woken() {
    let mut session = ready();
    assert!(session.sleeps_for_ever());
    session.send("draft");
    assert!(session.sleeps_for_ever());
}

#[test]
fn messages_submitted_while_busy_wait_and_keep_their_order() {
    let mut session = ready();
    for message in ["one", "two", "three"] {
        session.paste(message).send("\r");
    }
    session.journal();
    session.wait(900);
    assert_eq!(
        session.journal(),
        [
            "answer: echo: one",
            "dequeued: two",
            "answer: echo: two",
            "dequeued: three",
            "answer: echo: three",
        ]
    );
}

#[test]
fn up_takes_the_queue_back_into_the_composer() {
    let mut session = ready();
    session.send("one\rtwo\rthree\r");
    session.journal();
    session.send("\x1b[A").wait(300).send("\r");
    let expected = [
        "recalled: two\nthree",
        "answer: echo: one",
        "submit: two\nthree",
    ];
    assert_eq!(session.journal(), expected);
}

#[test]
fn an_escape_interrupts_and_the_message_stands_in_the_composer_again() {
    let mut session = ready();
    session.send("one\r").escape().send(" two\r");
    let expected = ["submit: one", "interrupt: one", "submit: one two"];
    assert_eq!(session.journal(), expected);
}

#[test]
fn lines_are_edited_before_they_are_submitted() {
    let mut session = ready();
    session.send("wrong\x15a\x1b\rbx\x7f\r");
    assert_eq!(session.journal(), ["submit: a\nb"]);
}

#[test]
fn an_empty_composer_submits_nothing() {
    let mut session = ready();
    session.send("\r\r").paste("").send("\r");
    assert_eq!(session.journal(), ["paste"]);
}

#[test]
fn a_message_scripts_its_turn() {
    let mut session = ready();
    session.send("FAIL:529\r").wait(300);
    assert_eq!(
        session.journal(),
        ["submit: FAIL:529", "error: API Error: 529 overloaded"]
    );
    session.send("SLEEP:2000 SAY:done\r").wait(1999);
    assert_eq!(session.journal(), ["submit: SLEEP:2000 SAY:done"]);
    session.wait(1);
    assert_eq!(session.journal(), ["answer: done"]);
    session.send("EXIT:3\r").wait(300);
    assert_eq!(
        session.journal(),
        ["submit: EXIT:3", "answer: echo: EXIT:3", "exit: code 3"]
    );
    assert_eq!(session.end, Some(End::Code(3)));
}

#[test]
fn a_flood_is_written_before_its_turn_ends() {
    let mut session = ready();
    session.send("SLEEP:0 FLOOD:50000\r").wait(0);
    let expected = [
        "submit: SLEEP:0 FLOOD:50000",
        "answer: echo: SLEEP:0 FLOOD:50000",
    ];
    assert_eq!(session.journal(), expected);
    assert!(session.screen().len() > 50_000);
}

#[test]
fn a_turns_clock_stands_still_while_it_asks() {
    let mut session = ready();
    session.send("ASK\r").wait(150);
    assert_eq!(session.journal(), ["submit: ASK", "dialog: permission"]);
    session.wait(10_000);
    assert_eq!(session.title().as_deref(), Some("✳ sim"));
    session.send("\r").wait(149);
    assert_eq!(session.journal(), ["approve: permission"]);
    session.wait(1);
    assert_eq!(session.journal(), ["answer: echo: ASK"]);
}

#[test]
fn a_denied_permission_ends_the_turn() {
    for no in ["2", "\x1b[B\r", "\x03"] {
        let mut session = ready();
        session.send("ASK\r").wait(150).send(no).wait(1000);
        let expected = [
            "submit: ASK",
            "dialog: permission",
            "deny: permission",
            "no_answer",
        ];
        assert_eq!(session.journal(), expected);
    }
}

#[test]
fn messages_that_agents_take_for_commands_are_no_messages() {
    let mut session = ready();
    session.send("hi\r").wait(300).journal();
    session
        .paste("!rm -rf /")
        .send("\r")
        .paste("/cl")
        .send("\r")
        .paste("/nope")
        .send("\r");
    assert_eq!(
        session.journal(),
        [
            "paste: !rm -rf /",
            "shell: !rm -rf /",
            "paste: /cl",
            "command: /cl",
            "cleared",
            "paste: /nope",
            "command: /nope",
        ]
    );
    assert!(!session.screen().contains("> hi"));
    session.send("/exit\r");
    assert_eq!(session.end, Some(End::Code(0)));
}

#[test]
fn control_c_clears_then_asks_then_exits() {
    let mut session = ready();
    session.send("draft\x03");
    assert!(!session.screen().contains("draft"));
    session.send("\x03");
    assert!(session.screen().contains("Press ctrl-c again to exit"));
    session.wait(2000);
    assert!(!session.screen().contains("Press ctrl-c again to exit"));
    session.send("\x03");
    assert_eq!(session.end, None);
    session.send("\x03");
    assert_eq!(session.end, Some(End::Code(0)));
}

#[test]
fn control_d_exits_only_from_an_empty_composer() {
    let mut session = ready();
    session.send("x\x04");
    assert_eq!(session.end, None);
    session.send("\x7f\x04");
    assert_eq!(session.end, Some(End::Code(0)));
}

#[test]
fn signals_and_a_lost_terminal_end_it() {
    let ends = |step: fn(&mut Session) -> &mut Session| {
        let mut session = ready();
        step(&mut session).end
    };
    assert_eq!(
        ends(|session| session.signal(Signal::Terminate)),
        Some(End::Code(143))
    );
    assert_eq!(
        ends(|session| session.signal(Signal::Hangup)),
        Some(End::Code(129))
    );
    assert_eq!(ends(|session| session.hangup()), Some(End::Code(129)));
}
