//! Edits change what they are about, and nothing else.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use podfleet_roster::{AgentName, Document, EditError, EditErrorKind, Field, Known, NewAgent};
use serde_json::json;

const HEAD: &str = "version: 1\ntransport: tmux\n";

/// Edits a roster of these agents, and returns what the agents' part then is.
fn edited(
    agents: &str,
    edit: impl FnOnce(&mut podfleet_roster::Edit<'_>) -> Result<(), EditError>,
) -> String {
    let text = format!("{HEAD}{agents}");
    let known = Known::shipped();
    let document = Document::read(&text, "roster.yaml");
    let mut editing = document
        .edit(&known)
        .unwrap_or_else(|error| panic!("{:#?}", error.findings()));
    edit(&mut editing).unwrap_or_else(|error| panic!("{error}\n{agents}"));
    let after = editing.text().strip_prefix(HEAD).unwrap();
    after.to_owned()
}

fn added(agents: &str) -> String {
    let agent = NewAgent::new(AgentName::new("new").unwrap(), "sim").with_class("code");
    edited(agents, |edit| edit.add(&agent))
}

fn removed(agents: &str, name: &str) -> String {
    edited(agents, |edit| edit.remove(name))
}

fn set(agents: &str, path: &str, value: &str) -> String {
    edited(agents, |edit| {
        edit.set_text(&Field::of_agent("a", path), value)
    })
}

fn cleared(agents: &str, path: &str) -> String {
    edited(agents, |edit| edit.clear(&Field::of_agent("a", path)))
}

#[test]
fn a_new_agent_is_written_like_its_neighbours() {
    for (before, after) in [
        (
            "agents:\n- name: a\n  runtime: sim\n",
            "agents:\n- name: a\n  runtime: sim\n- name: new\n  runtime: sim\n  class: code\n",
        ),
        (
            "agents:\n    -   name: a\n        runtime: sim # c\n        # yolo: true\n# end\n",
            "agents:\n    -   name: a\n        runtime: sim # c\n        # yolo: true\n    -   name: new\n        runtime: sim\n        class: code\n# end\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim\n\n# about b\n- name: b\n  runtime: sim\n\nconnector:\n  kind: tmux\n",
            "agents:\n- name: a\n  runtime: sim\n\n# about b\n- name: b\n  runtime: sim\n\n- name: new\n  runtime: sim\n  class: code\n\nconnector:\n  kind: tmux\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim",
            "agents:\n- name: a\n  runtime: sim\n- name: new\n  runtime: sim\n  class: code",
        ),
        (
            "agents:\r\n- name: a\r\n  runtime: sim\r\n# c\r\n",
            "agents:\r\n- name: a\r\n  runtime: sim\r\n- name: new\r\n  runtime: sim\r\n  class: code\r\n# c\r\n",
        ),
        (
            "agents:\n- {name: a, runtime: sim} # c\n",
            "agents:\n- {name: a, runtime: sim} # c\n- {name: new, runtime: sim, class: code}\n",
        ),
        (
            "agents:\n- { name: a, runtime: sim }\n",
            "agents:\n- { name: a, runtime: sim }\n- { name: new, runtime: sim, class: code }\n",
        ),
        (
            "agents: [{name: a, runtime: sim}]\n",
            "agents: [{name: a, runtime: sim}, {name: new, runtime: sim, class: code}]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim}, # first\n  {name: b, runtime: sim}, # last\n  # no more\n]\n",
            "agents: [\n  {name: a, runtime: sim}, # first\n  {name: b, runtime: sim}, # last\n  {name: new, runtime: sim, class: code},\n  # no more\n]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim} # last\n]\n",
            "agents: [\n  {name: a, runtime: sim}, # last\n  {name: new, runtime: sim, class: code}\n]\n",
        ),
        (
            "agents:\n- name: a\n  runtime: sim\n  kickstart: |+\n    hi\n\nconnector: {kind: tmux}\n",
            "agents:\n- name: a\n  runtime: sim\n  kickstart: |+\n    hi\n\n- name: new\n  runtime: sim\n  class: code\nconnector: {kind: tmux}\n",
        ),
    ] {
        assert_eq!(added(before), after);
    }
}

#[test]
fn json_stays_json() {
    let known = Known::shipped();
    let agent = NewAgent::new(AgentName::new("new").unwrap(), "sim");
    for (before, after) in [
        (
            "{\"version\":1,\"transport\":\"tmux\",\"agents\":[{\"name\":\"a\",\"runtime\":\"sim\"}]}",
            "{\"version\":1,\"transport\":\"tmux\",\"agents\":[{\"name\":\"a\",\"runtime\":\"sim\",\"yolo\":true},{\"name\":\"new\",\"runtime\":\"sim\"}]}",
        ),
        (
            "{\n\t\"version\": 1,\n\t\"transport\": \"tmux\",\n\t\"agents\": [\n\t\t{\n\t\t\t\"name\": \"a\",\n\t\t\t\"runtime\": \"sim\"\n\t\t}\n\t]\n}\n",
            "{\n\t\"version\": 1,\n\t\"transport\": \"tmux\",\n\t\"agents\": [\n\t\t{\n\t\t\t\"name\": \"a\",\n\t\t\t\"runtime\": \"sim\",\n\t\t\t\"yolo\": true\n\t\t},\n\t\t{\n\t\t\t\"name\": \"new\",\n\t\t\t\"runtime\": \"sim\"\n\t\t}\n\t]\n}\n",
        ),
    ] {
        let document = Document::read(before, "roster.json");
        let mut edit = document.edit(&known).unwrap();
        edit.set(&Field::of_agent("a", "yolo"), true).unwrap();
        edit.add(&agent).unwrap();
        assert_eq!(edit.finish().unwrap().text, after);
    }
}

#[test]
fn a_removed_agent_takes_its_own_comments_along() {
    let agents = "agents: # all\n  # the first\n  - name: a # a\n    runtime: sim\n    # more of a\n\n  # ---- the rest ----\n\n  # two lines\n  # about b\n  - name: b\n    runtime: sim # b\n\n    # more of b\n\n  # about c\n  - name: c\n    runtime: sim\n# end\n";
    insta::assert_snapshot!(removed(agents, "a"), @"
    agents: # all
      # ---- the rest ----

      # two lines
      # about b
      - name: b
        runtime: sim # b

        # more of b

      # about c
      - name: c
        runtime: sim
    # end
    ");
    insta::assert_snapshot!(removed(agents, "b"), @"
    agents: # all
      # the first
      - name: a # a
        runtime: sim
        # more of a

      # ---- the rest ----

      # about c
      - name: c
        runtime: sim
    # end
    ");
    insta::assert_snapshot!(removed(agents, "c"), @"
    agents: # all
      # the first
      - name: a # a
        runtime: sim
        # more of a

      # ---- the rest ----

      # two lines
      # about b
      - name: b
        runtime: sim # b

        # more of b

    # end
    ");
}

#[test]
fn of_the_blank_lines_around_a_removed_agent_those_on_one_side_stay() {
    let agent = |name: &str| format!("- name: {name}\n  runtime: sim\n");
    let (a, b, c) = (agent("a"), agent("b"), agent("c"));
    for (before, name, after) in [
        (
            format!("agents:\n{a}\n{b}\n{c}"),
            "b",
            format!("agents:\n{a}\n{c}"),
        ),
        (
            format!("agents:\n{a}\n{b}\n{c}"),
            "c",
            format!("agents:\n{a}\n{b}"),
        ),
        (
            format!("agents:\n{a}\n{b}\n{c}"),
            "a",
            format!("agents:\n{b}\n{c}"),
        ),
        (
            format!("agents:\n{a}{b}\n{c}"),
            "b",
            format!("agents:\n{a}\n{c}"),
        ),
        (format!("agents:\n{a}{b}"), "b", format!("agents:\n{a}")),
        (
            format!("agents:\n{a}\n{b}\n\n# end\n"),
            "b",
            format!("agents:\n{a}\n\n# end\n"),
        ),
        (
            format!("agents:\n{a}{}", b.trim_end()),
            "b",
            format!("agents:\n{}", a.trim_end()),
        ),
    ] {
        assert_eq!(removed(&before, name), after, "{name} from {before}");
    }
}

#[test]
fn an_agent_in_brackets_is_removed_with_its_comma() {
    for (before, name, after) in [
        (
            "agents: [{name: a, runtime: sim}, {name: b, runtime: sim}]\n",
            "a",
            "agents: [{name: b, runtime: sim}]\n",
        ),
        (
            "agents: [{name: a, runtime: sim}, {name: b, runtime: sim}]\n",
            "b",
            "agents: [{name: a, runtime: sim}]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim}, # a\n  {name: b, runtime: sim} # b\n]\n",
            "b",
            "agents: [\n  {name: a, runtime: sim} # a\n]\n",
        ),
        (
            "agents: [\n  {name: a, runtime: sim}, # a\n  {name: b, runtime: sim}, # b\n]\n",
            "a",
            "agents: [\n  {name: b, runtime: sim}, # b\n]\n",
        ),
        (
            "agents: [{name: a, runtime: sim}, {name: b, runtime: sim},]\n",
            "b",
            "agents: [{name: a, runtime: sim},]\n",
        ),
        (
            "agents: [{name: a, runtime: sim},\n  {name: b, runtime: sim}, ]\n",
            "b",
            "agents: [{name: a, runtime: sim}, ]\n",
        ),
        (
            "agents: [ {name: a, runtime: sim}\n  # b\n  , {name: b, runtime: sim} # b\n  ]\n",
            "b",
            "agents: [ {name: a, runtime: sim}\n  ]\n",
        ),
        (
            "agents: [ {name: a, runtime: sim}\n  , {name: b, runtime: sim}\n  ]\n",
            "a",
            "agents: [ {name: b, runtime: sim}\n  ]\n",
        ),
        (
            "agents: [{name: a, runtime: sim}, # a\n  {name: b, runtime: sim}]\n",
            "a",
            "agents: [\n  {name: b, runtime: sim}]\n",
        ),
        (
            "agents: [{name: a, runtime: sim}, {name: b, runtime: sim}, # b\n  {name: c, runtime: sim}]\n",
            "b",
            "agents: [{name: a, runtime: sim},\n  {name: c, runtime: sim}]\n",
        ),
        (
            "agents: [{name: a, runtime: sim}, {name: b, runtime: sim},\n  {name: c, runtime: sim}]\n",
            "b",
            "agents: [{name: a, runtime: sim},\n  {name: c, runtime: sim}]\n",
        ),
    ] {
        assert_eq!(removed(before, name), after, "{name} from {before}");
    }
}

#[test]
fn an_agent_in_brackets_takes_the_comments_above_its_line_along() {
    let agents = "agents: [ # all\n  # about a\n  {name: a, runtime: sim}, # a\n  # about b,\n  # in two lines\n  {name: b, runtime: sim}, # b\n\n  # apart\n\n  {name: c, runtime: sim}\n]\n";
    for (name, after) in [
        (
            "a",
            "agents: [ # all\n  # about b,\n  # in two lines\n  {name: b, runtime: sim}, # b\n\n  # apart\n\n  {name: c, runtime: sim}\n]\n",
        ),
        (
            "b",
            "agents: [ # all\n  # about a\n  {name: a, runtime: sim}, # a\n\n  # apart\n\n  {name: c, runtime: sim}\n]\n",
        ),
        (
            "c",
            "agents: [ # all\n  # about a\n  {name: a, runtime: sim}, # a\n  # about b,\n  # in two lines\n  {name: b, runtime: sim} # b\n\n  # apart\n\n]\n",
        ),
    ] {
        assert_eq!(removed(agents, name), after);
    }
}

#[test]
fn compact_json_stays_compact() {
    let agents = |a: &str| {
        format!(
            r#"{{"version":1,"transport":"tmux","agents":[{{"name":"a","runtime":"sim"{a}}},{{"name":"b","runtime":"sim"}}]}}"#
        )
    };
    let edited = |edit: fn(&mut podfleet_roster::Edit<'_>) -> Result<(), EditError>| {
        let known = Known::shipped();
        let document = Document::read(agents(""), "x.json");
        let mut editing = document.edit(&known).unwrap();
        edit(&mut editing).unwrap();
        editing.text().to_owned()
    };
    let set = edited(|edit| edit.set(&Field::of_agent("a", "runtime"), "pi"));
    assert_eq!(set, agents("").replacen("sim", "pi", 1));
    let more = edited(|edit| edit.set(&Field::of_agent("a", "command"), json!(["sh", "-c"])));
    assert_eq!(more, agents(r#","command":["sh","-c"]"#));
    let added = edited(|edit| edit.add(&NewAgent::new(AgentName::new("c").unwrap(), "sim")));
    let new = r#"},{"name":"c","runtime":"sim"}]}"#;
    assert_eq!(
        added,
        format!("{}{new}", agents("").strip_suffix("}]}").unwrap())
    );
}

#[test]
fn what_stays_in_a_block_keeps_its_comments() {
    let list = "agents:\n- name: a\n  runtime: sim\n  depends_on:\n  # why b\n  - b # always b\n  # why c\n  - c # sometimes\n  # why d\n  - d\n- {name: b, runtime: sim}\n- {name: c, runtime: sim}\n- {name: d, runtime: sim}\n- {name: e, runtime: sim}\n";
    let b = "  # why b\n  - b # always b\n";
    let c = "  # why c\n  - c # sometimes\n";
    let d = "  # why d\n  - d\n";
    let whole = format!("{b}{c}{d}");
    for (value, after) in [
        ("[b, c, d]", whole.clone()),
        ("[b, d]", format!("{b}{d}")),
        ("[b]", b.to_owned()),
        ("[c, d]", format!("{c}{d}")),
        ("[b, c, d, e]", format!("{whole}  - e\n")),
        ("[e, b, c, d]", format!("  - e\n{whole}")),
        ("[b, e, c, d]", format!("{b}  - e\n{c}{d}")),
        ("[b, e, d]", format!("{b}  # why c\n  - e # sometimes\n{d}")),
        ("[e]", "  - e\n".to_owned()),
    ] {
        let after = list.replace(&whole, &after);
        assert_eq!(set(list, "depends_on", value), after, "{value}");
    }
    let mapping = "agents:\n- name: a\n  runtime: sim\n  resources:\n    memory_max: 2G # two\n    # little\n    cpu_weight: 20 # as it is\n";
    for (value, after) in [
        (
            "{cpu_weight: 20}",
            "    # little\n    cpu_weight: 20 # as it is\n",
        ),
        (
            "{memory_max: 3G, tasks_max: 9}",
            "    memory_max: 3G # two\n    # little\n    tasks_max: 9\n",
        ),
        ("{tasks_max: 9}", "    tasks_max: 9\n"),
    ] {
        let (head, _) = mapping.split_once("    memory_max").unwrap();
        let after = format!("{head}{after}");
        assert_eq!(set(mapping, "resources", value), after, "{value}");
    }
}

#[test]
fn whoever_is_followed_leaves_the_comments_of_others() {
    let agents = "agents:\n- name: a\n  runtime: sim\n  depends_on:\n  - b # always b\n  # why c\n  - c # sometimes\n- {name: b, runtime: sim}\n- {name: c, runtime: sim}\n- {name: d, runtime: sim}\n";
    let follow = |old: &'static str| {
        edited(agents, |edit| {
            edit.succeed(old, "d")?;
            edit.remove(old)
        })
    };
    assert!(follow("c").contains("  - b # always b\n  # why c\n  - d # sometimes\n"));
    assert!(follow("b").contains("  - d # always b\n  # why c\n  - c # sometimes\n"));
}

#[test]
fn a_field_is_set_in_the_style_that_it_has() {
    let block = |rest: &str| {
        format!("agents:\n- name: a\n  runtime: sim\n{rest}- name: b\n  runtime: sim\n")
    };
    for (before, path, value, after) in [
        (
            "  class: code # c\n",
            "class",
            "review",
            "  class: review # c\n",
        ),
        (
            "  class:   'code'\n",
            "class",
            "it's",
            "  class:   'it''s'\n",
        ),
        ("  class: \"code\"\n", "class", "a b", "  class: \"a b\"\n"),
        ("  alias: x\n", "alias", "yes", "  alias: \"yes\"\n"),
        (
            "  alias: x\n",
            "alias",
            "a: b # c",
            "  alias: \"a: b # c\"\n",
        ),
        ("  alias: !!str x\n", "alias", "z", "  alias: z\n"),
        ("  alias: &n x\n", "alias", "z", "  alias: &n z\n"),
        ("", "alias", "漢字 😀", "  alias: \"漢字 😀\"\n"),
        (
            "  # nothing\n",
            "yolo",
            "true",
            "  yolo: true\n  # nothing\n",
        ),
        (
            "  env:\n    A: x\n    # B: y\n",
            "yolo",
            "true",
            "  env:\n    A: x\n    # B: y\n  yolo: true\n",
        ),
        (
            "  env:\n      A: x\n",
            "env.B",
            "true",
            "  env:\n      A: x\n      B: \"true\"\n",
        ),
        ("  env: {A: x}\n", "env.B", "7", "  env: {A: x, B: \"7\"}\n"),
        ("  env: {}\n", "env.B", "7", "  env: {B: \"7\"}\n"),
        (
            "",
            "resources.memory_max",
            "2G",
            "  resources:\n    memory_max: 2G\n",
        ),
        ("  modelHint: x\n", "model_hint", "z", "  modelHint: z\n"),
        ("", "modelHint", "z", "  model_hint: z\n"),
        (
            "",
            "command",
            "[sh, -c, 'a b']",
            "  command: [sh, \"-c\", a b]\n",
        ),
        ("  command: [x]\n", "command", "[q]", "  command: [q]\n"),
        (
            "  command:\n  - x # c\n  - y\n",
            "command",
            "[z, w]",
            "  command:\n  - z\n  - w\n",
        ),
        (
            "  command: # c\n    - x\n  yolo: true\n",
            "command",
            "[z]",
            "  command: # c\n    - z\n  yolo: true\n",
        ),
        (
            "  depends_on: # c\n    - b\n",
            "depends_on",
            "[]",
            "  depends_on: [] # c\n",
        ),
        (
            "  kickstart: | # h\n    one\n    two\n  yolo: true\n",
            "kickstart",
            "hi",
            "  kickstart: hi # h\n  yolo: true\n",
        ),
        (
            "  kickstart: >-\n    one\n\n    two\n",
            "kickstart",
            "1\n2\n",
            "  kickstart: |\n    1\n    2\n",
        ),
        (
            "",
            "kickstart",
            "1\n\n2",
            "  kickstart: |-\n    1\n\n    2\n",
        ),
        ("", "kickstart", " 1\n2", "  kickstart: \" 1\\n2\"\n"),
        (
            "  kickstart:\n    two\n    lines\n",
            "kickstart",
            "one",
            "  kickstart:\n    one\n",
        ),
        ("  alias: \"\"\n", "alias", "x", "  alias: \"x\"\n"),
    ] {
        assert_eq!(set(&block(before), path, value), block(after));
    }
    assert_eq!(
        set(
            "agents:\n- {name: a, runtime: sim}\n",
            "restart.policy",
            "never"
        ),
        "agents:\n- {name: a, runtime: sim, restart: {policy: never}}\n"
    );
    assert_eq!(
        set("agents:\n- name: a\n  runtime: sim", "yolo", "true"),
        "agents:\n- name: a\n  runtime: sim\n  yolo: true"
    );
}

#[test]
fn a_cleared_field_takes_its_line_along() {
    let block = |rest: &str| {
        format!("agents:\n- name: a\n  runtime: sim\n{rest}- name: b\n  runtime: sim\n")
    };
    for (before, path, after) in [
        (
            "  # about\n  alias: x # c\n  yolo: true\n",
            "alias",
            "  # about\n  yolo: true\n",
        ),
        (
            "  env:\n    A: x\n    B: y\n",
            "env.A",
            "  env:\n    B: y\n",
        ),
        ("  env:\n    A: x\n", "env.A", ""),
        ("  env: {A: x, B: y}\n", "env.A", "  env: {B: y}\n"),
        ("  env: {A: x, B: y}\n", "env.B", "  env: {A: x}\n"),
        (
            "  kickstart: |\n    a\n\n    b\n\n  yolo: true\n",
            "kickstart",
            "\n  yolo: true\n",
        ),
        ("  yolo: true\n", "alias", "  yolo: true\n"),
    ] {
        assert_eq!(cleared(&block(before), path), block(after));
    }
    for (before, after) in [
        (
            "agents:\n- alias: x # c\n  name: a\n  runtime: sim\n",
            "agents:\n- name: a\n  runtime: sim\n",
        ),
        (
            "agents:\n- alias: x\n  # about\n  name: a\n  runtime: sim\n",
            "agents:\n-\n  # about\n  name: a\n  runtime: sim\n",
        ),
        (
            "agents:\n- {name: a, alias: x, runtime: sim}\n",
            "agents:\n- {name: a, runtime: sim}\n",
        ),
    ] {
        assert_eq!(cleared(before, "alias"), after);
    }
}

#[test]
fn a_field_of_the_roster_itself_is_edited() {
    let agents = "agents:\n- {name: a, runtime: sim}\n";
    for (path, value, after) in [
        (
            "tmux.socket_name",
            json!("x"),
            "agents:\n- {name: a, runtime: sim}\ntmux:\n  socket_name: x\n",
        ),
        (
            "connector",
            json!({"kind": "discord", "discord": {"channel_id": "7"}}),
            "agents:\n- {name: a, runtime: sim}\nconnector:\n  discord:\n    channel_id: \"7\"\n  kind: discord\n",
        ),
        (
            "runtimes.aider.harness",
            json!("generic"),
            "agents:\n- {name: a, runtime: sim}\nruntimes:\n  aider:\n    harness: generic\n",
        ),
    ] {
        let after_edit = edited(agents, |edit| edit.set(&Field::of_roster(path), value));
        assert_eq!(after_edit, after);
    }
}

fn refusal(
    agents: &str,
    edit: impl FnOnce(&mut podfleet_roster::Edit<'_>) -> Result<(), EditError>,
) -> EditError {
    let text = format!("{HEAD}{agents}");
    let known = Known::shipped();
    let document = Document::read(&text, "roster.yaml");
    let mut editing = document.edit(&known).unwrap();
    let error = edit(&mut editing).unwrap_err();
    assert_eq!(editing.text(), text, "nothing changed");
    error
}

#[test]
fn what_aliases_share_is_not_changed() {
    let agents = "agents:\n- name: a\n  runtime: sim\n  restart: &r\n    policy: never\n- name: b\n  runtime: sim\n  restart: *r\n";
    let shared = EditErrorKind::Shared { line: 10 };
    let field = |agent: &str| Field::of_agent(agent, "restart.policy");
    assert_eq!(
        *refusal(agents, |edit| edit.set(&field("a"), "always")).kind(),
        shared
    );
    assert_eq!(
        *refusal(agents, |edit| edit.set(&field("b"), "always")).kind(),
        shared
    );
    assert_eq!(
        *refusal(agents, |edit| edit.clear(&field("a"))).kind(),
        shared
    );
    assert_eq!(*refusal(agents, |edit| edit.remove("a")).kind(), shared);
    assert!(removed(agents, "b").ends_with("    policy: never\n"));
    assert!(
        edited(agents, |edit| edit.clear(&Field::of_agent("b", "restart")))
            .ends_with("runtime: sim\n")
    );
}

#[test]
fn what_cannot_be_edited_says_why() {
    let agents = "agents:\n- {name: coder, runtime: sim}\n";
    let said = |field: Field, value: &str| {
        let error = refusal(agents, |edit| edit.set_text(&field, value));
        format!("{error}; {}", error.hint().unwrap_or_default())
    };
    let of = |path: &str| Field::of_agent("coder", path);
    insta::assert_snapshot!(said(of("modelhnt"), "x"), @"there is no field `modelhnt`; did you mean `model_hint`?");
    insta::assert_snapshot!(said(of("restart.polcy"), "x"), @"there is no field `restart.polcy`; did you mean `restart.policy`?");
    insta::assert_snapshot!(said(of("restart.zzz"), "x"), @"there is no field `restart.zzz`; fields are `restart.max_restarts`, `restart.policy` and `restart.window`");
    insta::assert_snapshot!(said(of("class.x"), "x"), @"there is no field `class.x`; `class` has no fields in it");
    insta::assert_snapshot!(said(of("name"), "x"), @"the name of an agent cannot be changed; remove the agent and add it under the other name");
    insta::assert_snapshot!(said(of("command"), "[a"), @"the value of `command` cannot be read; lists and mappings are written as `[a, b]` and `{a: b}`");
    insta::assert_snapshot!(said(Field::of_agent("codr", "alias"), "x"), @"the roster has no agent `codr`; did you mean `coder`?");
    let last = refusal(agents, |edit| edit.remove("coder"));
    assert_eq!(*last.kind(), EditErrorKind::LastAgent);
}

#[test]
fn a_roster_with_errors_is_not_edited() {
    let known = Known::shipped();
    let error = Document::read("agents: 7\n", "x").edit(&known).unwrap_err();
    assert_eq!(*error.kind(), EditErrorKind::Unsound);
    assert!(!error.findings().is_empty());
}

#[test]
fn a_value_of_the_wrong_type_is_a_finding_at_its_place_in_the_result() {
    let text = format!("{HEAD}agents:\n- {{name: a, runtime: sim}}\n");
    let known = Known::shipped();
    let mut edit = Document::read(&text, "x").edit(&known).unwrap();
    edit.set_text(&Field::of_agent("a", "yolo"), "maybe")
        .unwrap();
    let error = edit.finish().unwrap_err();
    let place = |finding: &podfleet_roster::Diagnostic| (finding.line, finding.column);
    assert!(
        error
            .findings()
            .iter()
            .any(|finding| place(finding) == (4, 33))
    );
}

#[test]
fn an_orchestrator_is_followed_by_another() {
    let text = format!(
        "{HEAD}agents:\n- name: boss\n  runtime: sim\n  class: orchestrator\n- name: next\n  runtime: sim\n  depends_on: [boss]\n- {{name: e, runtime: sim, class: enhancer, depends_on: [boss, next]}}\n"
    );
    let known = Known::shipped();
    let mut edit = Document::read(&text, "x").edit(&known).unwrap();
    edit.succeed("boss", "next").unwrap();
    edit.remove("boss").unwrap();
    assert_eq!(
        edit.finish().unwrap().text,
        format!(
            "{HEAD}agents:\n- name: next\n  runtime: sim\n  class: orchestrator\n- {{name: e, runtime: sim, class: enhancer, depends_on: [next]}}\n"
        )
    );
}

#[test]
fn a_fleet_that_lacks_a_class_already_can_lose_an_agent() {
    let text = format!(
        "{HEAD}agents:\n- {{name: boss, runtime: sim, class: orchestrator}}\n- {{name: a, runtime: sim}}\n- {{name: b, runtime: sim}}\n"
    );
    let known = Known::shipped();
    let mut edit = Document::read(&text, "x").edit(&known).unwrap();
    edit.remove("b").unwrap();
    assert!(edit.finish().is_ok());
}

#[test]
fn the_only_agent_of_a_seat_is_not_removed_without_a_successor() {
    let text = format!(
        "{HEAD}agents:\n- {{name: boss, runtime: sim, class: orchestrator}}\n- {{name: e, runtime: sim, class: enhancer}}\n"
    );
    let known = Known::shipped();
    for (agent, class) in [("boss", "orchestrator"), ("e", "enhancer")] {
        let mut edit = Document::read(&text, "x").edit(&known).unwrap();
        edit.remove(agent).unwrap();
        let class = class.to_owned();
        assert_eq!(
            *edit.finish().unwrap_err().kind(),
            EditErrorKind::SoleSeat { class }
        );
    }
}

#[test]
fn an_edit_makes_no_agent_that_cannot_start() {
    let text =
        format!("{HEAD}agents:\n- {{name: a, runtime: sim}}\n- {{name: b, runtime: nonsense}}\n");
    let known = Known::shipped();
    let mut edit = Document::read(&text, "x").edit(&known).unwrap();
    edit.set(&Field::of_agent("a", "yolo"), true).unwrap();
    assert!(edit.finish().is_ok(), "b could not start before either");
    let mut edit = Document::read(&text, "x").edit(&known).unwrap();
    edit.set(&Field::of_agent("a", "runtime"), "cluade")
        .unwrap();
    assert_eq!(*edit.finish().unwrap_err().kind(), EditErrorKind::Refused);
}
