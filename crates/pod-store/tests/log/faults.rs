//! Full disks, torn writes, failed flushes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use podfleet_pod_store::session_log::{Entry, LogErrorKind, LogOptions, LogWriter, Loss, problems};

use super::samples::{AT, BadDisk, Session, Trouble, note};

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    for trouble in [
        Trouble::Full(0),
        Trouble::Full(7),
        Trouble::Short(1),
        Trouble::Short(50),
    ] {
        let session = Session::new();
        let disk = BadDisk::default();
        let mut writer = session.writer_with(disk.options(&session));
        writer.append(AT, note("before")).unwrap();
        let before = fs::read(writer.path()).unwrap();
        disk.plan([trouble]);
        let error = writer.append(AT, note("lost")).unwrap_err();
        assert_eq!(*error.kind(), LogErrorKind::Storage);
        assert_eq!(error.path(), writer.path());
        assert_eq!(fs::read(writer.path()).unwrap(), before, "{trouble:?}");
        assert_eq!(writer.append(AT, note("after")).unwrap(), 3);
        assert_eq!(session.notes(), ["before", "after"]);
    }
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let session = Session::new();
    let disk = BadDisk::default();
    let mut writer = session.writer_with(disk.options(&session));
    let length = fs::metadata(writer.path()).unwrap().len();
    disk.plan([Trouble::Nothing, Trouble::Short(9)]);
    writer
        .append_all(AT, vec![note("a"), note("b")])
        .unwrap_err();
    assert_eq!(fs::metadata(writer.path()).unwrap().len(), length);
    assert_eq!(
        writer.append_all(AT, vec![note("a"), note("b")]).unwrap(),
        3
    );
    assert_eq!(session.notes(), ["a", "b"]);
}

#[test]
fn a_failed_roll_back_seals_the_log() {
    let session = Session::new();
    let disk = BadDisk::default();
    let mut writer = session.writer_with(disk.options(&session));
    disk.plan([Trouble::Full(10), Trouble::Cut]);
    writer.append(AT, note("lost")).unwrap_err();
    assert!(writer.is_sealed());
    let error = writer.append(AT, note("lost")).unwrap_err();
    assert_eq!(*error.kind(), LogErrorKind::Sealed);
    writer.new_segment(AT).unwrap();
    writer.append(AT, note("after")).unwrap();
    assert_eq!(session.notes(), ["after"]);
}

#[test]
fn after_a_failed_flush_only_a_new_segment_opens_the_log_again() {
    let session = Session::new();
    let disk = BadDisk::default();
    let mut writer = session.writer_with(disk.options(&session));
    writer.append(AT, note("in doubt")).unwrap();
    disk.plan([Trouble::Sync]);
    assert_eq!(*writer.commit().unwrap_err().kind(), LogErrorKind::Storage);
    // The disk works again, but what it holds is unknown.
    assert_eq!(*writer.commit().unwrap_err().kind(), LogErrorKind::Sealed);
    assert_eq!(
        *writer.append(AT, note("x")).unwrap_err().kind(),
        LogErrorKind::Sealed
    );

    writer.new_segment(AT).unwrap();
    writer.append(AT, note("after")).unwrap();
    writer.commit().unwrap();
    assert_eq!(session.notes(), ["in doubt", "after"]);
    let records = session.read().unwrap();
    let Entry::SegmentStart {
        segment: 2,
        previous: Some(previous),
        ..
    } = &records[2].entry
    else {
        panic!("{:?}", records[2]);
    };
    assert!(previous.sealed);
    assert_eq!(previous.last_seq, 2);
}

#[test]
fn a_new_segment_that_fails_leaves_the_log_sealed_until_one_works() {
    for trouble in [Trouble::Open, Trouble::Full(20), Trouble::Full(0)] {
        let session = Session::new();
        let disk = BadDisk::default();
        let mut writer = session.writer_with(disk.options(&session));
        writer.append(AT, note("before")).unwrap();
        disk.plan([trouble]);
        writer.new_segment(AT).unwrap_err();
        assert!(writer.is_sealed(), "{trouble:?}");
        writer.new_segment(AT).unwrap();
        writer.append(AT, note("after")).unwrap();
        assert_eq!(session.notes(), ["before", "after"]);
        drop(writer);
        session.writer().append(AT, note("reopened")).unwrap();
        let records = session.read().unwrap();
        assert!(records.is_sorted_by(|a, b| a.seq < b.seq), "{records:?}");
    }
}

#[test]
fn a_rotation_whose_flush_fails_twice_is_not_lost() {
    let session = Session::new();
    let disk = BadDisk::default();
    let options = LogOptions {
        segment_bytes: 1,
        ..disk.options(&session)
    };
    let mut writer = session.writer_with(options);
    disk.plan([Trouble::Sync]);
    writer.append(AT, note("refused")).unwrap_err();
    disk.plan([Trouble::Sync]);
    writer.new_segment(AT).unwrap_err();
    writer.new_segment(AT).unwrap();
    writer.append(AT, note("after")).unwrap();
    assert_eq!(session.notes(), ["after"]);
    let records = session.read().unwrap();
    assert!(records.is_sorted_by(|a, b| a.seq < b.seq), "{records:?}");
}

#[test]
fn an_unfinished_line_is_ignored_and_then_cut() {
    // The third byte of a crab is torn off in one of them.
    for torn in [
        &b"{"[..],
        b"{\"ts\":\"2026",
        "{\"a\":\"🦀".as_bytes().split_at(8).0,
        b"{}",
    ] {
        let session = Session::new();
        session.writer().append(AT, note("before")).unwrap();
        let path = session.files.segment(1);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(torn)
            .unwrap();
        assert_eq!(session.notes(), ["before"]);
        let mut writer = session.writer();
        assert_eq!(writer.cut_bytes(), torn.len() as u64);
        writer.append(AT, note("after")).unwrap();
        assert_eq!(session.notes(), ["before", "after"]);
    }
}

#[test]
fn an_empty_file_becomes_a_log() {
    let session = Session::new();
    drop(session.writer());
    let path = session.files.segment(1);
    fs::write(&path, "").unwrap();
    assert!(session.read().unwrap().is_empty());
    session.writer().append(AT, note("a")).unwrap();
    assert_eq!(session.read().unwrap().len(), 2);
}

#[test]
fn a_crash_between_two_segments_is_made_good() {
    let session = Session::new();
    session.writer().append(AT, note("before")).unwrap();
    fs::write(session.files.segment(2), "{\"ts\":").unwrap();
    assert_eq!(session.notes(), ["before"]);
    session.writer().append(AT, note("after")).unwrap();
    assert_eq!(session.notes(), ["before", "after"]);
    let records = session.read().unwrap();
    assert!(matches!(
        &records[2].entry,
        Entry::SegmentStart { segment: 2, previous: Some(previous), .. } if previous.last_seq == 2
    ));
}

/// What is done to the file of a log.
type Harm = fn(&Path);

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn remove_with_directory(path: &Path) {
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

fn rename(path: &Path) {
    fs::rename(path, path.with_extension("1")).unwrap();
}

fn replace_by_copy(path: &Path) {
    rename(path);
    fs::copy(path.with_extension("1"), path).unwrap();
}

fn empty(path: &Path) {
    fs::write(path, "").unwrap();
}

fn halve(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_log_that_is_harmed_under_its_writer_promises_nothing_until_a_new_segment() {
    let harms: [(Harm, Loss); 6] = [
        (remove, Loss::Removed),
        (remove_with_directory, Loss::Removed),
        (rename, Loss::Removed),
        (replace_by_copy, Loss::Replaced),
        (empty, Loss::CutShort),
        (halve, Loss::CutShort),
    ];
    for (harm, loss) in harms {
        a_harmed_log_promises_nothing_until_a_new_segment(harm, loss);
    }
}

fn a_harmed_log_promises_nothing_until_a_new_segment(harm: Harm, loss: Loss) {
    let session = Session::new();
    let mut writer = session.writer();
    for number in 0..4 {
        writer.append(AT, note(&number.to_string())).unwrap();
    }
    writer.commit().unwrap();
    harm(writer.path());
    writer.append(AT, note("lost")).unwrap();
    let error = writer.commit().unwrap_err();
    assert_eq!(*error.kind(), LogErrorKind::Lost(loss));
    assert!(writer.is_sealed());

    writer.new_segment(AT).unwrap();
    writer.append(AT, note("kept")).unwrap();
    writer.commit().unwrap();
    assert_eq!(writer.path(), session.files.segment(2));
    let records: Vec<_> = session.reader().skip_corrupt(true).collect();
    let mut last = records.into_iter().rev().map(|item| item.unwrap().record);
    assert_eq!(last.next().unwrap().entry, note("kept"));
    let told = last.next().unwrap().entry;
    let Entry::Error { text, .. } = &told else {
        panic!("{told:?}");
    };
    assert_eq!(
        *text,
        format!("{}.jsonl was lost: {loss}", session.files.session())
    );
    // Nobody else may take the session up.
    let second = LogWriter::open(session.files.clone(), session.options(), AT).unwrap_err();
    assert_eq!(*second.kind(), LogErrorKind::Locked);
    // A copy has it all but the record that was refused.
    if loss != Loss::Replaced {
        assert_ne!(problems(&session.files), [""; 0]);
    }

    drop(writer);
    let mut writer = session.writer();
    assert_eq!(writer.append(AT, note("later")).unwrap(), 10);
}

#[test]
fn what_a_log_lacks_is_told() {
    let session = Session::new();
    assert_eq!(problems(&session.files), ["its log is not there"]);
    let options = LogOptions {
        segment_bytes: 1_000,
        ..session.options()
    };
    let mut writer = session.writer_with(options);
    for _ in 0..20 {
        writer.append(AT, note(&"x".repeat(100))).unwrap();
    }
    assert!(session.files.segments().unwrap().len() > 3);
    assert_eq!(problems(&session.files), [""; 0]);

    let path = |number| session.files.segment(number);
    let without_line = |path: &Path, line: usize| {
        let text = fs::read_to_string(path).unwrap();
        let mut lines: Vec<_> = text.split_inclusive('\n').collect();
        lines.remove(line);
        fs::write(path, lines.concat()).unwrap();
    };
    without_line(&path(1), 0);
    without_line(&path(2), 1);
    fs::remove_file(path(3)).unwrap();
    let id = session.files.session().to_string();
    let found = problems(&session.files).join("\n").replace(&id, "ID");
    insta::assert_snapshot!(found, @"
    ID.jsonl lacks its beginning
    ID.jsonl has 788 of its 1061 bytes
    ID.2.jsonl lacks record 7
    ID.3.jsonl is lost with its 1175 bytes
    ");
}
