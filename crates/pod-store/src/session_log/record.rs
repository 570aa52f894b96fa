//! The records of a session log.
//!
//! A line is `{"ts":…,"seq":…,"generation":…,"type":…,…}`: the common fields first, then those of
//! the [`Entry`]. A newer build may add types and fields; an older one keeps types that it does not
//! know as they are and ignores fields that it does not know.

use jiff::Timestamp;
use podfleet_protocol::{
    Address, Generation, Identity, Kind, Message, MessageId, PodId, PodName, Receipt, Run, RunEnd,
    SessionId, UnixMillis,
};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::outbox::{OutboxEvent, RelationChange};
use crate::relation::PodLabel;

/// The longest line of a log in bytes: several texts of the longest message, escaped.
pub const MAX_RECORD: usize = 32 << 20;

/// Something that happened, with when and in which generation. Serialised it is a line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When, by the pod's clock; for people, order is `seq`'s matter.
    pub ts: UnixMillis,
    /// Its place in the session, counted from 1 over all segments. Only a sealed segment can be
    /// followed by a gap.
    pub seq: u64,
    /// The generation that wrote it.
    pub generation: Generation,
    /// What happened.
    pub entry: Entry,
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// A file begins.
    SegmentStart {
        /// Version of the format, 1.
        format: u32,
        /// The session.
        session: SessionId,
        /// The pod.
        identity: Identity,
        /// Number of the file, from 1.
        segment: u32,
        /// The file before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Lineage>,
    },
    /// The agent is about to be started.
    Launch {
        /// The number of this start.
        run: Run,
        /// Program and arguments.
        argv: Vec<String>,
        /// The names, and only the names, of its environment.
        env_names: Vec<String>,
        /// All that it is told by its command line, in full.
        told: String,
    },
    /// A person typed.
    Input {
        /// The client, as it named itself.
        client: String,
        /// How much; never what.
        bytes: u64,
    },
    /// A message was accepted.
    MessageAccepted {
        /// The message.
        message: Message,
    },
    /// A message is about to be typed. From here on it may have been.
    MessageDelivering {
        /// The message.
        id: MessageId,
        /// Exactly what will be typed.
        text: String,
        /// Counts the deliveries of this message, from 1.
        attempt: u32,
    },
    /// Something was learnt of a message's fate.
    MessageReceipt {
        /// What is known now.
        receipt: Receipt,
    },
    /// A text from outside is put into the agent's context.
    SystemItem {
        /// What it is, such as `notification` or `kickstart`.
        kind: String,
        /// Who it is from.
        from: Address,
        /// The message, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
        /// Exactly what is typed.
        raw: String,
        /// The text without its preamble.
        body: String,
    },
    /// The agent's last words of a turn.
    AgentOutput {
        /// The run that they come from.
        run: Run,
        /// The words.
        text: String,
        /// Whether they are the agent's own, by its transcript or its call; else they were read off
        /// its screen, which may have cut them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        exact: bool,
    },
    /// The state of the screen changed.
    Status {
        /// The state's word.
        state: String,
        /// The rule that decided.
        rule: String,
    },
    /// A relation to a child or parent changed, a child reported, or an order went to another pod.
    Child(RelationEvent),
    /// A relation to a peer changed, or a notification went to another pod.
    Peer(RelationEvent),
    /// The agent's context was reset.
    Reset {
        /// Exactly what is typed for it.
        text: String,
    },
    /// Somebody held or drove the agent.
    Control {
        /// What, such as `pause`, `resume` or `interrupt`.
        action: String,
        /// Who.
        by: Address,
        /// Why, or what came of it; empty if there is nothing to say.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// Something failed.
    Error {
        /// The part of the pod that failed.
        #[serde(rename = "where")]
        origin: String,
        /// What it says.
        text: String,
    },
    /// The agent ended.
    Exit {
        /// The run that ended.
        run: Run,
        /// How.
        end: RunEnd,
    },
    /// A type that a newer build wrote; all its fields, `type` among them. Only as part of a
    /// [`Record`] is it serialised.
    #[serde(skip)]
    Other(Map<String, Value>),
}

/// The file that a segment follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Its name.
    pub file: String,
    /// How long it was, in bytes.
    pub bytes: u64,
    /// Number of the last record before this segment.
    pub last_seq: u64,
    /// Whether it was left because a write to the disk failed; then its last records may be missing
    /// after a crash of the machine.
    pub sealed: bool,
}

/// What happened between two pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationEvent {
    /// The other pod.
    pub pod: PodId,
    /// Its name.
    pub name: PodName,
    /// What happened, such as `registered` or `turn_ended`.
    pub event: String,
    /// More about it; empty if there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The event of the store's outbox that this copies, by its place there: a pod that crashed
    /// after the copy knows not to copy it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<u64>,
}

impl From<&OutboxEvent> for Entry {
    /// Returns the record that tells of an event of the outbox. One that this build does not
    /// know is told as an [`Error`](Entry::Error) of the part `outbox`.
    fn from(event: &OutboxEvent) -> Self {
        use RelationChange as Change;
        let told = |pod: &PodLabel, word: &str, detail: String| RelationEvent {
            pod: pod.id,
            name: pod.name.clone(),
            event: word.to_owned(),
            detail,
            outbox: Some(event.place.0),
        };
        let relation = |pod: &PodLabel, word: &str| {
            let by = match event.by {
                Some(by) => format!("by pod {by}"),
                None => "by the operator".to_owned(),
            };
            told(pod, word, by)
        };
        match &event.change {
            Change::PeerAdded { peer } => Self::Peer(relation(peer, "registered")),
            Change::PeerRemoved { peer } => Self::Peer(relation(peer, "unregistered")),
            Change::ChildAdded { child } => Self::Child(relation(child, "reserved")),
            Change::ChildConfirmed { child } => Self::Child(relation(child, "spawned")),
            Change::ChildEnded { child } => Self::Child(relation(child, "ended")),
            Change::ChildRemoved { child } => Self::Child(relation(child, "removed")),
            Change::ParentAdded { parent } => Self::Child(relation(parent, "spawned_by")),
            Change::ParentRemoved { parent } => Self::Child(relation(parent, "orphaned_by")),
            Change::ChildReported { child, report } => {
                Self::Child(told(child, &report.event, format!("message {}", report.id)))
            }
            Change::MessageSent {
                to,
                message,
                position,
            } => {
                let detail = format!("message {}: accepted, position {position}", message.id);
                Self::of_sent(message.kind, told(to, "sent", detail))
            }
            Change::MessageSettled {
                to,
                message,
                outcome,
                reason,
            } => {
                let because = reason.as_ref().map(|why| format!(" ({why})"));
                let because = because.unwrap_or_default();
                let detail = format!("message {}: {outcome}{because}", message.id);
                Self::of_sent(message.kind, told(to, "receipt", detail))
            }
            Change::Other => Self::Error {
                origin: "outbox".to_owned(),
                text: format!("event {} is of a newer build", event.place.0),
            },
        }
    }
}

impl Entry {
    /// Returns the record of the sender of a message to another pod.
    fn of_sent(kind: Kind, event: RelationEvent) -> Self {
        match kind {
            Kind::Notify => Self::Peer(event),
            Kind::Run => Self::Child(event),
        }
    }

    /// The types that this build knows, as they stand in the log.
    pub const TYPES: [&str; 15] = [
        "segment_start",
        "launch",
        "input",
        "message_accepted",
        "message_delivering",
        "message_receipt",
        "system_item",
        "agent_output",
        "status",
        "child",
        "peer",
        "reset",
        "control",
        "error",
        "exit",
    ];
}

/// A record in the order in which its fields stand in the line.
#[derive(Serialize)]
struct Line<E> {
    ts: String,
    seq: u64,
    generation: Generation,
    #[serde(flatten)]
    entry: E,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ts = Timestamp::from_millisecond(self.ts.0).map_err(S::Error::custom)?;
        let (ts, seq, generation) = (format!("{ts:.3}"), self.seq, self.generation);
        match &self.entry {
            Entry::Other(entry) => Line {
                ts,
                seq,
                generation,
                entry,
            }
            .serialize(serializer),
            entry => Line {
                ts,
                seq,
                generation,
                entry,
            }
            .serialize(serializer),
        }
    }
}

impl Record {
    /// Returns the record as a line, with its newline.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a line without its newline; the error says what is wrong with it.
    pub(super) fn decode(line: &[u8]) -> Result<Self, String> {
        if line.is_empty() {
            return Err("an empty line".to_owned());
        }
        let object =
            serde_json::from_slice(line).map_err(|error| format!("no JSON object: {error}"))?;
        Self::from_object(object)
    }

    /// Reads a record that came as a JSON object, such as one of another machine.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_object(mut object: Map<String, Value>) -> Result<Self, String> {
        let ts: Timestamp = take(&mut object, "ts")?;
        let seq = take(&mut object, "seq")?;
        let generation = take(&mut object, "generation")?;
        let word = object
            .get("type")
            .and_then(Value::as_str)
            .ok_or("no text in field `type`")?;
        let entry = if Entry::TYPES.contains(&word) {
            let what = format!("invalid `{word}` record");
            serde_json::from_value(Value::Object(object))
                .map_err(|error| format!("{what}: {error}"))?
        } else {
            Entry::Other(object)
        };
        Ok(Self {
            ts: UnixMillis(ts.as_millisecond()),
            seq,
            generation,
            entry,
        })
    }
}

fn take<T: serde::de::DeserializeOwned>(
    object: &mut Map<String, Value>,
    field: &str,
) -> Result<T, String> {
    let value = object
        .remove(field)
        .ok_or_else(|| format!("field `{field}` is missing"))?;
    serde_json::from_value(value).map_err(|error| format!("field `{field}`: {error}"))
}
