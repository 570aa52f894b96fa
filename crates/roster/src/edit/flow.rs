//! Changes of lists and mappings in brackets.

use super::layout::{Layout, NodeIndex};
use super::splice::Splice;
use crate::finding::Span;

/// Adds an item or an entry behind the last one, in the manner of those that are there; `between`
/// stands between two where no manner can be seen.
pub(super) fn insert(
    layout: &Layout<'_>,
    collection: NodeIndex,
    new: &str,
    between: &str,
) -> Vec<Splice> {
    let (lines, text) = (&layout.lines, layout.text());
    let span = &layout.node(collection).span;
    let children = layout.children(collection);
    let Some(last) = children.last() else {
        return vec![Splice::insert(span.start + 1, new)];
    };
    let comma = comma_behind(layout, last);
    let end = comma.map_or(last.end, |comma| comma + 1);
    if lines.is_first(last.start) && lines.end(end) < span.end - 1 {
        let indentation = &text[lines.start(last.start)..last.start];
        let newline = lines.newline();
        let line = match comma {
            Some(_) => format!("{newline}{indentation}{new},"),
            None => format!("{newline}{indentation}{new}"),
        };
        let added = Splice::insert(lines.end(end), line);
        return match comma {
            Some(_) => vec![added],
            None => vec![Splice::insert(last.end, ","), added],
        };
    }
    if let Some(comma) = comma {
        return vec![Splice::insert(comma + 1, format!(" {new},"))];
    }
    let gap = match children.as_slice() {
        [.., before, last] => &text[before.end..last.start],
        _ => between,
    };
    let usual = gap.starts_with(',') && gap[1..].trim().is_empty();
    let gap = if usual { gap } else { between };
    vec![Splice::insert(last.end, format!("{gap}{new}"))]
}

/// Removes an item as [`remove`] does, and with its lines the comments directly above them.
pub(super) fn remove_item(layout: &Layout<'_>, list: NodeIndex, index: usize) -> Vec<Splice> {
    let lines = &layout.lines;
    let before = match index.checked_sub(1) {
        Some(before) => layout.children(list)[before].end,
        None => layout.node(list).span.start,
    };
    let floor = lines.next(before);
    let mut splices = remove(layout, list, index);
    if let Some(Splice { part, .. }) = splices.last_mut() {
        let is_line = part.start == lines.start(part.start);
        let above = |first| {
            lines
                .before(first)
                .filter(|above| is_line && *above >= floor)
        };
        while let Some(comment) = above(part.start).filter(|line| lines.comment(*line).is_some()) {
            part.start = comment;
        }
    }
    splices
}

/// Removes an item or an entry with its comma, and with its lines if nothing else is on them.
pub(super) fn remove(layout: &Layout<'_>, collection: NodeIndex, index: usize) -> Vec<Splice> {
    let (lines, text) = (&layout.lines, layout.text());
    let span = &layout.node(collection).span;
    let children = layout.children(collection);
    let before = index.checked_sub(1).map(|before| &children[before]);
    let comma_before = before.and_then(|before| comma_behind(layout, before));
    let start = lines.skip_comments(comma_before.map_or(span.start + 1, |comma| comma + 1));
    let child = start..children[index].end.max(start);
    let comma = comma_behind(layout, &child);
    let end = comma.map_or(child.end, |comma| comma + 1);
    // The last one leaves no comma behind, unless there was one behind it.
    let orphan = comma_before.filter(|_| comma.is_none());
    let comma_away = orphan.map(|comma| Splice::remove(comma..comma + 1));
    let rest = text[end..lines.end(end)].trim_start();
    let ends_line = rest.is_empty() || rest.starts_with('#');
    let behind_comma = comma_before.map(|comma| comma + 1);
    let behind_comma = behind_comma.filter(|behind| text[*behind..start].trim().is_empty());
    let part = if lines.is_first(start) && ends_line {
        lines.start(start)..lines.next(end)
    } else if children.len() == 1 && text[end..span.end - 1].trim().is_empty() {
        span.start + 1..span.end - 1
    } else if let Some(comma) = orphan.filter(|_| behind_comma.is_some()) {
        // Where commas begin the lines, its line goes.
        let part = match lines.is_first(comma) && ends_line {
            true => lines.start(comma)..lines.next(end),
            false => comma..end,
        };
        return vec![Splice::remove(part)];
    } else if ends_line {
        // The comment behind it goes along.
        let line = &text[end..lines.end(end)];
        behind_comma.unwrap_or(start)..end + line.trim_end().len()
    } else if let Some(behind) = behind_comma.filter(|_| index + 1 == children.len()) {
        behind..end
    } else {
        start..end + blanks(&text[end..])
    };
    comma_away
        .into_iter()
        .chain([Splice::remove(part)])
        .collect()
}

/// The comma behind a child, comments between them passed over.
fn comma_behind(layout: &Layout<'_>, child: &Span) -> Option<usize> {
    let at = layout.lines.skip_comments(child.end);
    layout.text()[at..].starts_with(',').then_some(at)
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}
