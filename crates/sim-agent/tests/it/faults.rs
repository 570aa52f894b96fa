//! Every fault, one row each: what is sent to the agent, and what its journal then says.

use podfleet_sim_agent::agent::{End, Signal};

use crate::session::Session;

/// One step of what is done to the agent.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A framed paste.
    Paste(&'static str),
    /// Keys.
    Keys(&'static str),
    /// A line, in canonical mode.
    Line(&'static str),
    /// Milliseconds pass.
    Wait(u64),
    /// SIGTERM, then SIGHUP.
    Signals,
    /// The terminal goes away.
    Hangup,
}
use Step::{Hangup, Keys, Line, Paste, Signals, Wait};

/// Fault script, steps, journal from the first thing on that is not the usual start.
type Row = (&'static str, &'static [Step], &'static [&'static str]);

const DELIVER: &[Step] = &[Paste("hi"), Keys("\r"), Wait(300)];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Nothing wrong.
    ("{}", DELIVER, &["paste: hi", "submit: hi", "answer: echo: hi"]),
    (r#"{"turn_ms": 0}"#, &[Paste("hi"), Keys("\r")],
        &["paste: hi", "submit: hi", "answer: echo: hi"]),

    // Submit keys.
    (r#"{"swallow_submits": 2}"#, &[Paste("hi"), Keys("\r"), Keys("\r"), Keys("\r")],
        &["paste: hi", "key_swallowed: hi", "key_swallowed: hi", "submit: hi"]),

    // Pastes.
    (r#"{"paste_placeholder": true}"#, &[Paste("a\nb"), Keys("\r")],
        &["paste: a\nb", "submit: a\nb"]),
    (r#"{"eat_paste": true}"#, DELIVER, &["paste: hi"]),
    (r#"{"truncate_paste": 3}"#, &[Paste("漢字かな"), Keys("\r")],
        &["paste: 漢字かな", "submit: 漢字か"]),
    (r#"{"no_bracketed_paste": true}"#, &[Keys("a\x1b\rb\r"), Wait(300)],
        &["submit: a\nb", "answer: echo: a (+1 line)"]),
    (r#"{"no_bracketed_paste": true}"#, &[Paste("a\nb")],
        &["stray_paste_mark", "submit: a", "stray_paste_mark"]),

    // Dialogs. A blind Enter approves.
    (r#"{"trust_dialog": true}"#, &[Paste("hi"), Keys("\r"), Paste("hi"), Keys("\r")],
        &["dialog: trust", "lost: hi", "approve: trust", "paste: hi", "submit: hi"]),
    (r#"{"trust_dialog": true}"#, &[Keys("2")], &["dialog: trust", "deny: trust", "exit: code 1"]),
    (r#"{"dialog_on": ["start"]}"#, &[Keys("\r")],
        &["dialog: permission", "approve: permission"]),
    (r#"{"trust_dialog": true, "dialog_on": ["start"]}"#, &[Keys("1"), Keys("1")],
        &["dialog: trust", "approve: trust", "dialog: permission", "approve: permission"]),
    (r#"{"dialog_on": ["paste"]}"#, &[Paste("hi"), Keys("\r"), Keys("\r")],
        &["paste: hi", "dialog: permission", "approve: permission", "submit: hi"]),
    (r#"{"dialog_on": ["first_submit"]}"#, &[Paste("hi"), Keys("\r"), Keys("\r"), Keys("\r")],
        &["paste: hi", "key_swallowed: hi", "dialog: permission", "approve: permission", "submit: hi"]),
    (r#"{"dialog_on": ["turn"]}"#, &[Keys("hi\r"), Wait(150), Keys("2")],
        &["submit: hi", "dialog: permission", "deny: permission", "no_answer"]),
    (r#"{"dialog_on": ["paste"], "dialog_ms": 500}"#, &[Paste("hi"), Wait(500), Keys("\r")],
        &["paste: hi", "dialog: permission", "dialog_closed: permission", "submit: hi"]),

    // Start.
    (r#"{"start_delay_ms": 500}"#, &[Keys("hi\r"), Wait(500), Keys("hi\r")],
        &["lost: hi\n", "ready", "submit: hi"]),
    (r#"{"never_ready": true}"#, &[Wait(60_000), Keys("hi\r")], &["lost: hi\n"]),
    (r#"{"exit_at_once": {"code": 7}}"#, DELIVER, &["exit: code 7"]),
    (r#"{"query_terminal": true}"#,
        &[Wait(60_000), Keys("\x1b[?6c\x1b[3;1R\x1b]10;rgb:f/f/f\x07"), Keys("\x1b]11;rgb:0/0/0\x07")],
        &["reply: da1 ?6", "reply: cursor 3;1", "reply: foreground rgb:f/f/f",
            "reply: background rgb:0/0/0", "ready"]),

    // Turns.
    (r#"{"no_answer": true}"#, DELIVER, &["paste: hi", "submit: hi", "no_answer"]),
    (r#"{"stuck_busy": true}"#, &[Keys("hi\r"), Wait(60_000), Keys("more\r")],
        &["submit: hi", "queued: more"]),
    (r#"{"crash_after_turns": {"turns": 2, "code": 9}}"#, &[Keys("a\rb\r"), Wait(600)],
        &["submit: a", "queued: b", "answer: echo: a", "dequeued: b", "answer: echo: b", "exit: code 9"]),
    (r#"{"crash_after_turns": {"turns": 1, "signal": 11}}"#, &[Keys("a\r"), Wait(300)],
        &["submit: a", "answer: echo: a", "exit: signal 11"]),
    (r#"{"flood": {"at": "turn", "bytes_per_second": 1000}}"#, DELIVER,
        &["paste: hi", "submit: hi", "answer: echo: hi"]),
    (r#"{"flood": {"at": "turn", "bytes": 1000, "bytes_per_second": 1000}}"#,
        &[Keys("hi\r"), Wait(900), Keys("more\r"), Wait(300)],
        &["submit: hi", "queued: more", "answer: echo: hi", "dequeued: more"]),

    // Signs of being busy.
    (r#"{"silent_busy": true}"#, &[Keys("a\rb\r"), Wait(600)],
        &["submit: a", "queued: b", "answer: echo: a", "dequeued: b", "answer: echo: b"]),
    (r#"{"slash_picker": false}"#, &[Paste("/clear"), Keys("\r")],
        &["paste: /clear", "submit: /clear"]),

    // Without a TUI.
    (r#"{"canonical": true}"#, &[Line("a"), Line(""), Line("b"), Wait(600), Hangup],
        &["submit: a", "queued: b", "answer: echo: a", "dequeued: b", "answer: echo: b", "hangup",
            "exit: code 0"]),

    // Process.
    (r#"{"ignore_sigterm": true}"#, &[Signals, Hangup], &["signal: SIGTERM", "signal: SIGHUP", "hangup"]),
    ("{}", &[Signals], &["signal: SIGTERM", "exit: code 143"]),
];

fn take(session: &mut Session, step: Step) {
    match step {
        Paste(text) => session.paste(text),
        Keys(keys) => session.send(keys),
        Line(line) => session.line(line),
        Wait(ms) => session.wait(ms),
        Signals => session.signal(Signal::Terminate).signal(Signal::Hangup),
        Hangup => session.hangup(),
    };
}

#[test]
fn the_journal_says_what_each_fault_did() {
    for (faults, steps, expected) in TABLE {
        let mut session = Session::start(faults);
        for step in *steps {
            take(&mut session, *step);
        }
        let mut journal = session.journal();
        assert_eq!(journal.remove(0), "start: /work");
        if journal.first().is_some_and(|line| line == "ready") {
            journal.remove(0);
        }
        assert_eq!(journal, *expected, "with {faults} and {steps:?}");
    }
}

#[test]
fn what_is_drawn_late_is_received_at_once() {
    let mut session = Session::start(r#"{"late_redraw_ms": 400}"#);
    session.wait(1000).send("hi");
    assert!(!session.take_redraw());
    session.send("\r");
    assert!(session.journal().contains(&"submit: hi".to_owned()));
}

#[test]
fn silent_work_looks_idle() {
    let mut session = Session::start(r#"{"silent_busy": true}"#);
    let idle = session.title();
    session.send("a\rb\r");
    assert_eq!(session.title(), idle);
    let screen = session.screen();
    assert!(
        screen.contains("? for shortcuts") && !screen.contains('↳'),
        "{screen}"
    );
}

#[test]
fn the_terminal_is_asked_for_what_the_script_allows() {
    let written = |faults| Session::start(faults).written;
    assert_eq!(written("{}"), "\x1b[?2004h\x1b[?1004h");
    assert_eq!(written(r#"{"no_bracketed_paste": true}"#), "\x1b[?1004h");
    assert!(written(r#"{"alternate_screen": true}"#).starts_with("\x1b[?1049h"));
    let queries = "\x1b[c\x1b[6n\x1b]10;?\x1b\\\x1b]11;?\x1b\\";
    assert_eq!(written(r#"{"query_terminal": true}"#), queries);
    assert_eq!(written(r#"{"canonical": true}"#), "");
}

#[test]
fn a_stubborn_child_is_started_once() {
    assert_eq!(Session::start(r#"{"stubborn_child": true}"#).children, 1);
    assert_eq!(Session::start("{}").children, 0);
}

#[test]
fn a_crash_by_signal_ends_with_it() {
    let mut session = Session::start(r#"{"crash_after_turns": {"turns": 1, "signal": 9}}"#);
    session.send("hi\r").wait(300);
    assert_eq!(session.end, Some(End::Signal(9)));
}
