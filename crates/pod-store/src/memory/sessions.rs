//! Sessions in memory.

use async_trait::async_trait;
use podfleet_protocol::{PodId, SessionId, UnixMillis};

use super::MemoryStore;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::{Fence, NewSession, SessionRecord};
use crate::store::SessionStore;

#[async_trait]
impl SessionStore for MemoryStore {
    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError> {
        self.call("open the session", |state| {
            let pod = state.fenced(fence)?;
            (pod.session, pod.updated) = (Some(session.id), session.started);
            let record = SessionRecord {
                id: session.id,
                pod: fence.pod,
                generation: fence.generation,
                started: session.started,
                ended: None,
            };
            state.sessions.insert(session.id, record);
            Ok(())
        })
    }

    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("close the session", |state| {
            state.fenced(fence)?;
            let session = state
                .sessions
                .get_mut(&id)
                .filter(|session| session.pod == fence.pod);
            let session = session.ok_or(StoreErrorKind::NotFound("session"))?;
            session.ended = Some(ended);
            Ok(())
        })
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.call("read the session", |state| {
            Ok(state.sessions.get(&id).cloned())
        })
    }

    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError> {
        self.call("prune sessions", |state| {
            let present = state.pods.get(&pod).and_then(|record| record.session);
            let before = state.sessions.len();
            state.sessions.retain(|id, session| {
                session.pod != pod || logged.contains(id) || Some(*id) == present
            });
            Ok((before - state.sessions.len()) as u64)
        })
    }
}
