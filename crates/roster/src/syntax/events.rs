//! The parser's events, one after the other.

use granit_parser::{Event, Parser, Span as EventSpan, TryLoadError, TrySpannedEventReceiver};

use super::{MAX_DEPTH, fault};
use crate::finding::{Finding, Span};

/// An event with its place.
pub(super) struct Read<'t> {
    pub(super) event: Event<'t>,
    pub(super) span: Span,
    pub(super) tag_span: Option<Span>,
}

/// Hands every event of a text to `take`, in order, until it refuses one or the text cannot be read
/// further. `offset` is added to every place.
pub(super) fn each<'t, E: From<Finding>>(
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
