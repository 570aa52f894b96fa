//! A process that is killed while it writes a relation: it is there for both or for neither.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use podfleet_pod_store::{
    CrashPoint, Page, PeerPair, RelationChange, RelationStore as _, SqliteStore, Writer,
};
use podfleet_protocol::PodId;

use super::{Scene, Walk, armed, is_reached};
use crate::store::Inbox;
use crate::world::World;

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
