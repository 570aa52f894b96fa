//! Long texts in parts that a carrier takes.

/// The longest row of backticks that begins a block of code, and the longest such line.
const MAX_FENCE: usize = 8;
const MAX_OPENER: usize = 24;

/// Splits a Markdown text into parts of at most `limit` bytes: at the ends of paragraphs where that
/// is possible, else of lines, else between words, else anywhere between characters. A block of code
/// that is cut is closed and opened again. `limit` is at least 64.
pub(crate) fn split(text: &str, limit: usize) -> Vec<String> {
    let mut parts = Parts {
        limit: limit.max(64),
        done: Vec::new(),
        part: String::new(),
        block: None,
    };
    for paragraph in paragraphs(text) {
        parts.add_paragraph(paragraph);
    }
    parts.finish();
    parts.done
}

/// Returns what stands between empty lines, and the blocks of code as a whole.
fn paragraphs(text: &str) -> Vec<&str> {
    let (mut paragraphs, mut begin, mut at) = (Vec::new(), 0, 0);
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let own = fence_of(line);
        match fence {
            Some(open) if own.is_some_and(|own| own.len() >= open.len()) => fence = None,
            Some(_) => {}
            None if own.is_some() => fence = own,
            None if line.trim().is_empty() => {
                paragraphs.push(&text[begin..end]);
                begin = end;
            }
            None => {}
        }
        at = end;
    }
    paragraphs.push(&text[begin..]);
    paragraphs
}

/// Returns the backticks of a line that begins or ends a block of code. Longer ones than anybody
/// writes are text: they have to fit into a part twice.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let length = line.bytes().take_while(|byte| *byte == b'`').count();
    let (fence, rest) = line.split_at(length);
    // With more behind it is code within a line.
    let begins = (3..=MAX_FENCE).contains(&length) && !rest.contains('`');
    begins.then_some(fence)
}

/// A block of code that is open.
struct Block {
    /// The backticks that end it.
    fence: String,
    /// The line that begins it, also where it goes on in another part.
    opener: String,
}

impl Block {
    fn begun_by(line: &str, fence: &str) -> Self {
        let opener = line.trim();
        let opener = if opener.len() > MAX_OPENER {
            fence
        } else {
            opener
        };
        Self {
            fence: fence.to_owned(),
            opener: format!("{opener}\n"),
        }
    }

    /// Bytes that its end takes.
    fn closing(&self) -> usize {
        self.fence.len() + 1
    }

    fn is_ended_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.fence.len() && line.bytes().all(|byte| byte == b'`')
    }
}

struct Parts {
    limit: usize,
    done: Vec<String>,
    part: String,
    /// The block of code that is open at the end of the part.
    block: Option<Block>,
}

impl Parts {
    fn add_paragraph(&mut self, paragraph: &str) {
        if self.part.len() + paragraph.len() > self.limit {
            self.cut();
        }
        if self.block.is_none() && paragraph.len() <= self.limit {
            self.part.push_str(paragraph);
            return;
        }
        for line in paragraph.split_inclusive('\n') {
            self.add_line(line);
        }
    }

    fn add_line(&mut self, line: &str) {
        match (&self.block, fence_of(line)) {
            (None, Some(fence)) if line.len() <= MAX_OPENER => {
                let block = Block::begun_by(line, fence);
                // A block is begun only where it can be ended again.
                self.add_text(line, block.closing());
                self.block = Some(block);
            }
            (Some(block), _) if block.is_ended_by(line) => {
                // Its end has a place in the part already.
                self.part.push_str(&block.fence);
                self.part.push('\n');
                self.block = None;
            }
            (block, _) => {
                let closing = block.as_ref().map_or(0, Block::closing);
                self.add_text(line, closing);
            }
        }
    }

    /// Adds a line, and leaves so many bytes free behind it.
    fn add_text(&mut self, line: &str, free: usize) {
        if self.part.len() + line.len() + free > self.limit {
            self.cut();
        }
        let mut rest = line;
        while self.part.len() + rest.len() + free > self.limit {
            let end = cut_before(rest, self.limit.saturating_sub(self.part.len() + free));
            self.part.push_str(&rest[..end]);
            rest = &rest[end..];
            self.cut();
        }
        self.part.push_str(rest);
    }

    /// Ends the part, unless there is nothing in it, and begins the next one in the same block.
    fn cut(&mut self) {
        let opener = self.block.as_ref().map_or("", |block| &block.opener);
        let next = opener.to_owned();
        let mut part = std::mem::replace(&mut self.part, next);
        let Some(block) = &self.block else {
            return self.push(&part);
        };
        if part.trim() == block.opener.trim() {
            return;
        }
        if !part.ends_with('\n') {
            part.push('\n');
        }
        part.push_str(&block.fence);
        self.push(&part);
    }

    fn finish(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.push(&part);
    }

    fn push(&mut self, part: &str) {
        let part = part.trim_end().trim_start_matches('\n');
        if !part.is_empty() {
            self.done.push(part.to_owned());
        }
    }
}

/// Returns where a text is cut so that its beginning has at most `room` bytes: behind a word if
/// there is one, but never at its very beginning.
fn cut_before(text: &str, room: usize) -> usize {
    let mut end = room.max(1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == 0 {
        return text.chars().next().map_or(0, char::len_utf8);
    }
    match text[..end].rfind(' ') {
        Some(space) if space > end / 2 => space + 1,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_part_and_an_empty_one_is_none() {
        assert_eq!(split("hello\n\nyou", 100), ["hello\n\nyou"]);
        assert_eq!(split(" \n", 100), [""; 0]);
    }

    #[test]
    fn parts_end_where_paragraphs_end() {
        let (one, two) = ("a".repeat(50), "b".repeat(30));
        let text = format!("{one}\n\n{two}\n\n{one}");
        assert_eq!(split(&text, 90), [format!("{one}\n\n{two}"), one]);
    }

    #[test]
    fn a_block_of_code_that_is_cut_is_closed_and_opened_again() {
        let lines = "let x = 1;\n".repeat(20);
        let parts = split(&format!("```rust\n{lines}```\nend"), 100);
        assert!(parts.len() > 2);
        for part in &parts {
            assert!(part.len() <= 100, "{part}");
            let fences = part.matches("```").count();
            assert_eq!(fences % 2, 0, "{part}");
            assert!(part.starts_with("```rust\n"), "{part}");
        }
        let code = parts.join("\n").matches("let x = 1;").count();
        assert_eq!(code, 20);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long_whatever_the_text(
            text in r"(`{3,20}\n|`{1,2}x|wörd |[a-z]{1,90}|ü{30,40}|\n|\n\n| ){0,80}",
            limit in 64_usize..200,
        ) {
            let parts = split(&text, limit);
            for part in &parts {
                proptest::prop_assert!(part.len() <= limit, "{} of {limit}: {part:?}", part.len());
            }
            // Fences, here without a language, are added where a block is cut.
            let plain = |text: &str| text.replace('`', "").split_whitespace().collect::<String>();
            proptest::prop_assert_eq!(plain(&parts.concat()), plain(&text));
        }
    }
}
