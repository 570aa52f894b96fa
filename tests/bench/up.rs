//! `fleet up`: from nothing until every agent takes input.

use std::time::{Duration, Instant};

use crate::sample::{ratio, side_by_side, timed};
use crate::table::Row;
use crate::world::World;

const AGENTS: usize = 20;
const ROUNDS: usize = 5;
const TARGET: Duration = Duration::from_secs(3);
/// What the simulated agent's composer begins with.
const COMPOSER: &str = "❯";

pub(crate) fn rows() -> Vec<Row> {
    let names: Vec<String> = (0..AGENTS).map(|number| format!("a{number}")).collect();
    let agents: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let world = World::with_agents(&agents);
    let (up, bare) = side_by_side(
        ROUNDS,
        || {
            let took = timed(|| {
                world.fleet(&["up"]).exits(0);
            });
            world.fleet(&["down", "--all"]).exits(0);
            world.tmux("default", &["kill-server"]);
            took
        },
        || {
            let took = start_bare(&world);
            world.tmux("bare", &["kill-server"]);
            took
        },
    );
    let what = "`fleet up`, 20 agents, until all are ready; floor: `tmux new-session` for each, \
        until all show their composer";
    let row = Row::new(what, &up)
        .floor(&bare, ratio(&up, &bare))
        .target("under 3 s", up.median() < TARGET);
    vec![row]
}

/// Starts the agents in tmux, and nothing else.
fn start_bare(world: &World) -> Duration {
    let agent = [env!("CARGO_BIN_EXE_fleet-under-test"), "sim-agent"];
    let start = [
        &["new-session", "-d", "-x", "120", "-y", "40", "--"],
        &agent[..],
        &[";"],
    ]
    .concat();
    let panes: Vec<String> = (0..AGENTS).map(|number| format!("={number}:")).collect();
    let look = panes
        .iter()
        .flat_map(|pane| ["capture-pane", "-p", "-t", pane.as_str(), ";"]);
    let look: Vec<&str> = look.collect();
    let began = Instant::now();
    world.tmux("bare", &start.repeat(AGENTS)).exits(0);
    while world.tmux("bare", &look).stdout.matches(COMPOSER).count() < AGENTS {}
    began.elapsed()
}
