//! Durable truth: fleets, pods, generations, relations, inboxes; and session logs.
//!
//! This crate owns what must survive crashes. It does not own liveness (a recorded state is what a
//! pod last said of itself) nor delivery (it records how far a message is, it types nothing).
//!
//! [`PodStore`] is the store's interface; [`SqliteStore`] keeps it in a database that several
//! processes share, [`MemoryStore`] in memory. [`session_log`] is the log of one agent's session.
//!
//! ```
//! use podfleet_pod_store::{InboxStore, MemoryStore, NewPod, Page, RecordStore, SpecText};
//! use podfleet_protocol::{
//!     Address, Class, FleetName, Identity, Kind, Message, MessageId, PodId, PodName, TenantId,
//!     Typing, UnixMillis,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let at = UnixMillis(1_767_225_600_000);
//! let identity = Identity {
//!     id: PodId::generate(),
//!     name: PodName::new("coder")?,
//!     fleet: FleetName::default(),
//!     tenant_id: TenantId::new("me")?,
//!     host: "fern".to_owned(),
//! };
//! let pod = NewPod {
//!     identity,
//!     class: "member".to_owned(),
//!     alias: None,
//!     runtime: "sim".to_owned(),
//!     spec: SpecText::of(&serde_json::json!({ "command": ["bash"] }))?,
//!     runtime_dir: "/run/user/1000/fleet".into(),
//!     at,
//! };
//! let coder = store.put_pod(pod).await?.identity.id;
//!
//! let message = Message {
//!     id: MessageId::generate(),
//!     from: Address::operator("fern"),
//!     to: Address::new("fern", "coder"),
//!     kind: Kind::Run,
//!     class: Class::Actionable,
//!     thread: None,
//!     body: "fix the build".to_owned(),
//!     typing: Typing::default(),
//!     accepted: at,
//! };
//! let answers = store.accept(coder, vec![message.clone().into()]).await?;
//! assert_eq!(answers[0].as_ref().map(|accepted| accepted.position), Ok(1));
//!
//! // From here on the message is in the inbox, whatever crashes.
//! let inbox = store.undelivered(coder, Page::all()).await?;
//! assert_eq!(inbox.items[0].message, message);
//! # Ok(())
//! # }
//! ```

mod chat;
mod crash;
mod error;
mod failure;
mod inbox;
mod inode;
mod maintenance;
mod memory;
mod outbox;
mod page;
mod record;
mod relation;
mod spec_text;
mod sqlite;
mod store;

pub mod session_log;

pub use chat::{
    ChatPlace, ChatStore, Fate, Heard, HumanTurn, MAX_UNSENT, NewSaying, NotSaid, OpenTurn, Said,
    Saying,
};
pub use crash::CrashPoint;
#[cfg(feature = "crash-points")]
pub use crash::{NotArmed, arm};
pub use error::{StoreError, StoreErrorKind};
pub use failure::Failure;
pub use inbox::{
    AcceptLimits, Accepted, DeliveryState, ECHO_WINDOW_MS, InboxEntry, InboxSummary,
    MAX_INLINE_BODY, MAX_PAIR_MESSAGES, Offer, PAIR_WINDOW_MS, Refusal, Sender, Sequence,
};
pub use maintenance::{
    Backup, Check, Finding, MinWriter, OlderWriter, Pruned, Records, Retention, Transfer,
};
pub use memory::MemoryStore;
pub use outbox::{OutboxEvent, OutboxPlace, RelationChange, Report, SentMessage};
pub use page::{CorruptRecord, Listing, Page};
pub use record::{
    Endpoint, Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor,
    PodFilter, PodRecord, PodState, PodSummary, SessionRecord,
};
pub use relation::{
    ChildRecord, NewChild, PeerPair, PeerRecord, PodLabel, Reasons, Registered, Relation, Spawned,
    VisiblePod, Writer,
};
pub use spec_text::SpecText;
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::{InboxStore, PodStore, RecordStore, RelationStore, SessionStore};
