//! Whatever the bytes of a segment, they are read without a panic, a damaged line hides no other
//! one, the last records are the end of all, and a writer goes on behind them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podfleet_pod_store::session_log::{
    Entry, LogOptions, LogWriter, Record, Recovery, SessionFiles, SessionReader,
};
use podfleet_protocol::{
    FleetName, Generation, Identity, PodId, PodName, SessionId, TenantId, UnixMillis,
};

const AT: UnixMillis = UnixMillis(1_767_225_600_000);

fuzz_target!(|input: (u8, &[u8])| {
    let (count, bytes) = input;
    // In memory, where there is such a file system.
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let pod = PodId::generate();
    let files = SessionFiles::new(directory.path(), pod, SessionId::generate());
    std::fs::create_dir_all(files.directory()).expect("a directory");
    std::fs::write(files.segment(1), bytes).expect("a file");
    let all = whole(&files);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let strict = SessionReader::open(files.clone()).expect("it is there");
    let (read, damaged): (Vec<_>, Vec<_>) = strict.take(lines + 1).partition(Result::is_ok);
    assert_eq!(read.len(), all.len());
    assert_eq!(read.len() + damaged.len(), lines, "every line is a record or damage");
    if damaged.is_empty() {
        let count = usize::from(count);
        let tail = SessionReader::tail(files.clone(), count as u64).expect("it is there");
        let tail: Vec<_> = tail.map(|located| located.expect("whole").record).collect();
        assert_eq!(tail, all[all.len().saturating_sub(count)..]);
    }
    Recovery::read(&files).expect("it can be read");
    go_on(&files, pod, &all);
});

fn whole(files: &SessionFiles) -> Vec<Record> {
    let reader = SessionReader::open(files.clone()).expect("it is there");
    let reader = reader.skip_corrupt(true);
    reader.map(|located| located.expect("damage is left out").record).collect()
}

fn go_on(files: &SessionFiles, pod: PodId, before: &[Record]) {
    // A number at the end of what numbers can be is nobody's log.
    if before.iter().any(|record| record.seq > u64::MAX / 2) {
        return;
    }
    let identity = Identity {
        id: pod,
        name: PodName::new("coder").expect("a name"),
        fleet: FleetName::default(),
        tenant_id: TenantId::new("me").expect("a tenant"),
        host: "fern".to_owned(),
    };
    let options = LogOptions::new(identity, Generation(1));
    let mut writer = LogWriter::open(files.clone(), options, AT).expect("it goes on");
    let entry = Entry::Error {
        origin: "fuzz".to_owned(),
        text: "after".to_owned(),
    };
    writer.append(AT, entry.clone()).expect("it is written");
    let after = whole(files);
    assert_eq!(after[..before.len()], *before);
    assert_eq!(after.last().map(|record| &record.entry), Some(&entry));
}
