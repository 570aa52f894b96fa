//! Small files that are the fleet's own; what people write goes through
//! [`FileSnapshot`](crate::FileSnapshot).

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::Builder;

/// Replaces a file, and makes its directory if it is missing; returns whether anything changed.
///
/// Readers see the old text or the new one, never a part; after a crash it is one of the two. A file
/// with this very text is left as it is, with its times.
pub(crate) fn replace(path: &Path, text: &[u8], mode: u32) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|found| found == text) {
        return Ok(false);
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let mut file = Builder::new()
        .prefix(".fleet-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_left_alone_if_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.env");
        assert!(replace(&path, b"one", 0o600).unwrap());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let before = path.metadata().unwrap().ino();
        assert!(!replace(&path, b"one", 0o600).unwrap());
        assert_eq!(path.metadata().unwrap().ino(), before);
        assert!(replace(&path, b"two", 0o600).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path().join("a")).unwrap().count(), 1);
    }
}
