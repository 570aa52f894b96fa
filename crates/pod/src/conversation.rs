//! The conversation of a pod's agent that a later start goes on with.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use podfleet_protocol::{PodId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::paths::StatePaths;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 10;

/// What is kept of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id to the agent's program; `None` where only the directory's last one can be gone on
    /// with.
    pub id: Option<String>,
    /// When something was last said in it, by the pod's clock.
    pub at: UnixMillis,
    /// Where its agent worked; `None` in files of older builds. Programs ask what to do when they are
    /// to go on with it elsewhere, each in its own way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

/// Returns the file in which a pod keeps its conversation.
#[must_use]
pub fn file(paths: &StatePaths, pod: PodId) -> PathBuf {
    paths.sessions().join(pod.to_string()).join("conversation")
}

impl Conversation {
    /// Reads the file; nothing if there is none, or none that can be read: then a start begins
    /// anew.
    #[must_use]
    pub fn read(file: &Path) -> Option<Self> {
        let length = std::fs::metadata(file).ok()?.len();
        let bytes = (length <= MAX_FILE).then(|| std::fs::read(file).ok())??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes the file as a whole. After a crash of the machine it may be the one before.
    ///
    /// # Errors
    /// Fails when its directory cannot be written; then the file is as it was.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let directory = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(".conversation-")
            .tempfile_in(directory)?;
        temporary.write_all(&serde_json::to_vec(self)?)?;
        temporary.persist(file)?;
        Ok(())
    }
}

/// Lets the next start begin a new conversation. The pod must not run.
///
/// # Errors
/// Fails when the file is there and cannot be removed.
pub fn forget(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_kept_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pod/conversation");
        assert_eq!(Conversation::read(&file), None);
        let kept = Conversation {
            id: Some("7".into()),
            at: UnixMillis(5),
            directory: Some("/w".into()),
        };
        kept.write(&file).unwrap();
        assert_eq!(Conversation::read(&file), Some(kept));
        forget(&file).unwrap();
        forget(&file).unwrap();
        assert_eq!(Conversation::read(&file), None);
    }

    #[test]
    fn a_damaged_file_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conversation");
        std::fs::write(&file, "{").unwrap();
        assert_eq!(Conversation::read(&file), None);
    }
}
