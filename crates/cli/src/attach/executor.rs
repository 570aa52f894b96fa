//! Carrying the commands of an attached terminal out, on the fleet that its pod is of.

use futures_util::future::BoxFuture;
use podfleet::{Fleet, FleetError, PeerChange};
use podfleet_protocol::PodRow;

use super::command::Command;
use super::console::{Answer, Executor};
use crate::commands::peer::told;
use crate::error::Error;

/// Carries commands out for the terminal of one pod.
pub(crate) struct FleetExecutor<'a> {
    fleet: &'a Fleet,
    pod: String,
}

impl<'a> FleetExecutor<'a> {
    pub(crate) fn new(fleet: &'a Fleet, pod: impl Into<String>) -> Self {
        Self {
            fleet,
            pod: pod.into(),
        }
    }
}

impl Executor for FleetExecutor<'_> {
    fn pod(&self) -> &str {
        &self.pod
    }

    fn names(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            // Completion is a help; without names everything can still be typed.
            let rows = self.fleet.pods().await.unwrap_or_default();
            let fleet = &self.fleet.key().fleet;
            let of_fleet = rows.into_iter().filter(|row| {
                let identity = row.identity.as_ref();
                identity.is_some_and(|identity| identity.fleet == *fleet)
            });
            let others = of_fleet.filter(|row| row.name != self.pod);
            others.map(|row| row.name).collect()
        })
    }

    fn execute(&self, command: Command) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            match command {
                Command::Peer(name) => {
                    changed(self.fleet.peer_add(&self.pod, name.as_str(), false).await)
                }
                Command::Unpeer(name) => changed(
                    self.fleet
                        .peer_remove(&self.pod, name.as_str(), false)
                        .await,
                ),
                Command::Pods => listed(self.fleet.pods_of(&self.pod).await),
                // These need no fleet.
                Command::Help(_) | Command::Detach => Answer::Lines(Vec::new()),
            }
        })
    }
}

fn changed(change: Result<PeerChange, FleetError>) -> Answer {
    match change {
        Ok(change) => Answer::Lines(vec![told(&change)]),
        Err(error) => failed(error),
    }
}

fn listed(rows: Result<Vec<PodRow>, FleetError>) -> Answer {
    rows.map_or_else(failed, Answer::Pods)
}

fn failed(error: FleetError) -> Answer {
    let error = Error::from(error).in_one_line();
    Answer::Lines(vec![format!("error: {error}")])
}
