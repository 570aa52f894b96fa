//! Agents of another machine, reached by ssh: looked at, typed into, held, answered, restarted.

use podfleet_sim_agent::Kind;

use crate::elsewhere::with_mate;
use crate::far_host::FarHost;
use crate::looking::Person;
use crate::world::{World, until};

/// A world with an agent `coder` that runs and a mate `far` on the machine `oak`, which runs there.
fn worlds() -> Option<(World, FarHost)> {
    let world = World::new();
    with_mate(&world);
    let far = FarHost::reached_from(&world, true)?;
    far.world
        .write_roster("default", &far.world.agents(&[("far", "")]));
    far.world.fleet(&["up"]).exits(0);
    Some((world, far))
}

#[test]
fn an_agent_of_another_machine_is_held_listed_released_and_its_log_is_read() {
    let Some((world, far)) = worlds() else { return };
    let paused = ["pause", "far", "coder", "--reason", "it's late"];
    let paused = world.fleet_by_ssh(&paused).exits(0);
    assert!(paused.stdout.contains("far: paused"), "{paused}");
    assert!(paused.stdout.contains("coder: paused"), "{paused}");
    let sent = world.fleet_by_ssh(&["send", "far", "-m", "waits", "--timeout", "1", "--json"]);
    let id = sent.exits(0).json()["receipt"]["id"].clone();
    let id = id.as_str().unwrap();
    let inbox = world.fleet_by_ssh(&["inbox", "far", "--json"]).exits(0);
    assert_eq!(inbox.json()["messages"][0]["id"], id, "{inbox}");
    world
        .fleet_by_ssh(&["inbox", "far", "--cancel", id])
        .exits(0);
    world.fleet_by_ssh(&["resume", "far"]).exits(0);
    world
        .fleet_by_ssh(&["send", "far", "-m", "goes", "--wait", "answered"])
        .exits(0);
    let submitted = far.world.received("far", Kind::Submit);
    assert_eq!(submitted.len(), 1, "{submitted:?}");
    let log = world
        .fleet_by_ssh(&["log", "far", "--since", "1h"])
        .exits(0);
    assert!(log.stdout.contains("goes"), "{log}");
    assert!(log.stdout.contains("it's late"), "{log}");
    let two = world
        .fleet_by_ssh(&["restart", "far", "coder", "--json"])
        .exits(2);
    assert!(two.stderr.contains("one machine"), "{two}");
}

#[test]
fn a_dialog_on_another_machine_is_answered_and_its_agent_is_restarted_there() {
    let Some((world, far)) = worlds() else { return };
    world
        .fleet_by_ssh(&["send", "far", "-m", "ASK me", "--wait", "started"])
        .exits(0);
    far.world
        .until_row("far", |row| row["readiness"] == "blocked");
    let shown = world.fleet_by_ssh(&["answer", "far"]).exits(0);
    assert!(shown.stdout.contains("Do you want to proceed?"), "{shown}");
    world.fleet_by_ssh(&["answer", "far", "maybe"]).exits(2);
    world.fleet_by_ssh(&["answer", "far", "yes"]).exits(0);
    until(|| match far.world.received("far", Kind::Approve).len() {
        1 => Ok(()),
        count => Err(count.to_string()),
    });
    let before = far.world.agent_pid("far");
    let restarted = world.fleet_by_ssh(&["restart", "far"]).exits(0);
    assert!(restarted.stderr.contains("far"), "{restarted}");
    assert_ne!(far.world.agent_pid("far"), before);
    assert_eq!(world.row("coder")["readiness"], "stopped");
}

#[test]
fn who_attaches_to_an_agent_of_another_machine_types_there_and_who_watches_does_not() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let Some((world, far)) = worlds() else { return };
    let watching = world.command_by_ssh(&["watch", "far"]);
    let person = Person::running(&world, &watching);
    person.sees(|screen| screen.contains("for shortcuts"));
    person.keys(&["x", "q"]);
    person.is_gone();
    let attaching = world.command_by_ssh(&["attach", "far", "--prefix", "ctrl-]"]);
    let person = Person::running(&world, &attaching);
    person.sees(|screen| screen.contains("for shortcuts") && !screen.contains("❯ x"));
    person.keys(&["hello by hand", "Enter"]);
    until(|| match far.world.received("far", Kind::Submit) {
        texts if texts == ["hello by hand"] => Ok(()),
        texts => Err(format!("{texts:?}")),
    });
    person.keys(&["C-]", "d"]);
    person.is_gone();
    // Whoever lost the way there is told, and the agent goes on.
    let person = Person::running(&world, &attaching);
    person.sees(|screen| screen.contains("for shortcuts"));
    far.cut_connections();
    person.is_gone();
    let row = far.world.row("far");
    assert_eq!(row["readiness"], "available", "{row:#}");
}

#[test]
fn a_machine_without_a_fleet_cannot_restart_its_sessions_and_says_so() {
    let world = World::new();
    with_mate(&world);
    let Some(_far) = FarHost::reached_from(&world, false) else {
        return;
    };
    let refused = world.fleet_by_ssh(&["restart", "far"]).exits(4);
    assert!(refused.stderr.contains("no `fleet` on this"), "{refused}");
}
