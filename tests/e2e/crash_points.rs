//! Kills at every marked step between two writes: a walk over all of them.

mod relations;
mod sending;
mod starting;

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use podfleet_pod_store::CrashPoint::{self, *};
use podfleet_protocol::Outcome;
use podfleet_protocol::client::{Introduction, PodClient};
use podfleet_protocol::method::Method;
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use crate::acting::Actors;
use crate::hosted::HostedPod;
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::World;

/// How many pods are killed side by side.
const WORKERS: usize = 4;
/// How long a pod may take for the few messages of a walk.
const PATIENCE: Duration = Duration::from_secs(60);
/// A segment of the session log for each record or two.
const SMALL_SEGMENTS: (&str, &str) = ("FLEET_LOG_SEGMENT_BYTES", "600");

/// What is going on when the process is killed.
#[derive(Debug, Clone, Copy)]
enum Scene {
    /// A pod starts with a message in its inbox and gets another one.
    Pod,
    /// The same, with a log of many segments.
    Segments,
    /// A pod starts after one that was killed with a text on the screen.
    Recovery,
    /// A command sends to a pod that is stopped.
    Sender,
    /// The same, with a body that has a file of its own.
    LongBody,
    /// A process that registers two pods with each other.
    Register,
    /// A process that ends the relation of two pods.
    Unregister,
    /// A pod that makes another one its peer.
    RegisterByPod,
    /// A pod that ends its relation to a peer.
    UnregisterByPod,
    /// A pod that runs while somebody gives it a peer.
    Told,
    /// A pod that was given a peer before it starts.
    ToldLate,
    /// A pod whose agent has sent, and that does not know it yet.
    Sent,
    /// A command that spawns a pod.
    Spawn,
    /// The same, where the agent of the new pod ends at once.
    BrokenSpawn,
    /// A pod that spawns a child.
    Parent,
    /// A command that restores a stopped pod.
    Restore,
    /// The first command that opens the store.
    Migration,
}

/// One kill: at the `times`-th time that `point` is reached.
#[derive(Debug, Clone, Copy)]
struct Walk {
    point: CrashPoint,
    times: u32,
    scene: Scene,
}

/// Returns where a point is reached and how often it is worth dying there. A new point does not
/// compile before it has a place here.
fn walks_of(point: CrashPoint) -> Vec<Walk> {
    let walk = |scene| {
        move |times| Walk {
            point,
            times,
            scene,
        }
    };
    let once = |scene| vec![walk(scene)(1)];
    match point {
        MigrationStep => (1..=7).map(walk(Scene::Migration)).collect(),
        MigrationWritten | MigrationCommitted => once(Scene::Migration),
        RegisterBegun | RegisterRow | RegisterWritten | RegisterCommitted => {
            [Scene::Register, Scene::RegisterByPod]
                .map(|scene| walk(scene)(1))
                .to_vec()
        }
        UnregisterRow | UnregisterCommitted => [Scene::Unregister, Scene::UnregisterByPod]
            .map(|scene| walk(scene)(1))
            .to_vec(),
        SentWritten | SentTold => once(Scene::Sent),
        OutboxWritten | OutboxLogged | OutboxCleared => [
            Scene::RegisterByPod,
            Scene::Told,
            Scene::ToldLate,
            Scene::Sent,
        ]
        .map(|scene| walk(scene)(1))
        .to_vec(),
        AcceptWritten | AcceptCommitted => [Scene::Sender, Scene::Pod]
            .map(|scene| walk(scene)(1))
            .to_vec(),
        SpawnWritten | SpawnReserved | SpawnReady | SpawnTasked | SpawnConfirmed => {
            [Scene::Spawn, Scene::Parent]
                .map(|scene| walk(scene)(1))
                .to_vec()
        }
        SpawnEnded | SpawnWithdrawn => once(Scene::BrokenSpawn),
        StartWanted | StartAnswering => [Scene::Restore, Scene::Spawn, Scene::Parent]
            .map(|scene| walk(scene)(1))
            .to_vec(),
        RestoreReady => once(Scene::Restore),
        BodyWritten => once(Scene::LongBody),
        RecoveryLogged | RecoveryStored => once(Scene::Recovery),
        GenerationLocked | GenerationCleared | GenerationListening | GenerationCounted
        | GenerationCredential | RecoveryBegun | RecoveryDone | GenerationOpened
        | GenerationReady => [Scene::Recovery, Scene::Pod]
            .map(|scene| walk(scene)(1))
            .to_vec(),
        AcceptLogged | LaunchLogged | LaunchStarting | LaunchStarted => once(Scene::Pod),
        DeliverLogged | DeliverStored | DeliverTyping | DeliverTyped | DeliverSubmitting => {
            once(Scene::Pod)
        }
        DeliverFound | ReceiptLogged | ReceiptStored => (1..=3).map(walk(Scene::Pod)).collect(),
        LogTorn | LogAppended => (1..=8).map(walk(Scene::Pod)).collect(),
        LogFlushed => (1..=5).map(walk(Scene::Pod)).collect(),
        SegmentFlushed | SegmentCreated => (1..=3).map(walk(Scene::Segments)).collect(),
        SegmentWritten | SegmentBegun => (1..=4).map(walk(Scene::Segments)).collect(),
    }
}

#[test]
fn a_kill_at_any_step_leaves_whole_records_and_true_receipts() {
    let walks: Vec<Walk> = CrashPoint::ALL.iter().copied().flat_map(walks_of).collect();
    let agents: Vec<String> = (0..walks.len()).map(|index| format!("a{index}")).collect();
    let names = agents
        .iter()
        .map(String::as_str)
        .chain([relations::PARTNER]);
    let entries: Vec<_> = names.map(|agent| (agent, r#"{"turn_ms": 30}"#)).collect();
    let world = World::with_agents(&entries);
    world.fleet(&["up", "--timeout", "120"]);
    world.fleet(&["down", "--all"]).exits(0);
    let queue: Mutex<VecDeque<_>> = Mutex::new(agents.iter().zip(&walks).collect());
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let (world, queue) = (&world, &queue);
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| scope.spawn(move || work(world, queue)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

type Queue<'a> = Mutex<VecDeque<(&'a String, &'a Walk)>>;

fn work(world: &World, queue: &Queue<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    loop {
        let Some((agent, walk)) = queue.lock().unwrap().pop_front() else {
            return wrong;
        };
        // One walk that fails keeps the others from nothing.
        let found = catch_unwind(AssertUnwindSafe(|| match walk.scene {
            Scene::Migration => migrate(*walk),
            Scene::Register | Scene::Unregister => relations::relate(world, agent, *walk),
            Scene::RegisterByPod | Scene::UnregisterByPod | Scene::Told | Scene::ToldLate => {
                relations::in_a_pod(world, agent, *walk)
            }
            Scene::Sent => sending::told(world, agent, *walk),
            Scene::Spawn | Scene::BrokenSpawn => starting::spawn(world, agent, *walk),
            Scene::Parent => starting::parent(world, agent, *walk),
            Scene::Restore => starting::restore(world, agent, *walk),
            _ => host(world, agent, *walk),
        }));
        let found = found.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            vec![text.unwrap_or_else(|| "it panicked".to_owned())]
        });
        wrong.extend(found.into_iter().map(|fault| format!("{walk:?}: {fault}")));
    }
}

/// Returns the variable that arms a point in a process, and the file in which that leaves its name.
fn armed(
    world: &World,
    agent: &str,
    point: CrashPoint,
    times: u32,
) -> (String, std::path::PathBuf) {
    let witness = world.path(&format!("work/{agent}.{}", point.name()));
    (
        format!("{}:{times}:{}", point.name(), witness.display()),
        witness,
    )
}

/// Starts a pod that is to die at a point; returns what is wrong with its death.
fn die(world: &World, agent: &str, walk: Walk, while_it_runs: impl FnOnce()) -> Option<String> {
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let mut env = vec![("FLEET_CRASH_POINT", variable)];
    if matches!(walk.scene, Scene::Segments) {
        env.push((SMALL_SEGMENTS.0, SMALL_SEGMENTS.1.to_owned()));
    }
    let mut pod = HostedPod::start(world, agent, &env);
    if pod.is_ready() {
        while_it_runs();
    }
    let signal = pod.died_by();
    is_reached(signal, &witness, walk.point)
}

/// Calls a method of a pod's own, as its agent does. Whoever is to die may not answer.
fn ask<M: Method>(world: &World, agent: &str, params: M::Params) -> Option<M::Result> {
    let who = Introduction {
        client: "the test".to_owned(),
        credential: Some(Actors::of(world).credential(agent)),
    };
    let inbox = Inbox::of(world, agent);
    let socket = inbox.socket();
    inbox.store().1.block_on(async {
        let mut client = PodClient::connect(&socket, &who).await.unwrap();
        client.call::<M>(params).await.ok()
    })
}

fn is_reached(signal: Option<i32>, witness: &std::path::Path, point: CrashPoint) -> Option<String> {
    let name = fs::read_to_string(witness).unwrap_or_default();
    let reached = signal == Some(Signal::ABORT.as_raw()) && name == point.name();
    (!reached).then(|| format!("was not reached: signal {signal:?}, witness `{name}`"))
}

/// A pod that is killed, or whose sender is, and what another one makes of it.
fn host(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let mut wrong = Vec::new();
    let waiting = match walk.scene {
        Scene::Sender => "waiting.".to_owned(),
        Scene::LongBody => format!("{} waiting.", "x".repeat(70_000)),
        _ => "waiting.".to_owned(),
    };
    let mut sent = vec![Sent::new(waiting)];
    match walk.scene {
        Scene::Sender | Scene::LongBody => wrong.extend(send(world, agent, walk, &sent[0])),
        _ => {}
    }
    let first = sent.remove(0).until_accepted(world, agent);
    sent.push(first);
    if matches!(walk.scene, Scene::Recovery) {
        let before = Walk {
            point: DeliverTyped,
            times: 1,
            ..walk
        };
        wrong.extend(die(world, agent, before, || {}));
    }
    let mut coming = None;
    if !matches!(walk.scene, Scene::Sender | Scene::LongBody) {
        wrong.extend(die(world, agent, walk, || {
            coming = Some(Sent::new("coming.").until_accepted(world, agent));
        }));
    }
    sent.extend(coming);
    let segments = (SMALL_SEGMENTS.0, SMALL_SEGMENTS.1.to_owned());
    let mut pod = HostedPod::start(world, agent, &[segments]);
    if !pod.is_ready() {
        wrong.push("does not start again".to_owned());
        return wrong;
    }
    sent.push(Sent::new("after.").until_accepted(world, agent));
    until_settled(world, agent, PATIENCE);
    if matches!(walk.scene, Scene::LongBody) {
        let long = sent.remove(0);
        wrong.extend(long_body_fault(world, agent, &long));
    }
    wrong.extend(judge(world, agent, &sent));
    let last = sent
        .last()
        .map(|sent| sent.body.clone())
        .unwrap_or_default();
    let taken = world.received(agent, Kind::Submit);
    if !taken.iter().any(|text| text.ends_with(&last)) {
        wrong.push(format!("takes nothing afterwards: {taken:?}"));
    }
    pod.end();
    wrong
}

/// Returns what is wrong with a message that is typed as the name of a file.
fn long_body_fault(world: &World, agent: &str, sent: &Sent) -> Option<String> {
    let entries = Inbox::of(world, agent).entries();
    let entry = entries.iter().find(|entry| entry.message.id == sent.id)?;
    let whole = entry.message.body == sent.body;
    let answered = entry.receipt.outcome == Outcome::Answered;
    (!whole || !answered).then(|| format!("long, whole: {whole}, {:?}", entry.receipt))
}

/// A command that is killed while it sends.
fn send(world: &World, agent: &str, walk: Walk, sent: &Sent) -> Option<String> {
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let id = sent.id.to_string();
    let body = world.path(&format!("work/{agent}.body"));
    fs::write(&body, &sent.body).unwrap();
    let path = body.to_str().unwrap();
    let killed = world
        .command("default", &["send", agent, "-f", path, "--id", &id])
        .env("FLEET_CRASH_POINT", variable)
        .output()
        .unwrap();
    let accepted = Inbox::of(world, agent).entries().len();
    let expected = usize::from(walk.point == AcceptCommitted);
    if accepted != expected {
        return Some(format!("{accepted} messages are in the inbox"));
    }
    is_reached(killed.status.signal(), &witness, walk.point)
}

/// A store that is made by a command that is killed.
fn migrate(walk: Walk) -> Vec<String> {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 30}"#)]);
    let (variable, witness) = armed(&world, "a", walk.point, walk.times);
    let killed = world
        .command("default", &["up"])
        .env("FLEET_CRASH_POINT", variable)
        .output()
        .unwrap();
    let wrong = is_reached(killed.status.signal(), &witness, walk.point);
    world.fleet(&["up"]).exits(0);
    let sent = Sent::new("after.").until_accepted(&world, "a");
    until_settled(&world, "a", PATIENCE);
    let judged = judge(&world, "a", &[sent]);
    wrong.into_iter().chain(judged).collect()
}

#[test]
fn every_point_has_a_walk() {
    let walked: HashSet<_> = CrashPoint::ALL
        .iter()
        .copied()
        .flat_map(walks_of)
        .map(|walk| walk.point)
        .collect();
    let all: HashSet<_> = CrashPoint::ALL.iter().copied().collect();
    assert_eq!(walked, all);
}
