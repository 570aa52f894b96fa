//! From the front, from the end, along with the writer, and around damage.

use std::fs;

use podfleet_pod_store::session_log::{LogError, LogErrorKind, LogOptions, SessionReader};

use super::samples::{AT, Session, note, notes};

fn fill(session: &Session, options: LogOptions, count: usize) -> Vec<String> {
    let mut writer = session.writer_with(options);
    let texts: Vec<String> = (0..count).map(|number| format!("note {number}")).collect();
    writer
        .append_all(AT, texts.iter().map(|text| note(text)).collect())
        .unwrap();
    texts
}

#[test]
fn a_session_without_a_log_says_so() {
    let session = Session::new();
    let error = SessionReader::open(session.files.clone()).unwrap_err();
    assert_eq!(*error.kind(), LogErrorKind::Storage);
    assert_eq!(error.path(), session.files.segment(1));
}

#[test]
fn the_tail_is_the_last_records_over_all_segments() {
    let session = Session::new();
    for segment in 0..5 {
        let mut writer = session.writer();
        writer.append(AT, note(&segment.to_string())).unwrap();
        writer.new_segment(AT).unwrap();
    }
    let all: Vec<_> = session
        .reader()
        .map(|item| item.unwrap().record.seq)
        .collect();
    for count in 0..=all.len() + 1 {
        let tail = SessionReader::tail(session.files.clone(), count as u64).unwrap();
        let tail: Vec<_> = tail.map(|item| item.unwrap().record.seq).collect();
        assert_eq!(tail, all[all.len().saturating_sub(count)..], "{count}");
    }
}

#[test]
fn a_tail_is_found_across_blocks_and_long_lines() {
    let session = Session::new();
    let mut writer = session.writer();
    let long = "x".repeat(300_000);
    let texts: Vec<_> = (0..20)
        .map(|n| {
            if n % 3 == 0 {
                long.clone()
            } else {
                n.to_string()
            }
        })
        .collect();
    writer
        .append_all(AT, texts.iter().map(|text| note(text)).collect())
        .unwrap();
    for count in [1, 2, 3, 7, 20] {
        let tail = SessionReader::tail(session.files.clone(), count).unwrap();
        assert_eq!(notes(tail), texts[20 - usize::try_from(count).unwrap()..]);
    }
}

#[test]
fn a_reader_follows_the_writer_into_new_segments() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut reader = session.reader();
    assert!(notes(&mut reader).is_empty());
    let mut all = Vec::new();
    for round in 0..6 {
        let text = round.to_string();
        writer.append(AT, note(&text)).unwrap();
        if round % 2 == 1 {
            writer.new_segment(AT).unwrap();
            writer.append(AT, note("more")).unwrap();
        }
        all.extend(notes(&mut reader));
        assert!(reader.next().is_none());
    }
    assert_eq!(all, session.notes());
    assert_eq!(all.len(), 9);
}

#[test]
fn a_reader_goes_on_from_its_position() {
    let session = Session::new();
    let texts = fill(&session, session.options(), 10);
    let mut reader = session.reader();
    let first: Vec<_> = reader.by_ref().take(5).map(Result::unwrap).collect();
    let rest = SessionReader::from_position(session.files.clone(), reader.position()).unwrap();
    assert_eq!(notes(rest), texts[4..]);
    let again = SessionReader::from_position(session.files.clone(), first[4].position).unwrap();
    assert_eq!(notes(again), texts[3..]);
}

#[test]
fn a_record_that_was_rolled_back_is_read_in_its_new_form() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut reader = session.reader();
    reader.next().unwrap().unwrap();
    let path = session.files.segment(1);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"ts\":\"2026-01-01T00"].concat()).unwrap();
    assert!(reader.next().is_none());
    fs::write(&path, &whole).unwrap();
    writer.append(AT, note("new")).unwrap();
    assert_eq!(notes(&mut reader), ["new"]);
}

#[test]
fn damage_is_named_by_line_and_byte_and_can_be_skipped() {
    let session = Session::new();
    fill(&session, session.options(), 5);
    let path = session.files.segment(1);
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let offset = lines[..3].iter().map(|line| line.len() + 1).sum::<usize>();
    let torn = [lines[3].split_at(30).0, lines[4]].concat();
    lines[3] = &torn;
    lines[4] = b"\xff\xfe";
    fs::write(&path, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();

    let results: Vec<_> = session.reader().collect();
    let places: Vec<_> = results
        .iter()
        .filter_map(|result| match result.as_ref().map_err(LogError::kind) {
            Err(LogErrorKind::Damaged { line, offset, .. }) => Some((*line, *offset)),
            _ => None,
        })
        .collect();
    assert_eq!(
        places,
        [(4, offset as u64), (5, (offset + torn.len() + 1) as u64)]
    );
    let error = results[3].as_ref().unwrap_err().to_string();
    let prefix = format!("{}:4:{offset}: ", path.display());
    assert!(error.starts_with(&prefix), "{error}");

    let mut reader = session.reader().skip_corrupt(true);
    assert_eq!(notes(&mut reader), ["note 0", "note 1", "note 4"]);
    assert_eq!(reader.skipped(), 2);
}

#[test]
fn a_known_type_with_wrong_fields_is_damage() {
    let session = Session::new();
    drop(session.writer());
    let path = session.files.segment(1);
    let text = fs::read_to_string(&path).unwrap();
    let head = r#""ts":"2026-01-01T00:00:00Z","seq":2,"generation":1"#;
    for (line, why) in [
        (
            format!("{{{head},\"type\":\"status\"}}"),
            "invalid `status` record: missing field `state`",
        ),
        (format!("{{{head}}}"), "no text in field `type`"),
        ("{\"seq\":1}".to_owned(), "field `ts` is missing"),
        (String::new(), "an empty line"),
    ] {
        fs::write(&path, format!("{text}{line}\n")).unwrap();
        let error = session.read().unwrap_err();
        assert!(error.to_string().ends_with(why), "{error}");
    }
}

#[test]
fn a_log_that_became_shorter_is_no_quiet_end() {
    let session = Session::new();
    fill(&session, session.options(), 5);
    let mut reader = session.reader();
    assert_eq!(reader.by_ref().count(), 6);
    fs::write(session.files.segment(1), "").unwrap();
    assert_eq!(
        *reader.next().unwrap().unwrap_err().kind(),
        LogErrorKind::Shrunk
    );
}
