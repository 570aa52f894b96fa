//! Messages that a pod sends again because it is in doubt.
//!
//! An agent that does not see what became of its message sends the same words once more. Within a
//! minute that is taken for the same message.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use podfleet_protocol::{MessageId, PodId};

/// How long the same words are the same message.
const WINDOW: Duration = Duration::from_secs(60);

/// What pods sent in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Echoes(Mutex<HashMap<(PodId, u64), (MessageId, Instant)>>);

impl Echoes {
    /// Returns the message that a pod sent with the same words within a minute before `now`.
    pub(crate) fn find(&self, from: PodId, body: &str, now: Instant) -> Option<MessageId> {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, at) = sent.get(&(from, digest(body)))?;
        (now.saturating_duration_since(*at) < WINDOW).then_some(*id)
    }

    /// Takes notice of a message that was accepted.
    pub(crate) fn sent(&self, from: PodId, body: &str, id: MessageId, now: Instant) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|_, (_, at)| now.saturating_duration_since(*at) < WINDOW);
        sent.insert((from, digest(body)), (id, now));
    }
}

fn digest(body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.trim().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_of_the_same_pod_are_the_same_message_for_a_minute() {
        let echoes = Echoes::default();
        let (pod, other) = (PodId::generate(), PodId::generate());
        let (id, now) = (MessageId::generate(), Instant::now());
        assert_eq!(echoes.find(pod, "hello", now), None);
        echoes.sent(pod, "hello", id, now);
        assert_eq!(echoes.find(pod, " hello\n", now), Some(id));
        assert_eq!(echoes.find(pod, "hello!", now), None);
        assert_eq!(echoes.find(other, "hello", now), None);
        assert_eq!(echoes.find(pod, "hello", now + WINDOW), None);
        echoes.sent(other, "x", id, now + WINDOW);
        assert_eq!(echoes.0.lock().unwrap().len(), 1);
    }
}
