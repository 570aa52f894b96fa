//! How far a channel and its threads were heard.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::snowflake::{NoSnowflake, Snowflake};

/// How much later a message may come than one with a later id: ids of several threads are made on
/// several machines.
const OVERLAP: Duration = Duration::from_secs(10);
/// How many ids a position has at most.
const MOST: usize = 200;

/// Everything up to `after` was heard, and of what is later that in `heard` alone.
///
/// As a cursor: the ids, the first of them `after`, with `+` between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    after: Snowflake,
    heard: BTreeSet<Snowflake>,
}

impl Position {
    /// Begins behind a message.
    pub(super) fn behind(after: Snowflake) -> Self {
        Self {
            after,
            heard: BTreeSet::new(),
        }
    }

    /// Behind which message what is missing may begin.
    pub(super) fn after(&self) -> Snowflake {
        self.after
    }

    /// Takes note of a message; returns whether it is new.
    pub(super) fn hear(&mut self, id: Snowflake) -> bool {
        if id <= self.after || !self.heard.insert(id) {
            return false;
        }
        let last = self.heard.last().copied().unwrap_or_default();
        let settled = last.earlier(OVERLAP);
        while let Some(first) = self.heard.first().copied()
            && (first <= settled || self.heard.len() > MOST)
        {
            self.heard.pop_first();
            self.after = self.after.max(first);
        }
        self.after = self.after.max(settled);
        true
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.after.fmt(f)?;
        self.heard.iter().try_for_each(|id| write!(f, "+{id}"))
    }
}

impl FromStr for Position {
    type Err = NoSnowflake;

    fn from_str(cursor: &str) -> Result<Self, NoSnowflake> {
        let mut ids = cursor.split('+').map(str::parse);
        let after = ids.next().unwrap_or_else(|| cursor.parse())?;
        let heard = ids.collect::<Result<_, _>>()?;
        Ok(Self { after, heard })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn id(millis: u64) -> Snowflake {
        Snowflake::at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + millis))
    }

    #[test]
    fn what_comes_a_little_late_is_new_and_nothing_is_new_twice() {
        let mut position = Position::behind(id(0));
        assert!(!position.hear(id(0)), "it begins behind it");
        assert!(position.hear(id(500)));
        assert!(position.hear(id(400)), "another thread's was late");
        assert!(!position.hear(id(400)));
        let mut position: Position = position.to_string().parse().unwrap();
        assert!(!position.hear(id(500)));
        assert!(position.hear(id(450)));
    }

    #[test]
    fn what_lies_back_long_enough_is_settled() {
        let mut position = Position::behind(id(0));
        for millis in [100, 5_000, 30_000] {
            assert!(position.hear(id(millis)));
        }
        assert_eq!(position.after(), id(20_000));
        assert_eq!(
            position.to_string(),
            format!("{}+{}", id(20_000), id(30_000))
        );
    }

    #[test]
    fn a_position_stays_short_whatever_comes_at_once() {
        let mut position = Position::behind(id(0));
        for millis in 1..=1_000 {
            assert!(position.hear(id(millis)));
        }
        assert!(position.heard.len() <= MOST);
        assert_eq!(position.after(), id(1_000 - MOST as u64));
    }

    #[test]
    fn a_cursor_of_another_carrier_is_refused() {
        for wrong in ["", "s72594_4483", "1+", "1+x"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
