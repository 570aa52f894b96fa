//! The bridge between chat and orchestrator, as a block and as a line.

use std::time::Duration;

use jiff::Timestamp;
use podfleet::wording::age;
use podfleet::{BridgeGlance, BridgeStatus};
use podfleet_protocol::UnixMillis;

use super::wrap::wrap;

/// Tells how the bridge is in one line, without its end.
pub(crate) fn line(glance: &BridgeGlance, now: Timestamp) -> String {
    let word = glance.word();
    let Some(status) = &glance.status else {
        return format!("bridge: {word}; `fleet bridge start` starts it");
    };
    let kind = &status.kind;
    // When it was killed nobody noted.
    if glance.was_killed() {
        return format!("bridge: {word} ({kind}); `fleet bridge start` starts it");
    }
    let since = since(status.since, now);
    let detail = status.detail.as_ref();
    let detail = detail.map(|detail| format!(": {}", detail.replace(char::is_control, " ")));
    let detail = detail.unwrap_or_default();
    format!("bridge: {word} for {since} ({kind}){detail}")
}

/// Tells the bridge as a block of facts.
pub(crate) fn describe(status: &BridgeStatus, runs: bool, now: Timestamp) -> String {
    let ago = |at: Option<UnixMillis>| {
        at.map_or("never".to_owned(), |at| format!("{} ago", since(at, now)))
    };
    let word = status.word(runs);
    let mut text = match word {
        BridgeStatus::KILLED => format!("bridge   {word}\n"),
        _ => format!("bridge   {word} for {}\n", since(status.since, now)),
    };
    if let Some(detail) = &status.detail {
        let detail = wrap(detail, 9, "         ");
        text.push_str(&format!("reason   {detail}\n"));
    }
    if runs {
        text.push_str(&format!(
            "process  {}, build {}\n",
            status.pid, status.build
        ));
    }
    text.push_str(&format!(
        "chat     {} {}\nheard    {}\nsaid     {}\n",
        status.kind,
        status.channel,
        ago(status.heard),
        ago(status.said)
    ));
    text
}

fn since(at: UnixMillis, now: Timestamp) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(now);
    let seconds = now.as_second().saturating_sub(at.as_second());
    age(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use podfleet::BridgePhase;

    use super::*;

    #[test]
    fn a_bridge_that_tries_again_says_why() {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        let at = |ago: i64| UnixMillis(now.as_millisecond() - ago * 1000);
        let status = BridgeStatus {
            pid: 7,
            build: "0.1.0".to_owned(),
            kind: "matrix".to_owned(),
            channel: "!room:example.org".to_owned(),
            settings: None,
            phase: BridgePhase::Retrying,
            detail: Some("the chat fails: sync: the service cannot be reached".to_owned()),
            since: at(90),
            heard: Some(at(3600)),
            said: None,
        };
        insta::assert_snapshot!(describe(&status, true, now), @r"
        bridge   retrying for 1m
        reason   the chat fails: sync: the service cannot be reached
        process  7, build 0.1.0
        chat     matrix !room:example.org
        heard    1h ago
        said     never
        ");
        assert!(describe(&status, false, now).starts_with("bridge   killed\n"));
    }

    #[test]
    fn a_line_says_how_it_is_and_what_was_never_there_how_to_start_it() {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        let glance = BridgeGlance {
            status: None,
            runs: false,
            wanted: true,
        };
        let missing = "bridge: missing; `fleet bridge start` starts it";
        assert_eq!(line(&glance, now), missing);
        let status = BridgeStatus {
            pid: 7,
            build: "0.1.0".to_owned(),
            kind: "discord".to_owned(),
            channel: "123".to_owned(),
            settings: None,
            phase: BridgePhase::Failed,
            detail: Some("the token\nis wrong".to_owned()),
            since: UnixMillis(now.as_millisecond() - 180_000),
            heard: None,
            said: None,
        };
        let glance = BridgeGlance {
            status: Some(status),
            ..glance
        };
        let failed = "bridge: failed for 3m (discord): the token is wrong";
        assert_eq!(line(&glance, now), failed);
        let mut glance = glance;
        if let Some(status) = &mut glance.status {
            status.phase = BridgePhase::Connected;
        }
        let killed = "bridge: killed (discord); `fleet bridge start` starts it";
        assert_eq!(line(&glance, now), killed);
    }
}
