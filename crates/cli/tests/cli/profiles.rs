//! `profile` and `provision`.

use crate::sandbox::Sandbox;

const SOLO: &str = "id: solo\ntitle: Solo\ndescription: One who does it all.\nlead: worker\n\
    floor: [orchestrator, enhancer]\nroster:\n  - class: orchestrator\n  - class: enhancer\n  - class: worker\n";

#[test]
fn the_profiles_are_listed_with_yours_among_them() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/profiles/solo.yaml", SOLO);
    insta::assert_snapshot!(sandbox.run("profile list").show(), @"
    --- stdout
    PROFILE             LEAD             SEATS  SOURCE   WHAT FOR
    personal-assistant  orchestrator         5  shipped  Keeps one person's time and
                                                         mail in order, and finds
                                                         out what they want to know.
    research            lead-researcher      9  shipped  Answers questions with
                                                         findings that somebody else
                                                         has checked, and writes
                                                         them down.
    software-delivery   planner             14  shipped  Turns goals into reviewed,
                                                         merged and running
                                                         software, from the plan to
                                                         operation.
    solo                worker               3  yours    One who does it all.
    --- exit 0
    ");
    let json = sandbox.run("profile list --json").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[3]["id"], "solo");
    assert_eq!(json[3]["source"], "yours");
}

#[test]
fn a_profile_is_shown_with_its_topology() {
    insta::assert_snapshot!(Sandbox::new().run("profile show software-delivery").show(), @"
    --- stdout
    software-delivery: Software delivery (shipped, 14 seats)

    Turns goals into reviewed, merged and running software, from the plan to
    operation.

    orchestrator           floor
    ├─ enhancer            floor
    │  └─ session-review
    └─ planner             lead
       ├─ decomposition
       ├─ code ×2
       ├─ review
       ├─ security-review
       ├─ site-tester
       ├─ documentation
       ├─ rebase
       ├─ merge-gate
       └─ operator

    Begin with the floor and add planner, code and review first; the other seats are
    worth their cost once changes come faster than one reviewer can judge them.
    --- stderr
    next: `fleet provision --profile software-delivery` prints a roster
    --- exit 0
    ");
}

#[test]
fn an_unknown_profile_is_told_the_nearest_one() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("profile show reserch").show(), @r#"
    --- stderr
    error: there is no profile "reserch"

    hint: did you mean `research`?
    --- exit 2
    "#);
    assert_eq!(sandbox.run("provision --profile reserch").status, 2);
}

#[test]
fn a_faulty_profile_is_shown_and_never_passed_over() {
    let sandbox = Sandbox::new();
    let faulty = SOLO
        .replace("id: solo", "id: research")
        .replace("class: worker", "class: wroker");
    sandbox.write(".config/fleet/profiles/research.yaml", &faulty);
    insta::assert_snapshot!(sandbox.run("provision --profile research").show(), @"
    --- stderr
    error[profile::outside-roster]: `lead` names `worker`, which `roster` does not
                                    list
     --> [HOME]/.config/fleet/profiles/research.yaml:4:7
      |
    4 | lead: worker
      |       ^^^^^^
      |
      = help: did you mean `wroker`?

    error[profile::unknown-class]: there is no role for the class `wroker`
     --> [HOME]/.config/fleet/profiles/research.yaml:9:12
      |
    9 |   - class: wroker
      |            ^^^^^^
      |
      = help: did you mean `worker`?

    error: the profile [HOME]/.config/fleet/profiles/research.yaml has
      errors; nothing was done
    --- exit 1
    ");
    assert_eq!(
        sandbox.run("provision --profile software-delivery").status,
        0
    );
    let listed = sandbox.run("profile list");
    assert_eq!(listed.status, 1);
    assert!(
        listed.stderr.contains("profile::unknown-class"),
        "{}",
        listed.stderr
    );
}

#[test]
fn two_files_with_one_id_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write(".config/fleet/profiles/solo.yaml", SOLO);
    let json = r#"{"id": "solo", "title": "S", "description": "D", "lead": "orchestrator", "floor": ["orchestrator"], "roster": [{"class": "orchestrator"}]}"#;
    sandbox.write(".config/fleet/profiles/solo.json", json);
    let listed = sandbox.run("profile list");
    assert!(
        listed.stderr.contains("profile::duplicate-id"),
        "{}",
        listed.stderr
    );
    assert_eq!(sandbox.run("provision --profile solo").status, 1);
}

#[test]
fn your_profile_takes_the_place_of_a_shipped_one() {
    let sandbox = Sandbox::new();
    let mine = SOLO.replace("id: solo", "id: research");
    sandbox.write(".config/fleet/profiles/research.yaml", &mine);
    let shown = sandbox.run("profile show research").stdout;
    assert!(
        shown.starts_with("research: Solo (yours, 3 seats)"),
        "{shown}"
    );
}

#[test]
fn what_provision_prints_is_a_roster_without_a_finding() {
    let sandbox = Sandbox::new();
    for id in ["software-delivery", "research", "personal-assistant"] {
        for full in ["", " --full"] {
            let printed = sandbox.run(&format!("provision --profile {id}{full}"));
            assert_eq!(printed.status, 0, "{}", printed.stderr);
            let checked = sandbox.pipe("validate --deny-warnings -", &printed.stdout);
            assert_eq!(checked.status, 0, "{id}{full}: {}", checked.stdout);
        }
    }
}

#[test]
fn provision_prints_the_roster_and_tells_the_topology_apart_from_it() {
    let ran = Sandbox::new().run("provision --profile research");
    assert!(ran.stdout.starts_with("# yaml-language-server: $schema="));
    insta::assert_snapshot!(ran.stderr, @"
    2 agents: 1 orchestrator, 1 enhancer
    next: `--write` writes it, then `fleet up` brings it up

    orchestrator        floor
    ├─ enhancer         floor
    └─ lead-researcher  lead, no seat yet
       ├─ research ×3   no seat yet
       ├─ analyst       no seat yet
       ├─ fact-check    no seat yet
       └─ writer        no seat yet
    `--full` staffs 7 more seats
    ");
}

#[test]
fn provision_writes_but_not_over_a_roster_unless_told() {
    let sandbox = Sandbox::new();
    let line = "provision --profile personal-assistant --full --write";
    insta::assert_snapshot!(sandbox.run(line).show(), @"
    --- stderr
    wrote [HOME]/.config/fleet/roster.yaml
    5 agents: 1 orchestrator, 1 enhancer, 1 scheduler, 1 inbox, 1 research
    next: `fleet up` brings it up

    orchestrator  lead, floor
    ├─ enhancer   floor
    ├─ scheduler
    ├─ inbox
    └─ research
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(line).show(), @"
    --- stderr
    error: [HOME]/.config/fleet/roster.yaml is there already; nothing was
      written

    hint: `--force` replaces it; `--roster PATH` writes another
    --- exit 3
    ");
    assert_eq!(sandbox.run(&format!("{line} --force")).status, 0);
    assert_eq!(
        sandbox.run("provision --profile research --force").status,
        2
    );
}

#[test]
fn a_profile_that_breaks_the_floor_is_not_written() {
    let sandbox = Sandbox::new();
    let headless = SOLO
        .replace("  - class: orchestrator\n", "")
        .replace("orchestrator, ", "");
    sandbox.write(".config/fleet/profiles/solo.yaml", &headless);
    let ran = sandbox.run("provision --profile solo --full --write --roster r.yaml");
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("roster::class-floor"), "{}", ran.stderr);
    assert!(!sandbox.home().join("r.yaml").exists());
}
