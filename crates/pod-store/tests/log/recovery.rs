//! What a pod learns from the log of the one before it.

use std::fs;

use podfleet_pod_store::session_log::{
    Entry, Interrupted, LaterSessions, LogOptions, LogWriter, Recovery, SessionFiles,
};
use podfleet_protocol::{Generation, MessageId, Outcome, Receipt, Run, SessionId};

use super::samples::{AT, Session, note};

fn launch(writer: &mut LogWriter) {
    let (argv, env_names, told) = (Vec::new(), Vec::new(), String::new());
    writer
        .append(
            AT,
            Entry::Launch {
                run: Run(1),
                argv,
                env_names,
                told,
            },
        )
        .unwrap();
}

fn deliver(writer: &mut LogWriter, id: MessageId, attempt: u32) {
    let text = format!("text {attempt}");
    writer
        .append(AT, Entry::MessageDelivering { id, text, attempt })
        .unwrap();
}

fn receipt(writer: &mut LogWriter, id: MessageId, outcome: Outcome, settled: bool) -> Receipt {
    let receipt = Receipt {
        outcome,
        settled,
        ..Receipt::accepted(id, AT)
    };
    writer
        .append(
            AT,
            Entry::MessageReceipt {
                receipt: receipt.clone(),
            },
        )
        .unwrap();
    receipt
}

fn interrupted(id: MessageId, attempt: u32, receipt: Option<Receipt>) -> Interrupted {
    Interrupted {
        id,
        text: format!("text {attempt}"),
        attempt,
        at: AT,
        receipt,
    }
}

#[test]
fn a_session_without_a_log_has_nothing_interrupted() {
    let session = Session::new();
    assert_eq!(Recovery::read(&session.files).unwrap(), Recovery::default());
}

#[test]
fn a_delivery_without_a_settled_receipt_is_interrupted() {
    let session = Session::new();
    let mut writer = session.writer();
    launch(&mut writer);
    let [done, open, typed, back, again] = std::array::from_fn(|_| MessageId::generate());
    deliver(&mut writer, done, 1);
    receipt(&mut writer, done, Outcome::Submitted, false);
    let answered = receipt(&mut writer, done, Outcome::Answered, true);
    deliver(&mut writer, open, 1);
    deliver(&mut writer, back, 1);
    receipt(&mut writer, back, Outcome::Held, false);
    deliver(&mut writer, again, 1);
    receipt(&mut writer, again, Outcome::Accepted, false);
    deliver(&mut writer, again, 2);
    deliver(&mut writer, typed, 1);
    let known = receipt(&mut writer, typed, Outcome::Submitted, false);
    writer.append(AT, note("and more")).unwrap();
    let recovery = Recovery::read(&session.files).unwrap();
    let expected = [
        interrupted(open, 1, None),
        interrupted(again, 2, None),
        interrupted(typed, 1, Some(known)),
    ];
    assert_eq!(recovery.interrupted, expected);
    assert_eq!(recovery.settled, [answered]);
    assert_eq!(recovery.damaged, 0);
}

#[test]
fn what_was_interrupted_is_found_across_segments_and_failed_starts() {
    let session = Session::new();
    let id = MessageId::generate();
    let mut writer = session.writer_of(1);
    launch(&mut writer);
    deliver(&mut writer, id, 1);
    writer.new_segment(AT).unwrap();
    writer.append(AT, note("later")).unwrap();
    drop(writer);
    // The next generation ended before it had recovered, and launched nothing.
    session.writer_of(2).append(AT, note("started")).unwrap();
    let found = Recovery::read(&session.files).unwrap();
    assert_eq!(found.interrupted, [interrupted(id, 1, None)]);
}

#[test]
fn a_generation_that_launched_has_recovered_what_was_before_it() {
    let session = Session::new();
    let (old, new) = (MessageId::generate(), MessageId::generate());
    let mut writer = session.writer_of(1);
    launch(&mut writer);
    deliver(&mut writer, old, 1);
    drop(writer);
    let mut writer = session.writer_of(2);
    launch(&mut writer);
    deliver(&mut writer, new, 1);
    // A second run of one generation recovers nothing.
    launch(&mut writer);
    let found = Recovery::read(&session.files).unwrap();
    assert_eq!(found.interrupted, [interrupted(new, 1, None)]);
}

#[test]
fn lines_that_cannot_be_read_are_counted() {
    let session = Session::new();
    let id = MessageId::generate();
    let mut writer = session.writer();
    deliver(&mut writer, id, 1);
    let path = session.files.segment(1);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        format!("{text}not a record\n{{\"type\":\"status\",\n"),
    )
    .unwrap();
    let found = Recovery::read(&session.files).unwrap();
    assert_eq!(found.damaged, 2);
    assert_eq!(found.interrupted, [interrupted(id, 1, None)]);
}

/// Writes the log of another session of the pod.
fn session_of(session: &Session, generation: u64, write: impl FnOnce(&mut LogWriter)) -> SessionId {
    let id = SessionId::generate();
    let files = SessionFiles::new(session.state(), session.identity.id, id);
    let options = LogOptions {
        generation: Generation(generation),
        ..session.options()
    };
    write(&mut LogWriter::open(files, options, AT).unwrap());
    id
}

fn find(session: &Session, known: Option<SessionId>) -> (Vec<SessionId>, LaterSessions) {
    let found = LaterSessions::find(session.state(), session.identity.id, known).unwrap();
    let ids = found.files.iter().map(SessionFiles::session);
    (ids.collect(), found)
}

#[test]
fn sessions_that_the_records_do_not_know_are_found_and_read_in_whole() {
    let session = Session::new();
    let [early, first, second, open] = std::array::from_fn(|_| MessageId::generate());
    let known = session_of(&session, 3, |log| {
        launch(log);
        deliver(log, open, 1);
    });
    let one = session_of(&session, 5, |log| {
        launch(log);
        deliver(log, first, 1);
        receipt(log, first, Outcome::Answered, true);
        deliver(log, early, 1);
    });
    let other = session_of(&session, 7, |log| {
        receipt(log, early, Outcome::Unknown, true);
        launch(log);
        deliver(log, second, 1);
        receipt(log, second, Outcome::Submitted, false);
    });
    let (ids, later) = find(&session, Some(known));
    assert_eq!(ids, [one, other]);
    assert_eq!(later.generations, [Generation(5), Generation(7)]);
    let files = SessionFiles::new(session.state(), session.identity.id, known);
    let told = Recovery::read_with_later(Some(&files), &later.files).unwrap();
    let interrupted: Vec<_> = told.interrupted.iter().map(|begun| begun.id).collect();
    assert_eq!(interrupted, [open, second]);
    let settled: Vec<_> = told.settled.iter().map(|receipt| receipt.id).collect();
    assert_eq!(settled, [first, early]);
    assert_eq!(
        find(&session, Some(other)),
        (vec![], LaterSessions::default())
    );
    assert_eq!(find(&session, None).0, [known, one, other]);
}

#[test]
fn a_session_whose_start_failed_hides_no_later_one_and_its_generation_is_known() {
    let session = Session::new();
    let known = session_of(&session, 3, launch);
    let failed = |generation| {
        session_of(&session, generation, |log| {
            receipt(log, MessageId::generate(), Outcome::Unknown, true);
        })
    };
    failed(4);
    let (ids, later) = find(&session, Some(known));
    assert_eq!((ids, later.last), (vec![], Generation(4)));
    let lived = session_of(&session, 5, launch);
    failed(6);
    let (ids, later) = find(&session, Some(known));
    assert_eq!((ids, later.last), (vec![lived], Generation(6)));
    assert_eq!(later.generations, [Generation(5); 2]);
    // A clock that was set back begins a later session with an earlier name; and no pod starts so often.
    session_of(&session, 2, launch);
    session_of(&session, u64::MAX, launch);
    assert_eq!(find(&session, Some(known)), (vec![lived], later));
}
