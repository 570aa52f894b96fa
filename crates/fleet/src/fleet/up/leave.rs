//! Leaving an agent as it is.

use std::time::Duration;

use podfleet_pod_store::PodRecord;

use super::Run;
use crate::fleet::{Fleet, account};
use crate::readiness::Readiness;
use crate::report::{AgentResult, Failure, Progress};
use crate::sighting::Sighting;
use crate::supervisor::wait_until;

/// How long a pod whose socket was removed may take to make it anew: it looks at each heartbeat.
const REAPPEARS: Duration = Duration::from_secs(20);

impl Fleet {
    /// Leaves an agent as it is; one that does not run yet is waited for as if it had been started
    /// now.
    pub(super) async fn leave(&self, run: &Run<'_>, sighting: Option<&Sighting>) -> AgentResult {
        let Some(sighting) = sighting else {
            return AgentResult::Unchanged;
        };
        let pod = sighting.record();
        self.want_view(run, pod);
        self.mend_keeping(run, pod).await;
        let readiness = sighting.judge(&run.survey.now, Duration::MAX).readiness;
        let begins = matches!(
            readiness,
            Readiness::Unknown | Readiness::Starting | Readiness::Dead
        );
        if !begins || run.own == Some(pod.identity.id) {
            return AgentResult::Unchanged;
        }
        // A pod whose socket was removed makes it anew.
        if !wait_until(REAPPEARS, || Sighting::is_listening(pod)).await {
            let name = &pod.identity.name;
            return AgentResult::Failed(Failure::new(format!(
                "its pod lives, and cannot be reached: its socket is gone; `fleet restart {name}` \
                 starts it anew"
            )));
        }
        match self.settle(pod, run.options.timeout).await {
            AgentResult::Ready => AgentResult::Unchanged,
            result => result,
        }
    }

    /// Sees to it that what keeps a pod is there; it may have been removed under it.
    async fn mend_keeping(&self, run: &Run<'_>, pod: &PodRecord) {
        let text = match self.supervisor.mend(pod).await {
            Ok(false) => return,
            Ok(true) => "the files of its unit were gone, and are written again".to_owned(),
            Err(error) => format!("nothing keeps its pod: {}", account(&error)),
        };
        // Nobody has to listen.
        let _ = run.events.send(Progress::Note {
            agent: Some(pod.identity.name.to_string()),
            text,
        });
    }
}
