//! The bridge: it moves messages between the fleet's chat connector and its orchestrator.
//!
//! Both directions are at least once with deduplication. What a person says gets an id from the
//! carrier's own and goes into the orchestrator's inbox, which drops duplicates; only then it is
//! recorded how far was heard. What the orchestrator says waits in the store's outbox until the
//! connector has sent it under its id.
//!
//! It is one task: nothing is spawned, so that its end leaves nothing behind.

mod block;
mod commands;
mod cursor;
mod events;
mod glance;
mod inbound;
mod outbound;
mod pace;
mod place;
mod pruning;
mod saying;
mod status;
mod turns;
mod wake;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use podfleet_connectors::OrchestratorConnector;
use podfleet_pod::living::Holder;
use podfleet_pod_store::PodRecord;
use tokio::sync::Notify;

use crate::comms;
use crate::error::{FROM_NOW, FleetError, FleetErrorKind};
use crate::fleet::Fleet;
pub use glance::BridgeGlance;
use pace::Pace;
pub(crate) use place::BridgePlace;
pub use pruning::ChatPruned;
pub use saying::{SayReport, SayRequest};
use status::StatusFile;
pub use status::{BridgePhase, BridgeStatus};
use wake::Wake;

/// How many lines the bridge adds to the chat by itself in [`Pace::WINDOW`].
const EVENTS: usize = 6;

/// How long the first try to listen may take until the bridge counts as ready all the same.
const FIRST_TRY: Duration = Duration::from_secs(5);

/// One run of the bridge.
pub(crate) struct Bridge<'a> {
    fleet: &'a Fleet,
    connector: Arc<dyn OrchestratorConnector>,
    status: StatusFile,
    wake: Wake,
    /// Told when there may be a turn to follow.
    turns: Notify,
    /// Told once the first try to listen has come to something.
    tried: Notify,
    pace: Pace,
}

impl Bridge<'_> {
    /// Runs until `shutdown`, or until something fails that no further try would mend.
    async fn run(
        &self,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), FleetError> {
        let shutdown = async {
            // A carrier that does not answer is no reason not to be there.
            let _ = tokio::time::timeout(FIRST_TRY, self.tried.notified()).await;
            ready();
            shutdown.await;
        };
        tokio::select! {
            error = self.listen() => Err(error),
            error = self.speak() => Err(error),
            never = self.follow_turns() => match never {},
            never = self.watch() => match never {},
            never = self.prune() => match never {},
            () = shutdown => Ok(()),
        }
    }

    /// Returns the orchestrator's record, made where there was none.
    async fn orchestrator(&self) -> Result<PodRecord, FleetError> {
        self.fleet.orchestrator().await
    }
}

impl Fleet {
    /// Runs the bridge of this fleet in this process until `shutdown`. `ready` is called once it
    /// holds its place and has tried to listen; whether the carrier can be reached is told by its
    /// [status](Self::bridge_status).
    ///
    /// # Errors
    /// Fails when another one runs, when the connector cannot be made, and with the connector's own
    /// error when no further try would mend that.
    pub async fn run_bridge(
        &self,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), FleetError> {
        self.dirs().open_runtime()?;
        let connector = self.connector()?;
        let place = self.bridge_place();
        let lock = place.lock()?;
        let (tenant, fleet) = (self.key().tenant.clone(), self.key().fleet.clone());
        // It holds the lock, whether or not that can be told to people.
        let _ = Holder::bridge(tenant, fleet).sign(&lock);
        let wake = Wake::bind(place.wake())
            .map_err(|error| FleetError::io("listen at", place.wake(), error))?;
        let status = StatusFile::begin(
            place.status(),
            self.build(),
            &*connector,
            self.chat_settings(),
        );
        let bridge = Bridge {
            fleet: self,
            connector,
            status,
            wake,
            turns: Notify::new(),
            tried: Notify::new(),
            pace: Pace::new(EVENTS),
        };
        let ended = bridge.run(ready, shutdown).await;
        match &ended {
            Ok(()) => bridge.status.end(),
            // Nothing else tells the way out where the status is all that people see.
            Err(error) if error.is_of_cursor() => {
                let line = error.in_one_line();
                bridge.status.fail(format!("{line}; {FROM_NOW}"));
            }
            Err(error) => bridge.status.fail(error.in_one_line()),
        }
        ended
    }

    /// Returns the record of the fleet's orchestrator, made where there was none.
    ///
    /// # Errors
    /// Fails when there is no orchestrator, it is on another host, or the store fails.
    pub(crate) async fn orchestrator(&self) -> Result<PodRecord, FleetError> {
        let listed = self.roster().and_then(comms::orchestrator);
        if let Some(agent) = listed {
            return self.receiver(agent.name.as_str()).await;
        }
        let records = self.records().await?;
        let is_lead = |pod: &PodRecord| pod.member && pod.class == PodRecord::ORCHESTRATOR;
        records
            .into_iter()
            .find(is_lead)
            .ok_or_else(|| FleetError::new(FleetErrorKind::NoOrchestrator))
    }
}
