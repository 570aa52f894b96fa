//! Whatever the bytes are.

use std::fs;

use podfleet_pod_store::session_log::{
    LogErrorKind, LogOptions, Recovery, SessionReader, problems,
};
use proptest::prelude::*;

use super::samples::{AT, Session, note, notes};

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(".{0,40}", 0..12)
}

/// Writes a log of these notes and returns its bytes.
fn write(session: &Session, texts: &[String]) -> Vec<u8> {
    let mut writer = session.writer();
    writer
        .append_all(AT, texts.iter().map(|text| note(text)).collect())
        .unwrap();
    fs::read(writer.path()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_prefix_of_a_log_is_read_up_to_its_last_newline(
        texts in texts(),
        place in any::<prop::sample::Index>(),
        more in ".{0,20}",
    ) {
        let session = Session::new();
        let bytes = write(&session, &texts);
        let length = place.index(bytes.len() + 1);
        fs::write(session.files.segment(1), &bytes[..length]).unwrap();
        let whole = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        let expected = &texts[..whole.saturating_sub(1)];
        prop_assert_eq!(session.read().unwrap().len(), whole);
        prop_assert_eq!(session.notes(), expected);

        let mut writer = session.writer();
        writer.append(AT, note(&more)).unwrap();
        let mut after = expected.to_vec();
        after.push(more);
        prop_assert_eq!(session.notes(), after);
        let records = session.read().unwrap();
        prop_assert!(records.iter().zip(1..).all(|(record, seq)| record.seq == seq));
    }

    #[test]
    fn a_log_that_is_cut_anywhere_under_its_writer_promises_what_it_keeps(
        texts in texts(),
        place in any::<prop::sample::Index>(),
        more in ".{0,20}",
    ) {
        let session = Session::new();
        let mut writer = session.writer();
        let entries = texts.iter().map(|text| note(text)).collect();
        writer.append_all(AT, entries).unwrap();
        writer.commit().unwrap();
        let bytes = fs::read(writer.path()).unwrap();
        fs::write(writer.path(), &bytes[..place.index(bytes.len())]).unwrap();
        writer.append(AT, note("lost")).unwrap();
        prop_assert!(writer.commit().is_err());
        writer.new_segment(AT).unwrap();
        writer.append(AT, note(&more)).unwrap();
        writer.commit().unwrap();
        let found = notes(session.reader().skip_corrupt(true));
        prop_assert_eq!(found.last(), Some(&more));
        prop_assert!(!problems(&session.files).is_empty());
    }

    #[test]
    fn any_torn_tail_is_cut(texts in texts(), mut tail in prop::collection::vec(any::<u8>(), 0..60)) {
        tail.retain(|byte| *byte != b'\n');
        let session = Session::new();
        let bytes = write(&session, &texts);
        fs::write(session.files.segment(1), [bytes, tail.clone()].concat()).unwrap();
        let mut writer = session.writer();
        prop_assert_eq!(writer.cut_bytes(), tail.len() as u64);
        writer.append(AT, note("after")).unwrap();
        let notes = session.notes();
        prop_assert_eq!(notes.len(), texts.len() + 1);
        prop_assert_eq!(&notes[..texts.len()], &texts[..]);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_around_the_damage(
        texts in texts(),
        junk in prop::collection::vec(any::<u8>(), 0..80),
        place in any::<prop::sample::Index>(),
    ) {
        let session = Session::new();
        let bytes = write(&session, &texts);
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let junk = [&b"#"[..], &junk, b"\n"].concat();
        let place = place.index(lines.len()) + 1;
        lines.insert(place, &junk);
        fs::write(session.files.segment(1), lines.concat()).unwrap();

        let mut damaged = 0;
        for result in session.reader() {
            if let Err(error) = result {
                prop_assert!(matches!(error.kind(), LogErrorKind::Damaged { .. }), "{error}");
                damaged += 1;
            }
        }
        let junk_lines = junk.iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(damaged, junk_lines);
        prop_assert_eq!(notes(session.reader().skip_corrupt(true)), texts);
        let found = Recovery::read(&session.files).unwrap();
        prop_assert!(found.interrupted.is_empty());
    }

    #[test]
    fn a_tail_is_the_end_of_the_whole(texts in texts(), count in 0..16_u64, segment_bytes in 1..2000_u64) {
        let session = Session::new();
        let mut writer = session.writer_with(LogOptions { segment_bytes, ..session.options() });
        for text in &texts {
            writer.append(AT, note(text)).unwrap();
        }
        let all: Vec<_> = session.reader().map(|item| item.unwrap().record.seq).collect();
        let tail = SessionReader::tail(session.files.clone(), count).unwrap();
        let tail: Vec<_> = tail.map(|item| item.unwrap().record.seq).collect();
        let from = all.len().saturating_sub(usize::try_from(count).unwrap());
        prop_assert_eq!(tail, &all[from..]);
    }
}
