//! Lengths of time as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The grammar of a [`Timespan`] as a regular expression.
pub(crate) const TIMESPAN_PATTERN: &str = "^[1-9][0-9]{0,6}[smhd]$";

/// A length of time written as a number and a unit: `90s`, `10m`, `8h`, `2d`.
///
/// The number is at least 1 and has at most 7 digits.
///
/// ```
/// use std::time::Duration;
/// use podfleet_roster::Timespan;
///
/// let window: Timespan = "10m".parse().unwrap();
/// assert_eq!(window.duration(), Duration::from_secs(600));
/// assert_eq!(window.to_string(), "10m");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timespan {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

/// Says that a text is not a [`Timespan`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a length of time such as `90s`, `10m`, `8h` or `2d`")]
pub struct InvalidTimespan {
    text: String,
}

impl Timespan {
    /// Returns a number of minutes as a time span.
    pub(crate) const fn minutes(count: u32) -> Self {
        Self {
            count,
            unit: Unit::Minutes,
        }
    }

    /// Returns the same length as the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        let seconds = match self.unit {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 60 * 60,
            Unit::Days => 24 * 60 * 60,
        };
        Duration::from_secs(self.count as u64 * seconds)
    }
}

fn parse(text: &str) -> Option<Timespan> {
    let unit = match text.chars().next_back()? {
        's' => Unit::Seconds,
        'm' => Unit::Minutes,
        'h' => Unit::Hours,
        'd' => Unit::Days,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let canonical = (1..=7).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    let count = canonical.then(|| digits.parse().ok())??;
    Some(Timespan { count, unit })
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Seconds => 's',
            Unit::Minutes => 'm',
            Unit::Hours => 'h',
            Unit::Days => 'd',
        };
        write!(f, "{}{unit}", self.count)
    }
}

impl FromStr for Timespan {
    type Err = InvalidTimespan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidTimespan {
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for Timespan {
    type Error = InvalidTimespan;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timespan> for String {
    fn from(timespan: Timespan) -> Self {
        timespan.to_string()
    }
}

impl JsonSchema for Timespan {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timespan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": TIMESPAN_PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("8h", 28_800), ("2d", 172_800)] {
            let timespan: Timespan = text.parse().unwrap();
            assert_eq!(timespan.duration().as_secs(), seconds);
            assert_eq!(timespan.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_timespan_is_refused() {
        for text in [
            "",
            "s",
            "0s",
            "05m",
            "10",
            "10w",
            "-1s",
            "1.5h",
            "10 m",
            "99999999s",
            "1µ",
        ] {
            assert!(text.parse::<Timespan>().is_err(), "{text}");
        }
    }
}
