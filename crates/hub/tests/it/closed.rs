//! Nobody is let into a closed directory, by whatever name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use podfleet_hub::contained::{Removal, check_root};
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::path::MountPath;
use tokio_util::sync::CancellationToken;

use crate::tree::{OPERATIONS, SECRET, Tree, operate};

#[test]
fn nobody_enters_a_closed_directory_or_moves_it_by_any_operation() {
    let tree = Tree::new();
    let secret = tree.path("root/dir/deep/secret");
    fs::write(&secret, SECRET).unwrap();
    symlink("dir/deep", tree.path("root/to-closed")).unwrap();
    let closed: std::sync::Arc<[PathBuf]> = [tree.path("root/dir/deep")].into();
    for operation in OPERATIONS {
        for path in [
            "dir/deep/secret",
            "to-closed/secret",
            "dir/deep/new",
            "dir/deep",
            "to-closed",
            "dir",
        ] {
            let files = tree.contained().closing(closed.clone());
            let path = MountPath::plain(path).unwrap();
            if let Ok(read) = operate(&files, operation, &path) {
                assert!(!String::from_utf8_lossy(&read).contains(SECRET));
                // Beside it one may look, and a link to it may go.
                let beside = [
                    ("list", "dir"),
                    ("watch", "dir"),
                    ("cwd", "dir"),
                    ("mkdir", "dir"),
                ];
                let looked = beside.contains(&(operation, path.as_str()));
                let seen = operation == "mkdir";
                let link = path.as_str() == "to-closed";
                assert!(looked || seen || link, "{operation} {path}");
                if link && !tree.path("root/to-closed").is_symlink() {
                    let _ = fs::remove_file(tree.path("root/to-closed"));
                    symlink("dir/deep", tree.path("root/to-closed")).unwrap();
                }
            }
            assert_eq!(fs::read_to_string(&secret).unwrap(), SECRET, "{operation}");
            let names = fs::read_dir(tree.path("root/dir/deep")).unwrap().count();
            assert_eq!(names, 1, "{operation} {path}");
        }
    }
    let allowed = [tree.path("root")];
    let refused = check_root(&tree.path("root/dir/deep"), &allowed, &closed).unwrap_err();
    assert_eq!(refused.code, Code::FsPermission);
}

#[test]
fn what_is_in_a_closed_directory_is_not_told_by_a_look_or_an_error() {
    let tree = Tree::new();
    fs::write(tree.path("root/dir/deep/secret"), SECRET).unwrap();
    fs::create_dir(tree.path("root/dir/deep/below")).unwrap();
    symlink("dir/deep/secret", tree.path("root/to-secret")).unwrap();
    let closed: Arc<[PathBuf]> = [tree.path("root/dir/deep")].into();
    let files = tree.contained().closing(closed);
    let path = |text: &str| MountPath::plain(text).unwrap();
    // The directory itself is seen.
    files.stat(&path("dir/deep")).unwrap();
    let names = ["secret", "below", "nothing", "secret/x", "below/x", "no/x"];
    let mut said = Vec::new();
    for name in names {
        let inside = path(&format!("dir/deep/{name}"));
        for operation in OPERATIONS {
            let refused = operate(&files, operation, &inside).unwrap_err();
            said.push((operation, name, refused.code));
        }
        said.push(("stat", name, files.stat(&inside).unwrap_err().code));
        let made = files.preview_mkdir(&inside, true).unwrap_err();
        said.push(("preview", name, made.code));
    }
    said.retain(|(_, _, code)| *code != Code::FsPermission);
    assert_eq!(said, []);
    assert_eq!(refusal(files.stat(&path("to-secret"))), Code::FsPermission);
    let page = files.list(&MountPath::root(), None, 0).unwrap();
    let link = page.entries.iter().find(|entry| entry.name == "to-secret");
    assert_eq!(link.unwrap().target, None);
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Fault>) -> Code {
    result.unwrap_err().code
}

/// Says that a process may mount.
const MAY_MOUNT: &str = "PODFLEET_TEST_MAY_MOUNT";

/// Whether this process may mount. If not, the test is run in one that may, where there can be one.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn may_mount(test: &str) -> bool {
    if std::env::var_os(MAY_MOUNT).is_some() {
        return true;
    }
    let alone = ["--user", "--map-root-user", "--mount"];
    let tried = Command::new("unshare").args(alone).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no file systems can be mounted here");
        return false;
    }
    let ran = Command::new("unshare")
        .args(alone)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MAY_MOUNT, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
    false
}

#[test]
fn a_closed_directory_that_is_mounted_in_a_second_place_is_closed_there_too() {
    if !may_mount(
        "closed::a_closed_directory_that_is_mounted_in_a_second_place_is_closed_there_too",
    ) {
        return;
    }
    let tree = Tree::new();
    let secret = tree.path("root/dir/deep/within/secret");
    fs::create_dir(secret.parent().unwrap()).unwrap();
    fs::write(&secret, SECRET).unwrap();
    let own = tree.path("root/dir/deep/within");
    let closed: Arc<[PathBuf]> = [tree.path("root/dir/deep"), own].into();
    // It itself, what it is in, and one out of the middle of it that is closed by itself, too.
    for (at, what) in [
        ("again/it", "root/dir/deep"),
        ("again/above", "root/dir"),
        ("again/own", "root/dir/deep/within"),
    ] {
        let at = tree.path("root").join(at);
        fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.arg("--bind").arg(tree.path(what)).arg(at);
        assert!(mount.status().unwrap().success());
    }
    let files = tree.contained().closing(Arc::clone(&closed));
    let path = |text: &str| MountPath::plain(text).unwrap();
    for inside in ["again/it", "again/above/deep"] {
        files.stat(&path(inside)).unwrap();
        for name in ["within", "within/secret", "new"] {
            let inside = path(&format!("{inside}/{name}"));
            assert_eq!(refusal(files.stat(&inside)), Code::FsPermission, "{inside}");
            for operation in OPERATIONS {
                let refused = refusal(operate(&files, operation, &inside));
                assert_eq!(refused, Code::FsPermission, "{operation} {inside}");
            }
        }
        for operation in ["list", "watch", "cwd", "rename from", "rename to"] {
            let refused = refusal(operate(&files, operation, &path(inside)));
            assert_eq!(refused, Code::FsPermission, "{operation} {inside}");
        }
    }
    for operation in OPERATIONS {
        let refused = refusal(operate(&files, operation, &path("again/own/secret")));
        assert_eq!(refused, Code::FsPermission, "{operation}");
    }
    let listed = refusal(operate(&files, "list", &path("again/own")));
    assert_eq!(listed, Code::FsPermission);
    // Nor is it emptied with what is around it.
    let removed = files.remove(&path("again"), Removal::Tree, &CancellationToken::new());
    assert_eq!(refusal(removed), Code::FsPermission);
    assert_eq!(fs::read_to_string(&secret).unwrap(), SECRET);
    let root = check_root(
        &tree.path("root/again/it/within"),
        &[tree.path("root")],
        &closed,
    );
    assert_eq!(refusal(root), Code::FsPermission);
}
