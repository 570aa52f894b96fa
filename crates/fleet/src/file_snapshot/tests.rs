use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn read(path: &Path) -> FileSnapshot {
    FileSnapshot::read(path, 1000).unwrap()
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn the_permissions_of_a_replaced_file_stay() {
    let directory = directory();
    let path = directory.path().join("a");
    fs::write(&path, "old").unwrap();
    for mode in [0o640, 0o600, 0o664, 0o444 | 0o200] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read(&path).replace(b"new").unwrap();
        assert_eq!(content(&path), "new");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, mode);
    }
    assert_eq!(names(directory.path()), ["a"]);
}

#[test]
fn a_link_stays_one_and_its_target_is_replaced() {
    let directory = directory();
    let root = directory.path();
    fs::create_dir(root.join("real")).unwrap();
    fs::write(root.join("real/a"), "old").unwrap();
    symlink("real/a", root.join("one")).unwrap();
    symlink("one", root.join("two")).unwrap();
    read(&root.join("two")).replace(b"new").unwrap();
    assert_eq!(content(&root.join("real/a")), "new");
    assert!(root.join("one").is_symlink() && root.join("two").is_symlink());
    assert_eq!(names(&root.join("real")), ["a"]);
}

#[test]
fn a_link_to_nothing_gets_its_target() {
    let directory = directory();
    let root = directory.path();
    symlink("there/a", root.join("link")).unwrap();
    let snapshot = read(&root.join("link"));
    assert_eq!(snapshot.bytes(), None);
    snapshot.replace(b"new").unwrap();
    assert_eq!(content(&root.join("there/a")), "new");
}

#[test]
fn a_link_to_itself_is_unreadable() {
    let directory = directory();
    let path = directory.path().join("a");
    symlink("a", &path).unwrap();
    let error = FileSnapshot::read(&path, 1000).unwrap_err();
    assert!(matches!(error.kind(), FleetErrorKind::Unreadable { .. }));
}

fn changed(result: Result<(), FleetError>) -> bool {
    matches!(
        result.unwrap_err().kind(),
        FleetErrorKind::FileChanged { .. }
    )
}

#[test]
fn a_file_that_is_not_as_it_was_read_is_left_alone() {
    let directory = directory();
    let path = directory.path().join("a");
    let absent = read(&path);
    fs::write(&path, "theirs").unwrap();
    assert!(changed(absent.replace(b"mine")), "it appeared");
    let there = read(&path);
    fs::write(&path, "THEIRS").unwrap();
    assert!(changed(there.replace(b"mine")), "of the same length");
    assert_eq!(content(&path), "THEIRS");
    let there = read(&path);
    fs::remove_file(&path).unwrap();
    assert!(changed(there.replace(b"mine")), "it is gone");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_replaced_file_with_the_same_content_is_as_it_was_read() {
    let directory = directory();
    let path = directory.path().join("a");
    fs::write(&path, "old").unwrap();
    let snapshot = read(&path);
    fs::write(directory.path().join("b"), "old").unwrap();
    fs::rename(directory.path().join("b"), &path).unwrap();
    snapshot.replace(b"new").unwrap();
    assert_eq!(content(&path), "new");
}

#[test]
fn of_many_that_replace_the_same_content_one_does() {
    const WRITERS: usize = 16;
    let directory = directory();
    for round in 0..20 {
        let path = directory.path().join(round.to_string());
        if round % 2 == 0 {
            fs::write(&path, "old").unwrap();
        }
        let start = std::sync::Barrier::new(WRITERS);
        let snapshots: Vec<_> = (0..WRITERS).map(|_| read(&path)).collect();
        let winners: Vec<usize> = std::thread::scope(|scope| {
            let start = &start;
            let writers: Vec<_> = snapshots
                .iter()
                .enumerate()
                .map(|(index, snapshot)| {
                    scope.spawn(move || {
                        start.wait();
                        match snapshot.replace(index.to_string().as_bytes()) {
                            Ok(()) => Some(index),
                            failed => {
                                assert!(changed(failed));
                                None
                            }
                        }
                    })
                })
                .collect();
            let ended = writers.into_iter().filter_map(|one| one.join().unwrap());
            ended.collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(content(&path), winners[0].to_string());
    }
}

#[test]
fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
    let directory = directory();
    let path = directory.path().join("a");
    fs::write(&path, "old").unwrap();
    fs::write(directory.path().join(".a.left.fleet-new"), "ne").unwrap();
    fs::write(directory.path().join(".a.txt"), "mine").unwrap();
    let living = Staged::new(&path).unwrap();
    read(&path).replace(b"new").unwrap();
    assert_eq!(names(directory.path()).len(), 3);
    drop(living);
    assert_eq!(names(directory.path()), [".a.txt", "a"]);
}

#[test]
fn what_is_no_file_of_a_bearable_size_is_unreadable() {
    let directory = directory();
    let large = directory.path().join("large");
    fs::write(&large, vec![b'x'; 1001]).unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    for path in [directory.path(), &large, &pipe] {
        let error = FileSnapshot::read(path, 1000).unwrap_err();
        assert!(matches!(error.kind(), FleetErrorKind::Unreadable { .. }));
    }
}
