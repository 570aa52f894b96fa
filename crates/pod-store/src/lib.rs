//! Durable truth: fleets, pods, generations, relations, inboxes; and session logs.
//!
//! This crate owns what must survive crashes. It does not own liveness (a recorded state is what a
//! pod last said of itself) nor delivery (it records how far a message is, it types nothing).

mod error;
mod inbox;
mod page;
mod record;
mod rights;
mod sqlite;
mod store;

pub use error::{StoreError, StoreErrorKind};
pub use inbox::{
    Accepted, DeliveryState, InboxEntry, MAX_INLINE_BODY, MAX_PAIR_MESSAGES, Offer, PAIR_WINDOW_MS,
    Refusal, Sender, Sequence,
};
pub use page::{CorruptRecord, Listing, Page};
pub use record::{
    Endpoint, Fence, FleetKey, Forgotten, GenerationStart, NewPod, NewSession, PodCursor,
    PodFilter, PodRecord, PodState, PodSummary, SessionRecord,
};
pub use sqlite::SqliteStore;
pub use store::PodStore;
