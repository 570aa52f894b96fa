//! Whoever starts a pod is killed: a spawned pod is there with its task or not at all, and a
//! restored one is one.

use std::os::unix::process::ExitStatusExt as _;

use podfleet_pod_store::{CrashPoint, Page, RelationStore as _};
use podfleet_protocol::method::{SpawnParams, SpawnPod};
use podfleet_sim_agent::Kind;

use super::{PATIENCE, Walk, armed, ask, is_reached};
use crate::acting::{Actors, pod_name};
use crate::hosted::HostedPod;
use crate::store::Inbox;
use crate::truth::{Sent, judge, until_settled};
use crate::world::{World, until};

const TASK: &str = "the task.";

/// A pod that is spawned, by harnesses of its own so that its agents have a journal of their own.
struct Child {
    name: String,
    good: String,
    broken: String,
}

impl Child {
    fn of(world: &World, agent: &str) -> Self {
        let (good, broken) = (format!("good-{agent}"), format!("broken-{agent}"));
        world.write_harness(&good, r#"{"turn_ms": 30}"#);
        world.write_harness(&broken, r#"{"exit_at_once": {"code": 7}}"#);
        Self {
            name: format!("child-{agent}"),
            good,
            broken,
        }
    }

    fn command(&self, runtime: &str) -> [String; 6] {
        ["spawn", &self.name, "--runtime", runtime, "--task", TASK].map(str::to_owned)
    }

    /// Returns what is wrong with it, once it is expected to be there.
    fn faults(&self, world: &World) -> Vec<String> {
        let mut wrong = Vec::new();
        let record = Actors::of(world).record(&self.name);
        if !record.spawned.is_some_and(|spawned| spawned.confirmed) {
            wrong.push("it is there and not confirmed".to_owned());
        }
        let tasks = world.received(&self.good, Kind::Submit);
        if tasks.iter().filter(|text| text.ends_with(TASK)).count() != 1 {
            wrong.push(format!("it was told {tasks:?}"));
        }
        world.fleet(&["down", &self.name]).exits(0);
        world.fleet(&["pod", "forget", &self.name]).exits(0);
        wrong
    }
}

/// A command that is killed while it spawns, and the same command again.
pub(super) fn spawn(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let child = Child::of(world, agent);
    let runtime = match walk.scene {
        super::Scene::BrokenSpawn => &child.broken,
        _ => &child.good,
    };
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let command = child.command(runtime);
    let killed = world
        .command("default", &command.each_ref().map(String::as_str))
        .env("FLEET_CRASH_POINT", variable)
        .output()
        .unwrap();
    let mut wrong: Vec<_> = is_reached(killed.status.signal(), &witness, walk.point)
        .into_iter()
        .collect();
    let command = child.command(&child.good);
    let again = world.fleet(&command.each_ref().map(String::as_str));
    // What had its task is there, and its name is taken.
    let code = if had_its_task(walk.point) { 3 } else { 0 };
    if again.code != code {
        wrong.push(format!("doing it again: {again}"));
    }
    wrong.extend(child.faults(world));
    wrong
}

fn had_its_task(point: CrashPoint) -> bool {
    matches!(point, CrashPoint::SpawnTasked | CrashPoint::SpawnConfirmed)
}

/// A pod that is killed while it spawns, and its next start.
pub(super) fn parent(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let child = Child::of(world, agent);
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let mut pod = HostedPod::start(world, agent, &[("FLEET_CRASH_POINT", variable)]);
    assert!(pod.is_ready());
    ask_for_child(world, agent, &child);
    let mut wrong: Vec<_> = is_reached(pod.died_by(), &witness, walk.point)
        .into_iter()
        .collect();
    let mut pod = HostedPod::start(world, agent, &[]);
    if !pod.is_ready() {
        wrong.push("does not start again".to_owned());
        return wrong;
    }
    until(|| settled(world, agent, had_its_task(walk.point)));
    if !had_its_task(walk.point) {
        ask_for_child(world, agent, &child);
    }
    wrong.extend(child.faults(world));
    pod.end();
    wrong
}

/// Asks a pod for a child as its agent does. Whoever is to die may not answer.
fn ask_for_child(world: &World, agent: &str, child: &Child) {
    let params = SpawnParams {
        name: pod_name(&child.name),
        id: None,
        runtime: child.good.clone(),
        task: TASK.to_owned(),
        working_directory: None,
        scope: None,
        model: None,
        role: None,
        timeout_ms: 0,
    };
    let _ = ask::<SpawnPod>(world, agent, params);
}

/// Whether a parent has its child, confirmed, or none at all.
fn settled(world: &World, agent: &str, wanted: bool) -> Result<(), String> {
    let inbox = Inbox::of(world, agent);
    let (store, runtime) = inbox.store();
    let children = store.children(inbox.pod(), Page::all());
    let children = runtime.block_on(children).unwrap().items;
    let found: Vec<_> = children
        .iter()
        .map(|child| child.spawned.confirmed)
        .collect();
    let expected = if wanted { vec![true] } else { Vec::new() };
    if found == expected {
        Ok(())
    } else {
        Err(format!("{children:?}"))
    }
}

/// A command that is killed while it restores, and the same command again.
pub(super) fn restore(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let waiting = Sent::new("waiting.").until_accepted(world, agent);
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let killed = world
        .command("default", &["pod", "restore", agent])
        .env("FLEET_CRASH_POINT", variable)
        .output()
        .unwrap();
    let mut wrong: Vec<_> = is_reached(killed.status.signal(), &witness, walk.point)
        .into_iter()
        .collect();
    world.fleet(&["pod", "restore", agent]).exits(0);
    let after = Sent::new("after.").until_accepted(world, agent);
    until_settled(world, agent, PATIENCE);
    wrong.extend(judge(world, agent, &[waiting, after]));
    world.fleet(&["down", agent]).exits(0);
    wrong
}
