//! Who may do what: a process that runs in a pod's agent is that pod, whatever it says.

use podfleet_sim_agent::Kind;

use crate::world::{World, until};

/// A fleet of a shell and a simulated agent.
fn world() -> World {
    let world = World::new();
    let agents = format!(
        "  - name: shell\n    runtime: generic\n    command: [bash, --norc]\n{}",
        world.agents(&[("mate", "")])
    );
    world.write_roster("default", &agents);
    world.fleet(&["up"]).exits(0);
    world
}

/// Types a command into the shell.
fn type_in_shell(world: &World, command: &str) {
    let sent = world.fleet(&[
        "send",
        "shell",
        "--raw",
        "-m",
        command,
        "--wait",
        "submitted",
    ]);
    sent.exits(0);
}

#[test]
fn a_process_in_a_pod_that_hides_its_credential_is_not_taken_for_the_operator() {
    let world = world();
    // Without its credential the command speaks as the operator, and gives an order.
    type_in_shell(
        &world,
        "unset FLEET_POD_CREDENTIAL; fleet-under-test send mate -m 'an order'",
    );
    until(|| {
        let tail = world.fleet(&["tail", "shell"]).exits(0).stdout;
        if tail.contains("may give orders") {
            Ok(())
        } else {
            Err(tail)
        }
    });
    assert!(world.received("mate", Kind::Submit).is_empty());
}

#[test]
fn a_worker_cannot_end_its_mate_and_the_operator_can() {
    let world = world();
    let mate = world.pod_pid("mate");
    for command in [
        "fleet-under-test down mate",
        "unset FLEET_POD_CREDENTIAL; fleet-under-test down mate",
    ] {
        type_in_shell(&world, command);
        until(|| {
            let tail = world.fleet(&["tail", "shell"]).exits(0).stdout;
            let refused = tail.matches("1 failed").count();
            if refused > 0 { Ok(()) } else { Err(tail) }
        });
        type_in_shell(&world, "clear");
    }
    assert_eq!(world.pod_pid("mate"), mate);
    world.fleet(&["down", "mate"]).exits(0);
    assert_eq!(world.row("mate")["readiness"], "stopped");
}
