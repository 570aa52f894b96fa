//! Two machines in networks of their own, and a link between them that is cut, slowed and mended.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::{ClientError, HubClient};
use podfleet_hub::fault::Code;
use podfleet_hub::op::AgentRef;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachRole, Position};
use podfleet_tests::require;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Machine, params};
use crate::world::World;

const NEAR: &str = "10.77.0.1";
const FAR: &str = "10.77.0.2";
/// How long a stream may take to go on, or to be seen to have ended: longer than the 30 s after
/// which a silent side is given up.
const PATIENCE: Duration = Duration::from_secs(50);

/// A terminal that writes on and on.
const SPAWN: [&str; 9] = [
    "pty",
    "spawn",
    "far",
    "--name",
    "sh",
    "--",
    "/bin/sh",
    "-c",
    "i=0; while :; do i=$((i+1)); echo \"<$i>\"; sleep 0.02; done",
];

/// A network of its own with one end of the link.
struct Network(Child);

impl Network {
    fn new() -> Self {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .arg("ip link set lo up && echo ready && exec sleep infinity")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(holder)
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }

    /// Runs a program in it; returns whether it succeeded.
    fn try_run(&self, command: &[&str]) -> bool {
        let id = self.id();
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &id, "--net"]).args(command);
        inside.stderr(Stdio::null()).status().unwrap().success()
    }

    #[track_caller]
    fn run(&self, command: &[&str]) {
        assert!(self.try_run(command), "{command:?}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two networks with a link between.
struct Link {
    near: Network,
    far: Network,
}

impl Link {
    fn new() -> Option<Self> {
        require::own_network()?;
        let link = Self {
            near: Network::new(),
            far: Network::new(),
        };
        let (near, far) = (link.near.id(), link.far.id());
        let made = Command::new("ip")
            .args([
                "link", "add", "name", "wire", "netns", &near, "type", "veth",
            ])
            .args(["peer", "name", "wire", "netns", &far])
            .status()
            .unwrap();
        assert!(made.success());
        for (network, address) in [(&link.near, NEAR), (&link.far, FAR)] {
            network.run(&[
                "ip",
                "address",
                "add",
                &format!("{address}/24"),
                "dev",
                "wire",
            ]);
            network.run(&["ip", "link", "set", "wire", "up"]);
        }
        Some(link)
    }

    fn cut(&self) {
        self.near.run(&["ip", "link", "set", "wire", "down"]);
    }

    fn mend(&self) {
        self.near.run(&["ip", "link", "set", "wire", "up"]);
    }

    /// Has everything come late, and some of it in another order or again, as far as the kernel can.
    fn slow(&self) -> bool {
        let late = ["delay", "150ms", "50ms", "loss", "2%", "duplicate", "2%"];
        let command = [
            &["tc", "qdisc", "add", "dev", "wire", "root", "netem"][..],
            &late,
        ]
        .concat();
        self.near.try_run(&command) && self.far.try_run(&command)
    }

    fn quicken(&self) {
        for network in [&self.near, &self.far] {
            network.try_run(&["tc", "qdisc", "del", "dev", "wire", "root"]);
        }
    }

    /// A machine at one end, whose hub listens there.
    fn machine(network: &Network, agent: &str, address: &str) -> Machine {
        let mut world = World::with_agents(&[(agent, "")]);
        world.enter_network_of(network.0.id());
        Machine::of(world, &format!("{address}:0"))
    }
}

/// A stretch of a view stream.
#[derive(Debug, Clone, Default)]
struct Stretch {
    start: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// What one client got: stretches without a gap, a new one after each reset.
#[derive(Debug, Default)]
struct Got {
    stretches: Vec<Stretch>,
    position: Option<Position>,
}

impl Got {
    fn end(&self) -> u64 {
        self.stretches.last().map_or(0, Stretch::end)
    }

    fn take(&mut self, frame: &Frame) {
        match frame {
            Frame::Output { offset, bytes } => {
                let last = self
                    .stretches
                    .last_mut()
                    .expect("a stream begins with a reset");
                assert_eq!(*offset, last.end(), "a gap or a repetition");
                last.bytes.extend_from_slice(bytes);
                if let Some(position) = &mut self.position {
                    position.offset = last.end();
                }
            }
            Frame::Reset {
                offset,
                generation,
                run,
                ..
            } => {
                self.stretches.push(Stretch {
                    start: *offset,
                    bytes: Vec::new(),
                });
                self.position = Some(Position {
                    generation: *generation,
                    run: *run,
                    offset: *offset,
                });
            }
            _ => {}
        }
    }
}

/// Follows a terminal for as long as the test runs, and attaches again whenever the way breaks.
struct Follower {
    got: Arc<Mutex<Got>>,
    breaks: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    fn of(client: HubClient, agent: &str) -> Self {
        let agent: AgentRef = agent.parse().unwrap();
        let (got, breaks) = (Arc::<Mutex<Got>>::default(), Arc::<Mutex<usize>>::default());
        let (of_task, breaks_of_task) = (Arc::clone(&got), Arc::clone(&breaks));
        let task = tokio::spawn(async move {
            loop {
                let from = of_task.lock().unwrap().position;
                let attached = client
                    .attach(&agent, &params(AttachRole::Viewer, from))
                    .await;
                if let Ok((_, mut stream)) = attached {
                    while let Some(Ok(frame)) = stream.next().await {
                        let end = {
                            let mut got = of_task.lock().unwrap();
                            got.take(&frame);
                            got.end()
                        };
                        let _ = stream.send(Frame::Ack(end)).await;
                    }
                    *breaks_of_task.lock().unwrap() += 1;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { got, breaks, task }
    }

    fn end(&self) -> u64 {
        self.got.lock().unwrap().end()
    }

    fn breaks(&self) -> usize {
        *self.breaks.lock().unwrap()
    }

    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: at {}", self.end());
            assert!(!self.task.is_finished(), "{what}: the follower failed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it has all that another has now.
    async fn catches_up_with(&self, other: &Self, when: &str) {
        let wanted = other.end();
        self.until(when, |own| own.end() >= wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_slowed_and_mended_gives_each_byte_once_or_a_repaint() {
    let Some(link) = Link::new() else { return };
    let mut home = Link::machine(&link.near, "lead", NEAR);
    let mut spoke = Link::machine(&link.far, "coder", FAR);
    home.add("box", &spoke);
    home.world.fleet(&SPAWN).exits(0);
    // Beside the pod, on its own machine: what it shows.
    let direct = Follower::of(spoke.client(), "sh");
    let through = Follower::of(home.client(), "sh@box");
    through.until("it begins", |own| own.end() > 0).await;

    link.cut();
    tokio::time::sleep(Duration::from_secs(2)).await;
    link.mend();
    through
        .catches_up_with(&direct, "after a cut of two seconds")
        .await;

    if link.slow() {
        through.catches_up_with(&direct, "on a slow link").await;
        let address = home.address();
        home.end_hub();
        home.start_hub(&address);
        through
            .catches_up_with(&direct, "after home's restart on a slow link")
            .await;
    } else {
        require::cannot_show("a slow link", "the kernel has no netem");
    }
    link.quicken();

    let breaks = through.breaks();
    link.cut();
    through
        .until("the cut is seen", |own| own.breaks() > breaks)
        .await;
    // What cannot be handed on is refused, and not kept for later.
    let agent: AgentRef = "sh@box".parse().unwrap();
    let controller = params(AttachRole::Controller, None);
    let refused = home.client().attach(&agent, &controller).await;
    let Err(ClientError::Answer(fault)) = refused else {
        panic!("control over a link that is cut")
    };
    assert_eq!(fault.code, Code::EndpointOffline, "{fault}");
    link.mend();
    through.catches_up_with(&direct, "after a long cut").await;

    // The spoke's restart breaks the follower beside the pod, too; only the pod goes on.
    let address = spoke.address();
    spoke.end_hub();
    spoke.start_hub(&address);
    direct
        .until("the follower beside it", |own| own.breaks() > 0)
        .await;
    let before = direct.end();
    direct.until("it goes on", |own| own.end() > before).await;
    through
        .catches_up_with(&direct, "after the spoke's restart")
        .await;

    each_byte_once(&direct, &through);
}

/// Compares what came through hubs with what a follower beside the pod got.
fn each_byte_once(direct: &Follower, through: &Follower) {
    let (direct, through) = (direct.got.lock().unwrap(), through.got.lock().unwrap());
    let [whole] = direct.stretches.as_slice() else {
        panic!("the follower beside the pod was repainted")
    };
    assert!(whole.bytes.len() > 1000);
    for stretch in &through.stretches {
        // Each began with a repaint, the first of them after what is compared with did.
        let start = usize::try_from(stretch.start.saturating_sub(whole.start)).unwrap();
        let skipped = usize::try_from(whole.start.saturating_sub(stretch.start)).unwrap();
        let wanted = whole.bytes.get(start..).unwrap_or_default();
        let got = stretch.bytes.get(skipped..).unwrap_or_default();
        let both = wanted.len().min(got.len());
        assert_eq!(&wanted[..both], &got[..both]);
        assert!(both > 0);
    }
}

/// A way to a machine on which everything comes late, in pieces of odd sizes.
struct LateWay {
    address: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for LateWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LateWay {
    /// How late: longer than any turn of the protocol takes by itself.
    const LATE: Duration = Duration::from_millis(150);

    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else {
                    continue;
                };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                tokio::spawn(late(near_read, far_write));
                tokio::spawn(late(far_read, near_write));
            }
        });
        Self { address, task }
    }
}

/// Hands on what comes, each piece after its time; any number of them are on the way.
async fn late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let (pieces, mut on_the_way) = tokio::sync::mpsc::unbounded_channel();
    let taking = async move {
        let mut piece = [0; 1471];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let due = Instant::now() + LateWay::LATE;
            if pieces.send((due, piece[..count].to_vec())).is_err() {
                return;
            }
        }
    };
    let giving = async move {
        while let Some((due, piece)) = on_the_way.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(taking, giving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_on_which_everything_is_late_gives_each_byte_once_whichever_hub_restarts() {
    let (mut home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let own = spoke.address();
    let way = LateWay::to(own.clone()).await;
    spoke.standing["listen"][0][0] = way.address.clone().into();
    home.add("box", &spoke);
    home.world.fleet(&SPAWN).exits(0);
    let direct = Follower::of(spoke.client(), "sh");
    let through = Follower::of(home.client(), "sh@box");
    through.until("it begins", |own| own.end() > 0).await;
    let begun = direct.end();
    direct
        .until("it writes", |own| own.end() > begun + 1000)
        .await;
    through.catches_up_with(&direct, "on a late link").await;
    let address = home.address();
    home.end_hub();
    home.start_hub(&address);
    through
        .catches_up_with(&direct, "after home's restart")
        .await;
    spoke.end_hub();
    spoke.start_hub(&own);
    direct
        .until("the follower beside it", |own| own.breaks() > 0)
        .await;
    let before = direct.end();
    direct.until("it goes on", |own| own.end() > before).await;
    through
        .catches_up_with(&direct, "after the spoke's restart")
        .await;
    each_byte_once(&direct, &through);
}
