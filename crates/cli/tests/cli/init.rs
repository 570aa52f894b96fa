//! What `fleet init` asks a person.

use crate::in_terminal::InTerminal;
use crate::sandbox::Sandbox;

const DOWN: &str = "\x1b[B";

fn roster(sandbox: &Sandbox) -> Option<String> {
    std::fs::read_to_string(sandbox.home().join(".config/fleet/roster.yaml")).ok()
}

#[test]
fn an_answer_that_the_roster_refuses_is_asked_for_again_with_the_reason() {
    let sandbox = Sandbox::new();
    let mut terminal = InTerminal::start(&sandbox, "init");
    terminal.wait_for("Which fleet?");
    terminal.keys("\r");
    terminal.wait_for("Where does it chat with you?");
    terminal.keys(&format!("{DOWN}\r"));
    terminal.wait_for("Channel id:");
    terminal.keys("#general\r");
    terminal.wait_for("`channel_id` is `#general`; expected the channel's id, digits only");
    terminal.keys(&"\x7f".repeat("#general".len()));
    terminal.keys("\r");
    terminal.wait_for("`channel_id` is empty");
    terminal.keys(" 1234 \r");
    terminal.wait_for("Write it to");
    terminal.keys("\r");
    // There is no token, so that the connector cannot work.
    terminal.wait_for("Write it all the same?");
    terminal.keys("y\r");
    terminal.wait_for("next: `fleet up`");
    assert_eq!(terminal.end().0, Some(0));
    let written = roster(&sandbox).unwrap();
    assert!(written.contains("    channel_id: \"1234\"\n"), "{written}");
    assert_eq!(sandbox.run("validate").status, 0);
}

#[test]
fn whoever_leaves_the_questions_is_told_that_nothing_was_written() {
    for key in ["\x03", "\x1b"] {
        let sandbox = Sandbox::new();
        let mut terminal = InTerminal::start(&sandbox, "init");
        terminal.wait_for("Which fleet?");
        terminal.keys("\r");
        terminal.wait_for("Where does it chat with you?");
        terminal.keys(key);
        terminal.wait_for("nothing was written");
        assert_eq!(terminal.end().0, Some(130));
        assert_eq!(roster(&sandbox), None);
    }
}

#[test]
fn a_roster_that_is_there_is_replaced_only_by_a_person_who_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/roster.yaml", "# mine\n");
    for (answer, written) in [("\r", false), ("y\r", true)] {
        let mut terminal = InTerminal::start(&sandbox, "init");
        terminal.wait_for("Which fleet?");
        terminal.keys("\r");
        terminal.wait_for("Where does it chat with you?");
        terminal.keys("\r");
        terminal.wait_for("is there already. Replace it?");
        terminal.keys(answer);
        terminal.wait_for("next: ");
        assert_eq!(terminal.end().0, Some(0));
        assert_eq!(roster(&sandbox).unwrap() != "# mine\n", written);
    }
    // The first place to chat in is a terminal.
    let written = roster(&sandbox).unwrap();
    assert!(
        written.ends_with("\nconnector:\n  kind: tmux\n"),
        "{written}"
    );
}

#[test]
fn nobody_is_asked_for_what_cannot_be_written() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/roster.yaml", "# mine\n");
    let terminal = InTerminal::start(&sandbox, "init --write");
    let (status, said) = terminal.end();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(status, Some(3));
    assert!(
        said.contains("nothing was written") && !said.contains("Which"),
        "{said}"
    );
}

#[test]
fn init_into_a_json_file_writes_json() {
    let sandbox = Sandbox::new();
    for (path, command) in [
        ("a/roster.json", "init --preset coding --fleet web"),
        ("b.JSON", "provision --profile research --full"),
    ] {
        let ran = sandbox.run(&format!("{command} --roster {path} --write"));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let text = std::fs::read_to_string(sandbox.home().join(path)).unwrap();
        assert!(
            text.starts_with("{\n  \"version\": 1,\n  \"transport\": \"tmux\","),
            "{text}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        let ran = sandbox.run(&format!("validate --deny-warnings {path}"));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let printed = sandbox
            .run(&format!("{command} --roster other.json"))
            .stdout;
        assert_eq!(printed, text);
    }
}

#[test]
fn a_field_of_another_connector_is_refused() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("init --preset minimal --channel-id 12").show(), @"
    --- stderr
    error: `--channel-id` goes with `--connector discord`
    --- exit 2
    ");
    let given = "init --connector tmux --room-id #r:example.org";
    insta::assert_snapshot!(sandbox.run(given).show(), @"
    --- stderr
    error: `--room-id` goes with `--connector matrix`
    --- exit 2
    ");
}

#[test]
fn a_field_that_no_roster_takes_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let given = "init --connector discord --channel-id general --write";
    insta::assert_snapshot!(sandbox.run(given).show(), @"
    --- stderr
    error: invalid value 'general' for '--channel-id <ID>': `channel_id` is
    `general`; expected the channel's id, digits only

    For more information, try '--help'.
    --- exit 2
    ");
    assert!(!sandbox.home().join(".config").exists());
}
