//! `fleet --version`: what every command pays before it does anything.

use std::process::Command;
use std::time::Duration;

use crate::sample::{ratio, side_by_side, timed};
use crate::table::Row;
use crate::world::World;

const ROUNDS: usize = 200;
const TARGET: Duration = Duration::from_millis(10);

pub(crate) fn rows() -> Vec<Row> {
    let world = World::new();
    let (version, nothing) = side_by_side(
        ROUNDS,
        || {
            timed(|| {
                world.fleet(&["--version"]).exits(0);
            })
        },
        || {
            timed(|| {
                Command::new("/bin/true").output().unwrap();
            })
        },
    );
    let row = Row::new("`fleet --version`; floor: `/bin/true`", &version)
        .floor(&nothing, ratio(&version, &nothing))
        .target("under 10 ms", version.median() < TARGET);
    vec![row]
}
