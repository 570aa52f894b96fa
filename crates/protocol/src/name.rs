//! Checked names: the only texts that paths, tmux targets and queries are built from.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shown::Shown;

/// The longest name in bytes; names are ASCII, so also in characters.
pub const MAX_NAME: usize = 64;

/// Names that no pod may have, because they address something else.
pub const RESERVED_NAMES: [&str; 3] = ["operator", "local", "chat"];

/// A text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} `{}`: {fault}", Shown(text))]
pub struct NameError {
    what: &'static str,
    text: String,
    fault: NameFault,
}

impl NameError {
    /// Returns what is wrong with the text.
    #[must_use]
    pub fn fault(&self) -> NameFault {
        self.fault
    }
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameFault {
    /// The name is empty.
    #[error("it is empty")]
    Empty,
    /// The name is longer than [`MAX_NAME`].
    #[error("it is longer than 64 characters")]
    TooLong,
    /// The first character is not an ASCII letter, digit or underscore.
    #[error("it must begin with an ASCII letter, digit or `_`")]
    FirstCharacter,
    /// A character is not an ASCII letter, digit, `_`, `.` or `-`.
    #[error("only ASCII letters, digits, `_`, `.` and `-` are allowed")]
    Character,
    /// The name is one of [`RESERVED_NAMES`].
    #[error("it is reserved")]
    Reserved,
}

fn check(text: &str) -> Result<(), NameFault> {
    let first = text.bytes().next().ok_or(NameFault::Empty)?;
    if text.len() > MAX_NAME {
        return Err(NameFault::TooLong);
    }
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !word(first) {
        return Err(NameFault::FirstCharacter);
    }
    if !text.bytes().all(|b| word(b) || b == b'.' || b == b'-') {
        return Err(NameFault::Character);
    }
    Ok(())
}

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $what:literal, reserved: $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"))]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and makes a name of it.
            ///
            /// # Errors
            /// Fails when `text` is not of the form `[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}`, or reserved.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                let reserved: &[&str] = $reserved;
                let checked = check(&text).and_then(|()| {
                    let taken = reserved.iter().any(|name| name.eq_ignore_ascii_case(&text));
                    if taken { Err(NameFault::Reserved) } else { Ok(()) }
                });
                match checked {
                    Ok(()) => Ok(Self(text)),
                    Err(fault) => Err(NameError { what: $what, text, fault }),
                }
            }

            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

checked_name! {
    /// The name of a pod, of its agent, its tmux session and its unit.
    ///
    /// Names of one fleet are unique, also when case is ignored. Nothing builds a path, a tmux
    /// target or a query from any other text.
    PodName, "pod name", reserved: &RESERVED_NAMES
}
checked_name! {
    /// The name of a fleet: part of the identity of every pod in it.
    FleetName, "fleet name", reserved: &[]
}
checked_name! {
    /// The name by which a hub knows another machine; `local` is the hub's own.
    EndpointName, "endpoint name", reserved: &["local"]
}
checked_name! {
    /// The name of a directory that a hub gives access to.
    MountName, "mount name", reserved: &[]
}
checked_name! {
    /// A list of mounts.
    SpaceName, "space name", reserved: &[]
}
checked_name! {
    /// The owner of a fleet's records; the operating system's user name by default.
    TenantId, "tenant", reserved: &[]
}

impl FleetName {
    /// The fleet of a roster that names none.
    pub const DEFAULT: &'static str = "default";
}

impl SpaceName {
    /// The space of mounts for which none is named.
    pub const DEFAULT: &'static str = "default";
}

impl Default for SpaceName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl Default for FleetName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_says_what_is_wrong_with_it() {
        let fault = |text: &str| PodName::new(text).map_err(|error| error.fault());
        assert_eq!(fault(""), Err(NameFault::Empty));
        assert_eq!(fault(&"a".repeat(65)), Err(NameFault::TooLong));
        assert_eq!(fault("-a"), Err(NameFault::FirstCharacter));
        assert_eq!(fault("a/b"), Err(NameFault::Character));
        assert_eq!(fault("ä"), Err(NameFault::FirstCharacter));
        assert_eq!(fault("Operator"), Err(NameFault::Reserved));
        assert!(PodName::new("a".repeat(64)).is_ok());
        insta::assert_snapshot!(
            PodName::new("a b\n").unwrap_err(),
            @r"invalid pod name `a b\n`: only ASCII letters, digits, `_`, `.` and `-` are allowed"
        );
    }

    proptest! {
        #[test]
        fn a_name_survives_serialisation(text in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}") {
            prop_assume!(!RESERVED_NAMES.iter().any(|name| name.eq_ignore_ascii_case(&text)));
            let name = PodName::new(text.clone()).unwrap();
            let json = serde_json::to_string(&name).unwrap();
            prop_assert_eq!(serde_json::from_str::<PodName>(&json).unwrap(), name);
        }

        #[test]
        fn no_accepted_name_can_leave_its_directory(text in ".{0,80}") {
            if let Ok(name) = PodName::new(text) {
                prop_assert!(!name.as_str().contains(['/', '\0']) && name.as_str() != "." && name.as_str() != "..");
            }
        }
    }
}
