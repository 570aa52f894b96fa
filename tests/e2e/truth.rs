//! Whether what pods say of messages is what the agents' own journals say.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use podfleet_pod_store::session_log::{Entry, SessionFiles, SessionReader};
use podfleet_pod_store::{DeliveryState, InboxEntry};
use podfleet_protocol::{MessageId, Outcome, PodId};
use podfleet_sim_agent::Kind;

use crate::store::Inbox;
use crate::world::{World, until_within};

/// A message that was sent until it was accepted.
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    /// No other message's body may end like it.
    pub(crate) body: String,
}

impl Sent {
    pub(crate) fn new(body: impl Into<String>) -> Self {
        Self {
            id: MessageId::generate(),
            body: body.into(),
        }
    }

    /// Sends it again and again under the same id, until it is accepted.
    pub(crate) fn until_accepted(self, world: &World, agent: &str) -> Self {
        let id = self.id.to_string();
        let arguments = [
            "send", agent, "-m", &self.body, "--id", &id, "--wait", "accepted",
        ];
        until_within(Duration::from_secs(30), || {
            let ran = world.fleet(&arguments);
            if ran.code == 0 {
                Ok(())
            } else {
                Err(ran.to_string())
            }
        });
        self
    }
}

/// Waits until every message that an agent's pod accepted left the inbox with a final receipt.
#[track_caller]
pub(crate) fn until_settled(world: &World, agent: &str, patience: Duration) {
    let inbox = Inbox::of(world, agent);
    until_within(patience, || {
        // One look at the first that waits, as long as there is one: there may be thousands.
        if let Some(first) = inbox.first_waiting() {
            return Err(format!("{:#?} is open", first.receipt));
        }
        let open: Vec<_> = inbox
            .entries()
            .into_iter()
            .filter(|entry| entry.state != DeliveryState::Settled || !entry.receipt.settled)
            .map(|entry| entry.receipt)
            .collect();
        match open.first() {
            None => Ok(()),
            Some(first) => Err(format!("{} are open, such as {first:#?}", open.len())),
        }
    });
}

/// Returns all that is wrong with the ends of these messages and with the logs of their pod.
pub(crate) fn judge(world: &World, agent: &str, sent: &[Sent]) -> Vec<String> {
    let inbox = Inbox::of(world, agent);
    let entries = inbox.entries();
    let (pastes, submitted) = (
        world.received(agent, Kind::Paste),
        [Kind::Submit, Kind::Queued].map(|kind| world.received(agent, kind)),
    );
    let count = |texts: &[String], body: &str| texts.iter().filter(|t| t.ends_with(body)).count();
    let mut wrong = Vec::new();
    for sent in sent {
        let typed = count(&pastes, &sent.body);
        let taken: usize = submitted.iter().map(|texts| count(texts, &sent.body)).sum();
        let entry = entries.iter().find(|entry| entry.message.id == sent.id);
        if let Some(fault) = fault(entry, typed, taken) {
            let receipt = entry.map(|entry| &entry.receipt);
            wrong.push(format!("{agent}: {} {fault}: {receipt:?}", sent.body));
        }
    }
    match logged(&world.path("state"), inbox.pod()) {
        Err(damage) => wrong.push(format!("{agent}: {damage}")),
        Ok(logged) => {
            let hidden = pastes.iter().filter(|text| !logged.contains(*text));
            wrong.extend(hidden.map(|text| format!("{agent}: {text} is not in the log")));
        }
    }
    wrong
}

fn fault(entry: Option<&InboxEntry>, typed: usize, taken: usize) -> Option<&'static str> {
    let Some(entry) = entry else {
        return Some("was accepted and is gone");
    };
    Some(match entry.receipt.outcome {
        _ if taken > 1 => "was submitted twice",
        _ if typed > 1 => "was typed twice",
        _ if !entry.receipt.settled => "has no final receipt",
        Outcome::Accepted | Outcome::Held => "was never typed",
        Outcome::TypedNotSubmitted | Outcome::Refused if taken > 0 => "was submitted",
        outcome if outcome.reaches(Outcome::Submitted) && taken == 0 => "was never submitted",
        _ => return None,
    })
}

/// Reads all sessions of a pod; returns the texts that were about to be typed.
fn logged(state: &Path, pod: PodId) -> Result<HashSet<String>, String> {
    let directory = state.join("sessions").join(pod.to_string());
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let sessions: HashSet<_> = files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            name.strip_suffix(".jsonl")?.split('.').next()?.parse().ok()
        })
        .collect();
    let mut texts = HashSet::new();
    for session in sessions {
        let files = SessionFiles::new(state, pod, session);
        let reader = SessionReader::open(files).map_err(|error| error.to_string())?;
        for record in reader {
            let located = record.map_err(|error| error.to_string())?;
            if let Entry::MessageDelivering { text, .. } = located.record.entry {
                texts.insert(text);
            }
        }
    }
    Ok(texts)
}
