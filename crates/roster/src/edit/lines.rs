//! Lines of a text, as an edit looks at them.

use crate::source::BYTE_ORDER_MARK;

/// A text seen as lines. Places are bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'t> {
    text: &'t str,
    newline: &'static str,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
        let newline = if windows * 2 > all { "\r\n" } else { "\n" };
        Self { text, newline }
    }

    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    /// How most lines of the text end.
    pub(super) const fn newline(&self) -> &'static str {
        self.newline
    }

    /// Where the line of a place starts; a byte order mark is in front of the first.
    pub(super) fn start(&self, at: usize) -> usize {
        match self.text[..at].rfind('\n') {
            Some(newline) => newline + 1,
            None if self.text.starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len_utf8(),
            None => 0,
        }
    }

    /// Where the line of a place ends, before its newline.
    pub(super) fn end(&self, at: usize) -> usize {
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline);
        let line = &self.text[at..end];
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Where the line after that of a place starts, or the end of the text.
    pub(super) fn next(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// The line of a place, without its newline.
    pub(super) fn line(&self, at: usize) -> &'t str {
        &self.text[self.start(at)..self.end(at)]
    }

    /// How many characters stand in a line before a place.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.start(at)..at].chars().count()
    }

    /// Whether a place is the first in its line that is not blank.
    pub(super) fn is_first(&self, at: usize) -> bool {
        self.text[self.start(at)..at].trim().is_empty()
    }

    /// The column of a line that is nothing but a comment.
    pub(super) fn comment(&self, at: usize) -> Option<usize> {
        let line = self.line(at);
        let bare = line.trim_start();
        bare.starts_with('#').then(|| line.len() - bare.len())
    }

    pub(super) fn is_blank(&self, at: usize) -> bool {
        self.line(at).trim().is_empty()
    }

    /// The start of the line before a line that starts here.
    pub(super) fn before(&self, start: usize) -> Option<usize> {
        let newline = self.text[..start].strip_suffix('\n')?;
        Some(self.start(newline.len()))
    }

    /// The first place from here that is neither blank nor a newline.
    pub(super) fn skip_blank(&self, from: usize) -> usize {
        let rest = &self.text[from..];
        from + (rest.len() - rest.trim_start().len())
    }

    /// The first place from here that is neither blank nor in a comment.
    pub(super) fn skip_comments(&self, from: usize) -> usize {
        let mut at = self.skip_blank(from);
        while self.text[at..].starts_with('#') {
            at = self.skip_blank(self.end(at));
        }
        at
    }

    /// The next dash of a block list, behind comments, the colon of a key, anchors and tags.
    pub(super) fn dash(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            at = self.skip_comments(at);
            let rest = &self.text[at..];
            let next = rest.chars().next()?;
            match next {
                '-' => return Some(at),
                ':' => at += 1,
                '&' | '!' => at += rest.find(char::is_whitespace)?,
                _ => return None,
            }
        }
    }

    /// The start of the first line after a block that is not its own any more: comments that are
    /// indented deeper than `column` are.
    pub(super) fn behind_block(&self, end: usize, column: usize) -> usize {
        let mut behind = self.next(end);
        let mut at = behind;
        while at < self.text.len() {
            match self.comment(at) {
                Some(indent) if indent > column => behind = self.next(at),
                Some(_) => break,
                None if self.is_blank(at) => {}
                None => break,
            }
            at = self.next(at);
        }
        behind
    }
}
