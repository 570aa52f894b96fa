//! Through two hubs on loopback, TLS between: a flood, keys, a large file, many small questions.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use podfleet_hub::client::HubClient;
use podfleet_hub::op::{AgentRef, FsStat, PathParams, Place};
use podfleet_hub::path::MountPath;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::time::{sleep, timeout};

use crate::by_ssh;
use crate::flood;
use crate::hub_machine::Machine;
use crate::idle;
use crate::keys;
use crate::sample::{Sample, ms};
use crate::table::Row;
use crate::world::World;

const FILE: u64 = 1 << 30;
const STATS: usize = 20_000;
const ASKING_AT_ONCE: usize = 32;
const ROUNDS: usize = 3;
const KEYS: usize = 1000;

/// Two machines, each with a hub; the first is home.
pub(crate) struct Hubs {
    home: Machine,
    pub(crate) spoke: Machine,
    pub(crate) client: HubClient,
}

impl Hubs {
    fn new(program: &str) -> Self {
        Self::with_agents(program, &["a".to_owned()])
    }

    /// Makes them with these agents on the second machine, which all run the program.
    pub(crate) fn with_agents(program: &str, names: &[String]) -> Self {
        let program = program.replace('\'', "''");
        let agents = names.iter().map(|name| {
            format!("  - name: {name}\n    runtime: generic\n    command: [sh, -c, '{program}']\n")
        });
        let machine = |agents: &str| {
            let world = World::new();
            world.write_roster("default", agents);
            Machine::of(world, "127.0.0.1:0")
        };
        let (home, spoke) = (machine("  []\n"), machine(&agents.collect::<String>()));
        spoke.world.fleet(&["up"]).exits(0);
        home.add("box", &spoke);
        Self {
            client: home.client(),
            home,
            spoke,
        }
    }

    /// Returns the private memory of both hubs, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        idle::memory(self.home.hub) + idle::memory(self.spoke.hub)
    }

    async fn attach(&self) -> AttachStream {
        let agent: AgentRef = "a@box".parse().unwrap();
        let params = AttachParams {
            role: AttachRole::Controller,
            take: true,
            size: None,
            from: None,
        };
        let (_, mut stream) = self.client.attach(&agent, &params).await.unwrap();
        while timeout(Duration::from_millis(300), stream.next())
            .await
            .is_ok()
        {}
        stream
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut rows = runtime.block_on(flooded());
    rows.push(runtime.block_on(typed()));
    let hubs = Hubs::new("cat");
    rows.push(runtime.block_on(file(&hubs)));
    rows.push(runtime.block_on(stats(&hubs)));
    rows
}

async fn flooded() -> Vec<Row> {
    let hubs = Hubs::new(&flood::program());
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        far.push(flood::through_pod(&mut hubs.attach().await).await);
        near.push(flood::through_pod(&mut keys::attach(&hubs.spoke.world).await).await);
    }
    let (near, far) = (Sample::from(near), Sample::from(far));
    let rate = |sample: &Sample| format!("{:.0} MiB/s", 64.0 / sample.median().as_secs_f64());
    let share = near.median().as_secs_f64() / far.median().as_secs_f64();
    let mut rows = vec![
        Row::new(
            "a flood through home and spoke; floor: the same pod's own attach",
            rate(&far),
        )
        .floor(rate(&near), 1.0 / share)
        .target("at least 0.8 of it", share >= 0.8),
    ];
    let by_ssh = by_ssh::floods(ROUNDS).await;
    if !by_ssh.is_empty() {
        let by_ssh = Sample::from(by_ssh);
        let faster = by_ssh.median().as_secs_f64() / far.median().as_secs_f64();
        let what = "the same through home and spoke; floor: by `ssh -tt` over loopback";
        rows.push(
            Row::new(what, rate(&far))
                .floor(rate(&by_ssh), 1.0 / faster)
                .target("faster", faster > 1.0),
        );
    }
    rows
}

async fn typed() -> Row {
    let hubs = Hubs::new(keys::ECHO);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    let mut through = hubs.attach().await;
    for key in (b'a'..=b'z').cycle().take(KEYS) {
        sleep(Duration::from_millis(3)).await;
        far.push(keys::echo(&mut through, key).await);
    }
    drop(through);
    let mut direct = keys::attach(&hubs.spoke.world).await;
    for key in (b'a'..=b'z').cycle().take(KEYS) {
        sleep(Duration::from_millis(3)).await;
        near.push(keys::echo(&mut direct, key).await);
    }
    let (near, far) = (Sample::from(near), Sample::from(far));
    let added = far.percentile(99).saturating_sub(near.median()) / 2;
    Row::new("added to a key's echo by each of two hops, p99", ms(added))
        .beside(ms(near.median()))
        .target("under 3 ms", added < Duration::from_millis(3))
}

/// The floor is what copies the same bytes over two connections and does nothing else.
async fn file(hubs: &Hubs) -> Row {
    let path = hubs.spoke.world.path("home/large");
    std::fs::File::create(&path).unwrap().set_len(FILE).unwrap();
    let place = Place::Mount("far".parse().unwrap());
    let name = MountPath::plain("large").unwrap();
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (_, mut body) = hubs.client.read_file(&place, &name, None).await.unwrap();
        let mut bytes = 0;
        while let Some(part) = body.next().await {
            bytes += part.unwrap().len() as u64;
        }
        assert_eq!(bytes, FILE);
        ours.push(start.elapsed());
        let start = Instant::now();
        let chain = format!(
            "p=$(( $$ % 20000 + 20000 )); socat -u TCP-LISTEN:$p,reuseaddr,bind=127.0.0.1 OPEN:/dev/null & \
             socat -u TCP-LISTEN:$((p+1)),reuseaddr,bind=127.0.0.1 TCP:127.0.0.1:$p,retry=50,interval=0.05 & \
             socat -u -b 262144 OPEN:{} TCP:127.0.0.1:$((p+1)),retry=50,interval=0.05; wait",
            path.display()
        );
        let ran = Command::new("sh").args(["-c", &chain]).status().unwrap();
        if ran.success() {
            floor.push(start.elapsed());
        }
    }
    let ours = Sample::from(ours);
    let what = "a file of 1 GiB read through home and spoke; floor: `socat` over two hops";
    let row = Row::new(what, ms(ours.median()));
    if floor.is_empty() {
        return row;
    }
    let floor = Sample::from(floor);
    let share = floor.median().as_secs_f64() / ours.median().as_secs_f64();
    row.floor(ms(floor.median()), 1.0 / share)
        .target("at least 0.6 of its rate", share >= 0.6)
}

async fn stats(hubs: &Hubs) -> Row {
    let root = hubs.home.world.path("home");
    hubs.home
        .world
        .fleet(&["mount", "add", "--name", "own", root.to_str().unwrap()])
        .exits(0);
    let start = Instant::now();
    futures_util::stream::iter(0..STATS)
        .for_each_concurrent(ASKING_AT_ONCE, |_| async {
            let place = Place::Mount("own".parse().unwrap());
            let params = PathParams {
                place,
                path: String::new(),
            };
            hubs.client.call::<FsStat>(params).await.unwrap();
        })
        .await;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = STATS as f64 / start.elapsed().as_secs_f64();
    Row::new("`fs.stat` a second at one hub", format!("{rate:.0}"))
        .target("at least 10,000", rate >= 10_000.0)
}
