//! Exit statuses: the one place that maps what happened to a number.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; the answer is yes.
    Success,
    /// The answer is no: findings, a miss, some agents failed.
    No,
    /// The command line is wrong, or a file that it names cannot be read.
    Usage,
    /// A rule refuses it.
    Refused,
    /// A program or service that it needs is missing.
    Missing,
    /// The system failed: disk, store, network.
    System,
    /// A defect of ours that was noticed; one that was not is a panic, with the same number.
    Defect,
    /// A signal interrupted it.
    Interrupted,
    /// As the program that was run in our place.
    Program(u8),
}

impl Exit {
    /// Returns the number that the shell sees.
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Missing => 4,
            Self::System => 5,
            Self::Defect => 101,
            Self::Interrupted => 130,
            Self::Program(status) => status,
        }
    }

    /// Returns whether the answer is yes.
    pub(crate) const fn is_success(self) -> bool {
        matches!(self, Self::Success)
    }

    /// Returns how two things ended that were both done: by the first that did not succeed.
    pub(crate) const fn and(self, other: Self) -> Self {
        if self.is_success() { other } else { self }
    }

    /// Returns [`Exit::Success`] for a yes and [`Exit::No`] for a no.
    pub(crate) const fn answer(yes: bool) -> Self {
        if yes { Self::Success } else { Self::No }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}
