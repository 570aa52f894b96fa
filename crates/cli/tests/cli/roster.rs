//! `init`, `validate` and `explain`.

use crate::sandbox::Sandbox;

#[test]
fn init_prints_a_roster_that_is_valid() {
    let sandbox = Sandbox::new();
    for preset in [
        "minimal",
        "local-canary",
        "general",
        "coding",
        "research",
        "hybrid",
    ] {
        let printed = sandbox.run(&format!("init --preset {preset}"));
        assert_eq!(printed.status, 0, "{}", printed.stderr);
        let checked = sandbox.pipe("validate -", &printed.stdout);
        assert_eq!(checked.status, 0, "{preset}: {}", checked.stdout);
    }
}

#[test]
fn init_writes_and_says_what_comes_next() {
    let sandbox = Sandbox::new();
    let arguments = "init --preset coding --fleet alpha --write";
    insta::assert_snapshot!(sandbox.run(arguments).show(), @"
    --- stderr
    wrote [HOME]/.config/fleet/roster.yaml
    5 agents: 1 orchestrator, 1 enhancer, 2 implementer, 1 review
    next: `fleet up` brings it up
    --- exit 0
    ");
    let roster = std::fs::read_to_string(sandbox.home().join(".config/fleet/roster.yaml"));
    let roster = roster.unwrap();
    assert!(roster.contains("fleet: alpha") && roster.contains("socket_name: podfleet-alpha"));
    insta::assert_snapshot!(sandbox.run("validate --deny-warnings").show(), @"
    --- stderr
    [HOME]/.config/fleet/roster.yaml: valid
    --- exit 0
    ");
}

#[test]
fn init_does_not_replace_a_roster_unless_told() {
    let sandbox = Sandbox::new();
    sandbox.write("mine.yaml", "# mine\n");
    let arguments = "init --preset minimal --roster mine.yaml --write";
    insta::assert_snapshot!(sandbox.run(arguments).show(), @"
    --- stderr
    error: mine.yaml is there already; nothing was written

    hint: `--force` replaces it; `--roster PATH` writes another
    --- exit 3
    ");
    let mine = || std::fs::read_to_string(sandbox.home().join("mine.yaml")).unwrap();
    assert_eq!(mine(), "# mine\n");
    assert_eq!(sandbox.run(&format!("{arguments} --force")).status, 0);
    assert!(mine().contains("canary-pi"));
}

#[test]
fn init_writes_through_a_link() {
    let sandbox = Sandbox::new();
    sandbox.write("real/roster.yaml", "");
    std::os::unix::fs::symlink("real/roster.yaml", sandbox.home().join("link.yaml")).unwrap();
    let arguments = "init --preset minimal --roster link.yaml --write --force";
    assert_eq!(sandbox.run(arguments).status, 0);
    let link = sandbox.home().join("link.yaml");
    assert!(link.is_symlink());
    assert!(std::fs::read_to_string(link).unwrap().contains("canary-pi"));
}

#[test]
fn init_with_a_connector_needs_its_fields() {
    let sandbox = Sandbox::new();
    let arguments = "init --preset minimal --connector discord";
    insta::assert_snapshot!(sandbox.run(arguments).show(), @"
    --- stderr
    error: the connector needs `--channel-id`
    --- exit 2
    ");
    let with = format!("{arguments} --channel-id 123456789012345678");
    assert!(sandbox.run(&with).stdout.contains("kind: discord"));
}

#[test]
fn init_checks_before_it_writes() {
    let sandbox = Sandbox::new();
    let matrix = "--homeserver-url nonsense --user-id me --room-id room";
    let arguments = "init --preset minimal --connector matrix --write";
    let ran = sandbox.run(&format!("{arguments} {matrix}"));
    assert_eq!(ran.status, 2);
    let url = "is `nonsense`; expected an address";
    assert!(ran.stderr.contains(url), "{}", ran.stderr);
    assert!(!sandbox.home().join(".config").exists());
}

#[test]
#[cfg(unix)]
fn a_pattern_passes_by_names_that_are_hidden_or_no_text() {
    use std::os::unix::ffi::OsStrExt as _;

    let sandbox = Sandbox::new();
    let roster = sandbox.run("init --preset local-canary").stdout;
    sandbox.write("all/team/roster.yaml", &roster);
    sandbox.write("all/.hidden/roster.yaml", "version: 2\n");
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::create_dir(sandbox.home().join("all").join(odd)).unwrap();
    let ran = sandbox.run("validate --isolated all/**/roster.yaml");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let ran = sandbox.run("validate --isolated all/.hidden/*.yaml");
    assert_eq!(ran.status, 1, "{}", ran.stderr);
}

#[test]
fn validate_reports_every_file_and_reads_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "a.yaml",
        "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim}\n",
    );
    let faulty = "version: 1\ntransport: tmux\nagents:\n- {name: b, runtim: sim}\n";
    let ran = sandbox.pipe("validate a.yaml - none.yaml", faulty);
    insta::assert_snapshot!(ran.show(), @"
    --- stdout
    warning[roster::no-lead]: the fleet is a single agent, so it has no lead
     --> a.yaml:3:1
      |
    3 | agents:
      | ^^^^^^
      |
      = help: add an agent of class `orchestrator` and one of class `enhancer`

    warning[roster::no-lead]: the fleet is a single agent, so it has no lead
     --> <stdin>:3:1
      |
    3 | agents:
      | ^^^^^^
      |
      = help: add an agent of class `orchestrator` and one of class `enhancer`

    error[roster::unknown-key]: unknown key `runtim` in `agents[0]`
     --> <stdin>:4:13
      |
    4 | - {name: b, runtim: sim}
      |             ^^^^^^
      |
      = help: did you mean `runtime`?
    --- stderr
    error: there is no file none.yaml

    hint: `fleet init` makes a roster to begin with
    a.yaml: 1 warning
    <stdin>: 1 error, 1 warning
    3 rosters: 1 with errors, 1 with warnings, 1 unreadable
    --- exit 2
    ");
}

#[test]
fn an_error_repeats_no_word_that_is_a_secret() {
    let sandbox = Sandbox::new();
    let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    for words in ["", "explain", "validate", "role show", "--"] {
        let ran = sandbox.run(format!("{words} {secret}").trim_start());
        assert_ne!(ran.status, 0, "{words}");
        assert!(!ran.stderr.is_empty(), "{words}");
        assert!(
            !(ran.stdout + &ran.stderr).contains(&secret[4..]),
            "{words}"
        );
    }
}

#[test]
fn validate_never_shows_a_secret() {
    let sandbox = Sandbox::new();
    let secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let roster = format!(
        "version: 1\ntransport: tmux\nagents:\n- {{name: a, runtime: sim, env: {{X: {secret}}}}}\n"
    );
    sandbox.write("roster.yaml", &roster);
    for format in ["human", "json", "github", "sarif"] {
        let ran = sandbox.run(&format!("validate --format {format}"));
        assert_eq!(ran.status, 1);
        assert!(
            ran.stdout.contains("API key") || ran.stdout.contains("token"),
            "{format}"
        );
        assert!(
            !(ran.stdout + &ran.stderr).contains(&secret[4..]),
            "{format}"
        );
    }
}

#[test]
fn the_users_own_runtimes_count_unless_isolated() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "roster.yaml",
        "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: aider}\n",
    );
    sandbox.write(".config/fleet/harnesses/aider.toml", "");
    assert_eq!(sandbox.run("validate").status, 0);
    assert_eq!(sandbox.run("validate --isolated").status, 1);
    assert_eq!(sandbox.run_in("validate", &[("CI", "true")]).status, 1);
}

#[test]
fn the_roster_that_is_taken_is_told_when_asked() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "roster.yaml",
        "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim}\n",
    );
    let ran = sandbox.run("validate -v");
    assert!(
        ran.stderr.contains("found in the working directory"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_finding_is_explained_with_wrong_and_right() {
    insta::assert_snapshot!(Sandbox::new().run("explain unknown-key").show(), @"
    --- stdout
    roster::unknown-key (error)

    A key is not known at this place. A misspelt key would otherwise be ignored
    without a word.
    It stops everything that reads the roster for a change, such as `up`.

    wrong
        - name: coder0
          runtme: claude

    right
        - name: coder0
          runtime: claude
    --- exit 0
    ");
}

#[test]
fn an_unknown_code_is_told_the_nearest_one() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run("explain unknown-kye").show(), @"
    --- stderr
    error: invalid value 'unknown-kye' for '[CODE]': there is no finding
    `unknown-kye`; did you mean `roster::unknown-key`?

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(sandbox.run("explain profile::outsider").show(), @"
    --- stderr
    error: invalid value 'profile::outsider' for '[CODE]': there is no finding
    `profile::outsider`; `fleet explain` lists all

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn all_codes_are_listed_with_their_whole_meaning() {
    let ran = Sandbox::new().run("explain");
    let listed = ran
        .stdout
        .lines()
        .filter(|line| line.contains("::"))
        .count();
    assert_eq!(listed, podfleet_roster::Code::ALL.len(), "{}", ran.show());
    assert!(!ran.stdout.contains('…'), "{}", ran.stdout);
}

#[test]
fn codes_profiles_and_classes_complete() {
    let sandbox = Sandbox::new();
    for (line, index, expected) in [
        ("-- fleet explain profile::id", "2", "profile::id-mismatch"),
        ("-- fleet profile show res", "3", "research"),
        (
            "-- fleet provision --profile soft",
            "3",
            "software-delivery",
        ),
        ("-- fleet role show impl", "3", "implementer"),
    ] {
        let variables = [("FLEET_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index)];
        let ran = sandbox.run_in(line, &variables);
        assert_eq!((ran.stdout.trim(), ran.status), (expected, 0), "{line}");
    }
}

#[test]
fn init_off_a_terminal_asks_nothing_and_counts_by_class() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run("init");
    insta::assert_snapshot!(ran.stderr, @"
    3 agents: 1 orchestrator, 1 enhancer, 1 worker
    next: `--write` writes it, then `fleet up` brings it up
    ");
    assert_eq!(ran.status, 0);
    for preset in ["local-canary", "general", "coding", "research", "hybrid"] {
        let printed = sandbox.run(&format!("init --preset {preset}")).stdout;
        assert!(printed.starts_with("# yaml-language-server: $schema="));
        let checked = sandbox.pipe("validate --deny-warnings -", &printed);
        assert_eq!(checked.status, 0, "{preset}: {}", checked.stdout);
    }
}

#[test]
fn an_agent_on_this_machine_by_name_is_here() {
    let sandbox = Sandbox::new();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let host = host.trim().split('.').next().unwrap();
    let roster = format!(
        "version: 1\ntransport: tmux\nagents:\n- {{name: a, runtime: sim, host: {host}, working_directory: /etc/passwd}}\n"
    );
    sandbox.write("r.yaml", &roster);
    let found = sandbox.run("validate r.yaml").stdout;
    assert!(found.contains("`/etc/passwd` is no directory"), "{found}");
    assert!(!found.contains("no-ssh"), "{found}");
}
