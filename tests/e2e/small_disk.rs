//! A small file system of a test's own, which can be full or read-only.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::world::text;

/// A file system of 2 MiB in a directory of a world, unmounted when dropped.
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    pub(crate) fn mount(path: PathBuf) -> Self {
        fs::create_dir(&path).unwrap();
        let options = [
            "-t",
            "tmpfs",
            "-o",
            "size=2m,mode=0700",
            "podfleet-test",
            text(&path),
        ];
        let mounted = Command::new("mount").args(options).status().unwrap();
        assert!(mounted.success());
        Self { path }
    }

    /// Leaves no room, and returns the file that takes it.
    pub(crate) fn fill(&self) -> PathBuf {
        let filler = self.path.join("filler");
        let mut bytes = 2 << 20;
        while bytes > 0 {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&filler)
                .unwrap();
            if std::io::Write::write_all(&mut file, &vec![0; bytes]).is_err() {
                bytes /= 2;
            }
        }
        filler
    }

    /// Lets nobody write any more.
    pub(crate) fn seal(&self) {
        self.remount("remount,ro");
    }

    /// Lets everybody write again.
    pub(crate) fn unseal(&self) {
        self.remount("remount,rw");
    }

    fn remount(&self, how: &str) {
        let options = ["-o", how, text(&self.path)];
        let mounted = Command::new("mount").args(options).status().unwrap();
        assert!(mounted.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .args(["-l", text(&self.path)])
            .status();
    }
}
