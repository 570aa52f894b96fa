use super::*;

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
