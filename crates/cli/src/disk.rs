//! What the roster's checks ask about the disk.

use std::path::{Path, PathBuf};

use podfleet_roster::{Disk, PathKind};

/// This machine's disk, with the home directory that `~` stands for.
pub(crate) struct LocalDisk {
    home: PathBuf,
}

impl LocalDisk {
    /// Makes the view of a user's disk.
    pub(crate) const fn new(home: PathBuf) -> Self {
        Self { home }
    }

    fn expand(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(&rest[1..]),
            _ => PathBuf::from(path),
        }
    }
}

impl Disk for LocalDisk {
    fn kind(&self, path: &str) -> PathKind {
        match std::fs::metadata(self.expand(path)) {
            Ok(found) if found.is_dir() => PathKind::Directory,
            Ok(_) => PathKind::Other,
            Err(_) => PathKind::Absent,
        }
    }

    fn work_tree(&self, path: &str) -> Option<String> {
        let directory = self.expand(path).canonicalize().ok()?;
        let top = directory.ancestors().find(|at| has_git(at))?;
        Some(top.to_string_lossy().into_owned())
    }
}

/// Linked working trees have a file `.git`, others a directory.
fn has_git(directory: &Path) -> bool {
    directory.join(".git").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_stands_for_the_home_directory() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("src")).unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        let disk = LocalDisk::new(home.path().to_owned());
        assert_eq!(disk.kind("~"), PathKind::Directory);
        assert_eq!(disk.kind("~/src"), PathKind::Directory);
        assert_eq!(disk.kind("~/file"), PathKind::Other);
        assert_eq!(disk.kind("~/none"), PathKind::Absent);
    }

    #[test]
    fn directories_below_one_git_working_tree_are_in_the_same() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("a/.git")).unwrap();
        std::fs::create_dir_all(home.path().join("a/deep/er")).unwrap();
        std::fs::create_dir_all(home.path().join("b")).unwrap();
        let disk = LocalDisk::new(home.path().to_owned());
        assert!(disk.work_tree("~/a").is_some());
        assert_eq!(disk.work_tree("~/a"), disk.work_tree("~/a/deep/er"));
        assert_ne!(disk.work_tree("~/a"), disk.work_tree("~/b"));
    }
}
