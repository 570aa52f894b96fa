//! Looking for what the session logs beside a store lack.

use std::path::Path;

use podfleet_protocol::{PodId, SessionId};
use rusqlite::{Connection, Row};

use crate::error::Fault;
use crate::session_log::{self, SessionFiles, logged_sessions};

/// Returns what is wrong with the logs of all pods: session, name of the pod, problem.
///
/// A pod's present session must have a log, unless there are no logs at all: those do not move with
/// a store. What was pruned of earlier ones is not missed.
pub(super) fn problems(
    connection: &Connection,
    state: &Path,
) -> Result<Vec<(String, String, String)>, Fault> {
    let mut found = Vec::new();
    if !state.join("sessions").is_dir() {
        return Ok(found);
    }
    let mut statement =
        connection.prepare("SELECT id, name, session FROM pod ORDER BY tenant, fleet, folded")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // What is damaged in the record itself is told elsewhere.
        let (Some(pod), Some(name)) = (text(row, 0), text(row, 1)) else {
            continue;
        };
        let Ok(id) = pod.parse::<PodId>() else {
            continue;
        };
        let present = text(row, 2).and_then(|session| session.parse::<SessionId>().ok());
        let mut sessions = match logged_sessions(state, id) {
            Ok(sessions) => sessions,
            Err(error) => {
                found.push((String::new(), name, error.to_string()));
                continue;
            }
        };
        sessions.extend(present.filter(|present| !sessions.contains(present)));
        for session in sessions {
            let problems =
                session_log::problems(&SessionFiles::new(state, id, session)).into_iter();
            found.extend(problems.map(|problem| (session.to_string(), name.clone(), problem)));
        }
    }
    Ok(found)
}

fn text(row: &Row<'_>, column: usize) -> Option<String> {
    row.get(column).ok().flatten()
}
