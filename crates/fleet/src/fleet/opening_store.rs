use std::sync::Arc;

use podfleet_pod_store::{PodStore, SqliteStore, StoreError};
use tokio::task::JoinHandle;

use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};

/// The user's store while it is opened, on a thread of its own: opening waits for the disk and for
/// other processes, and the caller can read a roster meanwhile.
///
/// Dropping it waits for nothing; the store is then closed as soon as it is open.
#[derive(Debug)]
pub struct OpeningStore(JoinHandle<Result<SqliteStore, StoreError>>);

impl OpeningStore {
    /// Begins to open the store, which is made if it is not there. Needs a tokio runtime.
    #[must_use]
    pub fn begin(dirs: &Dirs) -> Self {
        let path = dirs.state_paths().store();
        Self(tokio::task::spawn_blocking(move || {
            SqliteStore::open(&path)
        }))
    }

    /// Returns the store once it is open, for [`Fleet::with_store`](super::Fleet::with_store).
    ///
    /// # Errors
    /// Fails when the store cannot be opened.
    pub async fn store(self) -> Result<Arc<dyn PodStore>, FleetError> {
        let opened = self.0.await;
        let store = opened
            .map_err(|error| FleetError::new(FleetErrorKind::Internal).caused_by(error))??;
        Ok(Arc::new(store))
    }
}
