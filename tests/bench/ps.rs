//! `fleet ps` with a hundred pods, and how many tmux processes it needs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::sample::{Sample, ratio, side_by_side, timed};
use crate::table::Row;
use crate::whole::fleet_of;
use crate::world::World;

const AGENTS: usize = 100;
const ROUNDS: usize = 60;

pub(crate) fn rows() -> Vec<Row> {
    let world = fleet_of(AGENTS);
    let (ps, list) = listing(&world, ROUNDS, || {});
    let ratio = ratio(&ps, &list);
    let spawned = tmux_processes(&world);
    vec![
        Row::new("`fleet ps`, 100 pods; floor: `tmux list-panes -a`", &ps)
            .floor(&list, ratio)
            .target("at most 5 times", ratio <= 5.0),
        Row::new("tmux processes that it starts", spawned).target("at most 1", spawned <= 1),
    ]
}

/// Measures `fleet ps` beside `tmux list-panes` and something more.
pub(crate) fn listing(world: &World, rounds: usize, more: impl Fn()) -> (Sample, Sample) {
    side_by_side(
        rounds,
        || {
            timed(|| {
                world.fleet(&["ps"]).exits(0);
            })
        },
        || {
            timed(|| {
                world.tmux("default", &["list-panes", "-a"]).exits(0);
                more();
            })
        },
    )
}

/// Counts how often `fleet ps` starts tmux, by a tmux that says so first.
fn tmux_processes(world: &World) -> usize {
    let (count, directory) = (world.path("count"), world.path("counting"));
    fs::create_dir(&directory).unwrap();
    fs::write(&count, "").unwrap();
    let wrapper = directory.join("tmux");
    let script = format!(
        "#!/bin/sh\necho >>{}\nexec {} \"$@\"\n",
        count.display(),
        tmux().display()
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut ps: Command = world.command("default", &["ps"]);
    ps.env("PATH", format!("{}:{path}", directory.display()));
    assert!(ps.output().unwrap().status.success());
    fs::read_to_string(count).unwrap().lines().count()
}

fn tmux() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|directory| directory.join("tmux"))
        .find(|program| program.is_file())
        .unwrap()
}
