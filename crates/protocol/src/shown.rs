//! Foreign text in what people read.

use std::fmt::{self, Write as _};

/// A text that others gave, as an error shows it: what would not be seen, or would act on a terminal,
/// is escaped; all else, a backslash too, stands as it was given.
///
/// ```
/// use podfleet_protocol::Shown;
///
/// assert_eq!(Shown("C:\\x \u{1b}[2J").to_string(), r"C:\x \u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' | '\'' | '"' => f.write_char(character),
            other => write!(f, "{}", other.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_a_backslash_stands_once() {
        let shown = |text| Shown(text).to_string();
        assert_eq!(shown(r#"..\it's a "b""#), r#"..\it's a "b""#);
        assert_eq!(shown("a\nb\0\u{202e}\u{1b}"), r"a\nb\0\u{202e}\u{1b}");
        assert_eq!(shown("für 文"), "für 文");
    }
}
