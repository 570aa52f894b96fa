//! What an agent said at the ends of its turns, out of the session logs of its pod: exact and once
//! each, and there also when the pod does not run.

use std::path::Path;

use podfleet_pod_store::session_log::{
    Entry, LogError, LogPosition, SessionFiles, SessionReader, logged_sessions,
};
use podfleet_protocol::method::ReadOutputResult;
use podfleet_protocol::{LogCursor, OutputCursor, PodId, SessionId};

/// What a cursor of words begins with; one of a terminal begins otherwise.
const MARK: &str = "w.";

/// Returns the place that a cursor names; nothing if it is none of words.
pub(super) fn place(cursor: &OutputCursor) -> Option<LogCursor> {
    cursor.as_str().strip_prefix(MARK)?.parse().ok()
}

fn cursor(at: LogCursor) -> OutputCursor {
    // A place is a short text without blanks.
    let text = format!("{MARK}{at}");
    text.parse().unwrap_or_else(|_| OutputCursor::start())
}

/// Reads the words that a pod's logs have from a place on, about `limit` bytes of them.
pub(super) fn read(
    state: &Path,
    pod: PodId,
    from: Option<LogCursor>,
    limit: usize,
) -> Result<ReadOutputResult, LogError> {
    let mut said = ReadOutputResult {
        text: String::new(),
        cursor: from.map_or_else(OutputCursor::start, cursor),
        approximate: false,
        more: false,
    };
    let sessions = logged_sessions(state, pod)?.into_iter();
    // A session that was pruned meanwhile was read, or can be read no more.
    for session in sessions.filter(|session| from.is_none_or(|from| *session >= from.session)) {
        let files = SessionFiles::new(state, pod, session);
        let reader = match from.filter(|from| from.session == session) {
            Some(LogCursor {
                segment, offset, ..
            }) => SessionReader::from_position(files, LogPosition { segment, offset })?,
            None => SessionReader::open(files)?,
        };
        if !read_session(reader, session, limit, &mut said)? {
            break;
        }
    }
    Ok(said)
}

/// Reads a session on. Returns whether the next one may follow.
fn read_session(
    reader: SessionReader,
    session: SessionId,
    limit: usize,
    said: &mut ReadOutputResult,
) -> Result<bool, LogError> {
    let mut reader = reader.skip_corrupt(true);
    let at = |position: LogPosition| {
        cursor(LogCursor {
            session,
            segment: position.segment,
            offset: position.offset,
        })
    };
    while let Some(located) = reader.next().transpose()? {
        let Entry::AgentOutput { text, exact, .. } = located.record.entry else {
            continue;
        };
        // One turn's words are always given, or a limit that is too small would give nothing.
        if !said.text.is_empty() && said.text.len() + text.len() >= limit {
            said.cursor = at(located.position);
            said.more = true;
            return Ok(false);
        }
        said.approximate |= !exact;
        said.text.push_str(text.trim_end());
        said.text.push('\n');
    }
    said.cursor = at(reader.position());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use podfleet_pod_store::session_log::{LogOptions, LogWriter};
    use podfleet_protocol::{FleetName, Generation, Identity, PodName, Run, TenantId, UnixMillis};

    use super::*;

    struct Pod {
        state: tempfile::TempDir,
        identity: Identity,
    }

    impl Pod {
        fn new() -> Self {
            Self {
                state: tempfile::tempdir().unwrap(),
                identity: Identity {
                    id: PodId::generate(),
                    name: PodName::new("helper").unwrap(),
                    fleet: FleetName::default(),
                    tenant_id: TenantId::new("ada").unwrap(),
                    host: "fern".into(),
                },
            }
        }

        /// Begins a session, as each start of a pod does.
        fn begin(&self) -> LogWriter {
            let session = SessionId::generate();
            let files = SessionFiles::new(self.state.path(), self.identity.id, session);
            let options = LogOptions {
                // A few records.
                segment_bytes: 400,
                ..LogOptions::new(self.identity.clone(), Generation(1))
            };
            LogWriter::open(files, options, UnixMillis(0)).unwrap()
        }

        fn read(&self, after: Option<&ReadOutputResult>, limit: usize) -> ReadOutputResult {
            let from = after.and_then(|before| place(&before.cursor));
            read(self.state.path(), self.identity.id, from, limit).unwrap()
        }
    }

    fn says(log: &mut LogWriter, text: &str, exact: bool) {
        let (run, text) = (Run(1), text.to_owned());
        let entry = Entry::AgentOutput { run, text, exact };
        log.append(UnixMillis(0), entry).unwrap();
        log.commit().unwrap();
    }

    #[test]
    fn what_was_said_is_read_exactly_and_once_over_segments_and_sessions() {
        let pod = Pod::new();
        let nothing = pod.read(None, 1000);
        assert_eq!((nothing.text.as_str(), nothing.more), ("", false));
        let mut log = pod.begin();
        for number in 0..8 {
            says(&mut log, &format!("line {number}\nof it\n\n"), true);
        }
        let all = pod.read(Some(&nothing), 1000);
        let expected: String = (0..8).map(|n| format!("line {n}\nof it\n")).collect();
        assert_eq!((all.text, all.approximate), (expected.clone(), false));
        let mut pieces = vec![pod.read(None, 30)];
        while let Some(last) = pieces.last().filter(|last| last.more) {
            pieces.push(pod.read(Some(last), 30));
        }
        assert_eq!(pieces.len(), 4);
        let read: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(read, expected);
        // Stopped and started again.
        drop(log);
        let end = pod.read(pieces.last(), 30);
        assert_eq!(end.text, "");
        says(&mut pod.begin(), "again", true);
        assert_eq!(pod.read(Some(&end), 30).text, "again\n");
    }

    #[test]
    fn words_off_the_screen_are_told_to_be_approximate() {
        let pod = Pod::new();
        let mut log = pod.begin();
        says(&mut log, "own", true);
        says(&mut log, "shown", false);
        let first = pod.read(None, 1);
        assert!(!first.approximate && first.more);
        assert!(pod.read(Some(&first), 100).approximate);
    }
}
