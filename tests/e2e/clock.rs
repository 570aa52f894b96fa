//! A wall clock that jumps: ages and order do not depend on it.

use std::fs;

use podfleet_protocol::UnixMillis;
use podfleet_sim_agent::Kind;

use crate::hosted::HostedPod;
use crate::truth::{Sent, judge};
use crate::world::{World, text, until};

/// How far off the pod's wall clock is, step by step, in seconds.
const STEPS: [i64; 5] = [0, 3600, -3600, 3600, 0];

#[test]
fn a_wall_clock_that_jumps_by_hours_makes_nobody_stale_and_reorders_nothing() {
    let Some(library) = podfleet_tests::require::faketime() else {
        return;
    };
    let world = World::with_agents(&[("a", r#"{"turn_ms": 400}"#)]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "--all"]).exits(0);
    let clock = world.path("work/clock");
    fs::write(&clock, "+0").unwrap();
    let env = [
        ("LD_PRELOAD", text(&library)),
        ("FAKETIME_TIMESTAMP_FILE", text(&clock)),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let mut pod = HostedPod::start(&world, "a", &env);
    assert!(pod.is_ready());
    let mut sent = Vec::new();
    for (number, step) in STEPS.into_iter().enumerate() {
        // In place of the old file: it is never seen half written.
        fs::write(clock.with_extension("new"), format!("{step:+}")).unwrap();
        fs::rename(clock.with_extension("new"), &clock).unwrap();
        let message = Sent::new(format!("message {number}.")).until_accepted(&world, "a");
        let answered = until(|| {
            let id = message.id.to_string();
            let ran = world.fleet(&[
                "send",
                "a",
                "-m",
                &message.body,
                "--id",
                &id,
                "--wait",
                "answered",
                "--json",
            ]);
            if ran.code == 0 {
                Ok(ran.json())
            } else {
                Err(ran.to_string())
            }
        });
        let at: UnixMillis = serde_json::from_value(answered["receipt"]["at"].clone()).unwrap();
        let off = (at.0 - podfleet_pod::clock::wall().0) / 1000;
        assert!(
            (off - step).abs() < 600,
            "the pod's clock is off by {off}, not {step}"
        );
        let row = world.row("a");
        assert_eq!(row["readiness"], "available", "{row:#}");
        assert_eq!(row["flags"].as_array().map(Vec::len), Some(1), "{row:#}");
        sent.push(message);
    }
    let taken: Vec<_> = world
        .received("a", Kind::Submit)
        .iter()
        .map(|text| text.rsplit("message ").next().unwrap().to_owned())
        .collect();
    assert_eq!(taken, ["0.", "1.", "2.", "3.", "4."]);
    let wrong = judge(&world, "a", &sent);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    pod.end();
}
