//! The same flood by `ssh -tt` through a server of our own on loopback: what a terminal of another
//! machine costs without us.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::bare::Bare;
use crate::far_host::FarHost;
use crate::flood;
use crate::world::World;

/// Returns how long each of some floods takes; none where there is no server.
pub(crate) async fn floods(rounds: usize) -> Vec<Duration> {
    let near = World::new();
    let Some(far) = FarHost::reached_from(&near, false) else {
        return Vec::new();
    };
    let config = far.world.path("ssh/config");
    let program = format!("exec sh -c '{}'", flood::program().replace('\'', "'\\''"));
    let argv = [
        "ssh",
        "-tt",
        "-F",
        config.to_str().unwrap(),
        "oak",
        &program,
    ];
    let mut bare = Bare::start(&argv);
    let ready = timeout(Duration::from_secs(20), bare.until(b"ready")).await;
    ready.expect("ssh opens no terminal");
    let mut took = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        bare.write(b"\n").await;
        let mut last = Vec::new();
        while !flood::ends(&mut last, &bare.take().await) {}
        took.push(start.elapsed());
    }
    took
}
