//! Discord's ids, which tell when what they name was made.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// An id of a message, channel, person or server. Ids of one channel are in order of time, and those
/// of several nearly so.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Snowflake(pub(super) u64);

/// A text is no id.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no id of Discord, which are numbers of at most 20 digits")]
pub(super) struct NoSnowflake(String);

/// Ids count milliseconds from here: the begin of 2015.
const EPOCH: Duration = Duration::from_millis(1_420_070_400_000);
/// Bits of an id below its time.
const BELOW_TIME: u32 = 22;

impl Snowflake {
    /// Returns when what it names was made.
    pub(super) fn time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + EPOCH + Duration::from_millis(self.0 >> BELOW_TIME)
    }

    /// Returns the first id of a moment.
    #[cfg(test)]
    pub(super) fn at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH + EPOCH);
        let since = u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        Self(since << BELOW_TIME)
    }

    /// Returns the id of a moment that is so much earlier.
    pub(super) fn earlier(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX >> BELOW_TIME);
        Self(self.0.saturating_sub(by << BELOW_TIME))
    }
}

impl FromStr for Snowflake {
    type Err = NoSnowflake;

    fn from_str(text: &str) -> Result<Self, NoSnowflake> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse::<u64>().ok().filter(|_| digits);
        id.map(Self).ok_or_else(|| NoSnowflake(text.to_owned()))
    }
}

impl TryFrom<String> for Snowflake {
    type Error = NoSnowflake;

    fn try_from(text: String) -> Result<Self, NoSnowflake> {
        text.parse()
    }
}

impl From<Snowflake> for String {
    fn from(id: Snowflake) -> Self {
        id.to_string()
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time() {
        // The example of Discord's own reference.
        let id: Snowflake = "175928847299117063".parse().unwrap();
        let made = id.time().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(made.as_millis(), 1_462_015_105_796);
        assert_eq!(Snowflake::at(id.time()).time(), id.time());
        let earlier = id.earlier(Duration::from_secs(10));
        assert_eq!(earlier.time() + Duration::from_secs(10), id.time());
        assert_eq!(Snowflake(5).earlier(Duration::from_secs(10)), Snowflake(0));
    }

    #[test]
    fn an_id_is_digits() {
        for wrong in ["", "+1", "-1", "1a", "99999999999999999999"] {
            assert!(wrong.parse::<Snowflake>().is_err(), "{wrong}");
        }
    }
}
