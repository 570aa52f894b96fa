//! Old sessions, and what the store's outbox becomes in a log.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, UNIX_EPOCH};

use podfleet_pod_store::session_log::{
    Entry, LogOptions, LogWriter, Recovery, RelationEvent, SessionFiles, logged_sessions,
    preview_prune, prune,
};
use podfleet_pod_store::{OutboxEvent, OutboxPlace, PodLabel, RelationChange, Retention};
use podfleet_protocol::{FleetName, PodId, PodName, SessionId, UnixMillis};

use super::samples::{Session, note};

const DAY: i64 = 24 * 60 * 60 * 1000;
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// Writes a session of `pod` that was last written so many days ago, and returns its id.
fn session(sample: &Session, state: &std::path::Path, pod: PodId, days: i64) -> SessionId {
    let files = SessionFiles::new(state, pod, SessionId::generate());
    let options = LogOptions {
        segment_bytes: 600,
        ..sample.options()
    };
    let mut writer = LogWriter::open(files.clone(), options, NOW).unwrap();
    for _ in 0..20 {
        writer
            .append(NOW, note("something that takes some room in a log"))
            .unwrap();
    }
    drop(writer);
    let times = written(NOW.0 - days * DAY);
    for number in files.segments().unwrap() {
        let file = File::options()
            .append(true)
            .open(files.segment(number))
            .unwrap();
        file.set_times(times).unwrap();
    }
    files.session()
}

fn written(at: i64) -> FileTimes {
    let at = Duration::from_millis(at.unsigned_abs());
    FileTimes::new().set_modified(UNIX_EPOCH + at)
}

fn segments(state: &std::path::Path, pod: PodId, session: SessionId) -> usize {
    SessionFiles::new(state, pod, session)
        .segments()
        .unwrap()
        .len()
}

#[test]
fn old_sessions_go_as_a_whole_and_never_the_present_one() {
    let sample = Session::new();
    let directory = tempfile::tempdir().unwrap();
    let (state, pod) = (directory.path(), PodId::generate());
    let present = session(&sample, state, pod, 90);
    let old = session(&sample, state, pod, 31);
    let new = session(&sample, state, pod, 29);
    assert!(segments(state, pod, old) > 1);
    let retention = Retention::default();
    let preview = preview_prune(state, pod, Some(present), &retention, NOW).unwrap();
    assert_eq!(logged_sessions(state, pod).unwrap(), [present, old, new]);
    let pruned = prune(state, pod, Some(present), &retention, NOW).unwrap();
    assert_eq!(pruned, preview);
    assert_eq!(logged_sessions(state, pod).unwrap(), [present, new]);
    assert!(pruned.kept > 1 && pruned.kept_bytes > 0);
    assert!(pruned.removed > 1 && pruned.bytes > 0 && !pruned.more);
    assert_eq!(segments(state, pod, old), 0);
    assert!(segments(state, pod, present) > 0 && segments(state, pod, new) > 0);
}

#[test]
fn texts_that_were_given_as_files_go_with_the_sessions_of_their_time_and_not_at_once() {
    let sample = Session::new();
    let directory = tempfile::tempdir().unwrap();
    let (state, pod) = (directory.path(), PodId::generate());
    let texts = SessionFiles::texts_of(state, pod);
    fs::create_dir_all(&texts).unwrap();
    let text = |name: &str, age: i64| {
        let file = File::create(texts.join(name)).unwrap();
        file.set_len(1000).unwrap();
        file.set_times(written(NOW.0 - age)).unwrap();
    };
    text("old", 31 * DAY);
    text("new", 29 * DAY);
    text("now", 1000);
    let present = session(&sample, state, pod, 0);
    let left = || {
        let entries = fs::read_dir(&texts).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let pruned = prune(state, pod, Some(present), &Retention::default(), NOW).unwrap();
    assert_eq!((pruned.removed, pruned.bytes), (1, 1000));
    assert_eq!(left(), ["new", "now"]);
    let nothing = Retention {
        max_bytes: 0,
        ..Retention::default()
    };
    prune(state, pod, Some(present), &nothing, NOW).unwrap();
    assert_eq!(left(), ["now"]);
}

#[test]
fn the_oldest_sessions_go_when_there_are_too_many_bytes_a_batch_at_a_time() {
    let sample = Session::new();
    let directory = tempfile::tempdir().unwrap();
    let (state, pod) = (directory.path(), PodId::generate());
    let sessions: Vec<_> = (0..3).map(|_| session(&sample, state, pod, 1)).collect();
    let retention = Retention {
        max_bytes: 1,
        batch: 1,
        ..Retention::default()
    };
    let pruned = prune(state, pod, Some(sessions[2]), &retention, NOW).unwrap();
    assert!(pruned.more);
    let left: Vec<_> = sessions
        .iter()
        .map(|id| segments(state, pod, *id) > 0)
        .collect();
    assert_eq!(left, [false, true, true]);
    let nobody = prune(state, PodId::generate(), None, &retention, NOW).unwrap();
    assert_eq!(nobody.removed, 0);
}

#[test]
fn records_are_counted_from_the_end_of_the_log() {
    let session = Session::new();
    assert_eq!(session.files.count().unwrap(), 0);
    let mut writer = session.writer();
    for number in 0..7 {
        writer.append(NOW, note(&number.to_string())).unwrap();
    }
    let count = session.files.count().unwrap();
    assert_eq!(count, session.read().unwrap().len() as u64);
    assert_eq!(count, writer.sequence());
}

#[test]
fn a_copied_event_is_known_again_after_a_crash() {
    let session = Session::new();
    let event = OutboxEvent {
        place: OutboxPlace(41),
        change: RelationChange::PeerAdded {
            peer: PodLabel {
                id: PodId::generate(),
                fleet: FleetName::default(),
                name: PodName::new("tester").unwrap(),
            },
        },
        by: None,
        at: NOW,
    };
    let entry = Entry::from(&event);
    let Entry::Peer(RelationEvent { event, detail, .. }) = &entry else {
        panic!("{entry:?}");
    };
    assert_eq!(
        (event.as_str(), detail.as_str()),
        ("registered", "by the operator")
    );
    session.writer().append(NOW, entry).unwrap();
    let recovery = Recovery::read(&session.files).unwrap();
    assert_eq!(recovery.copied, Some(OutboxPlace(41)));
}
