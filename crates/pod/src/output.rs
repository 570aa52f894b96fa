//! Reading what a pod's agent has produced, from a place on.

mod terminal;
mod words;

use std::path::Path;

use podfleet_pod_store::PodRecord;
use podfleet_pod_store::session_log::{LogError, LogErrorKind};
use podfleet_protocol::OutputCursor;
use podfleet_protocol::client::{ClientError, Introduction};
use podfleet_protocol::method::ReadOutputResult;

use crate::spec::PodSpec;

/// How much text is given at once unless something else is asked for, in bytes.
const LIMIT: usize = 64 << 10;
/// The most that can be asked for, in bytes.
const MOST: usize = 1 << 20;

/// What a pod's agent produced could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The pod does not run, and its terminal is gone with it.
    #[error("its pod does not run, and what its terminal showed is gone with it")]
    NotRunning,
    /// The cursor is none that was given for output.
    #[error("the cursor is none of a pod's output")]
    Cursor,
    /// The pod could not be asked, or refused.
    #[error(transparent)]
    Pod(#[from] ClientError),
    /// Its session log could not be read.
    #[error(transparent)]
    Log(LogError),
}

impl From<LogError> for OutputError {
    fn from(error: LogError) -> Self {
        match error.kind() {
            LogErrorKind::Shrunk => Self::Cursor,
            _ => Self::Log(error),
        }
    }
}

/// Reads what the agent of a pod has produced since a cursor; from the beginning of what is left
/// without one. `state` is the directory of stores and logs.
///
/// Of an agent that writes a transcript these are the last words of each turn, which the pod's
/// session log has: exact, and also when the pod does not run. Of any other it is what its terminal
/// shows.
///
/// # Errors
/// Fails when the log cannot be read, or the pod of an agent without a transcript does not run, does
/// not answer or refuses, or the cursor is none that was given for output.
pub async fn read_output(
    state: &Path,
    pod: &PodRecord,
    who: &Introduction,
    cursor: Option<&OutputCursor>,
    limit: Option<u32>,
) -> Result<ReadOutputResult, OutputError> {
    let limit = match limit {
        None | Some(0) => LIMIT,
        Some(limit) => usize::try_from(limit).unwrap_or(MOST).min(MOST),
    };
    let (said, shown) = (
        cursor.and_then(words::place),
        cursor.and_then(terminal::place),
    );
    if cursor.is_some() && said.is_none() && shown.is_none() {
        return Err(OutputError::Cursor);
    }
    if !writes_transcript(pod) {
        return terminal::read(pod, who, shown, limit).await;
    }
    let (state, id) = (state.to_owned(), pod.identity.id);
    let read = tokio::task::spawn_blocking(move || words::read(&state, id, said, limit));
    let read = read.await.map_err(|_| OutputError::NotRunning)?;
    Ok(read?)
}

/// Returns whether its agent's own words are known. Of a record that cannot be read nothing is.
fn writes_transcript(pod: &PodRecord) -> bool {
    let spec: Result<PodSpec, _> = pod.spec.read();
    let harness = spec.ok().and_then(|spec| spec.harness.load().ok());
    harness.is_some_and(|harness| harness.transcript().is_some())
}
