//! What retention removes of a pod: its delivered messages, the logs of its former sessions, and texts that
//! its agent was given as files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::session_log::{self, LogError};
use podfleet_pod_store::{PodStore, Pruned, Retention, StoreError};
use podfleet_protocol::{PodId, PodStatus, SessionId, UnixMillis};

use crate::clock;
use crate::shared::Shared;

/// When a pod prunes itself for the first time after its start, unless it is told otherwise.
pub const AFTER_START: Duration = Duration::from_secs(600);
/// How long it waits until the next time.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes a pod's delivered messages that are older or larger than `retention` allows, a batch at
/// a time, so that others get their turn in between.
///
/// # Errors
/// Fails when the store cannot be written; what was removed before stays removed.
pub async fn prune_messages(
    store: &dyn PodStore,
    pod: PodId,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, StoreError> {
    let mut pruned = store.prune_messages(pod, retention, now).await?;
    while pruned.more {
        pruned = pruned.and(store.prune_messages(pod, retention, now).await?);
    }
    Ok(pruned)
}

/// Removes the logs of a pod's sessions that are older or larger than `retention` allows, but for
/// the session `present`; and texts that its agent was given as files, but for those of the last hour.
/// Blocks.
///
/// # Errors
/// Fails when a file cannot be removed; what was removed before stays removed.
pub fn prune_logs(
    state: &Path,
    pod: PodId,
    present: Option<SessionId>,
    retention: &Retention,
    now: UnixMillis,
) -> Result<Pruned, LogError> {
    let prune = || session_log::prune(state, pod, present, retention, now);
    let mut pruned = prune()?;
    while pruned.more {
        pruned = pruned.and(prune()?);
    }
    Ok(pruned)
}

/// Prunes a pod's own at quiet times, for as long as it runs.
pub(crate) async fn at_quiet_times(shared: Arc<Shared>, mut after: Duration) {
    loop {
        tokio::time::sleep(after).await;
        if shared.status.subscribe().wait_for(is_quiet).await.is_err() {
            return;
        }
        match prune_own(&shared).await {
            Ok((messages, files)) => {
                let (messages, files) = (messages.removed, files.removed);
                tracing::info!(messages, files, "pruned what retention does not keep");
            }
            Err(error) => tracing::warn!(%error, "cannot prune what retention does not keep"),
        }
        after = EVERY;
    }
}

fn is_quiet(status: &PodStatus) -> bool {
    status.inbox == 0 && !status.screen.state.starts_with("busy")
}

async fn prune_own(
    shared: &Shared,
) -> Result<(Pruned, Pruned), Box<dyn std::error::Error + Send + Sync>> {
    let (pod, now) = (shared.identity.id, clock::wall());
    let retention = Retention::default();
    let messages = prune_messages(&*shared.store, pod, &retention, now).await?;
    let (state, session) = (shared.state_dir.clone(), shared.session);
    let pruning = move || {
        let files = prune_logs(&state, pod, Some(session), &retention, now)?;
        session_log::logged_sessions(&state, pod).map(|logged| (files, logged))
    };
    let (files, logged) = tokio::task::spawn_blocking(pruning).await??;
    shared.store.prune_sessions(pod, &logged).await?;
    Ok((messages, files))
}
