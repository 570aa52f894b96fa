//! Whether the agent can take a message now, and if not, what it waits for.

use std::time::Duration;

use podfleet_harness::{Composer, ScreenState};
use podfleet_protocol::{Hold, HoldReason};

use super::Look;

/// How long after a person's last key nothing is typed.
const AFTER_KEY: Duration = Duration::from_secs(5);
/// How long keys of a person count as a draft where no composer can be seen.
const DRAFT_EXPIRES: Duration = Duration::from_secs(600);

/// What the pod knows besides the screen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    /// Something that no look at the screen can lift: paused, quarantined, a broken log.
    pub(crate) outer: Option<Hold>,
    /// Time since a person's last text key.
    pub(crate) key_age: Option<Duration>,
    /// Text keys of a person since the last submit or clear.
    pub(crate) open_keys: bool,
    /// Whether the message may go into a busy agent's queue.
    pub(crate) now: bool,
}

/// Returns why a message has to wait, or nothing if it can be typed.
pub(crate) fn hold(look: &Look<'_>, conditions: &Conditions) -> Option<Hold> {
    if let Some(outer) = &conditions.outer {
        return Some(outer.clone());
    }
    let composer = look.harness.composer(look.screen);
    let line = look.classification.line.clone().unwrap_or_default();
    let because = |reason, detail| Some(Hold { reason, detail });
    match look.classification.state {
        ScreenState::Blocked(kind) => {
            return because(HoldReason::Dialog, dialog(&kind.to_string(), &line));
        }
        ScreenState::Starting => return because(HoldReason::Starting, String::new()),
        ScreenState::Busy if !(conditions.now && look.harness.queue_safe()) => {
            return because(HoldReason::Busy, line);
        }
        // Text, or a mode in which the agent takes text for something else.
        ScreenState::Draft => {
            return because(HoldReason::Draft, "text stands in the composer".into());
        }
        ScreenState::Unknown => {
            return because(
                HoldReason::Starting,
                "nothing shows that it is ready".into(),
            );
        }
        _ => {}
    }
    match composer {
        Composer::Holds(_) => {
            return because(HoldReason::Draft, "text stands in the composer".into());
        }
        Composer::Unknown if open_keys(conditions) => {
            return because(
                HoldReason::Draft,
                "a person has typed and not submitted".into(),
            );
        }
        Composer::Unknown | Composer::Empty => {}
    }
    if conditions.key_age.is_some_and(|age| age < AFTER_KEY) {
        return because(HoldReason::Draft, "a person typed a moment ago".into());
    }
    None
}

/// Returns how long until the clock alone may open the gate.
pub(crate) fn opens_in(conditions: &Conditions) -> Option<Duration> {
    let age = conditions.key_age?;
    [AFTER_KEY, DRAFT_EXPIRES]
        .into_iter()
        .find(|limit| age < *limit)
        .map(|limit| limit - age)
}

fn open_keys(conditions: &Conditions) -> bool {
    conditions.open_keys && conditions.key_age.is_some_and(|age| age < DRAFT_EXPIRES)
}

/// Says which dialog it is; that it is one says the hold.
pub(super) fn dialog(kind: &str, line: &str) -> String {
    match (kind, line) {
        ("dialog", line) => line.to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, line) => format!("{kind}: {line}"),
    }
}
