//! Spawned pods that are brought up because they are named: as they are recorded.

use podfleet_pod::probe::lacks_directory;
use podfleet_pod_store::PodRecord;

use super::super::Fleet;
use super::super::survey::Survey;
use crate::error::FleetError;
use crate::plan::Plan;
use crate::report::Failure;

impl Fleet {
    /// Checks that the spawned pods which a plan would start are ours to start and to end.
    pub(super) async fn check_spawned_are_ours(
        &self,
        survey: &Survey<'_>,
        plan: &Plan,
    ) -> Result<(), FleetError> {
        for step in plan.steps.iter().filter(|step| step.action.changes()) {
            if let Some(pod) = survey.spawned(&step.agent) {
                self.check_may_end(pod).await?;
            }
        }
        Ok(())
    }
}

/// Fails for a spawned pod whose place is gone: an agent in an empty directory would be another one.
pub(super) fn check_place(pod: &PodRecord) -> Result<(), Failure> {
    let spawned = pod.spawned.is_some();
    match lacks_directory(pod).filter(|_| spawned) {
        Some(why) => Err(Failure::new(format!("{why}; make it again"))),
        None => Ok(()),
    }
}
