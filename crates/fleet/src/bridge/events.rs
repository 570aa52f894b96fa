//! What the chat is told of agents by itself: that one is blocked, dead or quarantined.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use podfleet_pod::clock;
use podfleet_pod_store::NewSaying;
use podfleet_protocol::MessageId;

use super::Bridge;
use crate::readiness::Readiness;

/// How often agents are looked at.
const LOOK: Duration = Duration::from_secs(10);

impl Bridge<'_> {
    /// Looks at the agents again and again, and tells what became of them.
    pub(super) async fn watch(&self) -> Infallible {
        let wanted = self
            .fleet
            .roster()
            .and_then(|roster| roster.connector.as_ref());
        if !wanted.is_none_or(|chat| chat.events) {
            return std::future::pending().await;
        }
        // How agents are when the bridge starts is no event.
        let mut known = self.states().await;
        let mut left_out = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(states) = self.states().await else {
                continue;
            };
            let before = known.replace(states.clone());
            for (agent, state) in changes(before.as_ref(), &states) {
                if self.pace.allows(Instant::now()) {
                    let text = text(agent, state, std::mem::take(&mut left_out));
                    self.say_event(text).await;
                } else {
                    left_out += 1;
                }
            }
        }
    }

    /// Returns how the agents of this host are; nothing if that cannot be found out now.
    async fn states(&self) -> Option<HashMap<String, Readiness>> {
        let states = self.fleet.readiness().await.ok()?;
        Some(states.into_iter().collect())
    }

    async fn say_event(&self, text: String) {
        let saying = NewSaying {
            id: MessageId::generate(),
            by: None,
            text,
            thread: None,
            reply_to: None,
            attachments: Vec::new(),
            at: clock::wall(),
        };
        // `ps` tells it too; what cannot be said is no reason to stop looking.
        let _ = self.fleet.put_saying(saying).await;
    }
}

/// Returns the agents that came into a state that deserves a word, by name.
fn changes<'a>(
    before: Option<&HashMap<String, Readiness>>,
    now: &'a HashMap<String, Readiness>,
) -> Vec<(&'a str, Readiness)> {
    let new = |agent: &str, state: Readiness| {
        before.is_some_and(|before| before.get(agent) != Some(&state))
    };
    let mut changes: Vec<_> = now
        .iter()
        .filter(|(_, state)| {
            matches!(
                state,
                Readiness::Blocked | Readiness::Dead | Readiness::Quarantined
            )
        })
        .filter(|(agent, state)| new(agent, **state))
        .map(|(agent, state)| (agent.as_str(), *state))
        .collect();
    changes.sort_unstable_by_key(|(agent, _)| *agent);
    changes
}

fn text(agent: &str, state: Readiness, left_out: usize) -> String {
    let what = match state {
        Readiness::Blocked => "is **blocked**: it waits for a person",
        Readiness::Dead => "is **dead**: its pod or its program is gone",
        _ => "is **quarantined**: its program ended too often",
    };
    let more = match left_out {
        0 => String::new(),
        1 => " (1 event before it was left out)".to_owned(),
        many => format!(" ({many} events before it were left out)"),
    };
    format!("`{agent}` {what}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(states: &[(&str, Readiness)]) -> HashMap<String, Readiness> {
        let owned = states
            .iter()
            .map(|(agent, state)| ((*agent).to_owned(), *state));
        owned.collect()
    }

    #[test]
    fn only_a_new_state_that_deserves_a_word_is_told() {
        let before = states(&[
            ("a", Readiness::Working),
            ("b", Readiness::Blocked),
            ("c", Readiness::Available),
        ]);
        let now = states(&[
            ("a", Readiness::Blocked),
            ("b", Readiness::Blocked),
            ("c", Readiness::Working),
            ("d", Readiness::Dead),
        ]);
        let told = changes(Some(&before), &now);
        assert_eq!(told, [("a", Readiness::Blocked), ("d", Readiness::Dead)]);
        assert_eq!(changes(None, &now), [], "the first look tells nothing");
    }

    #[test]
    fn what_was_left_out_is_counted() {
        insta::assert_snapshot!(
            text("coder", Readiness::Blocked, 2),
            @"`coder` is **blocked**: it waits for a person (2 events before it were left out)"
        );
    }
}
