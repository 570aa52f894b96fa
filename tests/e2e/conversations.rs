//! An agent's conversation over restarts: continued, or begun anew.

use std::fs;

use podfleet_sim_agent::Kind;

use crate::world::World;

/// A world with an agent whose program can continue a conversation by its id.
fn world(resume: &str) -> World {
    let world = World::new();
    world.write_harness("talker", r#"{"turn_ms": 30}"#);
    let file = world.path("home/config/harnesses/talker.toml");
    let text = fs::read_to_string(&file).unwrap();
    let flags = "[launch]\nsession = []\nresume = [\"--resume\", \"{session}\"]\n";
    fs::write(&file, text.replace("[launch]\n", flags)).unwrap();
    let agent = format!("  - {{name: a, runtime: talker{resume}}}\n");
    world.write_roster("default", &agent);
    world.fleet(&["up"]).exits(0);
    world
}

fn talk(world: &World) {
    let send = ["send", "a", "-m", "hello", "--wait", "answered"];
    world.fleet(&send).exits(0);
}

/// The conversations that starts of the agent were told to go on with.
fn continued(world: &World) -> Vec<String> {
    world.received("talker", Kind::Resume)
}

#[test]
fn a_restart_and_a_restore_continue_the_conversation_and_a_fresh_one_does_not() {
    let world = world("");
    world.fleet(&["restart", "a"]).exits(0);
    assert_eq!(continued(&world), [""; 0], "nothing was said yet");
    talk(&world);
    let live = world.fleet(&["pod", "restore", "a", "--json"]).exits(0);
    assert_eq!(live.json()["resumed"], false, "{live}");
    world.fleet(&["restart", "a"]).exits(0);
    let first = continued(&world);
    assert_eq!(first.len(), 1);
    world.fleet(&["down", "a"]).exits(0);
    let restored = world.fleet(&["pod", "restore", "a"]).exits(0);
    let said = "is restored, and its conversation goes on";
    assert!(restored.stderr.contains(said), "{restored}");
    assert_eq!(continued(&world), [&first[..], &first].concat());
    world.fleet(&["restart", "a", "--fresh"]).exits(0);
    assert_eq!(continued(&world).len(), 2);
    talk(&world);
    world.fleet(&["restart", "a"]).exits(0);
    let all = continued(&world);
    assert_eq!(all.len(), 3);
    assert_ne!(all[2], first[0], "the new one is continued");
}

#[test]
fn an_agent_that_is_never_to_resume_begins_anew() {
    let world = world(", resume: never");
    talk(&world);
    world.fleet(&["restart", "a"]).exits(0);
    world.fleet(&["down", "a"]).exits(0);
    let restored = world.fleet(&["pod", "restore", "a"]).exits(0);
    assert!(
        restored.stderr.contains("with a new conversation"),
        "{restored}"
    );
    assert_eq!(continued(&world), [""; 0]);
}

#[test]
fn before_a_task_an_agent_without_a_reset_command_is_started_anew() {
    let world = World::new();
    world.write_harness("talker", r#"{"turn_ms": 30}"#);
    let file = world.path("home/config/harnesses/talker.toml");
    let text = fs::read_to_string(&file).unwrap();
    let without = text.replace("reset_command = \"/clear\"\n", "");
    assert_ne!(text, without);
    fs::write(&file, without).unwrap();
    let agent = "  - {name: a, runtime: talker, reset_between_tasks: true, kickstart: look}\n";
    world.write_roster("default", agent);
    world.fleet(&["up"]).exits(0);
    let task = |text| {
        let send = ["send", "a", "-m", text, "--task", "--wait", "answered"];
        world.fleet(&send).exits(0);
    };
    task("first");
    // A second message of the same task goes on in it.
    talk(&world);
    task("second");
    assert_eq!(world.received("talker", Kind::Start).len(), 3);
    let bodies: Vec<_> = world
        .received("talker", Kind::Submit)
        .iter()
        .map(|text| text.rsplit("] ").next().unwrap().to_owned())
        .collect();
    assert_eq!(bodies, ["look", "look", "first", "hello", "look", "second"]);
    assert_eq!(world.row("a")["flags"].as_array().unwrap().len(), 0);
    let log = world.fleet(&["log", "a", "--json"]).exits(0);
    assert_eq!(log.stdout.matches("for a task").count(), 2, "{log}");
}
