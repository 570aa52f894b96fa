//! The first layer: YAML (and JSON, which is read as YAML) into a tree with places.
//!
//! Built on the events of `granit-parser`, so that one pass finds every fault that does not make
//! the rest unreadable, and so that aliases are shared and counted instead of unfolded.

mod builder;
mod events;
mod fault;
mod halves;
mod json;
mod scalar;

use granit_parser::Event;

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::source::BYTE_ORDER_MARK;
use crate::tree::{NodeKind, Tree};
use builder::Builder;
use halves::Halves;
use json::JsonText;

/// The largest roster in bytes: 4 MiB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The deepest nesting of lists and mappings, aliases unfolded.
pub const MAX_DEPTH: usize = 64;

/// The most values that all aliases of a roster may stand for, counted unfolded.
pub const MAX_ALIASED_VALUES: usize = 100_000;

/// Bytes from which on a second thread is worth its start.
const LONG: usize = 64 * 1024;

/// What the first layer made of a text.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) tree: Tree,
    pub(crate) findings: Vec<Finding>,
    /// Whether the whole first document is in the tree. If not, no other check makes sense.
    pub(crate) complete: bool,
}

/// Why reading ended before the end of the text.
enum Stop {
    SecondDocument(Span),
    Fault(Finding),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Fault(finding)
    }
}

/// Reads a file; one whose name says that it is JSON has to be that.
pub(crate) fn read_file(name: &str, text: &str) -> Syntax {
    if text.len() > MAX_BYTES || !json::is_named_so(name) {
        return read(text);
    }
    let json = JsonText::read(text);
    let mut syntax = read(&json.plain);
    syntax.findings = json.judge(syntax.findings, syntax.complete);
    syntax
}

pub(crate) fn read(text: &str) -> Syntax {
    if text.len() > MAX_BYTES {
        let message = format!("the file has more than {MAX_BYTES} bytes (4 MiB)");
        return Syntax {
            findings: vec![Finding::new(Code::TooLarge, &(0..0), message)],
            ..Syntax::default()
        };
    }
    let halves = Halves::of(text).filter(|_| text.len() >= LONG);
    let halved = halves.and_then(|halves| halves.read());
    halved.unwrap_or_else(|| read_whole(text))
}

/// Reads a text that is not too large, from its beginning to its end.
fn read_whole(text: &str) -> Syntax {
    // The mark is taken off here, so that every offset of the parser is moved by a known amount.
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut builder = Builder::new(text);
    if body.starts_with(BYTE_ORDER_MARK) {
        let at = text.len() - body.len();
        let span = at..at + BYTE_ORDER_MARK.len_utf8();
        let message = "a second byte order mark";
        return builder.abandon(Finding::new(Code::Syntax, &span, message).help("remove it"));
    }
    match feed(body, text.len() - body.len(), &mut builder) {
        Ok(()) => builder.finish(),
        Err(Stop::SecondDocument(span)) => {
            let message = "a second document begins here";
            let help = "remove the `---` line, or put each document into a file of its own";
            builder.report(Finding::new(Code::SecondDocument, &span, message).help(help));
            builder.finish()
        }
        Err(Stop::Fault(finding)) => builder.abandon(finding),
    }
}

/// Whether a plain scalar is a text, and not null, a boolean or a number.
pub(crate) fn resolves_to_text(scalar: &str) -> bool {
    matches!(scalar::resolve(scalar), NodeKind::Text(_))
}

fn feed(body: &str, offset: usize, builder: &mut Builder<'_>) -> Result<(), Stop> {
    let mut documents = 0;
    events::each(body, offset, |read| {
        if matches!(read.event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                return Err(Stop::SecondDocument(read.span));
            }
        }
        let taken = builder.event(read.event, read.span, read.tag_span);
        taken.map_err(Stop::Fault)
    })
}

fn too_deep(span: &Span) -> Finding {
    let message = format!("nested more than {MAX_DEPTH} levels deep");
    Finding::new(Code::TooDeep, span, message)
}
