//! How the bridge of a fleet is, for whoever looks at the whole fleet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::{BridgePhase, BridgeStatus};
use crate::fleet::Fleet;

/// How the bridge of a fleet is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeGlance {
    /// Whether it runs.
    pub runs: bool,
    /// Whether the roster wants one on this host.
    pub wanted: bool,
    /// What it last said of itself; null if there never was one. Where it does not run and said
    /// neither `failed` nor `ended`, it was killed.
    pub status: Option<BridgeStatus>,
}

impl BridgeGlance {
    /// Returns the word for how it is, such as `connected`, `killed` or `missing`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (&self.status, self.runs) {
            (None, false) => "missing",
            (None, true) => "starting",
            (Some(status), runs) => status.word(runs),
        }
    }

    /// Returns whether it is gone without having said why.
    #[must_use]
    pub fn was_killed(&self) -> bool {
        self.word() == BridgeStatus::KILLED
    }

    /// Returns whether it does what it is there for.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let phase = self.status.as_ref().map(|status| status.phase);
        self.runs && phase == Some(BridgePhase::Connected)
    }

    /// Returns whether it ended because of an error that no further try would mend.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        let phase = self.status.as_ref().map(|status| status.phase);
        !self.runs && phase == Some(BridgePhase::Failed)
    }
}

impl BridgeStatus {
    /// The word for a bridge that is gone without having said why.
    pub const KILLED: &'static str = "killed";

    /// Returns the word for how the bridge is that said this and runs, or does not.
    #[must_use]
    pub const fn word(&self, runs: bool) -> &'static str {
        match (runs, self.phase) {
            (false, phase @ (BridgePhase::Failed | BridgePhase::Ended)) => phase.as_str(),
            (false, _) => Self::KILLED,
            (true, phase) => phase.as_str(),
        }
    }
}

impl Fleet {
    /// Looks at the fleet's bridge; nothing if it does not run and nobody wants it to.
    #[must_use]
    pub fn bridge_glance(&self) -> Option<BridgeGlance> {
        let place = self.bridge_place();
        let (runs, wanted) = (place.runs(), self.wants_bridge());
        (runs || wanted).then(|| BridgeGlance {
            status: BridgeStatus::read(place.status()),
            runs,
            wanted,
        })
    }
}
