//! Messages that a pod sends again because it is in doubt.
//!
//! An agent that does not see what became of its message sends the same words once more. Within a
//! minute that is taken for the same message, by the receiver's inbox, whoever accepts it there. To
//! ask it takes time; so a pod that has run for so long itself asks only about what it has heard.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use podfleet_pod_store::ECHO_WINDOW_MS;
use podfleet_protocol::PodId;

/// How long the same words are the same message.
const WINDOW: Duration = Duration::from_millis(ECHO_WINDOW_MS.unsigned_abs());
/// How many are kept. What is offered beyond is asked about without being known.
const LIMIT: usize = 4096;

/// What pods say, as far as it has to be known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Words(PodId, u64);

impl Words {
    /// Takes what is said; what is blank around it does not count.
    pub(crate) fn of(from: PodId, body: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        body.trim().hash(&mut hasher);
        Self(from, hasher.finish())
    }
}

/// What pods offered in the last minute.
#[derive(Debug)]
pub(crate) struct Echoes {
    /// What was accepted before, was by others.
    since: Instant,
    heard: Mutex<HashMap<Words, Instant>>,
}

impl Echoes {
    /// Listens from now on.
    pub(crate) fn since(now: Instant) -> Self {
        Self {
            since: now,
            heard: Mutex::default(),
        }
    }

    /// Takes notice of words that are offered. Returns whether they may be in the inbox already, from
    /// within a minute before `now`.
    pub(crate) fn say(&self, words: Words, now: Instant) -> bool {
        let recent = |at: Instant| now.saturating_duration_since(at) < WINDOW;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|_, at| recent(*at));
        if heard.len() >= LIMIT && !heard.contains_key(&words) {
            return true;
        }
        heard.insert(words, now).is_some() || recent(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_may_have_been_accepted_within_a_minute_are_asked_about() {
        let start = Instant::now();
        let echoes = Echoes::since(start);
        let (pod, other) = (PodId::generate(), PodId::generate());
        let hello = Words::of(pod, "hello");
        // Somebody else may have accepted them before it listened.
        assert!(echoes.say(hello, start));
        let now = start + WINDOW;
        assert!(!echoes.say(hello, now));
        assert!(echoes.say(Words::of(pod, " hello\n"), now));
        assert!(!echoes.say(Words::of(pod, "hello!"), now));
        assert!(!echoes.say(Words::of(other, "hello"), now));
        assert!(!echoes.say(hello, now + WINDOW));
        assert_eq!(echoes.heard.lock().unwrap().len(), 1);
    }

    #[test]
    fn whatever_is_offered_is_kept_within_bounds() {
        let (start, pod) = (Instant::now(), PodId::generate());
        let echoes = Echoes::since(start);
        let now = start + WINDOW;
        for number in 0..LIMIT {
            assert!(!echoes.say(Words::of(pod, &number.to_string()), now));
        }
        for _ in 0..2 {
            assert!(echoes.say(Words::of(pod, "one more"), now));
        }
        assert_eq!(echoes.heard.lock().unwrap().len(), LIMIT);
    }
}
