//! Calls about sessions.

use async_trait::async_trait;
use podfleet_protocol::{PodId, SessionId, UnixMillis};

use crate::error::StoreError;
use crate::record::{Fence, NewSession, SessionRecord};
use crate::sqlite::{SqliteStore, prune, sessions};
use crate::store::SessionStore;

#[async_trait]
impl SessionStore for SqliteStore {
    async fn open_session(&self, fence: Fence, session: NewSession) -> Result<(), StoreError> {
        self.call("open the session", move |database| {
            database.write(|transaction| sessions::open(transaction, fence, &session))
        })
        .await
    }

    async fn close_session(
        &self,
        fence: Fence,
        id: SessionId,
        ended: UnixMillis,
    ) -> Result<(), StoreError> {
        self.call("close the session", move |database| {
            database.write(|transaction| sessions::close(transaction, fence, id, ended))
        })
        .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.call("read the session", move |database| {
            sessions::get(database.reader(), id)
        })
        .await
    }

    async fn prune_sessions(&self, pod: PodId, logged: &[SessionId]) -> Result<u64, StoreError> {
        let logged = logged.to_vec();
        self.call("prune sessions", move |database| {
            database.write(|transaction| prune::sessions(transaction, pod, &logged))
        })
        .await
    }
}
