//! Spawns that were cut off: whoever spawned died before the pod had its task, or before it could
//! say so.

use podfleet_pod::clock;
use podfleet_pod_store::{Fence, Page, PodRecord, Writer};
use podfleet_protocol::{Outcome, PodId};

use super::{Events, Fleet, task_id};
use crate::error::{FleetError, FleetErrorKind};
use crate::fleet::account;
use crate::lock::{self, Claim};
use crate::report::Progress;

/// What became of a spawn that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// Its task was submitted, so it counts.
    Completed,
    /// It had no task, so nothing of it is left.
    Undone,
}

impl Fleet {
    /// Takes the right to decide about a pod that is being spawned; nothing if somebody has it.
    pub(super) fn claim_spawn(&self, id: PodId) -> Result<Option<Claim>, FleetError> {
        let path = lock::spawn_lock_path(&self.dirs.state, id);
        Claim::take(&path).map_err(|error| FleetError::io("lock", &path, error))
    }

    /// Settles all cut off spawns of the fleet, and says what became of each.
    pub(crate) async fn settle_spawns(&self, events: &Events) -> Result<(), FleetError> {
        for summary in self.summaries().await? {
            let child = &summary.record;
            let text = match self.settle_cut_off(Writer::Operator, child).await {
                Ok(None) => continue,
                Ok(Some(Settled::Completed)) => {
                    "its spawning was cut off after it had its task, so it stays".to_owned()
                }
                Ok(Some(Settled::Undone)) => {
                    "its spawning was cut off before it had its task, so it is undone".to_owned()
                }
                Err(error) => format!("its cut off spawning is left: {}", account(&error)),
            };
            // Nobody has to listen.
            let _ = events.send(Progress::Note {
                agent: Some(child.identity.name.to_string()),
                text,
            });
        }
        Ok(())
    }

    /// Settles the cut off spawns of one pod, in its name.
    pub(crate) async fn settle_children(&self, parent: Fence) -> Result<(), FleetError> {
        let children = self.store.children(parent.pod, Page::all()).await?;
        for child in children.items {
            if let Some(record) = self.store.pod(child.child.id).await? {
                self.settle_cut_off(Writer::Pod(parent), &record).await?;
            }
        }
        Ok(())
    }

    /// Settles the spawn of a pod if it was cut off: if it is unconfirmed and nobody is at work on
    /// it.
    pub(super) async fn settle_cut_off(
        &self,
        writer: Writer,
        child: &PodRecord,
    ) -> Result<Option<Settled>, FleetError> {
        if !is_unconfirmed(child) {
            return Ok(None);
        }
        let id = child.identity.id;
        let Some(_claim) = self.claim_spawn(id)? else {
            return Ok(None);
        };
        // Whoever had it may have come to an end meanwhile.
        match self.store.pod(id).await? {
            Some(child) => self.settle_spawn(writer, &child).await,
            None => Ok(None),
        }
    }

    /// Settles a spawn whose claim the caller holds; nothing if it is confirmed, or there is none.
    pub(super) async fn settle_spawn(
        &self,
        writer: Writer,
        child: &PodRecord,
    ) -> Result<Option<Settled>, FleetError> {
        if !is_unconfirmed(child) {
            return Ok(None);
        }
        let id = child.identity.id;
        let task = self.store.message(id, task_id(id)).await?;
        if task.is_some_and(|task| task.receipt.outcome.reaches(Outcome::Submitted)) {
            self.store.confirm_child(writer, id, clock::wall()).await?;
            return Ok(Some(Settled::Completed));
        }
        let undone = self.undo(writer, child).await;
        undone.map_err(|rule| {
            let pod = child.identity.name.to_string();
            FleetError::new(FleetErrorKind::NotAllowed { pod, rule })
        })?;
        Ok(Some(Settled::Undone))
    }
}

fn is_unconfirmed(pod: &PodRecord) -> bool {
    let spawned = pod.spawned.as_ref();
    spawned.is_some_and(|spawned| !spawned.confirmed)
}
