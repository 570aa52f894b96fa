//! The hub as a unit, as the documentation shows it.

use rustix::process::Signal;

use super::host::Host;
use crate::world::{signal, text, until_value};

const HUB: &str = "fleet-hub.service";
const DOCS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hub.md"));

/// Returns the unit of the documentation, with this program and on any free port.
fn documented_unit(program: &str) -> String {
    let (_, unit) = DOCS.split_once("```ini\n").unwrap();
    let (unit, _) = unit.split_once("```").unwrap();
    let command = "%h/.cargo/bin/fleet hub run --listen 0.0.0.0:7717";
    assert!(unit.contains(command), "{unit}");
    unit.replace(command, &format!("{program} hub run --listen 127.0.0.1:0"))
}

#[test]
fn a_hub_by_the_documented_unit_comes_back_and_terminals_outlive_it() {
    let Some(host) = Host::start() else { return };
    let unit = documented_unit(text(&host.exe()));
    host.write(&format!(".config/systemd/user/{HUB}"), &unit);
    host.systemctl(&["daemon-reload"]).exits(0);
    host.systemctl(&["enable", "--now", HUB]).exits(0);
    let hub = || host.fleet(&["hub", "status", "--json"]).json()["pid"].clone();
    until_value(hub, |pid| *pid == host.main_pid(HUB));

    let work = host.path("work");
    let mount = ["mount", "add", "--name", "m", "--endpoint", "local"];
    host.fleet(&[&mount[..], &[text(&work)]].concat()).exits(0);
    let shell = ["pty", "spawn", "m", "--name", "sh", "--", "/bin/sh"];
    host.fleet(&shell).exits(0);
    let terminal = || host.fleet(&["pty", "list", "--json"]).json()[0].clone();
    let session = terminal()["session"].clone();

    let killed = host.main_pid(HUB);
    signal(killed, Signal::KILL);
    until_value(hub, |pid| !pid.is_null() && *pid != killed);
    until_value(terminal, |terminal| terminal["state"] == "live");
    assert_eq!(terminal()["session"], session);

    // One that is ended on purpose stays so.
    host.fleet(&["hub", "stop"]).exits(0);
    until_value(
        || host.property(HUB, "ActiveState").into(),
        |state| state == "inactive",
    );
    host.systemctl(&["start", HUB]).exits(0);
    until_value(hub, |pid| !pid.is_null());
    until_value(terminal, |terminal| terminal["state"] == "live");
    assert_eq!(terminal()["session"], session);
    host.fleet(&["pty", "kill", "sh@local"]).exits(0);
    host.systemctl(&["stop", HUB]).exits(0);
}
