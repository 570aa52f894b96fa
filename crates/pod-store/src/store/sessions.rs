//! The interface to sessions.

use std::fmt::Debug;

use async_trait::async_trait;
use podfleet_protocol::{PodId, SessionId, UnixMillis};

use crate::error::StoreError;
use crate::record::{Fence, NewSession, SessionRecord};

/// The sessions of pods. What was said in one is in its [log](crate::session_log).
///
/// A call promises what those of [`PodStore`](crate::PodStore) do.
#[async_trait]
pub trait SessionStore: Send + Sync + Debug {
    /// Opens a session and makes it the pod's present one.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, or the store cannot be written.
    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError>;

    /// Records the end of a session. It stays the pod's present one until another is opened.
    ///
    /// # Errors
    /// Fails when the fence is not the pod's present generation, there is no such session, or the
    /// store cannot be written.
    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Returns a session.
    ///
    /// # Errors
    /// Fails when the store cannot be read, or the record is damaged.
    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Removes the records of a pod's sessions but those of `logged` and the present one, and
    /// returns how many.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError>;
}
