//! Links between machines: one between two networks, which is cut, slowed and mended; and a way on which
//! everything is late.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podfleet_tests::require;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::Machine;
use crate::world::World;

pub(super) const NEAR: &str = "10.77.0.1";
pub(super) const FAR: &str = "10.77.0.2";

/// A network of its own with one end of the link.
pub(super) struct Network(Child);

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
pub(super) struct Link {
    pub(super) near: Network,
    pub(super) far: Network,
}

impl Link {
    pub(super) fn new() -> Option<Self> {
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

    pub(super) fn cut(&self) {
        self.near.run(&["ip", "link", "set", "wire", "down"]);
    }

    /// Whether a connection of the near end still tries to deliver something.
    pub(super) fn is_delivering(&self) -> bool {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &self.near.id(), "--net"]);
        inside.args(["ss", "-Htn"]);
        let listed = inside.output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        // State, bytes to be read, bytes to be sent.
        let mut waiting = listed.lines().map(|line| line.split_whitespace().nth(2));
        waiting.any(|bytes| bytes != Some("0"))
    }

    pub(super) fn mend(&self) {
        self.near.run(&["ip", "link", "set", "wire", "up"]);
    }

    /// Has everything come late, and some of it in another order or again, as far as the kernel can.
    pub(super) fn slow(&self) -> bool {
        let late = ["delay", "150ms", "50ms", "loss", "2%", "duplicate", "2%"];
        let command = [
            &["tc", "qdisc", "add", "dev", "wire", "root", "netem"][..],
            &late,
        ]
        .concat();
        self.near.try_run(&command) && self.far.try_run(&command)
    }

    pub(super) fn quicken(&self) {
        for network in [&self.near, &self.far] {
            network.try_run(&["tc", "qdisc", "del", "dev", "wire", "root"]);
        }
    }

    /// A machine at one end, whose hub listens there.
    pub(super) fn machine(network: &Network, agent: &str, address: &str) -> Machine {
        let mut world = World::with_agents(&[(agent, "")]);
        world.enter_network_of(network.0.id());
        Machine::of(world, &format!("{address}:0"))
    }
}

/// A way to a machine on which everything comes late, in pieces of odd sizes.
pub(super) struct LateWay {
    pub(super) address: String,
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

    pub(super) async fn to(target: String) -> Self {
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
