//! Which versions of the protocol a side speaks.

use std::fmt;

use crate::method::{HelloParams, MIN_PROTOCOL, PROTOCOL};

/// The versions of the protocol that one side speaks: those from an oldest to a newest one.
///
/// ```
/// use podfleet_protocol::Versions;
///
/// let (older, newer) = (Versions::new(1, 2), Versions::new(2, 4));
/// assert_eq!(older.common_with(newer), Some(2));
/// assert_eq!(older.common_with(Versions::new(3, 4)), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    oldest: u32,
    newest: u32,
}

impl Versions {
    /// Those of this build.
    pub const OURS: Self = Self::new(MIN_PROTOCOL, PROTOCOL);

    /// Makes those from `oldest` to `newest`.
    #[must_use]
    pub const fn new(oldest: u32, newest: u32) -> Self {
        Self { oldest, newest }
    }

    /// Returns the oldest one that is understood.
    #[must_use]
    pub const fn oldest(self) -> u32 {
        self.oldest
    }

    /// Returns the newest one that is spoken.
    #[must_use]
    pub const fn newest(self) -> u32 {
        self.newest
    }

    /// Returns whether a version is one of them.
    #[must_use]
    pub const fn have(self, version: u32) -> bool {
        self.oldest <= version && version <= self.newest
    }

    /// Returns the version that both sides speak: the lower of the two newest, if both understand it.
    #[must_use]
    pub fn common_with(self, other: Self) -> Option<u32> {
        let common = self.newest.min(other.newest);
        (self.have(common) && other.have(common)).then_some(common)
    }
}

impl From<&HelloParams> for Versions {
    fn from(hello: &HelloParams) -> Self {
        Self::new(hello.min_protocol, hello.protocol)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(f, "version {}", self.oldest),
            false => write!(f, "versions {} to {}", self.oldest, self.newest),
        }
    }
}
