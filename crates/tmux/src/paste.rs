//! What may be pasted into a pane, and the buffers that it goes through.

use std::fmt;

/// The longest line, in bytes without its end, that a program gets whole when its terminal is in
/// canonical mode; the kernel silently cuts a longer one. Programs in raw mode take any size.
pub const CANONICAL_LINE_LIMIT: usize = if cfg!(target_os = "macos") {
    1023
} else {
    4095
};

/// Returns the length in bytes of the first line that a reader in canonical mode would not get
/// whole.
pub fn overlong_canonical_line(text: &str) -> Option<usize> {
    text.split('\n')
        .map(str::len)
        .find(|length| *length > CANONICAL_LINE_LIMIT)
}

/// A text that can be pasted without doing anything else: it is not empty and holds no control
/// characters but line feeds and tabs.
///
/// A pasted `ESC[201~` would end the paste's frame on tmux before 3.7, and what follows it would
/// be typed. An empty text is refused because tmux then makes no buffer and would paste an
/// older one of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasteable {
    text: String,
    removed: usize,
}

impl Pasteable {
    /// Makes a text pasteable: line ends become LF, other control characters (C0, DEL, C1) are
    /// removed. Returns `None` when nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let unix = text.replace("\r\n", "\n");
        let kept: String = unix.chars().filter(|c| is_pasteable(*c)).collect();
        let removed = unix.chars().count() - kept.chars().count();
        (!kept.is_empty()).then_some(Self {
            text: kept,
            removed,
        })
    }

    /// The text as it will be pasted.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many characters had to be removed.
    pub fn removed(&self) -> usize {
        self.removed
    }
}

fn is_pasteable(c: char) -> bool {
    matches!(c, '\n' | '\t') || !c.is_control()
}

/// The name of a paste buffer, which the caller makes unique: concurrent pastes through one
/// buffer, or through the unnamed one, would mix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BufferName(String);

/// A text is no [`BufferName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("buffer name {0:?} is not 1 to 64 letters, digits, `_` or `-`, or begins with `-`")]
pub struct InvalidBufferName(String);

impl BufferName {
    /// Checks a name: 1 to 64 of `A-Z a-z 0-9 _ -`, not beginning with `-`.
    ///
    /// # Errors
    ///
    /// For any other text.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidBufferName> {
        let name = name.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let valid =
            (1..=64).contains(&name.len()) && !name.starts_with('-') && name.chars().all(allowed);
        if valid {
            Ok(Self(name))
        } else {
            Err(InvalidBufferName(name))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BufferName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_leave_the_paste_is_removed_and_counted() {
        let text = Pasteable::new("a\x1b[201~\r\nb\tc\u{9b}d\u{7f}\0\r é 漢").unwrap();
        assert_eq!(text.as_str(), "a[201~\nb\tcd é 漢");
        assert_eq!(text.removed(), 5);
    }

    #[test]
    fn an_empty_text_is_no_paste() {
        assert_eq!(Pasteable::new(""), None);
        assert_eq!(Pasteable::new("\x1b\0"), None);
        assert!(Pasteable::new("\n").is_some());
    }

    #[test]
    fn a_line_that_the_kernel_would_cut_is_found() {
        let whole = "x".repeat(CANONICAL_LINE_LIMIT);
        assert_eq!(overlong_canonical_line(&format!("{whole}\n{whole}")), None);
        assert_eq!(
            overlong_canonical_line(&format!("a\n{whole}x")),
            Some(whole.len() + 1)
        );
    }

    #[test]
    fn buffer_names_are_plain_words() {
        assert!(BufferName::new("podfleet-0198f").is_ok());
        for name in ["", "-b", "a b", "a;", "é"] {
            assert!(BufferName::new(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_control_characters_is_ever_removed(text in ".*") {
            let expected: String = text.chars().filter(|c| !c.is_control()).collect();
            let kept = Pasteable::new(&text).map(|kept| kept.text).unwrap_or_default();
            prop_assert_eq!(kept.replace(['\n', '\t'], ""), expected);
        }
    }
}
