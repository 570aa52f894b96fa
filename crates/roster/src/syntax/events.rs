//! The parser's events, one after the other.

use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, scope};

use granit_parser::{Event, Parser, Span as EventSpan, TryLoadError, TrySpannedEventReceiver};

use super::{MAX_DEPTH, fault};
use crate::finding::{Finding, Span};

/// Bytes from which on a thread that only parses is worth its start.
const LONG: usize = 128 * 1024;

/// Events that go from thread to thread at once, and how often so many may wait.
const BATCH: usize = 512;
const BATCHES: usize = 8;

/// An event with its place.
pub(super) struct Read<'t> {
    pub(super) event: Event<'t>,
    pub(super) span: Span,
    pub(super) tag_span: Option<Span>,
}

/// Hands every event of a text to `take`, in order, until it refuses one or the text cannot be read
/// further. `offset` is added to every place.
///
/// A long text is parsed on a thread of its own, while `take` is at work on what was parsed before.
pub(super) fn each<'t, E: From<Finding>>(
    text: &'t str,
    offset: usize,
    mut take: impl FnMut(Read<'t>) -> Result<(), E>,
) -> Result<(), E> {
    if text.len() < LONG {
        return parse(text, offset, take);
    }
    scope(|scope| {
        let (sender, batches) = sync_channel(BATCHES);
        let parser = Builder::new().spawn_scoped(scope, move || send(text, offset, &sender));
        if parser.is_err() {
            return parse(text, offset, take);
        }
        for batch in batches {
            for read in batch? {
                take(read)?;
            }
        }
        Ok(())
    })
}

/// Sends every event, and the fault after which there are no more, until nobody listens.
fn send<'t>(text: &'t str, offset: usize, sender: &SyncSender<Result<Vec<Read<'t>>, Finding>>) {
    let mut batch = Vec::with_capacity(BATCH);
    let parsed = parse(text, offset, |read| {
        batch.push(read);
        if batch.len() < BATCH {
            return Ok(());
        }
        let full = mem::replace(&mut batch, Vec::with_capacity(BATCH));
        // Who listens no longer needs no reason.
        sender.send(Ok(full)).map_err(|_| None)
    });
    let rest = sender.send(Ok(batch));
    if let (Ok(()), Err(Some(fault))) = (rest, parsed) {
        let _ = sender.send(Err(fault));
    }
}

fn parse<'t, E: From<Finding>>(
    text: &'t str,
    offset: usize,
    take: impl FnMut(Read<'t>) -> Result<(), E>,
) -> Result<(), E> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let loaded = parser.try_load(&mut Receiver { offset, take }, true);
    loaded.map_err(|error| match error {
        TryLoadError::Scan(error) => fault::finding(&error, text, offset).into(),
        TryLoadError::Receiver(error) => error,
    })
}

struct Receiver<F> {
    offset: usize,
    take: F,
}

impl<'t, E, F: FnMut(Read<'t>) -> Result<(), E>> TrySpannedEventReceiver<'t> for Receiver<F> {
    type Error = E;

    fn on_event(&mut self, event: Event<'t>, at: EventSpan) -> Result<(), E> {
        let bytes = |span: &EventSpan| {
            let range = span.byte_range().unwrap_or(0..0);
            range.start + self.offset..range.end + self.offset
        };
        (self.take)(Read {
            event,
            span: bytes(&at),
            tag_span: at.tag_span().map(|at| bytes(&at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the events with their places, and the fault.
    fn shown(text: &str, most: usize) -> (Vec<String>, Option<Finding>) {
        let mut seen = Vec::new();
        let read = each(text, 0, |read| {
            if seen.len() == most {
                return Err(None);
            }
            seen.push(format!("{:?} {:?}", read.event, read.span));
            Ok(())
        });
        (seen, read.err().flatten())
    }

    #[test]
    fn a_long_text_gives_the_events_of_its_parts() {
        let part = "- {a: [b, 'c'], d: \"é\"}\n";
        let long = part.repeat(LONG / part.len() + 1);
        let (events, fault) = shown(&long, usize::MAX);
        let mut expected = Vec::new();
        let parsed = parse(&long, 0, |read| {
            expected.push(format!("{:?} {:?}", read.event, read.span));
            Ok::<(), Finding>(())
        });
        assert!(parsed.is_ok() && fault.is_none());
        assert_eq!(events, expected);
    }

    #[test]
    fn a_fault_comes_after_all_that_was_read_before_it() {
        let long = format!("{}- \"\n", "- a\n".repeat(LONG));
        let (events, fault) = shown(&long, usize::MAX);
        assert_eq!(
            events.iter().filter(|e| e.starts_with("Scalar")).count(),
            LONG
        );
        assert!(fault.is_some());
    }

    #[test]
    fn who_refuses_an_event_gets_no_further_one() {
        let (events, fault) = shown(&"- a\n".repeat(LONG), 7);
        assert_eq!(events.len(), 7);
        assert!(fault.is_none());
    }
}
