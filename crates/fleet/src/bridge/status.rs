//! What a bridge says of itself, in a file that anybody may read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use podfleet_connectors::OrchestratorConnector;
use podfleet_pod::clock;
use podfleet_protocol::UnixMillis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::own_file;

/// What a bridge last said of itself. Whether it still runs is another question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeStatus {
    /// Its process.
    pub pid: u32,
    /// Its build.
    pub build: String,
    /// The kind of its connector.
    pub kind: String,
    /// The room, channel or directory that it talks in.
    pub channel: String,
    /// What the roster said of the chat when it began, as JSON; absent of a roster without a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// How it is.
    pub phase: BridgePhase,
    /// More of that, such as the error that it tries to get over.
    pub detail: Option<String>,
    /// Since when it is so.
    pub since: UnixMillis,
    /// When a person was last heard.
    pub heard: Option<UnixMillis>,
    /// When something was last sent.
    pub said: Option<UnixMillis>,
}

/// How a bridge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BridgePhase {
    /// It has not reached the carrier yet.
    Connecting,
    /// It listens and sends.
    Connected,
    /// Something failed that may pass; it tries again.
    Retrying,
    /// It ended because of an error that no further try would mend.
    Failed,
    /// It ended in order.
    Ended,
}

impl BridgePhase {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }
}

impl BridgeStatus {
    /// Reads what a bridge last wrote; one that cannot be read says nothing.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}

/// The file of a bridge that runs.
#[derive(Debug)]
pub(super) struct StatusFile {
    path: PathBuf,
    status: Mutex<BridgeStatus>,
}

impl StatusFile {
    pub(super) fn begin(
        path: &Path,
        build: &str,
        connector: &dyn OrchestratorConnector,
        settings: Option<String>,
    ) -> Self {
        let file = Self {
            path: path.to_owned(),
            status: Mutex::new(BridgeStatus {
                pid: std::process::id(),
                build: build.to_owned(),
                kind: connector.kind().to_string(),
                channel: connector.channel(),
                settings,
                phase: BridgePhase::Connecting,
                detail: None,
                since: clock::wall(),
                heard: None,
                said: None,
            }),
        };
        file.change(|_| {});
        file
    }

    pub(super) fn connected(&self) {
        self.set(BridgePhase::Connected, None);
    }

    pub(super) fn retry(&self, why: String) {
        self.set(BridgePhase::Retrying, Some(why));
    }

    pub(super) fn fail(&self, why: String) {
        self.set(BridgePhase::Failed, Some(why));
    }

    pub(super) fn end(&self) {
        self.set(BridgePhase::Ended, None);
    }

    pub(super) fn heard(&self) {
        self.change(|status| status.heard = Some(clock::wall()));
    }

    pub(super) fn said(&self) {
        self.change(|status| status.said = Some(clock::wall()));
    }

    fn set(&self, phase: BridgePhase, detail: Option<String>) {
        self.change(|status| {
            if status.phase != phase {
                status.since = clock::wall();
            }
            status.phase = phase;
            status.detail = detail;
        });
    }

    /// The file is for people alone: a bridge that cannot write it goes on.
    fn change(&self, change: impl FnOnce(&mut BridgeStatus)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut status);
        if let Ok(text) = serde_json::to_vec(&*status) {
            let _ = own_file::replace(&self.path, &text, 0o600);
        }
    }
}
