//! What an agent leaves behind that nobody needs once it is removed from its fleet.

use std::io;
use std::path::PathBuf;

use super::Fleet;
use crate::error::FleetError;
use crate::lock;

impl Fleet {
    /// Removes the files of an agent that does not run: its environment file
    /// (`agents/<name>.env`), its pod's own log, socket, heartbeat and credential. Returns what was there.
    ///
    /// Its record, its messages and its session logs stay: they are the account of what it was
    /// told, and go by retention.
    ///
    /// # Errors
    /// Fails when the store cannot be read or a file cannot be removed. A pod that still runs
    /// keeps its files.
    pub async fn clean(&self, agent: &str) -> Result<Vec<PathBuf>, FleetError> {
        // Only what is a name may become part of a path.
        let record = self.record(agent).await?;
        let mut files = vec![self.env_file(agent)];
        if let Some(record) = record {
            let id = record.identity.id;
            let state = self.dirs.state_paths();
            if lock::is_held(&state.lock(id)) {
                return Ok(Vec::new());
            }
            files.push(state.log(id));
            let runtime = self.dirs.open_runtime()?.pod(id);
            files.extend([runtime.socket, runtime.heartbeat, runtime.credential]);
        }
        let mut removed = Vec::new();
        for file in files {
            match std::fs::remove_file(&file) {
                Ok(()) => removed.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FleetError::io("remove", &file, error)),
            }
        }
        Ok(removed)
    }

    fn env_file(&self, agent: &str) -> PathBuf {
        let name = format!("{agent}.env");
        self.dirs.config.join("agents").join(name)
    }
}
