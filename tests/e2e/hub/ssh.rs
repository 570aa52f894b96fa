//! An endpoint over ssh: a real sshd on loopback, with keys and a configuration of the test's own.

use std::fs;

use rustix::process::Signal;

use crate::far_host::FarHost;
use crate::world::{Ran, World, descendants_of, is_gone, signal, text, until};

#[track_caller]
fn until_state(home: &World, wanted: &str) {
    until(|| {
        let view = home.fleet_by_ssh(&["endpoint", "status", "far", "--json"]);
        match view.json()["status"]["state"].as_str() {
            Some(found) if found == wanted => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
}

fn mount(home: &World, root: &str) -> Ran {
    home.fleet_by_ssh(&["mount", "add", "--name", "m", "--endpoint", "far", root])
}

/// A hub that is ended when the test is done with it.
struct Hub(u32);

impl Hub {
    fn of(world: &World) -> Self {
        let status = world.fleet(&["hub", "status", "--json"]).json();
        Self(u32::try_from(status["pid"].as_u64().unwrap()).unwrap())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        signal(self.0, Signal::TERM);
        until(|| {
            if is_gone(self.0) {
                Ok(())
            } else {
                Err("the hub runs".into())
            }
        });
    }
}

#[test]
fn a_machine_is_reached_by_ssh_and_its_hub_is_started_there() {
    let home = World::with_agents(&[("lead", "")]);
    let Some(far) = FarHost::reached_from(&home, true) else {
        return;
    };
    // As many have it: a connection that others share, which here is none of ours.
    far.configure(&format!(
        "ControlMaster auto\n  ControlPath {}/%h\n  ControlPersist 60\n  RequestTTY yes",
        home.path("home").display()
    ));
    let far = &far.world;
    far.write_roster("default", &far.agents(&[("coder", "")]));
    home.fleet_by_ssh(&["hub", "run", "--background", "--json"])
        .exits(0);
    let _home_hub = Hub::of(&home);
    let added = home.fleet_by_ssh(&["endpoint", "add", "far", "--ssh", "oak"]);
    assert!(added.stdout.contains("connected"), "{added}");
    assert!(!home.path("home/127.0.0.1").exists(), "a way is shared");
    let far_hub = Hub::of(far);
    // It serves the home directory of that user and nothing else.
    let refused = mount(&home, text(&far.path("work")));
    assert_ne!(refused.code, 0, "{refused}");
    mount(&home, text(&far.path("home"))).exits(0);
    fs::write(far.path("home/file"), "over ssh").unwrap();
    let cat = home.fleet_by_ssh(&["fs", "cat", "m:file"]).exits(0);
    assert_eq!(cat.stdout, "over ssh");

    // A hub that is gone is started again, on a way that is made anew.
    let before = far_hub.0;
    drop(far_hub);
    let far_hub = until(|| {
        let status = far.fleet(&["hub", "status", "--json"]);
        if status.code == 0 {
            Ok(Hub::of(far))
        } else {
            Err(status.to_string())
        }
    });
    assert_ne!(far_hub.0, before);
    until_state(&home, "connected");

    fs::rename(far.path("bin/fleet"), far.path("bin/elsewhere")).unwrap();
    drop(far_hub);
    until_state(&home, "not_installed");
    // What it knew is lost meanwhile: to home it is another hub, until that is accepted.
    for file in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let _ = fs::remove_file(far.path("state/hub").join(file));
    }
    fs::rename(far.path("bin/elsewhere"), far.path("bin/fleet")).unwrap();
    let other = home.fleet_by_ssh(&["endpoint", "status", "far", "--retry"]);
    let other = other.exits(1).stdout;
    assert!(other.contains("--accept-hub"), "{other}");
    home.fleet_by_ssh(&["endpoint", "update", "far", "--accept-hub"])
        .exits(0);
    let cat = home.fleet_by_ssh(&["fs", "cat", "m:file"]).exits(0);
    assert_eq!(cat.stdout, "over ssh");
    drop(Hub::of(far));
    home.fleet_by_ssh(&["endpoint", "remove", "far", "--cascade"]);
    // One that was being started meanwhile.
    if far.fleet(&["hub", "status"]).code == 0 {
        drop(Hub::of(far));
    }
}

#[test]
fn a_hub_that_is_killed_leaves_no_way_open() {
    let home = World::with_agents(&[("lead", "")]);
    let Some(far) = FarHost::reached_from(&home, true) else {
        return;
    };
    home.fleet_by_ssh(&["hub", "run", "--background", "--json"])
        .exits(0);
    let home_hub = Hub::of(&home);
    let added = home.fleet_by_ssh(&["endpoint", "add", "far", "--ssh", "oak"]);
    assert!(added.stdout.contains("connected"), "{added}");
    let _far_hub = Hub::of(&far.world);
    let ways = descendants_of(home_hub.0);
    assert!(!ways.is_empty());
    signal(home_hub.0, Signal::KILL);
    for way in ways {
        until(|| is_gone(way).then_some(()).ok_or("a way is open".into()));
    }
}
