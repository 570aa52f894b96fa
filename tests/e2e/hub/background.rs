//! A hub that is run in the background where one runs, and what is done without one.

use super::Machine;
use crate::world::World;

#[test]
fn a_hub_that_runs_with_other_options_is_told_and_goes_on() {
    let machine = Machine::new("lead");
    let run = |more: &[&str]| {
        let run = ["hub", "run", "--background", "--json"];
        machine.world.fleet(&[&run[..], more].concat())
    };
    let address = machine.address();
    let home = machine.world.path("home");
    let home = home.to_str().unwrap();
    let equal: [&[&str]; 4] = [
        &[],
        &["--tls", "--allow", home],
        &["--grace", "1d", "--keep-ended", "60m"],
        &["--listen", &address],
    ];
    for options in equal {
        assert_eq!(run(options).exits(0).json()["pid"], machine.hub);
    }
    let others: [&[&str]; 5] = [
        &["--grace", "1h"],
        &["--plain"],
        &["--host", "fleet.example"],
        &["--listen", &address, "--listen", "127.0.0.1:0"],
        &["--allow", "/"],
    ];
    for options in others {
        let refused = run(options).exits(3);
        let said = refused.stderr.replace("\n  ", " ");
        assert!(said.contains(&format!("pid {}", machine.hub)), "{said}");
        assert!(said.contains(&options.join(" ")), "{said}");
        assert!(said.contains("--keep-ended 1h --listen"), "{said}");
        assert_eq!(refused.stdout, "");
    }
    let status = machine.world.fleet(&["hub", "status"]).exits(0).stdout;
    assert!(status.contains("options --allow"), "{status}");
    assert!(status.contains("--grace 24h"), "{status}");
}

#[test]
fn a_dry_run_about_tokens_makes_nothing_where_there_is_no_hub() {
    let world = World::with_agents(&[("lead", "")]);
    let create = ["hub", "token", "create", "t", "--scope", "observe"];
    let dry = [&create[..], &["--dry-run"]].concat();
    let made = world.fleet(&dry).exits(0).to_string();
    assert!(made.contains("token `t` would be made"), "{made}");
    world
        .fleet(&["hub", "token", "revoke", "t", "--dry-run"])
        .exits(2);
    world.fleet(&["hub", "token", "list"]).exits(0);
    assert!(!world.path("state/hub").exists());

    world.fleet(&create).exits(0);
    world.fleet(&dry).exits(2);
    let revoked = world.fleet(&["hub", "token", "revoke", "t", "--dry-run"]);
    let revoked = revoked.exits(0).to_string();
    assert!(revoked.contains("token `t` would be revoked"), "{revoked}");
    let listed = world.fleet(&["hub", "token", "list"]).exits(0);
    assert!(listed.stdout.contains("observe"), "{listed}");
}
