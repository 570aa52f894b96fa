use super::*;

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
