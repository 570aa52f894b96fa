//! Two machines and one hub in front of them: real pods, real processes, TLS between.

mod network;
mod ssh;

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_hub::client::{ClientError, HubClient, Way};
use podfleet_hub::fault::Code;
use podfleet_hub::op::AgentRef;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachResult, AttachRole, Position};
use podfleet_protocol::{Generation, Run};
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, is_gone, signal, until, until_within};

/// How long anything that ought to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine with its hub, which ends before the machine does.
pub(crate) struct Machine {
    hub: u32,
    standing: Value,
    pub(crate) world: World,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end_hub();
    }
}

impl Machine {
    pub(crate) fn new(agent: &str) -> Self {
        Self::of(World::with_agents(&[(agent, "")]), "127.0.0.1:0")
    }

    fn of(world: World, listen: &str) -> Self {
        let mut machine = Self {
            hub: 0,
            standing: Value::Null,
            world,
        };
        machine.start_hub(listen);
        machine
    }

    pub(crate) fn start_hub(&mut self, listen: &str) {
        self.start_hub_with(listen, &[]);
    }

    fn start_hub_with(&mut self, listen: &str, more: &[&str]) {
        let allow = self.world.path("home");
        let arguments = [
            "hub",
            "run",
            "--background",
            "--json",
            "--tls",
            "--listen",
            listen,
        ];
        let allow = ["--allow", allow.to_str().unwrap()];
        let arguments = [&arguments[..], &allow, more].concat();
        self.standing = self.world.fleet(&arguments).exits(0).json();
        self.hub = u32::try_from(self.standing["pid"].as_u64().unwrap()).unwrap();
    }

    pub(crate) fn end_hub(&self) {
        signal(self.hub, Signal::TERM);
        until(|| {
            if is_gone(self.hub) {
                Ok(())
            } else {
                Err("the hub runs".into())
            }
        });
    }

    pub(crate) fn address(&self) -> String {
        self.standing["listen"][0][0].as_str().unwrap().to_owned()
    }

    fn client(&self) -> HubClient {
        HubClient::new(
            Way::Socket(self.standing["socket"].as_str().unwrap().into()),
            None,
        )
    }

    /// Makes another machine an endpoint of this one, with its home mounted as `far`.
    pub(crate) fn add(&self, name: &str, other: &Self) {
        let scopes = "observe,files:read,files:write,pty,message";
        let token = other
            .world
            .fleet(&["hub", "token", "create", "home", "--scope", scopes])
            .exits(0);
        let mut adding = self
            .world
            .command(
                "default",
                &[
                    "endpoint",
                    "add",
                    name,
                    "--address",
                    &other.address(),
                    "--pin",
                    other.standing["pin"].as_str().unwrap(),
                ],
            )
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        adding
            .stdin
            .take()
            .unwrap()
            .write_all(token.stdout.as_bytes())
            .unwrap();
        assert!(adding.wait().unwrap().success());
        let root = other.world.path("home");
        let root = root.to_str().unwrap();
        self.world
            .fleet(&["mount", "add", "--name", "far", "--endpoint", name, root])
            .exits(0);
    }

    pub(crate) fn until_connected(&self, name: &str) {
        until(|| {
            let ran = self.world.fleet(&["endpoint", "status", name]);
            if ran.code == 0 {
                Ok(())
            } else {
                Err(ran.to_string())
            }
        });
    }
}

/// Two machines, of which the second is the endpoint `box` of the first.
pub(crate) fn pair() -> (Machine, Machine) {
    let (home, spoke) = (Machine::new("lead"), Machine::new("coder"));
    home.add("box", &spoke);
    (home, spoke)
}

fn params(role: AttachRole, from: Option<Position>) -> AttachParams {
    AttachParams {
        role,
        take: false,
        // Another size would be a reason for a repaint.
        size: None,
        from,
    }
}

/// What was seen of a terminal: its bytes, and up to where.
struct Seen {
    stream: AttachStream,
    position: Position,
    text: Vec<u8>,
    resets: usize,
}

impl Seen {
    async fn attach(client: &HubClient, agent: &str, params: AttachParams) -> Self {
        let agent: AgentRef = agent.parse().unwrap();
        let (result, stream): (AttachResult, _) = client.attach(&agent, &params).await.unwrap();
        Self {
            stream,
            position: params.from.unwrap_or(result.position),
            text: Vec::new(),
            resets: 0,
        }
    }

    async fn type_in(&mut self, text: &str) {
        let input = Frame::Input(text.to_owned().into());
        self.stream.send(input).await.unwrap();
    }

    /// Takes frames until the text is there; nothing if the stream ends before.
    async fn until(&mut self, wanted: &str) -> Option<()> {
        let reading = async {
            while !String::from_utf8_lossy(&self.text).contains(wanted) {
                match self.stream.next().await?.ok()? {
                    Frame::Output { offset, bytes } => {
                        assert_eq!(offset, self.position.offset, "a gap or a repetition");
                        self.position.offset += bytes.len() as u64;
                        self.text.extend_from_slice(&bytes);
                        let ack = Frame::Ack(self.position.offset);
                        let _ = self.stream.send(ack).await;
                    }
                    Frame::Reset {
                        offset,
                        generation,
                        run,
                        bytes,
                        ..
                    } => {
                        self.resets += 1;
                        self.position = Position {
                            generation,
                            run,
                            offset,
                        };
                        self.text = bytes.to_vec();
                    }
                    Frame::ResetPart { bytes, .. } => self.text.extend_from_slice(&bytes),
                    _ => {}
                }
            }
            Some(())
        };
        let found = tokio::time::timeout(PATIENCE, reading).await;
        found.unwrap_or_else(|_| {
            panic!(
                "{wanted} never came: {}",
                String::from_utf8_lossy(&self.text)
            )
        })
    }
}

#[test]
fn agents_files_and_terminals_of_two_machines_are_reached_from_one() {
    let (home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    spoke
        .world
        .until_row("coder", |row| row["readiness"] == "available");
    let rows = home
        .world
        .fleet(&["ps", "--hub", "local", "--json"])
        .exits(0)
        .json();
    let names: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["lead", "coder@box"]);
    let sent = home.world.fleet(&[
        "send",
        "coder@box",
        "--hub",
        "local",
        "-m",
        "over the hub",
        "--wait",
        "answered",
        "--json",
    ]);
    assert_eq!(sent.exits(0).json()["receipt"]["outcome"], "answered");
    let tail = home
        .world
        .fleet(&["tail", "coder@box", "--hub", "local"])
        .exits(0);
    assert!(tail.stdout.contains("over the hub"), "{tail}");
    let log = home
        .world
        .fleet(&["log", "coder@box", "--hub", "local"])
        .exits(0);
    assert!(log.stdout.contains("over the hub"), "{log}");

    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(home.world.path("work/bytes"), &bytes).unwrap();
    home.world
        .fleet(&["fs", "put", "far:new", "bytes"])
        .exits(0);
    assert_eq!(std::fs::read(spoke.world.path("home/new")).unwrap(), bytes);
    let cat = home
        .world
        .command("default", &["fs", "cat", "far:new"])
        .output()
        .unwrap();
    assert_eq!(cat.stdout, bytes);
    home.world.fleet(&["fs", "cat", "far:../store.db"]).exits(3);

    let spawned = home
        .world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    assert_eq!(spawned.stdout, "sh@box\n");
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "live");
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
    let gone = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(gone.as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_goes_on_exactly_where_it_was_whichever_hub_restarts() {
    let (mut home, mut spoke) = pair();
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, None),
    )
    .await;
    seen.type_in("echo one-$((20+3))\n").await;
    seen.until("one-23").await.unwrap();

    // What comes while nobody is attached is had at the next attach, every byte once.
    let position = seen.position;
    seen.type_in("sleep 0.3; echo two-$((20+4))\n").await;
    drop(seen);
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, Some(position)),
    )
    .await;
    seen.until("two-24").await.unwrap();
    assert_eq!(seen.resets, 0, "{}", String::from_utf8_lossy(&seen.text));

    let position = seen.position;
    home.end_hub();
    assert!(
        seen.until("never").await.is_none(),
        "the stream outlived its hub"
    );
    home.start_hub(&home.address());
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, Some(position)),
    )
    .await;
    seen.type_in("echo three-$((20+5))\n").await;
    seen.until("three-25").await.unwrap();
    assert_eq!(seen.resets, 0);

    let position = seen.position;
    let address = spoke.address();
    spoke.end_hub();
    assert!(
        seen.until("never").await.is_none(),
        "the stream outlived its spoke"
    );
    spoke.start_hub(&address);
    home.until_connected("box");
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, Some(position)),
    )
    .await;
    seen.type_in("echo four-$((20+6))\n").await;
    seen.until("four-26").await.unwrap();
    assert_eq!(seen.resets, 0);

    // A place that the pod does not have leads to a repaint, never to a wrong continuation.
    let elsewhere = Position {
        generation: Generation(99),
        run: Run(1),
        offset: 5,
    };
    let mut anew = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Viewer, Some(elsewhere)),
    )
    .await;
    anew.until("four-26").await.unwrap();
    assert_eq!(anew.resets, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_cannot_write_and_control_is_taken_only_on_request() {
    let (home, spoke) = pair();
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    let client = home.client();
    let mut controller =
        Seen::attach(&client, "sh@box", params(AttachRole::Controller, None)).await;
    let mut viewer = Seen::attach(&client, "sh@box", params(AttachRole::Viewer, None)).await;
    viewer.type_in("echo intruder-$((1+1))\n").await;
    assert!(
        viewer.until("intruder-2").await.is_none(),
        "a viewer has typed"
    );
    controller.type_in("echo mine-$((1+1))\n").await;
    controller.until("mine-2").await.unwrap();
    assert!(!String::from_utf8_lossy(&controller.text).contains("intruder"));
    let agent: AgentRef = "sh@box".parse().unwrap();
    let second = client
        .attach(&agent, &params(AttachRole::Controller, None))
        .await;
    let Err(ClientError::Answer(fault)) = second else {
        panic!("two have control")
    };
    assert_eq!(fault.code, Code::AgentRefused, "{fault}");
    let taking = AttachParams {
        take: true,
        ..params(AttachRole::Controller, None)
    };
    let mut other = Seen::attach(&client, "sh@box", taking).await;
    other.type_in("echo taken-$((1+1))\n").await;
    other.until("taken-2").await.unwrap();
    // Whoever may only look is refused before anything is opened.
    let token = home
        .world
        .fleet(&["hub", "token", "create", "looks", "--scope", "observe"])
        .exits(0);
    let way = Way::Tls(
        home.address().parse().unwrap(),
        home.standing["pin"].as_str().unwrap().parse().unwrap(),
    );
    let looks = HubClient::new(way, Some(podfleet_hub::secret::Secret::new(&token.stdout)));
    let refused = looks
        .attach(&agent, &params(AttachRole::Controller, None))
        .await;
    let Err(ClientError::Answer(fault)) = refused else {
        panic!("a right was not needed")
    };
    assert_eq!(fault.code, Code::AuthDenied);
    let mut looking = Seen::attach(&looks, "sh@box", params(AttachRole::Viewer, None)).await;
    looking.until("taken-2").await.unwrap();
    drop(spoke);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_no_text_comes_as_the_pod_shows_it() {
    let (home, _spoke) = pair();
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, None),
    )
    .await;
    seen.type_in("printf 'begin\\377\\376end\\n'; echo done-$((2+2))\n")
        .await;
    seen.until("done-4").await.unwrap();
    let text = String::from_utf8(seen.text).unwrap();
    assert!(text.contains("begin\u{fffd}\u{fffd}end"), "{text}");
}

#[test]
fn a_spawn_whose_answer_was_lost_is_given_again_and_opens_one_terminal() {
    let (home, spoke) = pair();
    let spawn = || {
        home.world
            .fleet(&[
                "pty", "spawn", "far", "--key", "k1", "--json", "--", "/bin/sh",
            ])
            .exits(0)
            .json()
    };
    let (first, again) = (spawn(), spawn());
    assert_eq!(first["session"], again["session"]);
    let rows = spoke.world.fleet(&["ps", "--json"]).exits(0).json();
    let terminals = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["class"] == "terminal");
    assert_eq!(terminals.count(), 1);
}

#[test]
fn a_terminal_that_ended_is_seen_to_have_ended() {
    let (home, spoke) = pair();
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    spoke.world.fleet(&["down", "sh"]).exits(0);
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "ended");
    spoke.world.fleet(&["pod", "forget", "sh"]).exits(0);
    let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["state"], "gone");
    home.world.fleet(&["pty", "kill", "sh@box"]).exits(0);
}

#[test]
fn an_agent_that_the_roster_has_on_another_machine_is_found_there_by_its_name() {
    let (home, spoke) = pair();
    let far = "  - name: coder\n    runtime: sim\n    host: box\n";
    let agents = home.world.agents(&[("lead", "")]) + far;
    home.world.write_roster("default", &agents);
    spoke.world.fleet(&["up"]).exits(0);
    spoke
        .world
        .until_row("coder", |row| row["readiness"] == "available");
    let ps = home.world.fleet(&["ps", "--hub", "local", "--json"]);
    let rows = ps.exits(0).json();
    let rows = rows.as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [Some("lead"), Some("coder@box")], "{rows:#?}");
    assert_eq!(rows[1]["readiness"], "available");
    let send = ["send", "coder", "--hub", "local", "-m", "by name"];
    let sent = home
        .world
        .fleet(&[&send[..], &["--wait", "answered"]].concat());
    sent.exits(0);
    let log = home.world.fleet(&["log", "coder", "--hub", "local"]);
    assert!(log.exits(0).stdout.contains("by name"));
    let inbox = home.world.fleet(&["inbox", "coder", "--hub", "local"]);
    assert!(inbox.exits(0).stderr.contains("no message waits"));
}

#[test]
fn a_terminal_goes_on_while_home_asks_and_ends_when_home_is_away_for_too_long() {
    let (home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let address = spoke.address();
    spoke.end_hub();
    spoke.start_hub_with(&address, &["--grace", "10s", "--keep-ended", "2s"]);
    home.add("box", &spoke);
    let spawn = |name| {
        let shell = ["pty", "spawn", "far", "--name", name, "--", "/bin/sh"];
        home.world.fleet(&shell).exits(0);
    };
    spawn("sh");
    spawn("ends");
    spoke.world.fleet(&["down", "ends"]).exits(0);
    let states = || {
        let listed = home.world.fleet(&["pty", "list", "--json"]).exits(0);
        let listed = listed.json();
        let state = |at: usize| listed[at]["state"].as_str().map(str::to_owned);
        [state(0), state(1)].map(Option::unwrap_or_default)
    };
    // Longer than the grace: home looks after its endpoints.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(13) {
        assert_eq!(states()[0], "live");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(states(), ["live", "gone"]);
    home.end_hub();
    until_within(Duration::from_secs(40), || {
        let rows = spoke.world.fleet(&["ps", "--json"]).json();
        match rows.as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(format!("{rows:#}")),
        }
    });
}

#[test]
fn what_a_user_does_wrong_is_told_with_a_remedy() {
    let world = World::new();
    let ran = world.fleet(&["endpoint", "list"]).exits(4);
    assert!(ran.stderr.contains("fleet hub run"), "{ran}");
    let ran = world.fleet(&["fs", "ls", "nothing"]).exits(2);
    assert!(ran.stderr.contains("MOUNT:PATH"), "{ran}");
    let ran = world
        .fleet(&["endpoint", "add", "x", "--address", "http://x"])
        .exits(2);
    assert!(ran.stderr.contains("without a scheme"), "{ran}");
    let ran = world
        .fleet(&["endpoint", "add", "x", "--ssh", "-oProxyCommand=x"])
        .exits(2);
    assert!(!ran.stderr.is_empty());
    let ran = world.fleet(&["ps", "--hub", "far.example"]).exits(2);
    assert!(ran.stderr.contains("FLEET_HUB_PIN"), "{ran}");
    let ran = world.fleet(&["hub", "status"]).exits(1);
    assert_eq!(ran.stdout, "no hub runs on this machine\n");
}

/// A way to a machine that breaks each connection after so many bytes of what comes back.
struct Breaking {
    address: String,
    budget: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Breaking {
    async fn to(target: String) -> Self {
        use std::sync::atomic::Ordering::Relaxed;
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let budget = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
        let of_way = std::sync::Arc::clone(&budget);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = tokio::net::TcpStream::connect(&target).await else {
                    continue;
                };
                let mut left = of_way.load(Relaxed);
                tokio::spawn(async move {
                    let (mut near_read, mut near_write) = near.into_split();
                    let (mut far_read, mut far_write) = far.into_split();
                    let up = tokio::io::copy(&mut near_read, &mut far_write);
                    let down = async {
                        let mut bytes = [0; 997];
                        while left > 0 {
                            let Ok(count) = far_read.read(&mut bytes).await else {
                                return;
                            };
                            let passed = count.min(left);
                            if count == 0 || near_write.write_all(&bytes[..passed]).await.is_err() {
                                return;
                            }
                            left -= passed;
                        }
                    };
                    tokio::select! { _ = up => {}, () = down => {} }
                });
            }
        });
        Self { address, budget }
    }

    fn breaks_after(&self, bytes: usize) {
        self.budget
            .store(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_at_any_point_of_attach_and_replay_loses_and_doubles_nothing() {
    const LINES: usize = 400;
    let (home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let direct = spoke.address();
    let way = Breaking::to(direct.clone()).await;
    spoke.standing["listen"][0][0] = way.address.clone().into();
    home.add("box", &spoke);
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    let mut seen = Seen::attach(
        &home.client(),
        "sh@box",
        params(AttachRole::Controller, None),
    )
    .await;
    seen.type_in("stty -echo; echo ready-$((1+1))\n").await;
    seen.until("ready-2").await.unwrap();
    let mut position = seen.position;
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do echo \"<$i>\"; i=$((i+1)); done; echo fin-$((1+1))\n"
    );
    seen.type_in(&script).await;
    drop(seen);
    let agent: AgentRef = "sh@box".parse().unwrap();
    let (mut text, mut broken) = (Vec::new(), 0);
    // From within the handshake of TLS to behind the last line.
    for budget in (0..).map(|round: usize| 200 + round * 173) {
        way.breaks_after(budget);
        let again = params(AttachRole::Viewer, Some(position));
        let Ok((_, stream)) = home.client().attach(&agent, &again).await else {
            broken += 1;
            continue;
        };
        let mut seen = Seen {
            stream,
            position,
            text: std::mem::take(&mut text),
            resets: 0,
        };
        let done = seen.until("fin-2").await.is_some();
        assert_eq!(seen.resets, 0, "all of it is within the ring");
        (text, position) = (seen.text, seen.position);
        if done {
            break;
        }
        broken += 1;
    }
    way.breaks_after(usize::MAX);
    spoke.standing["listen"][0][0] = direct.into();
    assert!(broken > 10, "the link broke {broken} times only");
    let text = String::from_utf8_lossy(&text);
    for line in 0..LINES {
        assert_eq!(
            text.matches(&format!("<{line}>")).count(),
            1,
            "line {line}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_holds_up_nobody_and_gets_a_repaint() {
    let (home, _spoke) = pair();
    home.world
        .fleet(&["pty", "spawn", "far", "--name", "sh", "--", "/bin/sh"])
        .exits(0);
    let client = home.client();
    let mut slow = Seen::attach(&client, "sh@box", params(AttachRole::Viewer, None)).await;
    let mut controller =
        Seen::attach(&client, "sh@box", params(AttachRole::Controller, None)).await;
    controller
        .type_in("yes some words in a line | head -n 150000; echo fin-$((1+1))\n")
        .await;
    controller.until("fin-2").await.unwrap();
    slow.until("fin-2").await.unwrap();
    assert!(
        slow.resets > 1,
        "it was to be skipped to a repaint: {}",
        slow.resets
    );
}
