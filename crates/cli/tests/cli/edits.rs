//! `add`, `remove` and `set` on the roster's file; no agent runs.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::sandbox::Sandbox;

const ROSTER: &str = "\
# Ours.
version: 1
transport: tmux
agents:
  # The lead.
  - name: boss
    runtime: claude
    class: orchestrator

  - {name: gardener, runtime: claude, class: enhancer} # tends

  # Codes.
  - name: coder0
    runtime: claude
    depends_on: [boss]   # always
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.yaml", ROSTER);
    sandbox
}

fn roster(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.home().join("r.yaml")).unwrap()
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let sandbox = sandbox();
    let arguments =
        "add coder1 --runtime codex --class code --model o9 --roster r.yaml --no-start --dry-run";
    insta::assert_snapshot!(sandbox.run(arguments).show());
    let arguments =
        "set coder0 alias=Coco restart.policy=never gardener yolo=true --roster r.yaml --dry-run";
    insta::assert_snapshot!(sandbox.run(arguments).show());
    let arguments = "remove boss --successor coder0 --roster r.yaml --dry-run";
    insta::assert_snapshot!(sandbox.run(arguments).show());
    assert_eq!(roster(&sandbox), ROSTER);
}

#[test]
fn an_edit_is_written_and_the_rest_stays() {
    let sandbox = sandbox();
    let ran = sandbox.run("add coder1 --runtime codex --roster r.yaml --no-start");
    insta::assert_snapshot!(ran.show(), @"
    --- stderr
    wrote [HOME]/r.yaml
    `fleet up coder1` starts it
    --- exit 0
    ");
    let added = "\n  - name: coder1\n    runtime: codex\n";
    assert_eq!(roster(&sandbox), format!("{ROSTER}{added}"));
    insta::assert_snapshot!(sandbox.run("remove coder1 --roster r.yaml").show(), @"
    --- stderr
    wrote [HOME]/r.yaml
    --- exit 0
    ");
    assert_eq!(roster(&sandbox), ROSTER);
    insta::assert_snapshot!(sandbox.run("set coder0 model_hint=o9 --roster r.yaml").show(), @"
    --- stderr
    wrote [HOME]/r.yaml
    note: `coder0` does not run; `fleet up coder0` starts it
    --- exit 0
    ");
    assert_eq!(roster(&sandbox), format!("{ROSTER}    model_hint: o9\n"));
    insta::assert_snapshot!(sandbox.run("set coder0 model_hint=o9 --roster r.yaml").show(), @"
    --- stderr
    [HOME]/r.yaml says so already
    --- exit 0
    ");
    assert_eq!(
        sandbox.run("set coder0 model_hint! --roster r.yaml").status,
        0
    );
    assert_eq!(roster(&sandbox), ROSTER);
    let ran = sandbox.run("remove boss --successor coder0 --roster r.yaml");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    insta::assert_snapshot!(roster(&sandbox));
}

#[test]
fn what_a_script_reads_is_one_json_document() {
    let sandbox = sandbox();
    let ran = sandbox.run("set coder0 yolo=true --roster r.yaml --json");
    assert_eq!(ran.status, 0);
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (said["changed"].clone(), said["written"].clone()),
        (true.into(), true.into())
    );
    assert!(said["diff"].as_str().unwrap().contains("+    yolo: true\n"));
    assert_eq!(said["agents"], serde_json::json!([]));
    let ran = sandbox.run("add x --runtime pi --roster r.yaml --json --no-start --dry-run");
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (said["changed"].clone(), said["written"].clone()),
        (true.into(), false.into())
    );
}

#[test]
fn wrong_words_are_told_what_is_right() {
    let sandbox = sandbox();
    for (name, arguments) in [
        ("unknown key", "set coder0 modelhnt=x"),
        ("unknown inner key", "set coder0 restart.polcy=x"),
        ("unknown agent", "set codr0 yolo=true"),
        ("name", "set coder0 name=x"),
        ("no agent", "set yolo=true"),
        ("no value", "set coder0 yolo"),
        ("no list", "set coder0 command=[a"),
        ("unknown successor", "remove boss --successor coder"),
        ("sole seat", "remove gardener"),
        ("standard input", "add x --runtime pi --roster -"),
        ("directory", "add x --runtime pi --roster ."),
        ("missing", "add x --runtime pi --roster none.yaml"),
    ] {
        let line = match arguments.contains("--roster") {
            true => arguments.to_owned(),
            false => format!("{arguments} --roster r.yaml"),
        };
        let ran = sandbox.run(&line);
        insta::assert_snapshot!(
            format!("wrong_words_{}", name.replace(' ', "_")),
            ran.show(),
            arguments
        );
    }
    assert_eq!(roster(&sandbox), ROSTER);
}

#[test]
fn what_would_be_wrong_is_shown_where_it_would_be() {
    let sandbox = sandbox();
    for (name, arguments) in [
        ("type", "set coder0 yolo=maybe"),
        ("twin", "add Coder0 --runtime pi"),
        ("runtime", "add x --runtime cluade"),
        (
            "secret",
            "set coder0 env.T=ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        ),
        ("cycle", "set boss depends_on=[coder0]"),
    ] {
        let ran = sandbox.run(&format!("{arguments} --roster r.yaml"));
        insta::assert_snapshot!(format!("would_be_wrong_{name}"), ran.show(), arguments);
    }
    assert_eq!(roster(&sandbox), ROSTER);
}

#[test]
fn a_roster_with_errors_is_not_edited_but_shown() {
    let sandbox = Sandbox::new();
    let broken = "version: 1\ntransport: tmux\nagents:\n- {name: a, runtme: pi}\n";
    sandbox.write("r.yaml", broken);
    insta::assert_snapshot!(sandbox.run("set a yolo=true --roster r.yaml").show());
    assert_eq!(roster(&sandbox), broken);
}

#[test]
fn a_json_roster_behind_a_link_keeps_its_form_and_its_permissions() {
    let sandbox = Sandbox::new();
    let before = "{\n  \"version\": 1,\n  \"transport\": \"tmux\",\n  \"agents\": [\n    { \"name\": \"a\", \"runtime\": \"pi\" }\n  ]\n}\n";
    sandbox.write("real/r.json", before);
    let real = sandbox.home().join("real/r.json");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/r.json", sandbox.home().join("link.json")).unwrap();
    let ran = sandbox.run("add b --runtime pi --no-start --roster link.json");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let after = before.replace(
        "\"pi\" }\n",
        "\"pi\" },\n    { \"name\": \"b\", \"runtime\": \"pi\" }\n",
    );
    assert_eq!(std::fs::read_to_string(&real).unwrap(), after);
    assert!(sandbox.home().join("link.json").is_symlink());
    let mode = real.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_roster_that_somebody_else_is_writing_is_not_overwritten() {
    let sandbox = sandbox();
    // As another `fleet` does while it replaces the file.
    let held = std::fs::File::open(sandbox.home().join("r.yaml")).unwrap();
    held.lock().unwrap();
    let arguments = "add coder1 --runtime pi --no-start --roster r.yaml";
    insta::assert_snapshot!(sandbox.run(arguments).show(), @"
    --- stderr
    error: [HOME]/r.yaml was changed meanwhile; nothing was written

    hint: look at what is there now, and run the command once more
    --- exit 3
    ");
    assert_eq!(roster(&sandbox), ROSTER);
}

#[test]
fn of_editors_at_once_each_either_wins_or_is_told() {
    const EDITORS: usize = 12;
    let sandbox = sandbox();
    let start = std::sync::Barrier::new(EDITORS);
    let ran: Vec<_> = std::thread::scope(|scope| {
        let (sandbox, start) = (&sandbox, &start);
        let editors: Vec<_> = (0..EDITORS)
            .map(|index| {
                scope.spawn(move || {
                    start.wait();
                    let line = format!("add new{index} --runtime pi --no-start --roster r.yaml");
                    (index, sandbox.run(&line))
                })
            })
            .collect();
        editors
            .into_iter()
            .map(|editor| editor.join().unwrap())
            .collect()
    });
    let after = roster(&sandbox);
    let mut won = 0;
    for (index, ran) in &ran {
        let there = after.contains(&format!("name: new{index}\n"));
        match ran.status {
            0 => {
                assert!(there, "new{index} is lost:\n{after}");
                won += 1;
            }
            status => {
                assert_eq!(status, 3, "{}", ran.stderr);
                assert!(
                    !there && ran.stderr.contains("was changed meanwhile"),
                    "{}",
                    ran.stderr
                );
            }
        }
    }
    assert!(won >= 1);
    assert_eq!(sandbox.run("validate r.yaml").status, 0);
}

#[test]
fn what_an_edit_does_not_stop_at_is_a_warning() {
    let sandbox = sandbox();
    let ran = sandbox.run("set gardener class=worker --roster r.yaml");
    insta::assert_snapshot!(ran.show());
    let plan = sandbox.run("plan --roster r.yaml").stderr;
    assert!(plan.contains("warning: the fleet has 0 agents"), "{plan}");
    assert!(!plan.contains("error:"), "{plan}");
}

#[test]
fn a_reserved_name_is_refused_by_a_rule() {
    let sandbox = sandbox();
    for name in ["operator", "chat", "_holder"] {
        let ran = sandbox.run(&format!("add {name} --runtime sim --roster r.yaml"));
        assert_eq!(ran.status, 3, "{}", ran.stderr);
    }
    assert_eq!(roster(&sandbox), ROSTER);
}

#[test]
fn whoever_others_depend_on_needs_a_successor() {
    let sandbox = Sandbox::new();
    let agents = "- {name: a, runtime: sim}\n- {name: b, runtime: sim, depends_on: [\"a\"]}\n";
    sandbox.write(
        "r.yaml",
        &format!("version: 1\ntransport: tmux\nagents:\n{agents}"),
    );
    let ran = sandbox.run("remove a --roster r.yaml");
    assert_eq!(ran.status, 3);
    assert!(ran.stderr.contains("`--successor NAME`"), "{}", ran.stderr);
}

#[test]
fn the_help_of_set_fits_a_terminal_as_it_is_written() {
    insta::assert_snapshot!(sandbox().run("set --help").show());
}
