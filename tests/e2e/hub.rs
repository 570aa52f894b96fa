//! Two machines and one hub in front of them: real pods, real processes, TLS between.

mod background;
mod breaking;
mod dry;
mod ending;
mod fleets;
mod follower;
mod link;
mod machine;
mod network;
mod replaced;
mod seen;
mod ssh;
mod terminals;
mod viewers;

pub(crate) use machine::{Machine, pair};

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;

use crate::world::{World, ran, signal, until};

#[test]
fn agents_files_and_terminals_of_two_machines_are_reached_from_one() {
    let (home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    spoke
        .world
        .until_row("coder", |row| row["readiness"] == "available");
    let rows = home
        .world
        .fleet(&["ps", "--hub", "local", "--json"])
        .exits(0)
        .json();
    let names: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["lead", "coder@box"]);
    let sent = home.world.fleet(&[
        "send",
        "coder@box",
        "--hub",
        "local",
        "-m",
        "over the hub",
        "--wait",
        "answered",
        "--json",
    ]);
    assert_eq!(sent.exits(0).json()["receipt"]["outcome"], "answered");
    let tail = home
        .world
        .fleet(&["tail", "coder@box", "--hub", "local"])
        .exits(0);
    assert!(tail.stdout.contains("over the hub"), "{tail}");
    let log = home
        .world
        .fleet(&["log", "coder@box", "--hub", "local"])
        .exits(0);
    assert!(log.stdout.contains("over the hub"), "{log}");

    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(home.world.path("work/bytes"), &bytes).unwrap();
    home.world
        .fleet(&["fs", "put", "far:new", "bytes"])
        .exits(0);
    assert_eq!(std::fs::read(spoke.world.path("home/new")).unwrap(), bytes);
    let cat = home
        .world
        .command("default", &["fs", "cat", "far:new"])
        .output()
        .unwrap();
    assert_eq!(cat.stdout, bytes);
    std::fs::write(spoke.world.path("home/text"), "by its URI").unwrap();
    let uri = format!("far:file://{}", spoke.world.path("home/text").display());
    let cat = home.world.fleet(&["fs", "cat", &uri]).exits(0);
    assert_eq!(cat.stdout, "by its URI");
    home.world.fleet(&["fs", "cat", "far:../store.db"]).exits(3);

    let spawned = home
        .world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    assert_eq!(spawned.stdout, "sh@box\n");
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "live");
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
    let gone = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(gone.as_array().unwrap().len(), 0);
}

#[test]
fn an_agent_that_the_roster_has_on_another_machine_is_found_there_by_its_name() {
    let (home, spoke) = pair();
    let far = "  - name: coder\n    runtime: sim\n    host: box\n";
    let agents = home.world.agents(&[("lead", "")]) + far;
    home.world.write_roster("default", &agents);
    spoke.world.fleet(&["up"]).exits(0);
    spoke
        .world
        .until_row("coder", |row| row["readiness"] == "available");
    let ps = home.world.fleet(&["ps", "--hub", "local", "--json"]);
    let rows = ps.exits(0).json();
    let rows = rows.as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [Some("lead"), Some("coder@box")], "{rows:#?}");
    assert_eq!(rows[1]["readiness"], "available");
    let send = ["send", "coder", "--hub", "local", "-m", "by name"];
    let sent = home
        .world
        .fleet(&[&send[..], &["--wait", "answered"]].concat());
    sent.exits(0);
    let log = home.world.fleet(&["log", "coder", "--hub", "local"]);
    assert!(log.exits(0).stdout.contains("by name"));
    let inbox = home.world.fleet(&["inbox", "coder", "--hub", "local"]);
    assert!(inbox.exits(0).stderr.contains("no message waits"));
}

#[test]
fn a_machine_that_shows_another_key_is_not_added_and_one_that_is_down_is_and_that_is_told() {
    let (home, spoke) = (Machine::new("lead"), Machine::new("coder"));
    let (address, token) = (spoke.address(), spoke.token());
    let listed = || home.world.fleet(&["endpoint", "list"]).exits(0).stdout;
    let refused = home.endpoint_add("box", &address, home.pin(), &token);
    let refused = refused.exits(3).stderr;
    assert!(refused.contains(spoke.pin()), "{refused}");
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert!(!listed().contains("box"));
    spoke.end_hub();
    let down = home.endpoint_add("box", &address, spoke.pin(), &token);
    let down = down.exits(1).stdout;
    assert!(down.contains("box: offline (refused)"), "{down}");
    assert!(down.contains("next    start its hub there"), "{down}");
    assert!(listed().contains("box"));
    let empty = {
        home.world
            .command("default", &["endpoint", "update", "box", "--token"])
    }
    .env("FLEET_ENDPOINT_TOKEN", "")
    .output();
    let empty = ran(&empty.unwrap()).exits(2).stderr;
    assert!(empty.contains("the token is empty"), "{empty}");
}

#[test]
fn a_hub_in_the_background_writes_for_its_owner_alone_and_into_no_open_directory() {
    let machine = Machine::new("lead");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let directory = machine.world.path("state/hub");
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("hub.log")), 0o600);
    let own = machine.world.fleet(&["endpoint", "status", "local"]);
    assert!(own.exits(0).stdout.starts_with("local: connected"));
    machine.end_hub();
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let refused = machine.world.fleet(&["hub", "run", "--background"]);
    assert_ne!(refused.code, 0, "{refused}");
    assert!(refused.stderr.contains("0755"), "{refused}");
    assert_eq!(mode(&directory), 0o755);
    std::fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_socket_that_was_cleared_away_is_told_and_made_anew() {
    let machine = Machine::new("lead");
    let hub = |arguments: &[&str]| machine.world.fleet(&[&["hub"], arguments].concat());
    // It cannot mend it meanwhile.
    signal(machine.hub, Signal::STOP);
    std::fs::remove_dir_all(machine.world.path("run")).unwrap();
    let status = hub(&["status"]);
    signal(machine.hub, Signal::CONT);
    let told = status.exits(5).stderr.replace("\n  ", " ");
    assert!(told.contains("hub.sock cannot be reached"), "{told}");
    assert!(told.contains("`fleet hub stop` ends it"), "{told}");
    // This one waits for it.
    let again = hub(&["run", "--background", "--json"]).exits(0).json();
    assert_eq!(again["pid"], machine.hub);
    machine.world.fleet(&["endpoint", "list"]).exits(0);
    hub(&["status"]).exits(0);
}

#[test]
fn a_message_whose_answer_was_lost_is_delivered_once_when_it_is_sent_again() {
    use std::process::Stdio;
    let (mut home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    spoke.world.fleet(&["pause", "coder"]).exits(0);
    let send = ["send", "coder@box", "--hub", "local", "-m", "once"];
    let send = [&send[..], &["--wait", "answered"]].concat();
    let sending = home
        .world
        .command("default", &send)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waiting = || {
        let inbox = spoke.world.fleet(&["inbox", "coder", "--json"]).exits(0);
        let inbox = inbox.json();
        inbox["messages"].as_array().unwrap().len()
    };
    until(|| match waiting() {
        1 => Ok(()),
        count => Err(format!("{count} messages wait")),
    });
    home.end_hub();
    let lost = ran(&sending.wait_with_output().unwrap()).exits(5);
    let said = lost.stderr.replace("\n  ", " ");
    let id = said.split("`--id ").nth(1).unwrap();
    let id = id.split('`').next().unwrap();
    let address = home.address();
    home.start_hub(&address);
    home.until_connected("box");
    let again = ["send", "coder@box", "--hub", "local", "-m", "once"];
    let again = home.world.fleet(&[&again[..], &["--id", id]].concat());
    assert!(again.stderr.contains("accepted before"), "{again}");
    assert_eq!(waiting(), 1);
}

#[test]
fn what_the_system_refuses_to_a_hub_is_no_defect() {
    let machine = Machine::new("lead");
    let other = World::new();
    let taken = ["hub", "run", "--tls", "--listen", &machine.address()];
    let ran = other.fleet(&taken).exits(5);
    assert!(ran.stderr.contains("cannot be listened at"), "{ran}");
    std::fs::write(other.path("state/hub/tls.key"), "").unwrap();
    let ran = other.fleet(&["hub", "run", "--listen", "none"]).exits(5);
    assert!(ran.stderr.contains("tls.key is no key to use"), "{ran}");
}

#[test]
fn what_a_user_does_wrong_is_told_with_a_remedy() {
    let world = World::new();
    let ran = world.fleet(&["endpoint", "list"]).exits(4);
    assert!(ran.stderr.contains("fleet hub run"), "{ran}");
    let ran = world.fleet(&["fs", "ls", "nothing"]).exits(2);
    assert!(ran.stderr.contains("MOUNT:PATH"), "{ran}");
    let ran = world
        .fleet(&["endpoint", "add", "x", "--address", "http://x"])
        .exits(2);
    assert!(ran.stderr.contains("without a scheme"), "{ran}");
    let ran = world
        .fleet(&["endpoint", "add", "x", "--ssh", "-oProxyCommand=x"])
        .exits(2);
    assert!(!ran.stderr.is_empty());
    let ran = world.fleet(&["ps", "--hub", "far.example"]).exits(2);
    assert!(ran.stderr.contains("FLEET_HUB_PIN"), "{ran}");
    let ran = world.fleet(&["hub", "status"]).exits(1);
    assert_eq!(ran.stdout, "no hub runs on this machine\n");
}
