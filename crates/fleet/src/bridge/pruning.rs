//! What retention removes of a chat: what was settled, and files that came with messages.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use podfleet_connectors::{OrchestratorConnector, Pruning};
use podfleet_pod::{clock, pruning};
use podfleet_pod_store::{Pruned, Retention};
use podfleet_protocol::UnixMillis;
use serde::Serialize;

use super::Bridge;
use crate::error::FleetError;
use crate::fleet::Fleet;

/// How long a bridge waits until it prunes the next time.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What retention removed of a chat, or would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChatPruned {
    /// How many records of what was said and asked, all of it settled.
    pub records: u64,
    /// The files that came with messages.
    pub files: Pruned,
    /// How many messages of the history that the connector keeps on this host.
    pub history: u64,
}

impl Fleet {
    /// Removes what is older than `retention` allows of the records of the chat, of the files that
    /// came with messages, and of the history that the connector keeps on this host. What waits to
    /// be sent stays, and so do a turn that somebody waits for and what nobody has read yet.
    ///
    /// # Errors
    /// Fails when the store, the directory or the connector fails; what was removed before stays
    /// removed.
    pub async fn prune_chat(
        &self,
        retention: &Retention,
        dry_run: bool,
    ) -> Result<ChatPruned, FleetError> {
        // One that cannot be made, without its secret for example, keeps its messages elsewhere.
        let connector = self.connector().ok();
        self.prune_chat_of(connector.as_deref(), retention, dry_run)
            .await
    }

    async fn prune_chat_of(
        &self,
        connector: Option<&dyn OrchestratorConnector>,
        retention: &Retention,
        dry_run: bool,
    ) -> Result<ChatPruned, FleetError> {
        let before = UnixMillis(clock::wall().0.saturating_sub(retention.max_age_ms));
        let records = match dry_run {
            true => self.store().preview_prune_chat(self.key(), before).await?,
            false => self.store().prune_chat(self.key(), before).await?,
        };
        let place = self.bridge_place();
        let directory = place.received_files();
        let files = prune_files(&directory, before, dry_run);
        let files = files.map_err(|error| FleetError::io("prune", &directory, error))?;
        let history = match connector {
            Some(connector) => self.prune_history(connector, before, dry_run).await?,
            None => 0,
        };
        Ok(ChatPruned {
            records,
            files,
            history,
        })
    }

    async fn prune_history(
        &self,
        connector: &dyn OrchestratorConnector,
        before: UnixMillis,
        dry_run: bool,
    ) -> Result<u64, FleetError> {
        let heard = self.heard_up_to(&connector.cursor_of()).await?;
        let pruning = Pruning {
            before: moment(before),
            heard,
            dry_run,
        };
        let pruned = connector.prune(&pruning).await;
        pruned.map_err(|error| FleetError::connector(connector, error))
    }
}

fn moment(at: UnixMillis) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(at.0).unwrap_or_default());
    SystemTime::UNIX_EPOCH + since
}

impl Bridge<'_> {
    /// Prunes once a day, the first time as long after the start as pods do.
    pub(super) async fn prune(&self) -> Infallible {
        let mut after = pruning::AFTER_START;
        loop {
            tokio::time::sleep(after).await;
            let retention = Retention::default();
            let pruning = self
                .fleet
                .prune_chat_of(Some(&*self.connector), &retention, false);
            match pruning.await {
                Ok(pruned) => {
                    let ChatPruned {
                        records, history, ..
                    } = pruned;
                    let files = pruned.files.removed;
                    tracing::info!(
                        records,
                        files,
                        history,
                        "pruned what retention does not keep"
                    );
                }
                Err(error) => {
                    let error = error.in_one_line();
                    tracing::warn!(error, "cannot prune what retention does not keep");
                }
            }
            after = EVERY;
        }
    }
}

fn prune_files(directory: &Path, before: UnixMillis, dry_run: bool) -> io::Result<Pruned> {
    let mut pruned = Pruned::default();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pruned),
        Err(error) => return Err(error),
    };
    let before = moment(before);
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.modified()? >= before {
            pruned.kept += 1;
            pruned.kept_bytes += metadata.len();
            continue;
        }
        if !dry_run {
            fs::remove_file(entry.path())?;
        }
        pruned.removed += 1;
        pruned.bytes += metadata.len();
    }
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_came_long_ago_are_removed_and_a_look_removes_none() {
        let directory = tempfile::tempdir().unwrap();
        for (name, day) in [("old", 1), ("new", 3)] {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            let day = Duration::from_secs(day * 24 * 60 * 60);
            file.set_modified(SystemTime::UNIX_EPOCH + day).unwrap();
        }
        let before = UnixMillis(2 * 24 * 60 * 60 * 1000);
        for dry_run in [true, false] {
            let pruned = prune_files(directory.path(), before, dry_run).unwrap();
            assert_eq!((pruned.removed, pruned.kept), (1, 1));
            assert_eq!(directory.path().join("old").exists(), dry_run);
        }
        assert!(directory.path().join("new").exists());
        let none = prune_files(&directory.path().join("none"), before, false).unwrap();
        assert_eq!(none, Pruned::default());
    }
}
