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
    let first = world.write_roster("red", &world.agents(&[("a", ""), ("b", "")]));
    world.fleet_of("red", &["up"]).exits(0);
    let other = world.path("work/other");
    std::fs::create_dir(&other).unwrap();
    let second = other.join("red.yaml");
    std::fs::copy(&first, &second).unwrap();
    let before = std::fs::read(&second).unwrap();
    let pid = world.fleet_of("red", &["ps", "--json"]).row("a")["agent_pid"].clone();
    for arguments in [
        &["plan"][..],
        &["up"],
        &["down"],
        &["down", "a"],
        &["add", "c", "--runtime", "sim"],
        &["set", "a", "env.NEW=1"],
        &["remove", "a"],
        &["pause", "a"],
        &["resume", "--all"],
        &["bridge", "start"],
        &["bridge", "stop"],
    ] {
        let refused = [&["--roster", text(&second)], arguments].concat();
        let ran = world.fleet_of("red", &refused).exits(3);
        assert!(
            ran.stderr.contains(text(&first)) && ran.stderr.contains(text(&second)),
            "{ran}"
        );
        // Whatever is refused is not written either.
        assert_eq!(std::fs::read(&second).unwrap(), before, "{arguments:?}");
    }
    // Nothing is to follow this.
    let add = ["add", "c", "--runtime", "sim", "--no-start"];
    let add = [&["--roster", text(&second)], &add[..]].concat();
    world.fleet_of("red", &add).exits(0);
    assert_eq!(
        world.fleet_of("red", &["ps", "--json"]).row("a")["agent_pid"],
        pid
    );
}

#[test]
fn a_roster_is_one_and_the_same_however_its_path_is_spelt() {
    let world = World::new();
    let roster = world.write_roster("red", &world.agents(&[("a", "")]));
    world.fleet_of("red", &["up"]).exits(0);
    let sub = world.path("work/sub");
    std::fs::create_dir(&sub).unwrap();
    let link = sub.join("link.yaml");
    std::os::unix::fs::symlink(&roster, &link).unwrap();
    for spelling in ["../red.yaml", "link.yaml"] {
        let mut up = world.command("red", &["--roster", spelling, "up"]);
        let up = up.current_dir(&sub).output().unwrap();
        let said = String::from_utf8_lossy(&up.stderr);
        assert!(up.status.success(), "{said}");
        let plan = world.fleet_of("red", &["--roster", text(&sub.join(spelling)), "plan"]);
        assert!(!plan.to_string().contains("restart"), "{plan}");
    }
}

#[test]
fn a_roster_that_moved_takes_its_fleet_along() {
    let world = World::new();
    let old = world.write_roster("red", &world.agents(&[("a", "")]));
    world.fleet_of("red", &["up"]).exits(0);
    let new = world.path("work/moved.yaml");
    std::fs::rename(&old, &new).unwrap();
    let up = world
        .fleet_of("red", &["--roster", text(&new), "up"])
        .exits(0);
    assert!(up.to_string().contains("red.yaml"), "{up}");
    std::fs::rename(&new, &old).unwrap();
    world.fleet_of("red", &["up"]).exits(0);
}

#[test]
fn a_fleet_whose_roster_was_given_another_name_is_told_until_it_is_ended() {
    let world = World::new();
    let roster = world.write_roster("default", &world.agents(&[("a", ""), ("b", "")]));
    world.fleet(&["up"]).exits(0);
    let before = std::fs::read_to_string(&roster).unwrap();
    std::fs::write(&roster, before.replace("fleet: default", "fleet: web")).unwrap();
    let left = "2 agents of the fleet `default`";
    let remedy = "fleet down --all --fleet default";
    let told = |arguments: &[&str], code: i32| {
        let ran = world.fleet(arguments).exits(code);
        let said = [ran.stdout.as_str(), &ran.stderr].concat();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(left) && said.contains(remedy), "{ran}");
    };
    told(&["plan"], 0);
    told(&["up"], 0);
    told(&["doctor", "--json"], 1);
    let misses = world.fleet(&["verify", "--json"]).exits(1);
    assert!(
        misses.stdout.contains("another tmux session has its name"),
        "{misses}"
    );
    told(&["verify", "--json"], 1);

    world
        .fleet(&["down", "--all", "--fleet", "default"])
        .exits(0);
    let up = world.fleet(&["up"]).exits(0);
    assert!(!up.to_string().contains("default"), "{up}");
    world.fleet(&["verify"]).exits(0);
}

#[test]
fn where_no_roster_is_the_fleets_that_run_are_named() {
    let world = World::new();
    world.write_roster("red", &world.agents(&[("a", "")]));
    world.fleet_of("red", &["up"]).exits(0);
    let elsewhere = |arguments: &[&str]| {
        let mut command = world.command("red", arguments);
        command.env_remove("FLEET_ROSTER").current_dir("/");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.code(), said)
    };
    for (arguments, code) in [
        (&["ps"][..], Some(0)),
        (&["down"][..], Some(2)),
        (&["send", "a", "-m", "hi"][..], Some(2)),
        (&["status"][..], Some(0)),
    ] {
        let (exit, said) = elsewhere(arguments);
        assert!(said.contains("--fleet red"), "{arguments:?}: {said}");
        assert_eq!(exit, code, "{arguments:?}: {said}");
    }
    let (exit, said) = elsewhere(&["ps", "--fleet", "red"]);
    assert!(exit == Some(0) && said.contains("available"), "{said}");
}
