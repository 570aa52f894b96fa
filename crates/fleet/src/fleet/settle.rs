//! Waiting until a started agent's terminal is ready, or it is clear why it will not be.

use std::time::Duration;

pub(crate) use podfleet_pod::account;
use podfleet_pod::inspect::spec_of;
use podfleet_pod::split_places;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::client::{ClientError, PodClient};
use podfleet_protocol::method::{GetScreen, Nothing, Status, StatusParams, StatusUntil};
use podfleet_protocol::{AgentPhase, PodStatus, RunEnd};

use super::Fleet;
use super::stop::is_forbidden;
use crate::error::FleetError;
use crate::report::{AgentResult, Failure, MissingProgram};

/// How many lines of a screen or log a failure shows.
pub(super) const SHOWN_LINES: usize = 12;
/// More than this of a log's end is not read, in bytes.
const LOG_TAIL: u64 = 16 << 10;

impl Fleet {
    /// Waits for an agent whose pod answers.
    pub(super) async fn settle(&self, pod: &PodRecord, timeout: Duration) -> AgentResult {
        match self.settled_status(pod, timeout).await {
            Ok((status, screen)) => match judge(&status, screen, timeout) {
                AgentResult::Failed(failure) => AgentResult::Failed(missing_program(pod, failure)),
                result => result,
            },
            Err(error) => {
                let message = format!("its pod does not answer: {}", account(&error));
                AgentResult::Failed(self.with_log(pod, Failure::new(message)).await)
            }
        }
    }

    async fn settled_status(
        &self,
        pod: &PodRecord,
        timeout: Duration,
    ) -> Result<(PodStatus, Vec<String>), FleetError> {
        let agent = pod.identity.name.as_str();
        let mut client = self.connect(pod).await?;
        let asked = StatusParams {
            until: Some(StatusUntil::Settled),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        };
        let wrong = |error: ClientError| FleetError::pod(agent, error);
        let status = client.call::<Status>(asked).await.map_err(wrong)?;
        // A peer may start a pod again, and not look at what it shows.
        let screen = match client.call::<GetScreen>(Nothing {}).await {
            Ok(screen) => screen.rows,
            Err(error) if is_forbidden(&error) => Vec::new(),
            Err(error) => return Err(wrong(error)),
        };
        Ok((status, last_lines(screen)))
    }

    /// Connects to a pod as what we are.
    pub(super) async fn connect(&self, pod: &PodRecord) -> Result<PodClient, FleetError> {
        let agent = pod.identity.name.as_str();
        let Some(endpoint) = &pod.endpoint else {
            let agent = agent.to_owned();
            let kind = crate::error::FleetErrorKind::NotRunning { agent };
            return Err(FleetError::new(kind));
        };
        PodClient::connect(&endpoint.socket, &self.introduction())
            .await
            .map_err(|error| FleetError::pod(agent, error))
    }

    /// Returns how long the pod's own log is.
    pub(super) async fn log_length(&self, pod: &PodRecord) -> u64 {
        let path = self.dirs.state_paths().log(pod.identity.id);
        let found = tokio::fs::metadata(&path).await;
        found.map_or(0, |found| found.len())
    }

    /// Adds the end of the pod's own log.
    pub(super) async fn with_log(&self, pod: &PodRecord, failure: Failure) -> Failure {
        self.with_log_since(pod, failure, 0).await
    }

    /// Adds the end of the pod's own log, but for what was there when it had this length.
    pub(super) async fn with_log_since(
        &self,
        pod: &PodRecord,
        failure: Failure,
        since: u64,
    ) -> Failure {
        let path = self.dirs.state_paths().log(pod.identity.id);
        let log = tail(&path, since).await.unwrap_or_default();
        Failure {
            log: last_lines(log.lines().map(str::to_owned).collect()),
            log_path: Some(path),
            ..failure
        }
    }
}

fn judge(status: &PodStatus, screen: Vec<String>, timeout: Duration) -> AgentResult {
    let failed = |message: String| {
        AgentResult::Failed(Failure {
            message,
            screen,
            ..Failure::default()
        })
    };
    match &status.agent {
        AgentPhase::Running { .. } => {}
        AgentPhase::BackingOff {
            last: RunEnd::NotStarted(why),
            ..
        } => return failed(format!("its agent was not started: {why}")),
        AgentPhase::BackingOff { last, .. } | AgentPhase::Ended { last } => {
            return failed(format!("its agent has ended: {last}"));
        }
        AgentPhase::Quarantined { account } => return failed(format!("quarantined ({account})")),
        AgentPhase::Idle => {
            return failed(format!(
                "its agent was not started within {} s",
                timeout.as_secs()
            ));
        }
    }
    let word = status.screen.state.as_str();
    match word {
        _ if word.starts_with("blocked") => AgentResult::Blocked {
            reason: blocked_by(word),
        },
        "starting" => failed(format!(
            "its pod answers, but its terminal is not ready after {} s",
            timeout.as_secs()
        )),
        _ => AgentResult::Ready,
    }
}

/// Says of a program that is not there how it is had, and leaves where it was looked for to who
/// asks for it.
fn missing_program(pod: &PodRecord, mut failure: Failure) -> Failure {
    let (message, Some(places)) = split_places(&failure.message) else {
        return failure;
    };
    let looked_in = places.to_owned();
    failure.message = message.to_owned();
    let spec = spec_of(pod);
    let launch = spec.as_ref().and_then(|spec| {
        let launch = spec.harness.load().ok()?.launch().clone();
        // A command of the user's own is another program.
        (launch.argv.first() == spec.argv.first()).then_some(launch)
    });
    let install = launch.and_then(|launch| launch.install);
    failure.missing = Some(Box::new(MissingProgram { looked_in, install }));
    failure
}

/// Returns what stands in the brackets of a blocked screen's word.
pub(super) fn blocked_by(word: &str) -> String {
    word.trim_start_matches("blocked")
        .trim_matches(['(', ')', '{', '}'])
        .to_owned()
}

/// Returns the last lines that are not blank at the end.
pub(super) fn last_lines(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let first = lines.len().saturating_sub(SHOWN_LINES);
    let mut shown = lines.split_off(first);
    let blank = shown
        .iter()
        .take_while(|line| line.trim().is_empty())
        .count();
    shown.drain(..blank);
    shown
}

async fn tail(path: &std::path::Path, since: u64) -> std::io::Result<String> {
    use std::io::SeekFrom;
    use tokio::io::{AsyncReadExt, AsyncSeekExt};
    let mut file = tokio::fs::File::open(path).await?;
    let length = file.metadata().await?.len();
    let from = length.saturating_sub(LOG_TAIL).max(since);
    file.seek(SeekFrom::Start(from)).await?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
