//! Several fleets on one machine, of which a hub reaches all.

use super::Machine;
use super::machine::pair;
use crate::world::{Ran, World};

/// A machine with the fleets `default` and `side`, each with a `lead`, `side` with a `mate`, too.
fn machine() -> Machine {
    let machine = Machine::new("lead");
    let world = &machine.world;
    world.write_roster("side", &world.agents(&[("lead", ""), ("mate", "")]));
    world.fleet(&["up"]).exits(0);
    world.fleet_of("side", &["up"]).exits(0);
    machine
}

fn send(world: &World, roster: &str, more: &[&str]) -> Ran {
    let send = ["send", "lead", "--hub", "local", "--wait", "answered"];
    world.fleet_of(roster, &[&send, more].concat())
}

fn fleets_of(ran: Ran) -> Vec<(String, String)> {
    let rows = ran.exits(0).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| (text(&row["name"]), text(&row["fleet"])))
        .collect()
}

#[test]
fn an_agent_of_the_fleet_that_is_meant_here_is_meant_through_a_hub_too() {
    let machine = machine();
    let world = &machine.world;
    let roster = world.path("work/side.yaml");
    let roster = roster.to_str().unwrap();
    send(world, "side", &["-m", "by the variable"]).exits(0);
    send(
        world,
        "default",
        &["-m", "by the option", "--roster", roster],
    )
    .exits(0);
    send(world, "default", &["-m", "by the name", "--fleet", "side"]).exits(0);
    send(world, "default", &["-m", "to the first"]).exits(0);
    for (fleet, its, others) in [
        (
            "side",
            &["by the variable", "by the option", "by the name"][..],
            &["to the first"][..],
        ),
        (
            "default",
            &["to the first"],
            &["by the variable", "by the option", "by the name"],
        ),
    ] {
        for through in [&[][..], &["--hub", "local"]] {
            for verb in ["log", "tail"] {
                let told = world.fleet_of(fleet, &[&[verb, "lead"], through].concat());
                let told = told.exits(0).stdout;
                let has = |text: &&str| told.contains(*text);
                assert!(its.iter().all(has), "{fleet} {verb} {through:?}: {told}");
                assert!(
                    !others.iter().any(has),
                    "{fleet} {verb} {through:?}: {told}"
                );
            }
        }
    }
    let missing = ["--roster", "no.yaml", "-m", "nobody"];
    let refused = send(world, "default", &missing).exits(2).stderr;
    assert!(refused.contains("there is no roster"), "{refused}");
}

#[test]
fn a_name_that_several_fleets_have_is_refused_where_nothing_says_which_is_meant() {
    let machine = machine();
    let world = &machine.world;
    // There is no such roster.
    let refused = send(world, "nowhere", &["-m", "to whom"]).exits(3).stderr;
    assert!(
        refused.contains("several fleets there have a `lead`: default, side"),
        "{refused}"
    );
    assert!(refused.contains("--fleet default"), "{refused}");
    let watch = ["watch", "lead", "--hub", "local"];
    let refused = world.fleet_of("nowhere", &watch).exits(3).stderr;
    assert!(
        refused.contains("several fleets have a `lead`"),
        "{refused}"
    );
    // One that a single fleet has is found.
    let tail = ["tail", "mate", "--hub", "local"];
    world.fleet_of("nowhere", &tail).exits(0);
    world.fleet(&tail).exits(0);
}

#[test]
fn the_agents_of_all_fleets_are_in_one_list() {
    let machine = machine();
    let world = &machine.world;
    let all = ["ps", "--hub", "local"];
    let with = |more: &[&'static str]| [&all[..], more].concat();
    let pair = |name: &str, fleet: &str| (name.to_owned(), fleet.to_owned());
    let (first, others) = (
        pair("lead", "default"),
        [pair("lead", "side"), pair("mate", "side")],
    );
    for roster in ["default", "side", "nowhere"] {
        let listed = fleets_of(world.fleet_of(roster, &with(&["--json"])));
        assert_eq!(
            listed,
            [std::slice::from_ref(&first), &others[..]].concat(),
            "{roster}"
        );
    }
    let table = world.fleet(&all).exits(0).stdout;
    assert!(table.contains("FLEET") && table.contains("side"), "{table}");
    let one = with(&["--roster", "side.yaml"]);
    let table = world.fleet(&one).exits(0).stdout;
    assert!(
        !table.contains("FLEET") && table.contains("mate"),
        "{table}"
    );
    let listed = fleets_of(world.fleet(&[&one[..], &["--json"]].concat()));
    assert_eq!(listed, others);
}

#[test]
fn an_agent_that_any_fleets_roster_has_on_another_machine_is_found_there() {
    let (home, spoke) = pair();
    let world = &home.world;
    let far = "  - name: coder\n    runtime: sim\n    host: box\n";
    world.write_roster("side", &(world.agents(&[("mate", "")]) + far));
    world.fleet(&["up"]).exits(0);
    world.fleet_of("side", &["up"]).exits(0);
    spoke.world.fleet(&["up"]).exits(0);
    // The hub itself finds the other roster.
    let send = ["send", "coder", "--hub", "local", "-m", "by name"];
    let sent = [&send[..], &["--wait", "answered"]].concat();
    world.fleet_of("side", &sent).exits(0);
    let log = spoke.world.fleet(&["log", "coder"]);
    assert!(log.exits(0).stdout.contains("by name"));
    // From where another fleet is meant it is found, too, as an agent here would be.
    world
        .fleet(&[
            "send",
            "coder",
            "--hub",
            "local",
            "-m",
            "from the other",
            "--wait",
            "answered",
        ])
        .exits(0);
    let log = spoke.world.fleet(&["log", "coder"]);
    assert!(log.exits(0).stdout.contains("from the other"));
    let ps = ["ps", "--hub", "local", "--json"];
    let mates = |rows: &serde_json::Value| {
        let rows = rows.as_array().unwrap().iter();
        let named = rows.map(|row| (row["name"].clone(), row["readiness"].clone()));
        named.collect::<Vec<_>>()
    };
    let rows = world.fleet_of("side", &ps).exits(0).json();
    let found = mates(&rows);
    assert!(
        found.contains(&("coder@box".into(), "available".into())),
        "{found:?}"
    );
    assert_eq!(found.len(), 3, "none stands there twice: {found:?}");
}
