//! Through two hubs on loopback, TLS between: a flood, keys, a large file, many small questions.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use podfleet_hub::client::{HubClient, Way};
use podfleet_hub::op::{AgentRef, FsStat, PathParams, Place};
use podfleet_hub::path::MountPath;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, AttachRole};
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::by_ssh;
use crate::flood;
use crate::idle;
use crate::keys;
use crate::sample::{Sample, ms};
use crate::table::Row;
use crate::world::{World, signal};

const FILE: u64 = 1 << 30;
const STATS: usize = 20_000;
const ASKING_AT_ONCE: usize = 32;
const ROUNDS: usize = 3;
const KEYS: usize = 1000;

/// Two machines, each with a hub; the first is home.
pub(crate) struct Hubs {
    home: World,
    pub(crate) spoke: World,
    pids: Vec<u32>,
    pub(crate) client: HubClient,
}

impl Drop for Hubs {
    fn drop(&mut self) {
        for pid in &self.pids {
            signal(*pid, Signal::TERM);
        }
    }
}

impl Hubs {
    fn new(program: &str) -> Self {
        Self::with_agents(program, &["a".to_owned()])
    }

    /// Makes them with these agents on the second machine, which all run the program.
    pub(crate) fn with_agents(program: &str, names: &[String]) -> Self {
        let (home, spoke) = (World::new(), World::new());
        let program = program.replace('\'', "''");
        let agents = names.iter().map(|name| {
            format!("  - name: {name}\n    runtime: generic\n    command: [sh, -c, '{program}']\n")
        });
        spoke.write_roster("default", &agents.collect::<String>());
        home.write_roster("default", "  []\n");
        spoke.fleet(&["up"]).exits(0);
        let run = |world: &World| {
            world
                .fleet(&[
                    "hub",
                    "run",
                    "--background",
                    "--json",
                    "--tls",
                    "--listen",
                    "127.0.0.1:0",
                ])
                .exits(0)
                .json()
        };
        let (near, far) = (run(&home), run(&spoke));
        let token = spoke
            .fleet(&[
                "hub",
                "token",
                "create",
                "t",
                "--scope",
                "observe,pty,files:read",
            ])
            .exits(0);
        let file = home.path("work/token");
        std::fs::write(&file, token.stdout).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, private).unwrap();
        let (address, pin) = (
            far["listen"][0][0].as_str().unwrap(),
            far["pin"].as_str().unwrap(),
        );
        home.fleet(&[
            "endpoint",
            "add",
            "box",
            "--address",
            address,
            "--pin",
            pin,
            "--token-file",
            file.to_str().unwrap(),
        ])
        .exits(0);
        let root = spoke.path("home");
        home.fleet(&[
            "mount",
            "add",
            "--name",
            "m",
            "--endpoint",
            "box",
            root.to_str().unwrap(),
        ])
        .exits(0);
        let pid = |standing: &Value| u32::try_from(standing["pid"].as_u64().unwrap()).unwrap();
        Self {
            client: HubClient::new(Way::Socket(near["socket"].as_str().unwrap().into()), None),
            pids: vec![pid(&near), pid(&far)],
            home,
            spoke,
        }
    }

    /// Returns the private memory of both hubs, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.pids.iter().map(|pid| idle::memory(*pid)).sum()
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
        near.push(flood::through_pod(&mut keys::attach(&hubs.spoke).await).await);
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
    let mut direct = keys::attach(&hubs.spoke).await;
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
    let path = hubs.spoke.path("home/large");
    std::fs::File::create(&path).unwrap().set_len(FILE).unwrap();
    let place = Place::Mount("m".parse().unwrap());
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
    let standing = hubs
        .home
        .fleet(&["hub", "status", "--json"])
        .exits(0)
        .json();
    let client = HubClient::new(
        Way::Socket(standing["socket"].as_str().unwrap().into()),
        None,
    );
    let root = hubs.home.path("home");
    hubs.home
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
            client.call::<FsStat>(params).await.unwrap();
        })
        .await;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = STATS as f64 / start.elapsed().as_secs_f64();
    Row::new("`fs.stat` a second at one hub", format!("{rate:.0}"))
        .target("at least 10,000", rate >= 10_000.0)
}
