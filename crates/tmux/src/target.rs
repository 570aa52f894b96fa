//! How a command says which session or pane it means.

use std::fmt;
use std::str::FromStr;

use crate::SessionName;

/// A text is no tmux id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind} id (expected `{sigil}` and a number)")]
pub struct InvalidId {
    text: String,
    kind: &'static str,
    sigil: char,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $sigil:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// Returns the id with this number.
            pub const fn new(number: u32) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $sigil, self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($sigil)
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| InvalidId { text: text.to_owned(), kind: $kind, sigil: $sigil })
            }
        }
    };
}

id! {
    /// A pane, `%12`: unique for the life of the server, and never used again in it.
    PaneId, "pane", '%'
}
id! {
    /// A session, `$3`: unique for the life of the server, and never used again in it.
    SessionId, "session", '$'
}
id! {
    /// A window, `@7`: unique for the life of the server, and never used again in it.
    WindowId, "window", '@'
}

/// A session or pane, addressed so that tmux can mean no other.
///
/// A bare name would match by prefix (`a` finds `ab`), `=name` is no valid pane, and
/// `=name:0.0` misses under `base-index 1`. What is written for a name is `=name:`, its current
/// window's active pane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A pane by its id.
    Pane(PaneId),
    /// A session by its id.
    SessionId(SessionId),
    /// A session by its exact name.
    Session(SessionName),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pane(id) => id.fmt(f),
            Self::SessionId(id) => id.fmt(f),
            Self::Session(name) => write!(f, "={name}:"),
        }
    }
}

impl From<PaneId> for Target {
    fn from(id: PaneId) -> Self {
        Self::Pane(id)
    }
}

impl From<SessionId> for Target {
    fn from(id: SessionId) -> Self {
        Self::SessionId(id)
    }
}

impl From<SessionName> for Target {
    fn from(name: SessionName) -> Self {
        Self::Session(name)
    }
}

impl From<&SessionName> for Target {
    fn from(name: &SessionName) -> Self {
        Self::Session(name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_print() {
        assert_eq!("%12".parse::<PaneId>().unwrap().to_string(), "%12");
        assert_eq!("$0".parse::<SessionId>(), Ok(SessionId::new(0)));
        for text in ["", "%", "12", "$12", "%-1", "%+1", "%1 ", "%99999999999"] {
            assert!(text.parse::<PaneId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_always_exact() {
        let name = SessionName::new("coder").unwrap();
        assert_eq!(Target::from(name).to_string(), "=coder:");
        assert_eq!(Target::from(PaneId::new(12)).to_string(), "%12");
    }
}
