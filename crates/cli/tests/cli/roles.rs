//! `role`: what agents are told, and the user's own texts.

use crate::sandbox::Sandbox;

#[test]
fn every_class_is_listed_with_its_mandate() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("role list");
    assert!(ran.show().contains("(reviewer, code-review)"));
    // Where none is yours there is no need to say whose they are.
    assert!(!ran.stdout.contains("SOURCE"), "{}", ran.stdout);
    let json = sandbox.run("role list --json").stdout;
    assert_eq!(json.matches("\"shipped\"").count(), 22);
    // Two lines for most.
    assert!(ran.stdout.lines().count() <= 45, "{}", ran.stdout);
}

#[test]
fn a_role_is_shown_by_class_and_by_synonym() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("role show implementer");
    assert!(ran.stdout.starts_with("# Code\n"), "{}", ran.stdout);
    insta::assert_snapshot!(ran.stderr, @"`implementer` is a synonym of `code`; this role is shipped");
    let json = sandbox.run("role show implementer --json").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["class"], &json["source"]),
        (&"code".into(), &"shipped".into())
    );
}

#[test]
fn a_class_without_a_role_is_told_what_to_do() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("role show reviw").show(), @"
    --- stderr
    error: there is no role for the class `reviw`

    hint: did you mean `review`?
    --- exit 2
    ");
    insta::assert_snapshot!(sandbox.run("role show librarian").show(), @"
    --- stderr
    error: there is no role for the class `librarian`

    hint: `fleet role list` shows all; `fleet role customize librarian --new` begins
      one
    --- exit 2
    ");
    insta::assert_snapshot!(sandbox.run("role show ../x").show(), @"
    --- stderr
    error: there is no role for the class `../x`

    hint: `fleet role list` shows all
    --- exit 2
    ");
}

#[test]
fn a_customized_role_is_yours_and_is_not_written_twice() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("role customize coder").show(), @"
    --- stderr
    wrote [HOME]/.config/fleet/roles/code.md
    `coder` is a synonym of `code`, so this role is told to both
    next: edit it; agents are told it at their next start
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run("role customize code").show(), @"
    --- stderr
    error: [HOME]/.config/fleet/roles/code.md is there already; nothing was
      written

    hint: edit it, or remove it to go back to the shipped role
    --- exit 3
    ");
    let path = sandbox.home().join(".config/fleet/roles/code.md");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("---\nsynonyms: coder, implementer\n---\n# Code\n"),
        "{text}"
    );
    sandbox.write(".config/fleet/roles/code.md", "# Code\n\nMine.\n");
    assert_eq!(sandbox.run("role show code").stdout, "# Code\n\nMine.\n");
    assert!(sandbox.run("role list").stdout.contains("yours"));
}

#[test]
fn a_new_role_makes_its_class_known() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("role customize review --new").status, 3);
    let ran = sandbox.run("role customize librarian --new");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let roster =
        "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, class: librarian}\n";
    sandbox.write("roster.yaml", roster);
    let checked = sandbox.run("validate");
    assert!(
        !checked.stdout.contains("unknown-role"),
        "{}",
        checked.stdout
    );
    // A synonym may get a role of its own.
    assert_eq!(sandbox.run("role customize implementer --new").status, 0);
    assert!(
        sandbox
            .run("role show implementer")
            .stdout
            .starts_with("# implementer\n")
    );
}

#[test]
fn a_synonym_in_a_role_of_yours_is_a_class() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".config/fleet/roles/librarian.md",
        "---\nsynonyms: archivist\n---\n# L\n\nKeeps.\n",
    );
    let roster =
        "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, class: archivist}\n";
    sandbox.write("roster.yaml", roster);
    assert!(!sandbox.run("validate").stdout.contains("unknown-role"));
}

#[test]
fn a_file_that_is_no_role_is_told_and_never_passed_over() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/roles/code.md", "\n");
    insta::assert_snapshot!(sandbox.run("role show code").show(), @"
    --- stderr
    error: [HOME]/.config/fleet/roles/code.md is no role: the role `code`
      has no text
    --- exit 1
    ");
    assert_eq!(sandbox.run("role list").status, 1);
    assert_eq!(sandbox.run("role show review").status, 0);
}

#[test]
fn a_role_or_profile_that_is_no_file_is_called_what_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/roles/code.md/x", "");
    sandbox.write(".config/fleet/profiles/own.yaml/x", "");
    insta::assert_snapshot!(sandbox.run("role show code").show(), @"
    --- stderr
    error: [HOME]/.config/fleet/roles/code.md is a directory
    --- exit 2
    ");
    insta::assert_snapshot!(sandbox.run("profile show own").show(), @"
    --- stderr
    error: [HOME]/.config/fleet/profiles/own.yaml is a directory
    --- exit 2
    ");
    insta::assert_snapshot!(sandbox.run("role list").stderr, @"
    error: [HOME]/.config/fleet/roles/code.md is a directory
    ");
}

#[test]
fn a_role_to_customize_is_shown_before_it_is_written() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("role customize librarian --new --dry-run");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("# librarian\n"), "{}", ran.stdout);
    let would = "would write [HOME]/.config/fleet/roles/librarian.md";
    assert_eq!(ran.stderr.trim_end(), would);
    assert!(!sandbox.home().join(".config/fleet/roles").exists());
}

#[test]
fn what_the_list_of_roles_names_can_be_shown() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/roles/two.words+.md", "You keep.\n");
    assert!(sandbox.run("role list").stdout.contains("two.words+"));
    assert_eq!(sandbox.run("role show two.words+").stdout, "You keep.\n");
}
