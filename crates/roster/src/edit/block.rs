//! Changes of lists and mappings that are blocks of lines.

use std::ops::Range;

use super::layout::{Layout, NodeIndex};
use super::splice::Splice;

/// The column in which the keys of a block mapping stand.
pub(super) fn column(layout: &Layout<'_>, mapping: NodeIndex) -> usize {
    let entries = layout.entries(mapping);
    let keys = || entries.iter().map(|entry| entry.key_span.start);
    let first = keys().find(|key| layout.lines.is_first(*key));
    first
        .or_else(|| keys().next())
        .map_or(0, |key| layout.lines.column(key))
}

/// Adds an entry, written without its indentation, below the last one of a mapping.
pub(super) fn insert_entry(layout: &Layout<'_>, mapping: NodeIndex, new: &str) -> Splice {
    let column = column(layout, mapping);
    let end = layout.node(mapping).span.end;
    let line = format!("{}{new}", " ".repeat(column));
    insert_lines(layout, layout.lines.behind_block(end, column), &line)
}

/// Adds an item, written from its dash on, below the last one of a list.
pub(super) fn insert_item(
    layout: &Layout<'_>,
    list: NodeIndex,
    dashes: &[usize],
    new: &str,
) -> Splice {
    let lines = &layout.lines;
    let last = dashes.last().copied().unwrap_or_default();
    let column = lines.column(last);
    let behind = lines.behind_block(layout.node(list).span.end, column);
    let before = lines.before(first_line(layout, dashes, dashes.len() - 1, 0));
    let apart = dashes.len() > 1 && before.is_some_and(|line| lines.is_blank(line));
    let gap = if apart { lines.newline() } else { "" };
    insert_lines(layout, behind, &format!("{gap}{}{new}", " ".repeat(column)))
}

/// The last line of a text may have no newline; then the last one of the new text has none.
fn insert_lines(layout: &Layout<'_>, at: usize, new: &str) -> Splice {
    let newline = layout.lines.newline();
    let text = layout.text();
    if at == text.len() && !text.ends_with('\n') {
        Splice::insert(at, format!("{newline}{new}"))
    } else {
        Splice::insert(at, format!("{new}{newline}"))
    }
}

/// The first line of an item: its own, or that of the comment block directly above it. What is
/// indented deeper than the dash belongs to the item before.
fn first_line(layout: &Layout<'_>, dashes: &[usize], index: usize, floor: usize) -> usize {
    let lines = &layout.lines;
    let column = lines.column(dashes[index]);
    let mut first = lines.start(dashes[index]);
    while let Some(above) = lines.before(first).filter(|above| *above >= floor) {
        match lines.comment(above) {
            Some(indent) if index == 0 || indent <= column => first = above,
            _ => break,
        }
    }
    first
}

/// A list that is a block, with the places of its dashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'d> {
    pub(super) list: NodeIndex,
    /// Behind the colon of its key: whatever stands above the list stands above the line of that.
    pub(super) head: usize,
    pub(super) dashes: &'d [usize],
}

/// The lines of some items in a row.
struct ItemLines {
    /// The end of what is before them.
    floor: usize,
    first: usize,
    behind: usize,
}

impl ItemLines {
    /// With the comments that belong to the items: the block directly above, and what is indented
    /// deeper than the dashes.
    fn of(layout: &Layout<'_>, block: Block<'_>, items: &Range<usize>) -> Option<Self> {
        let lines = &layout.lines;
        let nodes = layout.items(block.list);
        let dashes = &block.dashes[items.clone()];
        let (last, node) = (*dashes.last()?, *nodes[items.clone()].last()?);
        if !dashes.iter().all(|dash| lines.is_first(*dash)) {
            return None;
        }
        let floor = match items.start.checked_sub(1) {
            Some(before) => lines.next(layout.node(nodes[before]).span.end),
            None => lines.next(block.head),
        };
        let end = layout.node(node).span.end.max(last + 1);
        Some(Self {
            floor,
            first: first_line(layout, block.dashes, items.start, floor),
            behind: lines.behind_block(end, lines.column(last)),
        })
    }
}

/// Removes items with their comments. Of the blank lines around them those on one side go too.
pub(super) fn remove_items(
    layout: &Layout<'_>,
    block: Block<'_>,
    items: &Range<usize>,
) -> Option<Splice> {
    let lines = &layout.lines;
    let ItemLines {
        floor,
        mut first,
        mut behind,
    } = ItemLines::of(layout, block, items)?;
    let blank = |line: usize| lines.is_blank(line);
    let above = |first: usize| {
        lines
            .before(first)
            .filter(|line| *line >= floor && blank(*line))
    };
    let ends = behind >= layout.text().len();
    let blank_behind = !ends && blank(behind);
    let is_last = items.end == block.dashes.len();
    if is_last && (ends || blank_behind) {
        while let Some(line) = above(first) {
            first = line;
        }
    } else if blank_behind && (items.start == 0 || above(first).is_some()) {
        while behind < layout.text().len() && blank(behind) {
            behind = lines.next(behind);
        }
    }
    Some(remove_lines(layout, first, behind))
}

/// Puts new items, written from their dashes on, in the place of some in a row; those before and
/// behind keep their lines.
pub(super) fn replace_items(
    layout: &Layout<'_>,
    block: Block<'_>,
    items: &Range<usize>,
    new: &[String],
) -> Option<Splice> {
    if new.is_empty() {
        return remove_items(layout, block, items);
    }
    let lines = &layout.lines;
    let column = lines.column(*block.dashes.first()?);
    let line = |item: &String| format!("{}{item}", " ".repeat(column));
    let new: Vec<String> = new.iter().map(line).collect();
    let new = new.join(lines.newline());
    if !items.is_empty() {
        let ItemLines { first, behind, .. } = ItemLines::of(layout, block, items)?;
        let text = layout.text();
        let end = match text[first..behind].ends_with('\n') {
            true => lines.newline(),
            false => "",
        };
        return Some(Splice::replace(first..behind, format!("{new}{end}")));
    }
    let at = match items.start.checked_sub(1) {
        Some(before) => ItemLines::of(layout, block, &(before..items.start))?.behind,
        None => first_line(layout, block.dashes, 0, lines.next(block.head)),
    };
    Some(insert_lines(layout, at, &new))
}

/// Removes an entry with the comments in it. What is above it stays.
pub(super) fn remove_entry(layout: &Layout<'_>, mapping: NodeIndex, index: usize) -> Splice {
    let lines = &layout.lines;
    let entries = layout.entries(mapping);
    let place = layout.place(&entries[index]);
    let column = column(layout, mapping);
    let behind = lines.behind_block(place.end, column);
    let next = entries.get(index + 1).map(|next| next.key_span.start);
    match next {
        _ if lines.is_first(place.start) => remove_lines(layout, lines.start(place.start), behind),
        // It stands behind a dash; the next takes its place there.
        Some(next) if layout.text()[behind.min(next)..next].trim().is_empty() => {
            Splice::remove(place.start..next)
        }
        // The dash stands alone then, without blanks behind it.
        _ => {
            let before = layout.text()[..place.start].trim_end_matches([' ', '\t']);
            Splice::remove(before.len()..lines.end(place.end))
        }
    }
}

/// The last line of a text may have no newline; then the one before gets none.
fn remove_lines(layout: &Layout<'_>, first: usize, behind: usize) -> Splice {
    let text = layout.text();
    let open_end = behind >= text.len() && !text.ends_with('\n');
    match layout.lines.before(first).filter(|_| open_end) {
        Some(line) => Splice::remove(layout.lines.end(line)..behind),
        None => Splice::remove(first..behind),
    }
}
