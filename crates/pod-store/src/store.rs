//! The store's interface, by subject.

mod inbox;
mod records;
mod relations;
mod sessions;

pub use inbox::InboxStore;
pub use records::RecordStore;
pub use relations::RelationStore;
pub use sessions::SessionStore;

use crate::chat::ChatStore;

/// Durable truth about fleets, pods and their inboxes.
///
/// Every method that changes something is one transaction: when it returns `Ok` the change survives
/// a crash of the process and of the machine; when it returns an error nothing was changed, save
/// that a failure in the phase `commit` leaves it open (nothing was *promised*, and doing it again is
/// safe). A call whose future is dropped may or may not have happened.
///
/// Times are arguments; the store has no clock. Order is never taken from times.
///
/// Whatever keeps all subjects is one; through `dyn PodStore` the methods of all of them are called
/// without their traits in scope.
pub trait PodStore: RecordStore + InboxStore + SessionStore + RelationStore + ChatStore {}

impl<T> PodStore for T where T: RecordStore + InboxStore + SessionStore + RelationStore + ChatStore {}
