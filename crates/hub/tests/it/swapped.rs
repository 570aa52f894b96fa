//! Nothing is done outside of a mount, whoever moves links meanwhile.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use podfleet_hub::contained::Removal;
use podfleet_hub::path::MountPath;
use tokio_util::sync::CancellationToken;

use crate::tree::{OPERATIONS, SECRET, Tree, operate};

/// How often it is swapped while one kind of operation is done again and again.
const SWAPS: u32 = 10_000;

/// Has somebody swap the directory `root/swap` for a link that leads out, and back, all the time, while
/// something is done `again` and again: until that says that it is enough, or for ever after.
fn swapped_meanwhile(tree: &Tree, mut again: impl FnMut(u32) -> bool) {
    fs::create_dir(tree.path("root/real")).unwrap();
    fs::write(tree.path("root/real/file"), "inside").unwrap();
    symlink("../outside", tree.path("root/link")).unwrap();
    let (stop, swaps) = (AtomicBool::new(false), AtomicU32::new(0));
    let [real, link, swap] = ["root/real", "root/link", "root/swap"].map(|path| tree.path(path));
    fs::rename(&real, &swap).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(&swap, &real);
                let _ = fs::rename(&link, &swap);
                let _ = fs::rename(&swap, &link);
                let _ = fs::rename(&real, &swap);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        // A panic has to end the other thread, too.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while !again(swaps.load(Ordering::Relaxed)) {}
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn a_directory_that_is_swapped_for_a_link_meanwhile_lets_nothing_out() {
    for operation in OPERATIONS {
        let tree = Tree::new();
        let (before, files) = (tree.outside(), tree.contained());
        let path = |text| MountPath::plain(text).unwrap();
        let paths = ["swap/file", "swap/new", "swap/dir", "swap"].map(path);
        let mut seen_inside = false;
        swapped_meanwhile(&tree, |swaps| {
            for path in &paths {
                // It would take away or replace what is swapped.
                let whole = path.as_str() == "swap";
                if whole && ["rename from", "rename to", "remove"].contains(&operation) {
                    continue;
                }
                let Ok(bytes) = operate(&files, operation, path) else {
                    continue;
                };
                seen_inside = true;
                let text = String::from_utf8_lossy(&bytes);
                assert!(
                    !text.contains(SECRET) && !text.contains("outside"),
                    "{operation} {path}: {text}"
                );
            }
            // What was taken away or made is put back, so that all of it happens often.
            let _ = files.remove(&path("swap/new"), Removal::Tree, &CancellationToken::new());
            let _ = operate(&files, "write", &path("file"));
            let _ = operate(&files, "write", &path("swap/file"));
            swaps >= SWAPS
        });
        assert!(
            seen_inside,
            "{operation} was never done, so nothing was shown"
        );
        assert_eq!(tree.outside(), before, "{operation}");
    }
}

/// The test of that test: who looks first and opens then, as it is often written, is misled.
#[test]
fn a_check_before_the_use_lets_a_swapped_directory_out() {
    let tree = Tree::new();
    let root = tree.path("root");
    let naive = |path: &str| {
        let joined = root.join(path);
        let real = joined.canonicalize().ok()?;
        real.starts_with(&root).then(|| fs::read(joined).ok())?
    };
    let mut escapes = 0;
    swapped_meanwhile(&tree, |_| {
        let read = naive("swap/file");
        escapes += u32::from(read.is_some_and(|bytes| bytes == SECRET.as_bytes()));
        escapes >= 3
    });
}
