use std::sync::Arc;

use podfleet_pod::opening::{OpenError, open_store};
use podfleet_pod_store::{PodStore, SqliteStore};
use tokio::task::JoinHandle;

use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};

/// The user's store while it is opened, on a thread of its own: opening waits for the disk and for
/// other processes, and the caller can read a roster meanwhile.
///
/// Dropping it waits for nothing; the store is then closed as soon as it is open.
#[derive(Debug)]
pub struct OpeningStore(JoinHandle<Result<SqliteStore, OpenError>>);

impl OpeningStore {
    /// Begins to open the store, which is made if it is not there and none of its pods lives. Needs a tokio
    /// runtime.
    #[must_use]
    pub fn begin(dirs: &Dirs) -> Self {
        let state = dirs.state_paths();
        Self(tokio::task::spawn_blocking(move || open_store(&state)))
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
