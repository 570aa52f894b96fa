//! Two fleets of one user on one host.

use crate::world::{World, text};

#[test]
fn two_fleets_with_an_orchestrator_each_do_not_touch_each_other() {
    let world = World::new();
    let agents = |world: &World| world.agents(&[("orchestrator", "")]);
    world.write_roster("red", &agents(&world));
    world.write_roster("blue", &agents(&world));
    world.fleet_of("red", &["up"]).exits(0);
    world.fleet_of("blue", &["up"]).exits(0);
    let row = |fleet| world.fleet_of(fleet, &["ps", "--json"]).exits(0).json()[0].clone();
    let (red, blue) = (row("red"), row("blue"));
    assert_ne!(red["agent_pid"], blue["agent_pid"]);

    world
        .fleet_of(
            "red",
            &[
                "send",
                "orchestrator",
                "-m",
                "only red",
                "--wait",
                "answered",
            ],
        )
        .exits(0);
    let tail = |fleet| {
        world
            .fleet_of(fleet, &["tail", "orchestrator"])
            .exits(0)
            .stdout
    };
    assert!(tail("red").contains("only red"));
    assert!(!tail("blue").contains("only red"));

    world.fleet_of("red", &["down", "--all"]).exits(0);
    assert_eq!(row("blue")["agent_pid"], blue["agent_pid"]);
    assert_eq!(row("blue")["readiness"], "available");
    let views = world
        .tmux("blue", &["list-sessions", "-F", "#{session_name}"])
        .exits(0)
        .stdout;
    assert!(views.lines().any(|name| name == "orchestrator"), "{views}");
}

#[test]
fn a_fleet_name_belongs_to_one_roster() {
    let world = World::new();
    let first = world.write_roster("red", &world.agents(&[("a", "")]));
    world.fleet_of("red", &["up"]).exits(0);
    let other = world.path("work/other");
    std::fs::create_dir(&other).unwrap();
    let second = other.join("red.yaml");
    std::fs::copy(&first, &second).unwrap();
    let ran = world.fleet_of("red", &["--roster", text(&second), "up"]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.stderr.contains(text(&first)) && ran.stderr.contains(text(&second)),
        "{ran}"
    );
}
