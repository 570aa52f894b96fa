//! Text of a terminal as a block of code in Markdown.

/// Returns a text as a block of code that it cannot end: the fence has more backticks than it has
/// in a row.
pub(super) fn block(text: &str) -> String {
    let ticks = |line: &str| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let longest = text.lines().map(ticks).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_block() {
        assert_eq!(block("a\n```\nb"), "````\na\n```\nb\n````");
    }
}
