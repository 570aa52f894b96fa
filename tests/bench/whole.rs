//! A fleet as a whole: listing two hundred agents, bringing fifty up, leaving a hundred alone.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::idle::ticks;
use crate::ps;
use crate::sample::{Sample, ms, ratio, timed};
use crate::table::Row;
use crate::world::World;

const LISTED: usize = 200;
const ROUNDS: usize = 30;
const STARTED: usize = 50;
const STARTS: usize = 3;
const START_TARGET: Duration = Duration::from_secs(5);
const IDLE: usize = 100;
/// How long the idle ones are left alone before they are watched, and how long they are watched.
const SETTLE: Duration = Duration::from_secs(30);
const WATCH: Duration = Duration::from_secs(60);

pub(crate) fn rows() -> Vec<Row> {
    vec![listed(), starting(), idling()]
}

/// A fleet that is up, with a view of every agent: without them tmux would have little to list.
pub(crate) fn fleet_of(agents: usize) -> World {
    let world = world_of(agents);
    world.fleet(&["up"]).exits(0);
    let panes = world.tmux("default", &["list-panes", "-a"]).exits(0);
    assert!(panes.stdout.lines().count() > agents, "a view is missing");
    world
}

fn world_of(agents: usize) -> World {
    let names: Vec<String> = (0..agents).map(|number| format!("a{number}")).collect();
    let agents: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    World::with_agents(&agents)
}

fn listed() -> Row {
    let world = fleet_of(LISTED);
    let (ps, floor) = ps::listing(&world, ROUNDS, show_a_unit);
    let ratio = ratio(&ps, &floor);
    let what = "`fleet ps`, 200 agents; floor: `tmux list-panes -a` and one `systemctl show`";
    Row::new(what, &ps)
        .floor(&floor, ratio)
        .target("under 3 times", ratio < 3.0)
}

/// Asks systemd as `ps` does where it keeps the pods. That no manager answers is soon told.
fn show_a_unit() {
    let mut show = Command::new("systemctl");
    show.args([
        "--user",
        "show",
        "fleet.target",
        "--property=Id,ActiveState",
    ]);
    let show = show.stdout(Stdio::null()).stderr(Stdio::null());
    // Without systemd the floor is tmux alone.
    let _ = show.status();
}

fn starting() -> Row {
    let world = world_of(STARTED);
    let took = (0..STARTS).map(|_| {
        let took = timed(|| {
            world.fleet(&["up"]).exits(0);
        });
        world.fleet(&["down", "--all"]).exits(0);
        took
    });
    let took: Sample = took.collect::<Vec<_>>().into();
    let what = "`fleet up`, 50 simulated agents, until all are ready";
    Row::new(what, &took).target("under 5 s", took.median() < START_TARGET)
}

fn idling() -> Row {
    let world = fleet_of(IDLE);
    sleep(SETTLE);
    // Pods, guards, views and simulated agents: all that the fleet has started, and its tmux.
    let server = world.tmux("default", &["display-message", "-p", "#{pid}"]);
    let mut processes = world.processes();
    processes.extend(server.stdout.trim().parse::<u32>());
    processes.sort_unstable();
    processes.dedup();
    let used = || processes.iter().map(|pid| ticks(*pid)).sum::<u64>();
    let before = used();
    sleep(WATCH);
    // A clock tick is 10 ms.
    let used = Duration::from_millis((used() - before) * 10);
    let share = used.as_secs_f64() / WATCH.as_secs_f64() * 100.0;
    let what = "a fleet of 100 idle pods with views, agents and tmux: processor time in 60 s";
    Row::new(what, format!("{}, {share:.2} % of a core", ms(used)))
        .target("under 1 % of a core", share < 1.0)
}
