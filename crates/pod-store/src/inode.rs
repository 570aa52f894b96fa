//! Which file a path leads to.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// Device and number of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode(u64, u64);

impl Inode {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}
