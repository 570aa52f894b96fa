use super::*;

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
