//! What the writer puts down, and who may be it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use podfleet_pod_store::session_log::{
    Entry, LogErrorKind, LogOptions, LogWriter, MAX_RECORD, RelationEvent,
};
use podfleet_protocol::{
    Address, Class, Kind, Message, MessageId, PodId, PodName, Receipt, Run, RunEnd, Typing,
};

use super::samples::{AT, Session, note};

/// One entry of every type but `segment_start`, which every log has.
fn every_entry() -> Vec<Entry> {
    let id = MessageId::generate();
    let from = Address::operator("fern");
    let event = || RelationEvent {
        pod: PodId::generate(),
        name: PodName::new("child").unwrap(),
        event: "turn_ended".to_owned(),
        detail: String::new(),
        outbox: Some(7),
    };
    let message = Message {
        id,
        from: from.clone(),
        to: Address::new("fern", "coder"),
        kind: Kind::Notify,
        class: Class::Human,
        thread: Some("t".to_owned()),
        body: "\"type\":\"launch\"\n🦀".to_owned(),
        typing: Typing::default(),
        accepted: AT,
    };
    vec![
        Entry::Launch {
            run: Run(1),
            argv: vec!["agent".to_owned(), "--flag".to_owned()],
            env_names: vec!["PATH".to_owned()],
            told: "You are coder.\n".to_owned(),
        },
        Entry::Input {
            client: "fleet attach".to_owned(),
            bytes: 12,
        },
        Entry::MessageAccepted { message },
        Entry::MessageDelivering {
            id,
            text: "[a -> b] é".to_owned(),
            attempt: 1,
        },
        Entry::MessageReceipt {
            receipt: Receipt::accepted(id, AT),
        },
        Entry::SystemItem {
            kind: "notification".to_owned(),
            from,
            id: Some(id),
            raw: "[a -> b] hello".to_owned(),
            body: "hello".to_owned(),
        },
        Entry::AgentOutput {
            run: Run(1),
            text: "done".to_owned(),
            exact: true,
        },
        Entry::Status {
            state: "busy".to_owned(),
            rule: "spinner".to_owned(),
        },
        Entry::Child(event()),
        Entry::Peer(event()),
        Entry::Reset {
            text: "/clear".to_owned(),
        },
        Entry::Control {
            action: "pause".to_owned(),
            by: Address::operator("fern"),
            detail: "demo".to_owned(),
        },
        note("disk full"),
        Entry::Exit {
            run: Run(1),
            end: RunEnd::Signalled(9),
        },
    ]
}

#[test]
fn every_entry_is_read_back_as_it_was_written() {
    let session = Session::new();
    let mut writer = session.writer();
    let entries = every_entry();
    assert_eq!(entries.len() + 1, Entry::TYPES.len());
    writer.append_all(AT, entries.clone()).unwrap();
    writer.commit().unwrap();
    let records = session.read().unwrap();
    assert!(matches!(
        records[0].entry,
        Entry::SegmentStart { segment: 1, .. }
    ));
    assert!(
        records
            .iter()
            .zip(1..)
            .all(|(record, seq)| record.seq == seq && record.ts == AT)
    );
    let read: Vec<_> = records
        .into_iter()
        .skip(1)
        .map(|record| record.entry)
        .collect();
    assert_eq!(read, entries);
}

#[test]
fn every_type_in_a_log_is_a_known_type() {
    let session = Session::new();
    let mut writer = session.writer();
    writer.append_all(AT, every_entry()).unwrap();
    let text = fs::read_to_string(session.files.segment(1)).unwrap();
    let types: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| record["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, Entry::TYPES);
}

#[test]
fn a_line_begins_with_what_all_records_have() {
    let session = Session::new();
    let mut writer = session.writer();
    writer
        .append(
            AT,
            Entry::Input {
                client: "view".to_owned(),
                bytes: 3,
            },
        )
        .unwrap();
    let text = fs::read_to_string(session.files.segment(1)).unwrap();
    insta::assert_snapshot!(
        text.lines().last().unwrap(),
        @r#"{"ts":"2026-01-01T00:00:00.250Z","seq":2,"generation":1,"type":"input","client":"view","bytes":3}"#
    );
}

#[test]
fn a_type_of_a_newer_build_is_kept_as_it_is() {
    let session = Session::new();
    drop(session.writer());
    let path = session.files.segment(1);
    let line =
        r#"{"ts":"2026-01-01T00:00:00.000Z","seq":2,"generation":1,"type":"dream","depth":3}"#;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{line}\n")).unwrap();
    let records = session.read().unwrap();
    let Entry::Other(fields) = &records[1].entry else {
        panic!("{:?}", records[1]);
    };
    assert_eq!(
        serde_json::json!(fields),
        serde_json::json!({ "type": "dream", "depth": 3 })
    );

    let mut writer = session.writer();
    assert_eq!(writer.append(AT, records[1].entry.clone()).unwrap(), 3);
    assert_eq!(session.read().unwrap()[2].entry, records[1].entry);
}

#[test]
fn numbers_go_on_where_the_last_writer_stopped() {
    let session = Session::new();
    assert_eq!(session.writer().append(AT, note("a")).unwrap(), 2);
    let mut writer = session.writer_of(2);
    assert_eq!(writer.sequence(), 2);
    assert_eq!(
        writer.append_all(AT, vec![note("b"), note("c")]).unwrap(),
        4
    );
    let records = session.read().unwrap();
    let generations: Vec<_> = records.iter().map(|record| record.generation.0).collect();
    assert_eq!(generations, [1, 1, 2, 2]);
}

#[test]
fn a_session_has_one_writer() {
    let session = Session::new();
    let first = session.writer();
    let error = LogWriter::open(session.files.clone(), session.options(), AT).unwrap_err();
    assert_eq!(*error.kind(), LogErrorKind::Locked);
    drop(first);
    session.writer();
}

#[test]
fn a_long_log_goes_on_in_segments_that_name_each_other() {
    let session = Session::new();
    let options = LogOptions {
        segment_bytes: 1000,
        ..session.options()
    };
    let mut writer = session.writer_with(options.clone());
    let texts: Vec<String> = (0..40).map(|number| format!("note {number}")).collect();
    for text in &texts[..20] {
        writer.append(AT, note(text)).unwrap();
    }
    drop(writer);
    let mut writer = session.writer_with(options);
    for text in &texts[20..] {
        writer.append(AT, note(text)).unwrap();
    }
    let numbers = session.files.segments().unwrap();
    assert!(numbers.len() > 3, "{numbers:?}");
    assert_eq!(session.notes(), texts);
    let records = session.read().unwrap();
    assert!(
        records
            .iter()
            .zip(1..)
            .all(|(record, seq)| record.seq == seq)
    );
    for (index, record) in records.iter().enumerate() {
        if let Entry::SegmentStart {
            segment,
            previous: Some(previous),
            ..
        } = &record.entry
        {
            let before = session.files.segment(segment - 1);
            assert_eq!(
                before.file_name().unwrap().to_str(),
                Some(previous.file.as_str())
            );
            assert_eq!(fs::metadata(before).unwrap().len(), previous.bytes);
            assert_eq!(previous.last_seq, index as u64);
            assert!(!previous.sealed);
        }
    }
}

#[test]
fn logs_are_their_owners_alone() {
    let session = Session::new();
    session.writer();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&session.files.segment(1)), 0o600);
    assert_eq!(mode(session.files.directory()), 0o700);
    assert_eq!(mode(session.files.directory().parent().unwrap()), 0o700);
}

#[test]
fn a_record_that_is_too_long_is_refused_and_nothing_is_written() {
    let session = Session::new();
    let mut writer = session.writer();
    let error = writer
        .append_all(AT, vec![note("a"), note(&"x".repeat(MAX_RECORD))])
        .unwrap_err();
    assert!(matches!(error.kind(), LogErrorKind::TooLong { .. }));
    writer.append(AT, note("b")).unwrap();
    assert_eq!(session.notes(), ["b"]);
}

#[test]
fn a_log_whose_numbers_are_used_up_says_so_and_stays_as_it_is() {
    let session = Session::new();
    let mut writer = session.writer();
    writer.append(AT, note("last")).unwrap();
    let path = writer.path().to_owned();
    drop(writer);
    let text = std::fs::read_to_string(&path).unwrap();
    let highest = format!("\"seq\":{}", u64::MAX);
    std::fs::write(&path, text.replace("\"seq\":2", &highest) + "damaged\n").unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut writer = session.writer();
    let error = writer.append(AT, note("one more")).unwrap_err();
    assert_eq!(*error.kind(), LogErrorKind::OutOfNumbers);
    drop(writer);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}
