//! A process that is killed while it writes a relation: it is there for both or for neither.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use podfleet_pod_store::session_log::Entry;
use podfleet_pod_store::{
    CrashPoint, Page, PeerPair, RelationChange, RelationStore as _, SqliteStore, Writer,
};
use podfleet_protocol::PodId;
use podfleet_protocol::method::{NameParams, PeerResult, RegisterPeer, UnregisterPeer};

use super::{Scene, Walk, armed, ask, die, is_reached};
use crate::acting::{Actors, pod_name};
use crate::hosted::HostedPod;
use crate::store::Inbox;
use crate::world::{World, until};

/// The agent with which all others have relations.
pub(super) const PARTNER: &str = "partner";

const ARGUMENT: &str = "relate=";

/// What the store says of a pair.
#[derive(Debug, PartialEq, Eq)]
struct Relation {
    is_there: bool,
    /// How many events of its beginning or end each of them has.
    told: [usize; 2],
}

pub(super) fn relate(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let pods = [agent, PARTNER].map(|name| Inbox::of(world, name).pod());
    let inbox = Inbox::of(world, agent);
    let ends = matches!(walk.scene, Scene::Unregister);
    if ends {
        write(&inbox, pods, false);
    }
    let before = look(&inbox, pods, ends);
    let (variable, witness) = armed(world, agent, walk.point, walk.times);
    let verb = if ends { "unregister" } else { "register" };
    let store = world.path("state/store.db");
    let killed = Command::new(std::env::current_exe().unwrap())
        .args([
            "crash_points::relations::relating",
            "--exact",
            "--nocapture",
        ])
        .arg(format!(
            "{ARGUMENT}{verb}|{}|{}|{}|{variable}",
            pods[0],
            pods[1],
            store.display()
        ))
        .output()
        .unwrap();
    let mut wrong: Vec<_> = is_reached(killed.status.signal(), &witness, walk.point)
        .into_iter()
        .collect();
    let after = Relation {
        is_there: !ends,
        told: [1, 1],
    };
    let committed = matches!(
        walk.point,
        CrashPoint::RegisterCommitted | CrashPoint::UnregisterCommitted
    );
    let found = look(&inbox, pods, ends);
    if found != *if committed { &after } else { &before } {
        wrong.push(format!("the kill left {found:?}"));
    }
    write(&inbox, pods, ends);
    let found = look(&inbox, pods, ends);
    if found != after {
        wrong.push(format!("doing it again makes {found:?}"));
    }
    wrong
}

/// A pod that is killed while it changes a relation, or copies such a change of others to its log.
pub(super) fn in_a_pod(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let inbox = Inbox::of(world, agent);
    let pods = [inbox.pod(), Inbox::of(world, PARTNER).pod()];
    let ends = matches!(walk.scene, Scene::UnregisterByPod);
    if ends || matches!(walk.scene, Scene::ToldLate) {
        write(&inbox, pods, false);
    }
    let death = die(world, agent, walk, || match walk.scene {
        Scene::Told => {
            world.fleet(&["peer", "add", agent, PARTNER]).exits(0);
        }
        Scene::ToldLate => {}
        // It may have answered before it dies of the copying.
        _ => drop(change_by_pod(world, agent, ends)),
    });
    let mut wrong: Vec<_> = death.into_iter().collect();
    let committed = !matches!(
        walk.point,
        CrashPoint::RegisterBegun
            | CrashPoint::RegisterRow
            | CrashPoint::RegisterWritten
            | CrashPoint::UnregisterRow
    );
    // The partner does not run, so that its outbox keeps what it is told.
    let found = look(&inbox, pods, ends);
    if found.is_there != (committed != ends) || found.told[1] != usize::from(committed) {
        wrong.push(format!("the kill left {found:?}"));
    }
    let mut pod = HostedPod::start(world, agent, &[]);
    if !pod.is_ready() {
        wrong.push("does not start again".to_owned());
        return wrong;
    }
    match change_by_pod(world, agent, ends) {
        Some(result) if result.changed != committed && result.peer != ends => {}
        result => wrong.push(format!("doing it again: {result:?}")),
    }
    until(|| match look(&inbox, pods, ends) {
        found if found.told[0] == 0 => Ok(()),
        found => Err(format!("its outbox keeps {found:?}")),
    });
    let found = (look(&inbox, pods, ends), logged(world, agent, ends));
    let after = Relation {
        is_there: !ends,
        told: [0, 1],
    };
    if found != (after, 1) {
        wrong.push(format!("at the end there is {found:?}"));
    }
    pod.end();
    wrong
}

/// Lets a pod change its relation to the partner, as its agent does; nothing if it dies of it.
fn change_by_pod(world: &World, agent: &str, ends: bool) -> Option<PeerResult> {
    let name = pod_name(PARTNER);
    match ends {
        true => ask::<UnregisterPeer>(world, agent, NameParams { name }),
        false => ask::<RegisterPeer>(world, agent, NameParams { name }),
    }
}

/// Returns how often a pod's log tells of the beginning, or the end, of its relation to the partner.
fn logged(world: &World, agent: &str, ends: bool) -> usize {
    let word = if ends { "unregistered" } else { "registered" };
    let log = Actors::of(world).log(agent).into_iter();
    let told = log.filter(
        |entry| matches!(entry, Entry::Peer(event) if event.name.as_str() == PARTNER && event.event == word),
    );
    told.count()
}

fn write(inbox: &Inbox, pods: [PodId; 2], ends: bool) {
    let (store, runtime) = inbox.store();
    let pair = PeerPair::new(pods[0], pods[1]).unwrap();
    runtime.block_on(change(store, pair, ends));
}

async fn change(store: &SqliteStore, pair: PeerPair, ends: bool) {
    let at = podfleet_pod::clock::wall();
    if ends {
        store
            .unregister_peer(Writer::Operator, pair, at)
            .await
            .unwrap();
    } else {
        store
            .register_peer(Writer::Operator, pair, at)
            .await
            .unwrap();
    }
}

fn look(inbox: &Inbox, pods: [PodId; 2], ends: bool) -> Relation {
    let (store, runtime) = inbox.store();
    let relation = runtime.block_on(store.relation(pods[0], pods[1])).unwrap();
    let reverse = runtime.block_on(store.relation(pods[1], pods[0])).unwrap();
    assert_eq!(relation.peer, reverse.peer);
    let told = [(pods[0], pods[1]), (pods[1], pods[0])].map(|(pod, other)| {
        let events = runtime.block_on(store.outbox(pod, Page::all())).unwrap();
        let events = events.items.iter().filter(|event| match &event.change {
            RelationChange::PeerAdded { peer } => !ends && peer.id == other,
            RelationChange::PeerRemoved { peer } => ends && peer.id == other,
            _ => false,
        });
        events.count()
    });
    Relation {
        is_there: relation.peer,
        told,
    }
}

/// Is no test of its own: does nothing unless a test started it as a process.
#[tokio::test]
async fn relating() {
    let argument = std::env::args().find_map(|text| text.strip_prefix(ARGUMENT).map(str::to_owned));
    let Some(argument) = argument else {
        return;
    };
    let parts: Vec<_> = argument.splitn(5, '|').collect();
    let [verb, one, other, store, point] = parts[..] else {
        panic!("{argument}");
    };
    podfleet_pod_store::arm(point).unwrap();
    let store = SqliteStore::open(Path::new(store)).unwrap();
    let pair = PeerPair::new(one.parse().unwrap(), other.parse().unwrap()).unwrap();
    change(&store, pair, verb == "unregister").await;
}
