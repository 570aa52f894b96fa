//! Nothing is done outside of a mount, whatever it is called.

use std::fs;
use std::path::{Path, PathBuf};

use podfleet_hub::contained::{Contained, Precondition, Removal, check_root};
use podfleet_hub::fault::Code;
use podfleet_hub::path::MountPath;
use tokio_util::sync::CancellationToken;

use crate::tree::{OPERATIONS, SECRET, Tree, operate};

/// Paths that lead out by a link, and what a client could write to climb.
const ESCAPES: [&str; 12] = [
    "to-file",
    "to-directory",
    "dangling",
    "dir/up",
    "to-directory/file",
    "to-directory/dir",
    "to-directory/new",
    "to-absolute/passwd",
    "to-sibling/file",
    "dir/up/outside/file",
    "magic/x",
    "inside/../../outside/file",
];

#[test]
fn no_path_leads_out_of_a_mount_by_any_operation() {
    for operation in OPERATIONS {
        for escape in ESCAPES {
            let tree = Tree::new();
            let before = tree.outside();
            let Ok(path) = MountPath::plain(escape) else {
                continue;
            };
            let result = operate(&tree.contained(), operation, &path);
            assert_eq!(
                tree.outside(),
                before,
                "{operation} {escape} changed what is outside"
            );
            if let Ok(bytes) = result {
                // A link itself may be renamed and removed; its target is never touched.
                let itself = ["rename from", "rename to", "remove"].contains(&operation);
                assert!(itself, "{operation} {escape} was done");
                assert!(bytes.is_empty());
            }
        }
    }
}

/// The test of the test: a check by name, as it is often written, lets those paths through.
#[test]
fn a_check_by_name_lets_the_same_paths_out() {
    let tree = Tree::new();
    let root = tree.path("root");
    let naive = |path: &str| {
        let joined = root.join(path);
        let text = joined.to_string_lossy().into_owned();
        // The prefix is right, so the path is taken.
        text.starts_with(root.to_str().unwrap())
            .then(|| fs::read(joined).ok())
            .flatten()
    };
    let escaped: Vec<&str> = ESCAPES
        .into_iter()
        .filter(|path| naive(path).is_some_and(|bytes| bytes == SECRET.as_bytes()))
        .collect();
    assert!(escaped.len() >= 4, "the corpus is too tame: {escaped:?}");
    assert_eq!(naive("../rootX/file").unwrap(), SECRET.as_bytes());
}

#[test]
fn links_that_stay_below_are_followed() {
    let tree = Tree::new();
    let files = tree.contained();
    let path = |text| MountPath::plain(text).unwrap();
    assert_eq!(
        operate(&files, "read", &path("inside/file")).unwrap(),
        b"inside"
    );
    assert_eq!(
        operate(&files, "read", &path("inside-file")).unwrap(),
        b"inside"
    );
    operate(&files, "write", &path("inside-file")).unwrap();
    assert_eq!(fs::read(tree.path("root/dir/file")).unwrap(), b"written");
    assert!(tree.path("root/inside-file").is_symlink());
    let cwd = operate(&files, "cwd", &path("inside/deep")).unwrap();
    assert_eq!(
        cwd,
        tree.path("root/dir/deep")
            .into_os_string()
            .into_encoded_bytes()
    );
}

#[test]
fn what_is_wrong_with_a_path_has_a_code() {
    let tree = Tree::new();
    let files = tree.contained();
    let code = |operation: &str, text: &str| {
        operate(&files, operation, &MountPath::plain(text).unwrap())
            .unwrap_err()
            .code
    };
    assert_eq!(code("read", "to-file"), Code::PathOutsideRoot);
    assert_eq!(code("list", "to-absolute"), Code::PathOutsideRoot);
    assert_eq!(code("read", "round"), Code::PathOutsideRoot);
    assert_eq!(code("read", "nothing"), Code::FsNotFound);
    assert_eq!(code("read", "dangling-inside"), Code::FsNotFound);
    assert_eq!(code("write", "dangling-inside"), Code::FsNotFound);
    assert_eq!(code("write", "dangling"), Code::PathOutsideRoot);
    assert_eq!(code("read", "file/x"), Code::FsNotADirectory);
    assert_eq!(code("read", "dir"), Code::FsIsADirectory);
    assert_eq!(code("write", "dir"), Code::FsIsADirectory);
    assert_eq!(code("list", "file"), Code::FsNotADirectory);
    assert_eq!(code("remove", ""), Code::PathOutsideRoot);
    assert_eq!(code("rename from", ""), Code::PathOutsideRoot);
    let one = files
        .remove(
            &MountPath::plain("dir").unwrap(),
            Removal::One,
            &CancellationToken::new(),
        )
        .unwrap_err();
    assert_eq!(one.code, Code::FsConflict);
    let there = files
        .mkdir(&MountPath::plain("dir").unwrap(), false)
        .unwrap_err();
    assert_eq!(there.code, Code::FsExists);
    let (from, to) = (
        MountPath::plain("file").unwrap(),
        MountPath::plain("dir/file").unwrap(),
    );
    let there = files.rename(&from, &to, false).unwrap_err();
    assert_eq!(there.code, Code::FsExists);
    assert!(there.message.contains("`dir/file`"), "{there}");
    let nothing = MountPath::plain("nothing").unwrap();
    let missing = files.rename(&nothing, &to, false).unwrap_err();
    assert_eq!(missing.code, Code::FsNotFound);
    assert!(missing.message.contains("`nothing`"), "{missing}");
}

#[test]
fn a_pipe_is_neither_waited_for_nor_read() {
    let tree = Tree::new();
    let made = std::process::Command::new("mkfifo")
        .arg(tree.path("root/pipe"))
        .status();
    assert!(made.unwrap().success());
    let fault = operate(
        &tree.contained(),
        "read",
        &MountPath::plain("pipe").unwrap(),
    )
    .unwrap_err();
    assert_eq!(fault.code, Code::FsPermission);
}

#[test]
fn a_mount_may_be_the_root_of_the_file_system_and_still_holds() {
    let all = [PathBuf::from("/")];
    let files = Contained::open(Path::new("/"), &all).unwrap();
    assert!(files.stat(&MountPath::plain("etc").unwrap()).is_ok());
    assert!(files.stat(&MountPath::root()).is_ok());
    let fault = files
        .remove(&MountPath::root(), Removal::Tree, &CancellationToken::new())
        .unwrap_err();
    assert_eq!(fault.code, Code::PathOutsideRoot);
}

#[test]
fn a_mount_is_below_a_directory_that_is_served_whatever_its_name_begins_with() {
    let tree = Tree::new();
    let allowed = [tree.path("root")];
    assert!(check_root(&tree.path("root/dir"), &allowed, &[]).is_ok());
    for root in ["rootX", "outside", "root/to-directory", ""] {
        let fault = check_root(&tree.path(root), &allowed, &[]).unwrap_err();
        assert_eq!(fault.code, Code::PathOutsideRoot, "{root}");
    }
    assert!(check_root(Path::new("root"), &allowed, &[]).is_err());
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    use std::io::Write as _;
    let tree = Tree::new();
    let files = tree.contained();
    let path = MountPath::plain("file").unwrap();
    {
        let mut torn = files.write(&path, Precondition::None).unwrap();
        torn.write_all(b"half of it").unwrap();
    }
    assert_eq!(fs::read(tree.path("root/file")).unwrap(), b"inside");
    let left = fs::read_dir(tree.path("root")).unwrap();
    let parts = left.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with("fleet-part")
    });
    assert_eq!(parts.count(), 0);
}

#[test]
fn a_conditional_write_is_done_only_in_that_state() {
    use std::io::Write as _;
    let tree = Tree::new();
    let files = tree.contained();
    let path = MountPath::plain("file").unwrap();
    let write = |precondition| {
        let mut written = files.write(&path, precondition)?;
        written.write_all(b"new").unwrap();
        written.finish()
    };
    assert_eq!(
        write(Precondition::Absent).unwrap_err().code,
        Code::FsExists
    );
    let tag = files.stat(&path).unwrap().etag;
    let stat = write(Precondition::Etag(tag.clone())).unwrap();
    assert_eq!(
        write(Precondition::Etag(tag)).unwrap_err().code,
        Code::FsConflict
    );
    write(Precondition::Etag(stat.etag)).unwrap();
    // It comes into being while it is written.
    let new = MountPath::plain("new").unwrap();
    let late = files.write(&new, Precondition::Absent).unwrap();
    fs::write(tree.path("root/new"), "first").unwrap();
    assert_eq!(late.finish().unwrap_err().code, Code::FsExists);
    assert_eq!(fs::read(tree.path("root/new")).unwrap(), b"first");
}
