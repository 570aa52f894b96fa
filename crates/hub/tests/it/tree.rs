//! A mount with all that could lead out of it, and what is done with its files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use podfleet_hub::contained::{Contained, Precondition, Removal};
use podfleet_hub::fault::Fault;
use podfleet_hub::path::MountPath;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Below `root` is the mount; beside it, `outside` and a sibling whose name begins alike.
pub(crate) struct Tree {
    directory: TempDir,
}

pub(crate) const SECRET: &str = "nobody may read this";

impl Tree {
    pub(crate) fn new() -> Self {
        let tree = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for directory in ["root/dir/deep", "outside/dir", "rootX"] {
            fs::create_dir_all(tree.path(directory)).unwrap();
        }
        fs::write(tree.path("root/file"), "inside").unwrap();
        fs::write(tree.path("root/dir/file"), "inside").unwrap();
        fs::write(tree.path("outside/file"), SECRET).unwrap();
        fs::write(tree.path("outside/dir/file"), SECRET).unwrap();
        fs::write(tree.path("rootX/file"), SECRET).unwrap();
        let links = [
            ("to-file", "../outside/file"),
            ("to-directory", "../outside"),
            ("to-absolute", "/etc"),
            ("to-sibling", "../rootX"),
            ("dangling", "../outside/new"),
            ("dangling-inside", "nowhere"),
            ("inside", "dir"),
            ("inside-file", "dir/file"),
            ("round", "round"),
            ("dir/up", "../.."),
            ("magic", "/proc/self/cwd"),
        ];
        for (name, target) in links {
            symlink(target, tree.path("root").join(name)).unwrap();
        }
        tree
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(below)
    }

    pub(crate) fn contained(&self) -> Contained {
        Contained::open(&self.path("root"), &[self.path("")]).unwrap()
    }

    /// What is outside, with its bytes.
    pub(crate) fn outside(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for directory in ["outside", "outside/dir", "rootX"] {
            for entry in fs::read_dir(self.path(directory)).unwrap() {
                let path = entry.unwrap().path();
                let bytes = if path.is_file() {
                    fs::read(&path).unwrap()
                } else {
                    Vec::new()
                };
                found.push((path, bytes));
            }
        }
        found.sort();
        found
    }
}

/// Everything that can be asked of a path; what was read comes back.
pub(crate) const OPERATIONS: [&str; 9] = [
    "read",
    "write",
    "mkdir",
    "rename from",
    "rename to",
    "remove",
    "list",
    "watch",
    "cwd",
];

pub(crate) fn operate(
    files: &Contained,
    operation: &str,
    path: &MountPath,
) -> Result<Vec<u8>, Fault> {
    use std::io::{Read as _, Write as _};
    let other = MountPath::plain("other").unwrap();
    match operation {
        "read" => {
            let mut bytes = Vec::new();
            files.read(path)?.0.read_to_end(&mut bytes).unwrap();
            Ok(bytes)
        }
        "write" => {
            let mut written = files.write(path, Precondition::None)?;
            written.write_all(b"written").unwrap();
            written.finish().map(|_| Vec::new())
        }
        "mkdir" => files.mkdir(path, true).map(|_| Vec::new()),
        "rename from" => files.rename(path, &other, true).map(|()| Vec::new()),
        "rename to" => {
            let from = MountPath::plain("file").unwrap();
            files.rename(&from, path, true).map(|()| Vec::new())
        }
        "remove" => files
            .remove(path, Removal::Tree, &CancellationToken::new())
            .map(|()| Vec::new()),
        "list" => {
            let page = files.list(path, None, 0)?;
            Ok(page
                .entries
                .into_iter()
                .flat_map(|entry| entry.name.into_bytes())
                .collect())
        }
        "watch" => files.watch(path).map(|_| Vec::new()),
        "cwd" => {
            let found = files.working_directory(path)?;
            Ok(found.into_os_string().into_encoded_bytes())
        }
        other => panic!("{other}"),
    }
}
