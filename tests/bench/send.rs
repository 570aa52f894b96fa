//! `fleet send --wait submitted`: from the command's start to the proof that the agent took it.

use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::sample::{Sample, ms, ratio, timed};
use crate::table::Row;
use crate::world::World;

const ROUNDS: usize = 40;
/// How long the simulated agent's harness wants quiet before the submit key. Its gap of 20 ms
/// passes meanwhile.
const QUIET: Duration = Duration::from_millis(30);
const TARGET: Duration = Duration::from_millis(60);
/// After which quiet a turn is over.
const IDLE: Duration = Duration::from_millis(700);
/// The first sign of a turn: the spinner in the terminal's title.
const SPINNER: &str = "\u{2802}";

pub(crate) fn rows() -> Vec<Row> {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (sent, typed) = runtime.block_on(measure(&world));
    let beyond = sent.median().saturating_sub(QUIET);
    let what = "`fleet send --wait submitted`, agent idle; floor: paste, 30 ms of quiet, submit key, \
        spinner, on a bare terminal";
    vec![
        Row::new(what, &sent).floor(&typed, ratio(&sent, &typed)),
        Row::new("the same beyond the harness's 30 ms of quiet", ms(beyond))
            .target("under 60 ms", beyond < TARGET),
    ]
}

async fn measure(world: &World) -> (Sample, Sample) {
    let mut bare = Bare::start(&[env!("CARGO_BIN_EXE_fleet-under-test"), "sim-agent"]);
    let (mut sent, mut typed) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let body = format!("message {round}");
        world.until_row("a", |row| row["readiness"] == "available");
        bare.quiet(IDLE).await;
        sent.push(timed(|| {
            world
                .fleet(&["send", "a", "-m", &body, "--wait", "submitted"])
                .exits(0);
        }));
        typed.push(type_in(&mut bare, &body).await);
    }
    (sent.split_off(1).into(), typed.split_off(1).into())
}

/// Does by hand what a pod does to submit a message.
async fn type_in(bare: &mut Bare, body: &str) -> Duration {
    let start = Instant::now();
    bare.write(format!("\x1b[200~{body}\x1b[201~").as_bytes())
        .await;
    bare.until(body.as_bytes()).await;
    bare.quiet(QUIET).await;
    bare.write(b"\r").await;
    bare.until(SPINNER.as_bytes()).await;
    start.elapsed()
}
