//! Profiles: what is found in them, and the rosters that are made of them.

use std::fmt::Write as _;

use podfleet_roster::{Branch, Code, Known, Profile, Profiles, Roster, Severity, Staffing};

fn shipped(id: &str) -> Profile {
    let profiles = Profiles::shipped();
    let found = profiles.get(id).cloned();
    found.unwrap_or_else(|error| panic!("{error}"))
}

/// A sound profile with some of its lines replaced.
fn altered(from: &str, to: &str) -> String {
    let text = "id: team\ntitle: Team\ndescription: A team.\nlead: planner\n\
        floor: [orchestrator, enhancer]\nroster:\n  - class: orchestrator\n  - class: enhancer\n\
        \x20 - class: planner\n  - class: code\n    multiplicity: 2\n  - class: review\n    reports_to: planner\n";
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn shown(text: &str) -> String {
    let (profile, findings) = Profile::parse(text, "profiles/team.yaml", &Known::shipped());
    assert_eq!(profile.is_some(), findings.is_empty());
    let mut shown = String::new();
    for finding in findings {
        assert_eq!(finding.severity, Severity::Error);
        let _ = writeln!(shown, "{finding}");
        if let Some(help) = finding.help {
            let _ = writeln!(shown, "  help: {help}");
        }
    }
    shown
}

#[test]
fn a_sound_profile_has_no_finding() {
    assert_eq!(shown(&altered("id: team", "id: team")), "");
}

#[test]
fn the_schema_of_a_profile_is_closed_and_suggests() {
    insta::assert_snapshot!(shown(&altered("multiplicity: 2", "multiplicty: 2")), @"
    profiles/team.yaml:11:5: error: unknown key `multiplicty` in `roster[3]` [roster::unknown-key]
      help: did you mean `multiplicity`?
    ");
    insta::assert_snapshot!(shown(&altered("multiplicity: 2", "multiplicity: 0")), @"
    profiles/team.yaml:11:19: error: `roster[3].multiplicity` is `0`, expected 1 to 64 [roster::invalid-value]
    ");
    insta::assert_snapshot!(shown(&altered("title: Team\n", "")), @r#"
    profiles/team.yaml:1:1: error: `title` is missing at the top level [roster::missing-key]
      help: add `title: My team`
    "#);
    insta::assert_snapshot!(shown("[]"), @"
    profiles/team.yaml:1:1: error: the profile is a list, expected a mapping [roster::wrong-type]
    ");
}

#[test]
fn both_spellings_of_a_key_are_known_but_not_together() {
    assert_eq!(
        shown(&altered("reports_to: planner", "reportsTo: planner")),
        ""
    );
    let twice = altered(
        "reports_to: planner",
        "reports_to: planner\n    reportsTo: planner",
    );
    assert!(shown(&twice).contains("roster::both-spellings"));
}

#[test]
fn an_id_is_kebab_case_and_the_stem_of_its_file() {
    insta::assert_snapshot!(shown(&altered("id: team", "id: teem")), @"
    profiles/team.yaml:1:5: error: the id is `teem`, but the file is called `team` [profile::id-mismatch]
      help: write `id: team`, or rename the file
    ");
    insta::assert_snapshot!(shown(&altered("id: team", "id: My_Team")), @"
    profiles/team.yaml:1:5: error: `id` is `My_Team` [roster::invalid-value]
      help: expected small letters, digits and single `-` between them, such as `my-team`
    ");
}

#[test]
fn a_class_needs_a_role_and_one_entry() {
    insta::assert_snapshot!(shown(&altered("class: review", "class: reviw")), @"
    profiles/team.yaml:12:12: error: there is no role for the class `reviw` [profile::unknown-class]
      help: did you mean `review`?
    ");
    insta::assert_snapshot!(shown(&altered("class: review", "class: code")), @"
    profiles/team.yaml:12:12: error: the class `code` is listed twice [profile::duplicate-class]
      help: list it once, with `multiplicity`
    ");
}

#[test]
fn lead_floor_and_superiors_are_listed_classes() {
    insta::assert_snapshot!(shown(&altered("lead: planner", "lead: planer")), @"
    profiles/team.yaml:4:7: error: `lead` names `planer`, which `roster` does not list [profile::outside-roster]
      help: did you mean `planner`?
    ");
    insta::assert_snapshot!(shown(&altered("reports_to: planner", "reports_to: board")), @"
    profiles/team.yaml:13:17: error: `reports_to` names `board`, which `roster` does not list [profile::outside-roster]
      help: add `- class: board` to `roster`
    ");
    let floor = altered("[orchestrator, enhancer]", "[orchestrator, worker]");
    assert!(shown(&floor).contains("`floor` names `worker`"));
}

#[test]
fn nobody_reports_to_themselves_over_others() {
    let two = altered("multiplicity: 2", "reports_to: review")
        .replace("reports_to: planner", "reports_to: code");
    insta::assert_snapshot!(shown(&two), @"
    profiles/team.yaml:13:17: error: classes report to each other: `code` → `review` → `code` [profile::reporting-cycle]
      help: change one `reports_to`; in the end everybody reports to the orchestrator
    ");
    let one = altered("reports_to: planner", "reports_to: review");
    assert!(shown(&one).contains("`review` reports to itself"));
    let implied = altered(
        "- class: orchestrator\n",
        "- class: orchestrator\n    reports_to: code\n",
    );
    insta::assert_snapshot!(shown(&implied), @"
    profiles/team.yaml:8:17: error: classes report to each other: `orchestrator` → `code` → `planner` → `orchestrator` [profile::reporting-cycle]
      help: change one `reports_to`; in the end everybody reports to the orchestrator
    ");
}

#[test]
fn a_secret_in_a_profile_is_told_and_not_shown() {
    let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let text = altered("title: Team", &format!("title: {token}"));
    let shown = shown(&text);
    assert!(
        shown.contains("roster::secret") && !shown.contains(token),
        "{shown}"
    );
}

#[test]
fn a_long_chain_of_command_needs_no_stack() {
    let mut text = altered("\n  - class: orchestrator", "\n  - class: orchestrator");
    for index in 0..20_000 {
        let superior = index + 1;
        let _ = writeln!(text, "  - {{class: c{index}, reports_to: c{superior}}}");
    }
    let (profile, findings) = Profile::parse(&text, "team.yaml", &Known::shipped());
    assert!(profile.is_none());
    assert!(
        findings
            .iter()
            .any(|finding| finding.code == Code::InvalidValue)
    );
}

/// Every class, its depth and what it is.
fn tree(profile: &Profile) -> String {
    fn add(branch: &Branch<'_>, depth: usize, text: &mut String) {
        let (class, seats) = (&branch.position.class, branch.position.multiplicity);
        let lead = if branch.is_lead { " lead" } else { "" };
        let floor = if branch.is_floor { " floor" } else { "" };
        let _ = writeln!(text, "{}{class} x{seats}{lead}{floor}", "  ".repeat(depth));
        for below in &branch.reports {
            add(below, depth + 1, text);
        }
    }
    let mut text = String::new();
    for root in profile.topology() {
        add(&root, 0, &mut text);
    }
    text
}

#[test]
fn the_shipped_profiles_are_these_three() {
    let ids: Vec<_> = Profiles::shipped().iter().map(|p| p.id.clone()).collect();
    assert_eq!(ids, ["personal-assistant", "research", "software-delivery"]);
    insta::assert_snapshot!(tree(&shipped("software-delivery")), @"
    orchestrator x1 floor
      enhancer x1 floor
        session-review x1
      planner x1 lead
        decomposition x1
        code x2
        review x1
        security-review x1
        site-tester x1
        documentation x1
        rebase x1
        merge-gate x1
        operator x1
    ");
    insta::assert_snapshot!(tree(&shipped("research")), @"
    orchestrator x1 floor
      enhancer x1 floor
      lead-researcher x1 lead
        research x3
        analyst x1
        fact-check x1
        writer x1
    ");
    insta::assert_snapshot!(tree(&shipped("personal-assistant")), @"
    orchestrator x1 lead floor
      enhancer x1 floor
      scheduler x1
      inbox x1
      research x1
    ");
}

#[test]
fn every_roster_made_of_a_shipped_profile_has_no_finding() {
    for profile in Profiles::shipped().iter() {
        for staffing in [Staffing::Floor, Staffing::Full] {
            let text = profile.provision(staffing);
            let (roster, findings) = Roster::parse(&text, &profile.id, &Known::shipped());
            assert_eq!(findings, [], "{}", profile.id);
            let seats = match staffing {
                Staffing::Full => profile.seats(),
                Staffing::Floor => 2,
            };
            assert_eq!(roster.unwrap().agents.len(), seats);
            assert!(text.starts_with("# yaml-language-server: $schema="));
            assert!(
                text.lines().skip(1).all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
    }
}

#[test]
fn floor_and_lead_are_persistent_and_the_rest_is_reset() {
    let profile = shipped("software-delivery");
    let text = profile.provision(Staffing::Full);
    let (roster, _) = Roster::parse(&text, "x", &Known::shipped());
    for agent in roster.unwrap().agents {
        let core = ["orchestrator", "enhancer", "planner"].contains(&agent.class.as_str());
        assert_eq!(agent.persistent_persona, core, "{}", agent.name);
        assert_eq!(agent.reset_between_tasks, !core, "{}", agent.name);
        if agent.class == "operator" {
            assert_eq!(agent.name.as_str(), "ops");
        }
    }
}

#[test]
fn a_provisioned_roster_reads_well() {
    insta::assert_snapshot!(shipped("personal-assistant").provision(Staffing::Floor), @"
    # yaml-language-server: $schema=https://raw.githubusercontent.com/podfleet/podfleet/main/schemas/roster.draft-07.schema.json
    #
    # Personal assistant: Keeps one person's time and mail in order, and finds out
    # what they want to know.
    # Made of the profile personal-assistant: the seats of its floor.

    version: 1
    transport: tmux

    tmux:
      socket_name: podfleet  # look at the agents with: tmux -L podfleet attach

    defaults:
      working_directory: ~/src

    agents:
      - name: orchestrator
        runtime: claude
        class: orchestrator
        persistent_persona: true

      # Reports to orchestrator.
      - name: enhancer
        runtime: claude
        class: enhancer
        persistent_persona: true
    ");
}

#[test]
fn a_superior_without_a_seat_is_passed_over() {
    let text = altered(
        "[orchestrator, enhancer]",
        "[orchestrator, enhancer, review]",
    );
    let (profile, _) = Profile::parse(&text, "team.yaml", &Known::shipped());
    let roster = profile.unwrap().provision(Staffing::Floor);
    assert!(!roster.contains("planner"), "{roster}");
    assert!(
        roster.contains("  # Reports to orchestrator.\n  - name: review\n"),
        "{roster}"
    );
}

#[test]
fn words_that_look_like_other_values_stay_names() {
    let known = Known::shipped().with_roles(["7", "no"]);
    let text = altered("class: review", "class: \"7\"").replace("class: code", "class: \"no\"");
    let (profile, findings) = Profile::parse(&text, "team.yaml", &known);
    let roster = profile.unwrap_or_else(|| panic!("{findings:#?}"));
    let roster = roster.provision(Staffing::Full);
    let (roster, findings) = Roster::parse(&roster, "x", &known);
    assert_eq!(findings, []);
    let classes: Vec<_> = roster
        .unwrap()
        .agents
        .into_iter()
        .map(|a| a.class)
        .collect();
    assert_eq!(classes[3..], ["no", "no", "7"]);
}
