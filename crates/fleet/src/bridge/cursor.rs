//! How far the chat was heard.

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
    /// was said since it last listened is not heard.
    ///
    /// # Errors
    /// Fails when the connector cannot be made, the bridge cannot be ended, or the store fails.
    pub async fn hear_from_now(&self) -> Result<(), FleetError> {
        let channel = self.connector()?.cursor_of();
        self.stop_bridge().await?;
        let nowhere = Heard {
            channel,
            cursor: String::new(),
            at: clock::wall(),
        };
        let store = self.store();
        Ok(store.set_heard(self.key(), nowhere, Vec::new()).await?)
    }
}
