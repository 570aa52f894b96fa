//! The dialogs that take the composer's place.

use std::time::Duration;

/// What a dialog asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether the files of the folder are trusted; asked at start.
    Trust,
    /// Whether a tool may be used.
    Permission,
}

impl Question {
    /// Returns the question's name in the journal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Permission => "permission",
        }
    }

    /// Returns the question as it stands on the screen.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Trust => "Do you trust the files in this folder?",
            Self::Permission => "Do you want to proceed?",
        }
    }

    /// Returns the answers: yes, then no.
    #[must_use]
    pub fn options(self) -> [&'static str; 2] {
        match self {
            Self::Trust => ["Yes, I trust this folder", "No, exit"],
            Self::Permission => ["Yes", "No"],
        }
    }
}

/// An open dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// What it asks.
    pub question: Question,
    /// The selected row; 0 (yes) to begin with, so that a blind Enter approves.
    pub selected: usize,
    /// When it closes by itself.
    pub closes_at: Option<Duration>,
}
