//! `fleet supervise`: a fleet in the foreground, also as process 1 of a container.

use std::fs;
use std::process::{Child, Command, Stdio};

use podfleet_tests::require;
use rustix::process::Signal;

use crate::world::{World, is_gone, parent_of, signal, until};

/// The processes of a world whose command lines hold a text.
fn running(world: &World, text: &str) -> Vec<u32> {
    let mut found = world.processes();
    found.retain(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command)
            .replace('\0', " ")
            .contains(text)
    });
    found
}

fn start(mut command: Command) -> Child {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().unwrap()
}

fn until_available(world: &World, agent: &str, generation: u64) {
    until(|| {
        let ps = world.fleet(&["ps", "--json"]).exits(0).json();
        let mut rows = ps.as_array().unwrap().iter();
        let up = rows.any(|row| {
            row["name"] == agent
                && row["readiness"] == "available"
                && row["generation"] == generation
        });
        if up { Ok(()) } else { Err(format!("{ps:#}")) }
    });
}

fn follows_roster_and_pods_and_ends_in_order(world: &World) {
    until_available(world, "a", 1);
    world.write_roster("default", &world.agents(&[("a", ""), ("b", "")]));
    until_available(world, "b", 1);
    let pods = running(world, "pod run b");
    for pod in pods {
        signal(pod, Signal::KILL);
    }
    until_available(world, "b", 2);
    // What a person ends is no death.
    world.fleet(&["down", "b"]).exits(0);
    for pod in running(world, "pod run a") {
        signal(pod, Signal::KILL);
    }
    until_available(world, "a", 2);
    assert_eq!(world.row("b")["readiness"], "stopped");
}

#[test]
fn it_follows_its_roster_brings_dead_pods_back_and_ends_in_order() {
    let world = World::with_agents(&[("a", "")]);
    let mut supervisor = start(world.command("default", &["supervise"]));
    follows_roster_and_pods_and_ends_in_order(&world);
    signal(supervisor.id(), Signal::TERM);
    assert!(supervisor.wait().unwrap().success());
    assert_eq!(world.row("a")["readiness"], "stopped");
}

#[test]
fn a_second_one_is_refused_and_what_others_bring_down_is_said() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    let said = world.path("work/supervise.log");
    let mut command = world.command("default", &["supervise"]);
    command.stdout(Stdio::null());
    let mut first = command
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    until_available(&world, "b", 1);
    let second = world.fleet(&["supervise"]).exits(3);
    let by = format!("process {} supervises the fleet `default`", first.id());
    assert!(second.stderr.contains(&by), "{second}");
    until_available(&world, "a", 1);
    world.fleet(&["down", "b"]).exits(0);
    until(|| {
        let said = fs::read_to_string(&said).unwrap();
        match said.contains("b: somebody brought it down") {
            true => Ok(()),
            false => Err(said),
        }
    });
    // With another name in the roster it keeps both, and ends both.
    let roster = world.path("work/default.yaml");
    let text = fs::read_to_string(&roster).unwrap();
    fs::write(&roster, text.replace("fleet: default", "fleet: other")).unwrap();
    until_available(&world, "b", 1);
    signal(first.id(), Signal::TERM);
    assert!(first.wait().unwrap().success());
    for fleet in ["default", "other"] {
        let rows = world.fleet(&["ps", "--json", "--fleet", fleet]).exits(0);
        assert_eq!(rows.row("a")["readiness"], "stopped", "{fleet}: {rows}");
    }
    // The right to it ended with it.
    let mut third = start(world.command("default", &["supervise"]));
    until_available(&world, "b", 2);
    signal(third.id(), Signal::TERM);
    assert!(third.wait().unwrap().success());
}

#[test]
fn it_brings_a_dead_bridge_back_and_leaves_one_that_was_ended() {
    let world = crate::chat::world();
    let mut supervisor = start(world.command("default", &["supervise"]));
    let runs = |wanted: bool| {
        until(|| {
            let status = world.fleet(&["bridge", "status", "--json"]).json();
            match status["runs"] == wanted {
                true => Ok(status["status"]["pid"].as_u64()),
                false => Err(format!("{status:#}")),
            }
        })
    };
    let first = runs(true).unwrap();
    signal(u32::try_from(first).unwrap(), Signal::KILL);
    until(|| match runs(true) {
        Some(pid) if pid != first => Ok(()),
        _ => Err("it is the one that was killed".to_owned()),
    });
    world.fleet(&["bridge", "stop"]).exits(0);
    for pod in running(&world, "pod run coder") {
        signal(pod, Signal::KILL);
    }
    until_available(&world, "coder", 2);
    runs(false);
    signal(supervisor.id(), Signal::TERM);
    assert!(supervisor.wait().unwrap().success());
}

#[test]
fn a_pod_that_dies_while_the_store_is_away_is_started_again_once_it_is_back() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    let said = world.path("work/supervise.log");
    let mut command = world.command("default", &["supervise"]);
    let command = command.stdout(Stdio::null());
    let mut supervisor = command
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    until_available(&world, "a", 1);
    until_available(&world, "b", 1);
    let (pod, store, away) = (
        world.pod_pid("a"),
        world.path("state/store.db"),
        world.path("store.db.away"),
    );
    fs::rename(&store, &away).unwrap();
    signal(pod, Signal::KILL);
    until(|| {
        let said = fs::read_to_string(&said).unwrap();
        match said.contains("store.db is away") {
            true => Ok(()),
            false => Err(said),
        }
    });
    fs::rename(&away, &store).unwrap();
    // Nothing else tells the supervisor that it can do what it could not.
    until_available(&world, "a", 2);
    signal(supervisor.id(), Signal::TERM);
    assert!(supervisor.wait().unwrap().success());
}

#[test]
fn a_roster_that_breaks_ends_nothing() {
    let world = World::with_agents(&[("a", "")]);
    let mut supervisor = start(world.command("default", &["supervise"]));
    until_available(&world, "a", 1);
    world.write_roster("default", "  - {name: a, runtime: [}\n");
    world.write_roster("default", &world.agents(&[("a", ""), ("c", "")]));
    until_available(&world, "c", 1);
    until_available(&world, "a", 1);
    signal(supervisor.id(), Signal::INT);
    assert!(supervisor.wait().unwrap().success());
}

#[test]
fn as_process_1_it_reaps_hands_signals_on_and_leaves_nothing() {
    if !require::root_for("root, to make a namespace of processes") {
        return;
    }
    let world = World::with_agents(&[("a", "")]);
    let inner = world.command("default", &["supervise"]);
    let mut command = world.command("default", &[]);
    command = {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--pid", "--fork", "--mount-proc", "--kill-child", "--"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(world.path("work"))
            .stdin(Stdio::null());
        unshare
    };
    let mut container = start(command);
    follows_roster_and_pods_and_ends_in_order(&world);

    let supervisors = running(&world, "supervise");
    let of_unshare = |pid: &&u32| parent_of(**pid) == Some(container.id());
    let first = *supervisors.iter().find(of_unshare).unwrap();
    // An orphan whose parent is gone becomes a child of process 1, and stays no zombie.
    until(
        || match children(first).into_iter().find(|pid| is_gone(*pid)) {
            None => Ok(()),
            Some(zombie) => Err(format!("{zombie} is a zombie")),
        },
    );
    signal(first, Signal::TERM);
    assert!(container.wait().unwrap().success());
    world.until_empty();
}

fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}
