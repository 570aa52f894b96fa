//! How far the chat was heard.

use futures_util::StreamExt as _;
use podfleet_connectors::{ConnectorError, ConnectorErrorKind, OrchestratorConnector};
use podfleet_pod::clock;
use podfleet_pod_store::{Heard, StoreError};

use crate::error::FleetError;
use crate::fleet::Fleet;

impl Fleet {
    /// Returns the cursor from which to listen on; nothing: from now on.
    pub(crate) async fn heard_up_to(&self, channel: &str) -> Result<Option<String>, StoreError> {
        let heard = self.store().heard(self.key(), channel).await?;
        Ok(heard.filter(|cursor| !cursor.is_empty()))
    }

    /// Has the bridge listen from now on when it is started next, and ends the one that runs. What
    /// was said since it last listened is not heard. The old place is kept until the carrier has told
    /// the one of now.
    pub(crate) async fn hear_from_now(&self) -> Result<(), FleetError> {
        let connector = self.connector()?;
        self.stop_bridge().await?;
        let cursor = place_of_now(&*connector).await;
        let now = Heard {
            channel: connector.cursor_of(),
            cursor: cursor.map_err(|error| FleetError::connector(&*connector, error))?,
            at: clock::wall(),
        };
        let store = self.store();
        Ok(store.set_heard(self.key(), now, Vec::new()).await?)
    }
}

async fn place_of_now(connector: &dyn OrchestratorConnector) -> Result<String, ConnectorError> {
    let mut stream = connector.subscribe(None).await?;
    let ended = || ConnectorError::new(ConnectorErrorKind::Unreachable, "listen from now on");
    let first = stream.next().await.ok_or_else(ended)??;
    Ok(first.cursor)
}
