//! What people read of findings.

use std::fmt::Write as _;

use podfleet_roster::{Code, Known, Roster};

/// Shows the findings of a text, one a line, with what belongs to each below it.
fn shown(text: &str) -> String {
    let (_, findings) = Roster::parse(text, "roster.yaml", &Known::shipped());
    let mut shown = String::new();
    // Small fleets make short examples; that they have no lead is not what these are about.
    let about = findings
        .iter()
        .filter(|finding| finding.code != Code::NoLead);
    for finding in about {
        let _ = writeln!(shown, "{finding}");
        for related in &finding.related {
            let _ = writeln!(
                shown,
                "  {}:{}: {}",
                related.line, related.column, related.message
            );
        }
        if let Some(help) = &finding.help {
            let _ = writeln!(shown, "  help: {help}");
        }
    }
    shown
}

/// A roster around one agent's fields.
fn agent(fields: &str) -> String {
    format!("version: 1\ntransport: tmux\nagents:\n- name: coder\n  runtime: sim\n{fields}\n")
}

#[test]
fn a_misspelt_key_is_told_the_nearest_one() {
    insta::assert_snapshot!(shown(&agent("  modle_hint: x\n  flavour: y")), @r"
    roster.yaml:6:3: error: unknown key `modle_hint` in `agents[0]` [roster::unknown-key]
      help: did you mean `model_hint`?
    roster.yaml:7:3: error: unknown key `flavour` in `agents[0]` [roster::unknown-key]
      help: known keys are `alias`, `class`, `command`, `depends_on`, `env`, `host`, `kickstart`, `model_hint`, `name`, `persistent_persona`, `prepare`, `reset_between_tasks`, `resources`, `restart`, `resume`, `runtime`, `socket`, `ssh`, `working_directory` and `yolo`
    ");
}

#[test]
fn a_wrong_type_says_what_was_found_and_how_to_write_it() {
    insta::assert_snapshot!(shown(&agent("  yolo: yes\n  alias: 007\n  command: bash\n  env: {A: 1}")), @r#"
    roster.yaml:6:9: error: `agents[0].yolo` is a string, expected a boolean [roster::wrong-type]
      help: write `yolo: true`
    roster.yaml:7:10: error: `agents[0].alias` is a number, expected a string [roster::wrong-type]
      help: put it in quotes: `alias: "007"`
    roster.yaml:8:12: error: `agents[0].command` is a string, expected a list [roster::wrong-type]
      help: write a list: `command: [bash]`
    roster.yaml:9:12: error: `agents[0].env.A` is a number, expected a string [roster::wrong-type]
      help: put it in quotes: `A: "1"`
    "#);
}

#[test]
fn a_wrong_value_lists_the_right_ones() {
    insta::assert_snapshot!(shown(&agent("  resume: allways\n  restart: {policy: no, window: 1 h}")), @r"
    roster.yaml:6:11: error: `agents[0].resume` is `allways`, expected `always`, `never` or a length of time such as `90s`, `10m`, `8h` or `2d` [roster::unknown-value]
      help: did you mean `always`?
    roster.yaml:7:21: error: `agents[0].restart.policy` is `no`, expected `always`, `on-failure` or `never` [roster::unknown-value]
    roster.yaml:7:33: error: `agents[0].restart.window` is `1 h` [roster::invalid-value]
      help: expected a length of time such as `90s`, `10m`, `8h` or `2d`
    ");
}

#[test]
fn the_connector_is_judged_by_its_kind() {
    let text = agent("connector: {kind: matrix, discord: {}, matrix: {room_id: x}}");
    insta::assert_snapshot!(shown(&text), @r#"
    roster.yaml:6:48: error: `homeserver_url` is missing in `connector.matrix` [roster::missing-key]
      help: add `homeserver_url: https://matrix.example.org`
    roster.yaml:6:48: error: `user_id` is missing in `connector.matrix` [roster::missing-key]
      help: add `user_id: "@fleet:example.org"`
    roster.yaml:6:58: error: `connector.matrix.room_id` is `x` [roster::invalid-value]
      help: expected a room such as `!room:example.org` or `#room:example.org`
    "#);
}

#[test]
fn names_that_clash_show_both_places() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: web.api, runtime: sim}\n- {name: web_api, runtime: sim}\n\
        - {name: Web.api, runtime: sim}\n- {name: web.api, runtime: sim}\n\
        - {name: operator, runtime: sim}\n";
    insta::assert_snapshot!(shown(text), @r"
    roster.yaml:5:10: error: `web.api` and `web_api` are the same session for tmux, `web_api` [roster::session-clash]
      4:10: the other one
      help: tmux writes `.` and `:` as `_`; use `-` instead
    roster.yaml:6:10: error: the names `web.api` and `Web.api` differ in case only [roster::case-twin]
      4:10: the other one
      help: names must be told apart when case is ignored
    roster.yaml:7:10: error: the name `web.api` is given twice [roster::duplicate-name]
      4:10: first given here
      help: names are addresses; give each agent its own
    roster.yaml:8:10: error: the name `operator` is reserved for the human who operates the fleet [roster::reserved-name]
      help: an agent of class operator is called `ops`
    ");
}

#[test]
fn a_cycle_names_every_agent_in_it() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: a, runtime: sim, depends_on: [b]}\n- {name: b, runtime: sim, depends_on: [c, x]}\n\
        - {name: c, runtime: sim, depends_on: [a]}\n";
    insta::assert_snapshot!(shown(text), @r"
    roster.yaml:5:43: error: `b` depends on `x`, which is not in the roster [roster::unknown-dependency]
      help: add that agent, or remove the dependency
    roster.yaml:6:40: error: agents depend on each other: `a` → `b` → `c` → `a` [roster::dependency-cycle]
      help: remove one of these dependencies
    ");
}

#[test]
fn an_agent_without_a_name_is_called_so() {
    insta::assert_snapshot!(shown("version: 1\ntransport: tmux\nagents:\n- {runtime: sim, ssh: a@b}\n"), @r"
    roster.yaml:4:3: error: `name` is missing in `agents[0]` [roster::missing-key]
      help: add `name: coder0`
    roster.yaml:4:18: note: `ssh` has no effect: an agent without a name is hosted here [roster::ignored-key]
      help: it is for agents with a `host`
    ");
}

#[test]
fn a_misspelt_lead_is_told_once_with_what_was_meant() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: a, runtime: sim, class: orchestrator}\n\
        - {name: b, runtime: sim, class: enhacner}\n";
    insta::assert_snapshot!(shown(text), @r"
    roster.yaml:5:34: error: the fleet has 0 agents of class `enhancer`, at least 1 is needed [roster::class-floor]
      help: did you mean `enhancer`?
    ");
}

#[test]
fn the_class_floor_gives_the_counts() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: a, runtime: sim, class: orchestrator}\n\
        - {name: b, runtime: sim, class: orchestrator}\n";
    insta::assert_snapshot!(shown(text), @r"
    roster.yaml:3:1: error: the fleet has 0 agents of class `enhancer`, at least 1 is needed [roster::class-floor]
      help: give one agent `class: enhancer`
    roster.yaml:5:34: error: the fleet has 2 agents of class `orchestrator`, exactly 1 is needed [roster::class-floor]
      4:34: the first one
      help: give all but one of them another class
    ");
}

#[test]
fn an_unknown_runtime_lists_the_known_ones() {
    insta::assert_snapshot!(shown(&agent("- {name: x, runtime: cluade}")), @r"
    roster.yaml:6:22: error: there is no runtime `cluade` [roster::unknown-runtime]
      help: did you mean `claude`? known are `claude`, `codex`, `generic`, `opencode`, `pi` and `sim`
    ");
}

#[test]
fn a_secret_is_never_repeated() {
    let text = agent("  env: {TOKEN: ghp_0123456789abcdefghijABCDEFGHIJ012345}");
    insta::assert_snapshot!(shown(&text), @r"
    roster.yaml:6:16: error: `agents[0].env.TOKEN` has the shape of a GitHub token [roster::secret]
      help: take it from the environment, or from a file of mode 0600 that a variable `…_FILE` names; revoke it if anybody else has seen the roster
    ");
}

#[test]
fn syntax_faults_are_told_in_plain_words() {
    insta::assert_snapshot!(shown("version: 1\nversion: 1\n<<: {a: b}\n1: x\nz: *no\n---\n"), @r#"
    roster.yaml:1:1: error: `agents` is missing at the top level [roster::missing-key]
      help: add `agents:`
    roster.yaml:1:1: error: `transport` is missing at the top level [roster::missing-key]
      help: add `transport: tmux`
    roster.yaml:2:1: error: the key `version` is given twice [roster::duplicate-key]
      1:1: first given here
      help: keep one of the two
    roster.yaml:3:1: error: merge keys (`<<`) are not supported [roster::merge-key]
      help: write the keys out, or give an alias as the value of a key
    roster.yaml:3:1: error: unknown key `a` at the top level [roster::unknown-key]
      help: known keys are `agents`, `connector`, `defaults`, `fleet`, `runtimes`, `tenant_id`, `tmux`, `transport` and `version`
    roster.yaml:4:1: error: a key must be a string, this one is a number [roster::key-type]
      help: put it in quotes: `"1"`
    roster.yaml:5:1: error: unknown key `z` at the top level [roster::unknown-key]
      help: known keys are `agents`, `connector`, `defaults`, `fleet`, `runtimes`, `tenant_id`, `tmux`, `transport` and `version`
    roster.yaml:5:4: error: there is no anchor `&no` before this alias [roster::unknown-alias]
    roster.yaml:6:1: error: a second document begins here [roster::second-document]
      help: remove the `---` line, or put each document into a file of its own
    "#);
}

#[test]
fn quotes_are_proposed_only_where_they_make_the_value_right() {
    insta::assert_snapshot!(shown(&agent("  restart: {window: 10}\n  alias: 7")), @r#"
    roster.yaml:6:21: error: `agents[0].restart.window` is a number, expected a string [roster::wrong-type]
      help: write it as in `window: 10m`
    roster.yaml:7:10: error: `agents[0].alias` is a number, expected a string [roster::wrong-type]
      help: put it in quotes: `alias: "7"`
    "#);
}
