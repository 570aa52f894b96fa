//! Whether the fleet's chat works: its connector, and the bridge.

use std::time::Duration;

use super::{Check, Verdict};
use crate::bridge::{BridgeGlance, BridgePhase};
use crate::fleet::Fleet;

/// How long a carrier may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Fleet {
    /// Asks the connector, and looks at the bridge; nothing where the roster wants no bridge here.
    pub(super) async fn chat_checks(&self) -> Vec<Check> {
        let Some(glance) = self.bridge_glance() else {
            return Vec::new();
        };
        vec![self.connector_check().await, bridge_check(&glance)]
    }

    async fn connector_check(&self) -> Check {
        let check = |verdict, found: String| Check::new("chat", verdict, found);
        let connector = match self.connector() {
            Ok(connector) => connector,
            Err(error) => {
                let remedy = error.hints().first().cloned();
                let remedy = remedy.unwrap_or_else(|| "mend `connector` in the roster".to_owned());
                return check(Verdict::Wrong, error.in_one_line()).remedy(remedy);
            }
        };
        let kind = connector.kind();
        let Ok(health) = tokio::time::timeout(PATIENCE, connector.health()).await else {
            let found = format!("{kind} did not answer within {} s", PATIENCE.as_secs());
            return check(Verdict::Wrong, found).remedy("look at the network");
        };
        if health.is_good() {
            return check(Verdict::Ok, format!("{kind} {}", connector.channel()));
        }
        let detail = health.detail.unwrap_or_else(|| {
            let what = if health.reachable {
                "does not know us"
            } else {
                "cannot be reached"
            };
            format!("it {what}")
        });
        let remedy = "docs/connectors says how it is set up";
        check(Verdict::Wrong, format!("{kind}: {detail}")).remedy(remedy)
    }
}

fn bridge_check(glance: &BridgeGlance) -> Check {
    let word = glance.word();
    let detail = glance
        .status
        .as_ref()
        .and_then(|status| status.detail.clone());
    let found = match detail {
        Some(detail) => format!("{word}: {detail}"),
        None => word.to_owned(),
    };
    let retrying = |phase| matches!(phase, BridgePhase::Connecting | BridgePhase::Retrying);
    let phase = glance.status.as_ref().map(|status| status.phase);
    if glance.is_well() {
        Check::new("bridge", Verdict::Ok, found)
    } else if glance.runs && phase.is_none_or(retrying) {
        Check::new("bridge", Verdict::Note, found).remedy("it tries again by itself")
    } else if glance.gave_up() {
        Check::new("bridge", Verdict::Wrong, found).remedy("mend that, then `fleet bridge start`")
    } else {
        Check::new("bridge", Verdict::Note, found).remedy("`fleet bridge start` starts it")
    }
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::UnixMillis;

    use super::*;
    use crate::bridge::BridgeStatus;

    #[test]
    fn a_bridge_that_gave_up_is_wrong_and_one_that_tries_again_deserves_a_look() {
        let glance = |phase, runs, detail: Option<&str>| BridgeGlance {
            status: Some(BridgeStatus {
                pid: 7,
                build: "0.1.0".to_owned(),
                kind: "tmux".to_owned(),
                channel: "/chat".to_owned(),
                settings: None,
                phase,
                detail: detail.map(str::to_owned),
                since: UnixMillis(0),
                heard: None,
                said: None,
            }),
            runs,
            wanted: true,
        };
        let told = |glance: BridgeGlance| {
            let Check {
                verdict,
                found,
                remedy,
                ..
            } = bridge_check(&glance);
            format!(
                "{}: {found} ({})\n",
                verdict.as_str(),
                remedy.unwrap_or_default()
            )
        };
        let mut lines = told(glance(BridgePhase::Connected, true, None));
        lines += &told(glance(BridgePhase::Retrying, true, Some("no network")));
        lines += &told(glance(
            BridgePhase::Failed,
            false,
            Some("the token is wrong"),
        ));
        lines += &told(glance(BridgePhase::Connected, false, None));
        lines += &told(glance(BridgePhase::Ended, false, None));
        insta::assert_snapshot!(lines, @"
        ok: connected ()
        note: retrying: no network (it tries again by itself)
        wrong: failed: the token is wrong (mend that, then `fleet bridge start`)
        note: killed (`fleet bridge start` starts it)
        note: ended (`fleet bridge start` starts it)
        ");
    }
}
