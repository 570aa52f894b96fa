//! Reading the files that go with a message.

use std::io;
use std::path::Path;

use tokio::fs::File;

#[cfg(any(feature = "discord", feature = "matrix"))]
use crate::Content;
use crate::{Attachment, ConnectorError, ConnectorErrorKind as Kind};

impl Attachment {
    /// Opens the file of this host that it is in, and tells its length. What is no file, such as a
    /// device, is not read: it may have no end.
    pub(crate) async fn open(path: &Path) -> Result<(File, u64), ConnectorError> {
        let failed = |kind| {
            let doing = format!("read the attachment {}", path.display());
            ConnectorError::new(kind, doing)
        };
        // Trying again would not bring a file back that is gone.
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied => failed(Kind::Forbidden).because(error),
            _ => failed(Kind::NotFound).because(error),
        };
        let no_file = || failed(Kind::NotFound).because("it is no file");
        // Opening a pipe could wait for ever.
        if !tokio::fs::metadata(path).await.map_err(gone)?.is_file() {
            return Err(no_file());
        }
        let file = File::open(path).await.map_err(gone)?;
        let opened = file.metadata().await.map_err(gone)?;
        match opened.is_file() {
            true => Ok((file, opened.len())),
            false => Err(no_file()),
        }
    }

    /// Reads what is in it.
    #[cfg(any(feature = "discord", feature = "matrix"))]
    pub(crate) async fn read(&self, limit: u64) -> Result<Vec<u8>, ConnectorError> {
        use tokio::io::AsyncReadExt as _;
        let path = match &self.content {
            Content::Bytes(bytes) => return Ok(bytes.clone()),
            Content::Path(path) => path,
        };
        let failed = |kind| {
            let doing = format!("read the attachment {}", path.display());
            ConnectorError::new(kind, doing)
        };
        let (file, length) = Self::open(path).await?;
        let mut bytes = Vec::new();
        if length <= limit {
            let read = file.take(limit + 1).read_to_end(&mut bytes).await;
            read.map_err(|error| failed(Kind::NotFound).because(error))?;
        }
        // It may have grown meanwhile.
        match length > limit || bytes.len() as u64 > limit {
            true => Err(failed(Kind::TooLarge { limit })),
            false => Ok(bytes),
        }
    }
}

#[cfg(all(test, any(feature = "discord", feature = "matrix")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_file_or_too_large_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        let read = async |path: &Path, limit| {
            let read = Attachment::of_file(path).read(limit).await;
            read.map_err(|error| error.kind())
        };
        assert_eq!(read(&path, 5).await, Ok(b"12345".to_vec()));
        assert_eq!(read(&path, 4).await, Err(Kind::TooLarge { limit: 4 }));
        for nothing in [
            Path::new("/dev/zero"),
            directory.path(),
            Path::new("/nosuch"),
        ] {
            assert_eq!(read(nothing, 5).await, Err(Kind::NotFound), "{nothing:?}");
        }
    }
}
