//! What people and harness rules read.

use insta::assert_snapshot;

use crate::session::Session;

#[test]
fn an_idle_agent_shows_its_ghost_text() {
    assert_snapshot!(Session::start("{}").screen(), @r#"
    sim-agent 0.1 · /work

    ────────────────────────────────────────
    ❯ Try "fix the build"
    ────────────────────────────────────────
      ? for shortcuts
    "#);
    let bare = Session::start(r#"{"ghost_text": null}"#).screen();
    assert!(bare.contains("\n❯ \n"), "{bare}");
}

#[test]
fn a_starting_agent_shows_nothing_else() {
    let session = Session::start(r#"{"start_delay_ms": 100}"#);
    assert_snapshot!(session.screen(), @r"
    sim-agent starting…
    ");
    assert_eq!(session.title(), None);
}

#[test]
fn a_busy_agent_lists_its_queue() {
    let mut session = Session::start("{}");
    session
        .paste("[h:operator -> h:coder] 漢字 and 👩\u{200d}💻 wrap at the edge\nsecond line")
        .send("\r");
    session.wait(200);
    assert_snapshot!(session.screen(), @r#"
    sim-agent 0.1 · /work

    > [h:operator -> h:coder] 漢字 and 👩‍💻 wr
      ap at the edge
      second line

    ⠹ Working… (0s · esc to interrupt)
    ────────────────────────────────────────
    ❯ Try "fix the build"
    ────────────────────────────────────────
      esc to interrupt
    "#);
    session.send("queued and far too long for one row of this screen\rsecond\r");
    assert_snapshot!(session.screen(), @r#"
    sim-agent 0.1 · /work

    > [h:operator -> h:coder] 漢字 and 👩‍💻 wr
      ap at the edge
      second line

    ⠹ Working… (0s · esc to interrupt)
      ↳ queued and far too long for one ro…
      ↳ second
    ────────────────────────────────────────
    ❯ Try "fix the build"
    ────────────────────────────────────────
      Press up to edit queued messages
    "#);
    for _ in 0..4 {
        session.send("more\r");
    }
    assert!(session.screen().contains("  … 2 more"));
}

#[test]
fn the_queue_can_be_hidden() {
    let mut session = Session::start(r#"{"queue_footer": false}"#);
    session.send("a\rb\r");
    let screen = session.screen();
    assert!(
        screen.contains("  esc to interrupt") && !screen.contains('↳'),
        "{screen}"
    );
}

#[test]
fn answers_and_errors_stand_in_the_transcript() {
    let mut session = Session::start("{}");
    session
        .send("SAY:all done\r")
        .wait(300)
        .send("FAIL:529\r")
        .wait(300);
    assert_snapshot!(session.screen(), @r#"
    sim-agent 0.1 · /work

    > SAY:all done
    ● all done

    > FAIL:529
    ● API Error: 529 overloaded

    ────────────────────────────────────────
    ❯ Try "fix the build"
    ────────────────────────────────────────
      ? for shortcuts
    "#);
}

#[test]
fn a_high_composer_shows_its_tail() {
    let mut session = Session::start("{}");
    let lines: Vec<String> = (1..=20).map(|line| format!("line {line}")).collect();
    session.paste(&lines.join("\n"));
    assert_snapshot!(session.screen(), @r"
    sim-agent 0.1 · /work

    ────────────────────────────────────────
      line 13
      line 14
      line 15
      line 16
      line 17
      line 18
      line 19
      line 20
    ────────────────────────────────────────
      ? for shortcuts
    ");
}

#[test]
fn a_paste_may_be_a_placeholder() {
    let mut session = Session::start(r#"{"paste_placeholder": 3}"#);
    session.paste(&"line\n".repeat(12)).paste("a\nb");
    assert_snapshot!(session.screen(), @r"
    sim-agent 0.1 · /work

    ────────────────────────────────────────
    ❯ [Pasted text #1 +12 lines]a
      b
    ────────────────────────────────────────
      ? for shortcuts
    ");
}

#[test]
fn nothing_that_is_pasted_steers_the_terminal() {
    let mut session = Session::start("{}");
    session.paste("a\tb\u{7}c\u{1b}[2Jd");
    assert!(session.screen().contains("❯ a    b␇c␛[2Jd\n"));
}

#[test]
fn the_command_picker_follows_what_is_typed() {
    let mut session = Session::start("{}");
    session.send("/");
    assert_snapshot!(session.screen(), @r"
    sim-agent 0.1 · /work

    ────────────────────────────────────────
    ❯ /
    ────────────────────────────────────────
      /clear   reset the conversation
      /exit    leave the program
    ");
    session.send("cl");
    assert!(!session.screen().contains("/exit"));
    session.send("x");
    assert!(session.screen().contains("  no matching command"));
}

#[test]
fn dialogs_take_the_composers_place() {
    let mut session = Session::start(r#"{"trust_dialog": true, "dialog_on": ["start"]}"#);
    assert_snapshot!(session.screen(), @r"
    sim-agent 0.1 · /work

    Do you trust the files in this folder?
    ❯ 1. Yes, I trust this folder
      2. No, exit
    ");
    session.send("1\x1b[B");
    assert_snapshot!(session.screen(), @r"
    sim-agent 0.1 · /work

    Do you want to proceed?
      1. Yes
    ❯ 2. No
    ");
}
