//! Dialogs answered on order, resets, and what agents say twice.

use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::world::{World, fits_80_columns, signal, until};

fn asking() -> World {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "ASK me", "--wait", "started"])
        .exits(0);
    world.until_row("a", |row| row["readiness"] == "blocked");
    world
}

#[test]
fn a_dialog_is_shown_and_answered_by_a_choice_that_still_stands() {
    let world = asking();
    let shown = world.fleet(&["answer", "a"]).exits(0);
    assert!(shown.stdout.contains("Do you want to proceed?"), "{shown}");
    assert!(fits_80_columns(&shown.stdout), "{shown}");
    let wrong = world.fleet(&["answer", "a", "maybe"]).exits(2);
    assert!(wrong.stderr.contains("its choices are"), "{wrong}");
    let stale = ["answer", "a", "1", "--dialog", "0000000000000000"];
    world.fleet(&stale).exits(1);
    world.fleet(&["answer", "a", "yes", "--dry-run"]).exits(0);
    assert!(world.received("a", Kind::Approve).is_empty());
    world.fleet(&["answer", "a", "yes"]).exits(0);
    until(|| match world.received("a", Kind::Approve).len() {
        1 => Ok(()),
        count => Err(count.to_string()),
    });
    world.until_row("a", |row| row["readiness"] == "available");
    world.fleet(&["answer", "a"]).exits(1);
    let log = world.fleet(&["log", "a"]).exits(0);
    assert!(
        log.stdout.contains("1. Yes: Do you want to proceed?"),
        "{log}"
    );
}

#[test]
fn an_answer_that_the_agent_has_not_taken_yet_is_not_given_twice() {
    let world = asking();
    let agent = world.agent_pid("a");
    signal(agent, Signal::STOP);
    world.fleet(&["answer", "a", "1"]).exits(0);
    for choice in ["1", "2"] {
        let again = world.fleet(&["answer", "a", choice]).exits(1);
        let told = "a: nothing was pressed, it has not taken yet what was pressed before\n";
        assert_eq!(again.stdout, told);
    }
    signal(agent, Signal::CONT);
    // A key that came too late would stand in the composer.
    world.until_row("a", |row| row["readiness"] == "available");
    assert_eq!(world.received("a", Kind::Approve).len(), 1);
}

#[test]
fn a_reset_is_typed_and_the_kickstart_follows() {
    let world = World::new();
    let entry = format!(
        "{}    kickstart: look around\n",
        world.entry("a", "sim", "")
    );
    world.write_roster("default", &entry);
    world.fleet(&["up"]).exits(0);
    let kicks = || {
        let texts = world.received("a", Kind::Submit);
        texts
            .iter()
            .filter(|text| text.ends_with("look around"))
            .count()
    };
    until(|| {
        (kicks() == 1)
            .then_some(())
            .ok_or("no kickstart".to_owned())
    });
    world.until_row("a", |row| row["readiness"] == "available");
    let planned = world.fleet(&["reset", "a", "--dry-run"]).exits(0);
    assert_eq!(planned.stdout, "a: `/clear` would be typed\n");
    let reset = world.fleet(&["reset", "a"]).exits(0);
    assert_eq!(reset.stdout, "a: reset\n");
    until(|| {
        (kicks() == 2)
            .then_some(())
            .ok_or("no kickstart".to_owned())
    });
}

#[test]
fn an_agent_without_questions_of_trust_says_so() {
    let world = World::with_agents(&[("a", "")]);
    let refused = world.fleet(&["trust", "a"]).exits(3);
    assert!(refused.stderr.contains("asks for no trust"), "{refused}");
}

#[test]
fn the_directory_that_is_trusted_is_the_one_in_which_the_program_finds_itself() {
    let world = World::new();
    let (real, link) = (world.path("work/real"), world.path("work/link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for runtime in ["claude", "codex"] {
        let agent = format!(
            "  - {{name: a, runtime: {runtime}, working_directory: {}}}\n",
            link.display()
        );
        world.write_roster(runtime, &agent);
        let trust = ["trust", "a", "--json"];
        let trusted = world.fleet_of(runtime, &trust).exits(0).json();
        let real = real.canonicalize().unwrap();
        assert_eq!(trusted["directory"], real.to_str().unwrap());
        let settings = trusted["settings"].as_str().unwrap();
        let settings = std::fs::read_to_string(settings).unwrap();
        assert!(settings.contains(real.to_str().unwrap()), "{settings}");
        assert!(!settings.contains("work/link"), "{settings}");
        let again = world.fleet_of(runtime, &trust).exits(0).json();
        assert_eq!(again["changed"], false, "{again:#}");
    }
}
