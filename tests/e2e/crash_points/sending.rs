//! A pod that is killed while it takes in that a message of its agent was accepted: its log has it once.

use podfleet_pod_store::session_log::Entry;
use podfleet_pod_store::{InboxStore as _, Offer, Page, RelationStore as _};
use podfleet_protocol::{Address, Class, Kind, Message, MessageId, Typing};

use super::relations::PARTNER;
use super::{Walk, die};
use crate::acting::Actors;
use crate::hosted::HostedPod;
use crate::store::Inbox;
use crate::world::{World, until};

pub(super) fn told(world: &World, agent: &str, walk: Walk) -> Vec<String> {
    let (sender, receiver) = (Inbox::of(world, agent), Inbox::of(world, PARTNER));
    let message = Message {
        id: MessageId::generate(),
        from: Address::new("here", agent),
        to: Address::new("here", PARTNER),
        kind: Kind::Notify,
        class: Class::default(),
        thread: None,
        body: "hello".to_owned(),
        typing: Typing::default(),
        accepted: podfleet_pod::clock::wall(),
    };
    let id = message.id;
    let (store, runtime) = receiver.store();
    let offers = vec![Offer::from_pod(sender.pod(), message)];
    let answers = runtime.block_on(store.accept(receiver.pod(), offers));
    let accepted = answers.unwrap().remove(0);
    let mut wrong: Vec<_> = die(world, agent, walk, || {}).into_iter().collect();
    let mut pod = HostedPod::start(world, agent, &[]);
    if !pod.is_ready() {
        wrong.push("does not start again".to_owned());
        return wrong;
    }
    until(|| {
        let left = runtime.block_on(store.outbox(sender.pod(), Page::all()));
        let (left, logged) = (left.unwrap().items.len(), logged(world, agent, id));
        match (left, logged) {
            (0, 1..) => Ok(()),
            found => Err(format!("{found:?} in its outbox and its log")),
        }
    });
    let logged = logged(world, agent, id);
    let entries = receiver.entries();
    let entries = entries.iter().filter(|entry| entry.message.id == id);
    if (accepted.is_ok(), entries.count(), logged) != (true, 1, 1) {
        wrong.push(format!("{accepted:?}, in the log {logged} times"));
    }
    pod.end();
    wrong
}

/// Returns how often a pod's log tells that a message was sent.
fn logged(world: &World, agent: &str, id: MessageId) -> usize {
    let id = id.to_string();
    let log = Actors::of(world).log(agent).into_iter();
    let sent = log.filter(|entry| {
        matches!(entry, Entry::Peer(event) if event.event == "sent" && event.detail.contains(&id))
    });
    sent.count()
}
