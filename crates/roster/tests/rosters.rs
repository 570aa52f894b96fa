//! The typed roster, and the checks that need more than a text.

use podfleet_roster::{
    Blocks, Code, Diagnostic, Disk, Document, Known, PathKind, Resume, Roster, Rule,
};

fn codes(findings: &[Diagnostic]) -> Vec<&'static str> {
    findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

fn roster(agents: &str) -> Roster {
    let text = format!("version: 1\ntransport: tmux\nagents:\n{agents}");
    let (roster, findings) = Roster::parse(&text, "x", &Known::shipped());
    roster.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn order(agents: &str) -> Vec<String> {
    let roster = roster(agents);
    let order = roster.start_order();
    order.iter().map(|agent| agent.name.to_string()).collect()
}

#[test]
fn agents_start_after_those_that_they_depend_on() {
    let agents = "- {name: d, runtime: sim, depends_on: [b, c]}\n\
        - {name: c, runtime: sim, depends_on: [a]}\n\
        - {name: b, runtime: sim, depends_on: [a]}\n\
        - {name: a, runtime: sim}\n- {name: e, runtime: sim}\n";
    assert_eq!(order(agents), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_cycle_does_not_lose_an_agent() {
    let agents = "- {name: a, runtime: sim, depends_on: [b, ghost]}\n\
        - {name: b, runtime: sim, depends_on: [a]}\n";
    assert_eq!(order(agents), ["b", "a"]);
}

#[test]
fn a_chain_as_long_as_the_roster_needs_no_stack() {
    let mut agents = String::from("- {name: a0, runtime: sim}\n");
    for index in 1..5000 {
        let before = index - 1;
        agents.insert_str(
            0,
            &format!("- {{name: a{index}, runtime: sim, depends_on: [a{before}]}}\n"),
        );
    }
    let order = order(&agents);
    assert_eq!(order.len(), 5000);
    assert_eq!(order[0], "a0");
    assert_eq!(order[4999], "a4999");
}

#[test]
fn defaults_are_applied() {
    let roster = roster("- {name: a, runtime: sim}\n");
    let agent = &roster.agents[0];
    assert_eq!(agent.class, "worker");
    assert_eq!(agent.resume(), Resume::Always);
    assert_eq!(agent.display_name(), "a");
    assert_eq!(agent.restart.max_restarts, 5);
    assert_eq!(agent.restart.window.to_string(), "10m");
    assert_eq!(roster.working_directory_of(agent), "~/src");
    assert_eq!(roster.harness_of(agent), "sim");
    assert_eq!(roster.tmux.holder_session, "_holder");
    assert_eq!(roster.tmux.socket_name, None);
    assert_eq!(roster.connector, None);
}

#[test]
fn an_agent_that_is_reset_between_tasks_does_not_resume() {
    let roster = roster("- {name: a, runtime: sim, reset_between_tasks: true}\n");
    assert_eq!(roster.agents[0].resume(), Resume::Never);
}

#[test]
fn an_empty_text_is_an_absent_one() {
    let roster = roster("- {name: a, runtime: sim, alias: '', model_hint: '', host: ''}\n");
    assert_eq!(roster.agents[0].alias, None);
    assert_eq!(roster.agents[0].model_hint, None);
    assert_eq!(roster.agents[0].host, None);
}

#[test]
fn both_spellings_of_a_roster_are_the_same_roster() {
    let read = |text: &str| Roster::parse(text, "x", &Known::shipped()).0.unwrap();
    let snake = "version: 1\ntransport: tmux\ntenant_id: t\ntmux: {socket_name: s, holder_session: h}\n\
        defaults: {working_directory: /w}\nruntimes: {claude: {reset_command: /r}}\nagents:\n\
        - {name: a, runtime: sim, working_directory: /a, model_hint: m, persistent_persona: true, \
        reset_between_tasks: true, depends_on: [b], restart: {max_restarts: 2}, \
        resources: {memory_max: 1G, cpu_weight: 2, tasks_max: 3}}\n- {name: b, runtime: sim}\n\
        connector: {kind: matrix, matrix: {homeserver_url: 'https://m', user_id: '@a:b', \
        room_id: '!r:b'}}\n";
    let keys = [
        ("tenant_id", "tenantId"),
        ("socket_name", "socketName"),
        ("holder_session", "holderSession"),
        ("working_directory", "workingDirectory"),
        ("reset_command", "resetCommand"),
        ("model_hint", "modelHint"),
        ("persistent_persona", "persistentPersona"),
        ("reset_between_tasks", "resetBetweenTasks"),
        ("depends_on", "dependsOn"),
        ("max_restarts", "maxRestarts"),
        ("memory_max", "memoryMax"),
        ("cpu_weight", "cpuWeight"),
        ("tasks_max", "tasksMax"),
        ("homeserver_url", "homeserverUrl"),
        ("user_id", "userId"),
        ("room_id", "roomId"),
    ];
    let camel = keys
        .iter()
        .fold(snake.to_owned(), |text, (from, to)| text.replace(from, to));
    assert!(!camel.contains('_'), "{camel}");
    assert_eq!(read(snake), read(&camel));
}

#[test]
fn what_a_finding_blocks_depends_on_its_kind() {
    assert_eq!(Code::UnknownKey.blocks(), Blocks::Changes);
    assert_eq!(Code::Secret.blocks(), Blocks::Changes);
    assert_eq!(Code::DependencyCycle.blocks(), Blocks::Changes);
    assert_eq!(Code::ClassFloor.blocks(), Blocks::Writing);
    assert_eq!(Code::UnknownRuntime.blocks(), Blocks::ThatAgent);
    assert_eq!(Code::NoLead.blocks(), Blocks::Nothing);
}

#[test]
fn a_rule_can_be_run_apart_on_a_roster_with_other_faults() {
    let text = "agents:\n- {name: a, flavour: x}\n- {name: a}\n";
    let document = Document::read(text, "x");
    let rule = Rule::named("duplicate-names").unwrap();
    let findings = document.check_rule(rule, &Known::shipped());
    assert_eq!(codes(&findings), ["roster::duplicate-name"]);
    assert!(Rule::named("no-such-rule").is_none());
}

#[test]
fn every_code_is_documented_and_every_rule_has_a_name_of_its_own() {
    let mut names: Vec<&str> = Rule::all().iter().map(Rule::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::all().len());
    assert!(Code::ALL.iter().all(|code| code.meaning().ends_with('.')));
}

#[test]
fn a_file_over_four_mebibytes_is_refused() {
    let text = format!("version: 1\n# {}\n", "x".repeat(4 * 1024 * 1024));
    let (roster, findings) = Roster::parse(&text, "x", &Known::shipped());
    assert!(roster.is_none());
    assert_eq!(codes(&findings), ["roster::too-large"]);
}

#[test]
fn this_host_is_here() {
    let text = "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim, host: box}\n";
    let document = Document::read(text, "x");
    let rule = Rule::named("remote-agents").unwrap();
    let elsewhere = document.check_rule(rule, &Known::shipped());
    assert_eq!(codes(&elsewhere), ["roster::no-ssh"]);
    let here = document.check_rule(rule, &Known::shipped().with_host("box"));
    assert!(here.is_empty());
}

/// A disk on which `/repo` is a git working tree and `/file` a file.
struct FakeDisk;

impl Disk for FakeDisk {
    fn kind(&self, path: &str) -> PathKind {
        match path {
            "/file" => PathKind::Other,
            "/absent" => PathKind::Absent,
            _ => PathKind::Directory,
        }
    }

    fn work_tree(&self, path: &str) -> Option<String> {
        path.starts_with("/repo").then(|| "/repo".to_owned())
    }
}

#[test]
fn agents_that_share_a_working_tree_are_warned_of() {
    let text = "agents:\n\
        - {name: a, working_directory: /repo}\n\
        - {name: b, working_directory: /repo/sub}\n\
        - {name: c, working_directory: /repo, prepare: [git, worktree, add, x]}\n\
        - {name: d, working_directory: /repo, host: elsewhere}\n\
        - {name: e, working_directory: /file}\n\
        - {name: f, working_directory: /absent}\n\
        - {name: g}\n- {name: h}\n";
    let findings = Document::read(text, "x").check_disk(&Known::shipped(), &FakeDisk);
    assert_eq!(
        codes(&findings),
        ["roster::shared-directory", "roster::not-a-directory"]
    );
    assert_eq!((findings[0].line, findings[0].related[0].line), (3, 2));
    assert_eq!(findings[1].line, 6);
}

#[test]
fn the_disk_is_asked_about_every_agent_that_is_here() {
    let text = "agents:\n\
        - {name: a, working_directory: /file, host: box}\n\
        - {name: b, working_directory: /file, host: \"\"}\n\
        - {name: c, working_directory: /file, host: elsewhere}\n";
    let known = Known::shipped().with_host("box");
    let findings = Document::read(text, "x").check_disk(&known, &FakeDisk);
    let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 3]);
}

#[test]
fn findings_serialise_for_other_programs() {
    let (_, findings) = Roster::parse("version: 1\nversion: 1\n", "x", &Known::shipped());
    let duplicate = findings.iter().find(|f| f.code == Code::DuplicateKey);
    let json = serde_json::to_value(duplicate).unwrap();
    insta::assert_json_snapshot!(json, @r#"
    {
      "code": "roster::duplicate-key",
      "column": 1,
      "file": "x",
      "help": "keep one of the two",
      "line": 2,
      "message": "the key `version` is given twice",
      "related": [
        {
          "column": 1,
          "line": 1,
          "message": "first given here",
          "span": {
            "end": 7,
            "start": 0
          }
        }
      ],
      "severity": "error",
      "span": {
        "end": 18,
        "start": 11
      }
    }
    "#);
}
