//! Whether a start continues the agent's conversation.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::timespan::{TIMESPAN_PATTERN, Timespan};

/// Whether a restart, a boot or `up` continues the agent's conversation, where its harness can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Resume {
    /// Continue it, however old it is (`always`).
    Always,
    /// Start a new conversation (`never`).
    Never,
    /// Continue it if its last activity is at most this long ago (an age, such as `8h`).
    Within(Timespan),
}

/// Says that a text is not a [`Resume`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither `always` nor `never` nor an age such as `8h`")]
pub struct InvalidResume {
    text: String,
}

impl FromStr for Resume {
    type Err = InvalidResume;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            age => age.parse().map(Self::Within).map_err(|_| InvalidResume {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Never => f.write_str("never"),
            Self::Within(age) => age.fmt(f),
        }
    }
}

impl TryFrom<String> for Resume {
    type Error = InvalidResume;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Resume> for String {
    fn from(resume: Resume) -> Self {
        resume.to_string()
    }
}

impl JsonSchema for Resume {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Resume".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "anyOf": [
                { "enum": ["always", "never"] },
                { "pattern": TIMESPAN_PATTERN },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_resume() {
        assert_eq!("always".parse(), Ok(Resume::Always));
        assert_eq!("never".parse(), Ok(Resume::Never));
        assert_eq!("8h".parse::<Resume>().unwrap().to_string(), "8h");
        assert!("sometimes".parse::<Resume>().is_err());
    }
}
