//! Two pieces of work at a time.

use std::io;
use std::panic::resume_unwind;
use std::thread::{Builder, ScopedJoinHandle, scope};

/// Does two things, the second on a thread of its own; where there can be no thread, one after the
/// other. What comes out is the same.
pub(crate) fn beside<A, B: Send>(
    first: impl FnOnce() -> A,
    second: impl Fn() -> B + Sync,
) -> (A, B) {
    scope(|scope| {
        let thread: io::Result<ScopedJoinHandle<'_, B>> =
            Builder::new().spawn_scoped(scope, &second);
        let first = first();
        let second = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => second(),
        };
        (first, second)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_results_come_out() {
        let words = ["a".to_owned(), "b".to_owned()];
        assert_eq!(beside(|| words[0].len(), || words[1].as_str()), (1, "b"));
    }
}
