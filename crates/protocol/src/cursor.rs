//! Places that a pod hands out and a client hands back: opaque texts on the wire.
//!
//! A client keeps a cursor as the text that it got and never takes it apart; what stands in it may
//! change with any version.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Generation, SessionId};

/// The longest cursor in bytes.
pub const MAX_CURSOR: usize = 256;

/// A text is no cursor of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no cursor that a pod gives for {0}")]
pub struct CursorError(&'static str);

/// Lets a cursor be read and written as text, with a schema that says no more.
macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = CursorError;

            fn try_from(text: String) -> Result<Self, CursorError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(cursor: $name) -> Self {
                cursor.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_CURSOR })
            }
        }
    };
}

/// A place in the events of one generation of a pod. Another generation does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventCursor {
    generation: Generation,
    number: u64,
}

as_text!(EventCursor);

impl EventCursor {
    /// Makes the place of an event, counted from 1; 0 is before the first.
    #[must_use]
    pub const fn new(generation: Generation, number: u64) -> Self {
        Self { generation, number }
    }

    /// Returns the start of the pod whose events they are.
    #[must_use]
    pub const fn generation(self) -> Generation {
        self.generation
    }

    /// Returns the number of the event.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.number)
    }
}

impl FromStr for EventCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let fault = || CursorError("events");
        let (generation, number) = text.split_once('.').ok_or_else(fault)?;
        Ok(Self {
            generation: Generation(decimal(generation).ok_or_else(fault)?),
            number: decimal(number).ok_or_else(fault)?,
        })
    }
}

/// A place between two records of a session's log; it outlives restarts of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogCursor {
    /// The session.
    pub session: SessionId,
    /// The file of its log, counted from 1.
    pub segment: u32,
    /// The byte of that file.
    pub offset: u64,
}

as_text!(LogCursor);

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.session, self.segment, self.offset)
    }
}

impl FromStr for LogCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parts: Vec<&str> = text.split('.').collect();
        let [session, segment, offset] = parts[..] else {
            return Err(CursorError("logs"));
        };
        let read = || {
            Some(Self {
                session: session.parse().ok()?,
                segment: u32::try_from(decimal(segment)?).ok()?,
                offset: decimal(offset)?,
            })
        };
        read().ok_or(CursorError("logs"))
    }
}

macro_rules! given_text {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        as_text!($name);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = CursorError;

            /// Takes 1 to [`MAX_CURSOR`] printable ASCII characters without a blank.
            fn from_str(text: &str) -> Result<Self, CursorError> {
                let fits = !text.is_empty()
                    && text.len() <= MAX_CURSOR
                    && text.bytes().all(|byte| byte.is_ascii_graphic());
                if fits { Ok(Self(text.to_owned())) } else { Err(CursorError($what)) }
            }
        }
    };
}

given_text! {
    /// A place in what a pod's agent has produced; durable: it outlives restarts of the pod and of
    /// whoever reads. The pod that gives it alone knows what it means.
    OutputCursor, "output"
}

given_text! {
    /// A place in a listing of pods.
    PodListCursor, "listings of pods"
}

impl OutputCursor {
    /// Returns the place before everything.
    #[must_use]
    pub fn start() -> Self {
        Self("t.0.0.0.0".to_owned())
    }

    /// Returns the place where the reading pod's last reading of the same pod ended, as its store
    /// keeps it; the place before everything if it never read. No answer has this cursor.
    #[must_use]
    pub fn last() -> Self {
        Self("last".to_owned())
    }
}

/// Reads a decimal number in the one form in which it is written.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was_given(generation: u64, number: u64, segment: u32) {
            let event = EventCursor::new(Generation(generation), number);
            prop_assert_eq!(event.to_string().parse(), Ok(event));
            let log = LogCursor { session: SessionId::generate(), segment, offset: number };
            prop_assert_eq!(log.to_string().parse(), Ok(log));
        }

        #[test]
        fn no_text_is_read_as_a_cursor_that_prints_another(text in "[0-9a-f.+ -]{0,60}") {
            if let Ok(cursor) = text.parse::<EventCursor>() {
                prop_assert_eq!(cursor.to_string(), text.as_str());
            }
            if let Ok(cursor) = text.parse::<OutputCursor>() {
                prop_assert_eq!(cursor.as_str(), text.as_str());
            }
        }
    }

    #[test]
    fn a_given_text_is_bounded() {
        assert!(OutputCursor::from_str("t.3.4096").is_ok());
        for wrong in ["", "a b", "a\n", "é", &"x".repeat(MAX_CURSOR + 1)] {
            assert!(OutputCursor::from_str(wrong).is_err(), "{wrong:?}");
        }
    }
}
