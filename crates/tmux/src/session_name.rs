//! Names that a session can be created with and afterwards found by.

use std::fmt;
use std::str::FromStr;

/// The name of a session: one that tmux keeps as it is and that can be addressed exactly.
///
/// tmux accepts far more than it can find again: it turns `.` and `:` into `_` (or refuses
/// them, from 3.7 on), takes `%1`, `$3` and `@2` for ids, `=x` for an exact match and `-x` for
/// an option. So a name is 1 to 64 characters of `A-Z a-z 0-9 _ -`, not beginning with `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

/// Why a text is no [`SessionName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session name {name:?} {reason}")]
pub struct InvalidSessionName {
    name: String,
    reason: &'static str,
}

impl SessionName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// When tmux would change the name or could not address it afterwards.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSessionName> {
        let name = name.into();
        match fault_of(&name) {
            None => Ok(Self(name)),
            Some(reason) => Err(InvalidSessionName { name, reason }),
        }
    }

    /// Returns the session name for a name in which `.` and `:` may stand, each made a `_` as
    /// tmux before 3.7 does by itself.
    ///
    /// Two names can meet in one (`a.b` and `a_b`); the caller checks for that.
    ///
    /// # Errors
    ///
    /// When the name cannot be addressed even so.
    pub fn mapped(name: &str) -> Result<Self, InvalidSessionName> {
        Self::new(name.replace(['.', ':'], "_"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault_of(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > SessionName::MAX_LEN {
        Some("is longer than 64 characters")
    } else if name.starts_with('-') {
        Some("begins with `-`, which tmux reads as an option")
    } else if name.contains(['.', ':']) {
        Some("holds `.` or `:`, which separate windows and panes in tmux")
    } else if !name.chars().all(allowed) {
        Some("holds a character other than letters, digits, `_` and `-`")
    } else {
        None
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionName {
    type Err = InvalidSessionName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl AsRef<str> for SessionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_tmux_could_not_find_again_are_refused() {
        for name in [
            "", "%1", "$3", "@2", "=e", "-x", "a.b", "a:b", "a b", "a|b", "é", "{last}",
        ] {
            assert!(SessionName::new(name).is_err(), "{name}");
        }
        assert!(SessionName::new("x".repeat(65)).is_err());
        insta::assert_snapshot!(
            SessionName::new("-x").unwrap_err(),
            @r#"session name "-x" begins with `-`, which tmux reads as an option"#
        );
    }

    #[test]
    fn dots_and_colons_are_mapped_as_tmux_does() {
        assert_eq!(SessionName::mapped("a.b:c").unwrap().as_str(), "a_b_c");
        assert_eq!(SessionName::mapped("_holder").unwrap().as_str(), "_holder");
        assert!(SessionName::mapped("-a.b").is_err());
    }

    proptest! {
        #[test]
        fn every_name_of_the_fleet_grammar_has_a_session_name(name in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}") {
            let session = SessionName::mapped(&name).unwrap();
            prop_assert_eq!(session.as_str().len(), name.len());
            prop_assert_eq!(SessionName::new(session.as_str()).unwrap(), session);
        }
    }
}
