use std::fmt::Write;

use podfleet_roster::Known;

use super::*;

const ROSTER: &str = "
version: 1
transport: tmux
fleet: alpha
defaults: {working_directory: ~/work}
runtimes:
  careful: {harness: claude}
agents:
  - name: lead
    runtime: careful
    class: orchestrator
    model_hint: opus
    yolo: true
    env: {TASK_BOARD: main}
    kickstart: Begin.
  - {name: sim, runtime: sim, working_directory: sub/dir, reset_between_tasks: true}
  - {name: shell, runtime: generic, command: [bash, --norc], working_directory: /srv, restart: {policy: never}}
  - {name: empty, runtime: generic}
  - {name: typo, runtime: cluade}
  - {name: away, runtime: sim, host: oak}
  - {name: here, runtime: sim, host: fern, working_directory: '~'}
";

struct World {
    root: tempfile::TempDir,
    roster: Roster,
    env: Env,
}

impl World {
    fn new() -> Self {
        let (roster, findings) = Roster::parse(ROSTER, "roster.yaml", &Known::shipped());
        Self {
            root: tempfile::tempdir().unwrap(),
            roster: roster.unwrap_or_else(|| panic!("{findings:?}")),
            env: [
                ("HOME", "/home/ada"),
                ("PATH", "/usr/bin"),
                ("LANG", "C.UTF-8"),
            ]
            .into_iter()
            .collect(),
        }
    }

    fn hosted<T>(&self, look: impl FnOnce(&[(&Agent, Result<Desired, Impossible>)]) -> T) -> T {
        let dirs = Dirs {
            config: self.root.path().to_owned(),
            state: "/s".into(),
            runtime: "/r".into(),
        };
        let recipe = Recipe {
            roster: &self.roster,
            roster_dir: Path::new("/etc/fleet"),
            dirs: &dirs,
            env: &self.env,
            exe: Path::new("/opt/fleet"),
            host: "fern",
            location: agent_env::location(&dirs, None, "ada"),
        };
        look(&recipe.hosted())
    }

    fn desired(&self, name: &str) -> Result<Desired, Impossible> {
        self.hosted(|hosted| {
            let found = hosted.iter().find(|(agent, _)| agent.name.as_str() == name);
            found.map(|(_, desired)| desired.clone()).unwrap()
        })
    }
}

#[test]
fn each_agent_of_this_host_gets_a_pod_or_a_reason() {
    let world = World::new();
    let text = world.hosted(|hosted| {
        let mut text = String::new();
        for (agent, desired) in hosted {
            let line = match desired {
                Ok(desired) => format!(
                    "{} in {}",
                    desired.spec.argv.first().unwrap(),
                    desired.spec.working_directory.display()
                ),
                Err(fault) => format!("impossible: {fault}"),
            };
            writeln!(text, "{}: {line}", agent.name).unwrap();
        }
        text
    });
    insta::assert_snapshot!(text, @r"
    lead: claude in /home/ada/work
    sim: /opt/fleet in /etc/fleet/sub/dir
    shell: bash in /srv
    empty: impossible: runtime `generic` starts no program of its own; give the agent a `command`
    typo: impossible: unknown runtime `cluade`
    here: /opt/fleet in /home/ada
    ");
}

#[test]
fn wishes_of_the_roster_become_flags_and_environment() {
    let world = World::new();
    let lead = world.desired("lead").unwrap();
    let mut argv = lead.spec.argv.clone();
    let told = argv.pop().unwrap();
    let tools = argv.iter().position(|word| word == "--mcp-config").unwrap();
    assert!(argv.remove(tools + 1).contains("\"args\":[\"mcp\"]"));
    let hooks = argv.iter().position(|word| word == "--settings").unwrap();
    assert!(argv.remove(hooks + 1).contains("fleet' pod report"));
    assert_eq!(
        argv.join(" "),
        "claude --model opus --dangerously-skip-permissions --mcp-config --settings \
         --append-system-prompt"
    );
    assert!(told.contains("You are `[fern:lead]`"));
    assert_eq!(told, lead.spec.told);
    assert_eq!(lead.spec.harness.name, "claude");
    assert_eq!(lead.runtime, "careful");
    assert_eq!(lead.spec.kickstart.as_deref(), Some("Begin."));
    assert_eq!(lead.spec.env.get("TASK_BOARD").unwrap(), "main");
    assert_eq!(lead.spec.env.get("PATH").unwrap(), "/usr/bin:/opt");
    assert!(lead.explicit_env.contains(&"TASK_BOARD".to_owned()));
    assert!(!lead.explicit_env.contains(&"PATH".to_owned()));
}

#[test]
fn nothing_is_added_to_a_command_of_the_rosters_own() {
    let shell = World::new().desired("shell").unwrap();
    assert_eq!(shell.spec.argv, ["bash", "--norc"]);
    assert_eq!(shell.spec.told, "");
    assert_eq!(shell.spec.restart.policy, RestartWhen::Never);
}

#[test]
fn a_harness_file_of_the_users_own_wins_and_is_recorded() {
    let world = World::new();
    let directory = world.root.path().join("harnesses");
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("sim.toml");
    std::fs::write(&file, "title = 3\n").unwrap();
    let fault = world.desired("sim").unwrap_err();
    assert!(
        fault.to_string().starts_with("harness `sim`, line 1"),
        "{fault}"
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(world.desired("sim").unwrap().spec.harness.file, None);
}
