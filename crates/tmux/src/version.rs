//! The version of a tmux program.

use std::fmt;
use std::str::FromStr;

/// A version such as `3.3a` or `next-3.6`, in the order of release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    stage: Stage,
}

/// Derives its order: a development version comes before the release that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Next,
    Release,
    Patch(char),
}

/// A text does not name a tmux version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tmux version (expected one such as `tmux 3.3a`)")]
pub struct UnreadableVersion(String);

impl Version {
    /// The oldest version that this crate supports: 3.2, the first with `new-session -e`.
    pub const FLOOR: Self = Self {
        major: 3,
        minor: 2,
        stage: Stage::Release,
    };

    /// Returns a release by its numbers.
    pub const fn release(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            stage: Stage::Release,
        }
    }

    /// Reads what `tmux -V` prints.
    ///
    /// # Errors
    ///
    /// For anything but a numbered version: builds of the development branch call themselves
    /// `master`, and OpenBSD's numbers are the system's.
    pub fn parse(output: &str) -> Result<Self, UnreadableVersion> {
        let text = output.trim();
        let version = text.strip_prefix("tmux ").unwrap_or(text);
        parse(version).ok_or_else(|| UnreadableVersion(text.to_owned()))
    }

    /// Whether this crate supports it.
    pub fn is_supported(self) -> bool {
        self >= Self::FLOOR
    }
}

fn parse(version: &str) -> Option<Version> {
    let (next, numbers) = match version.strip_prefix("next-") {
        Some(numbers) => (true, numbers),
        None => (false, version),
    };
    let (major, rest) = numbers.split_once('.')?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (minor, suffix) = rest.split_at(digits);
    let stage = match suffix.strip_prefix("-rc") {
        Some(_) => Stage::Next,
        None if next => Stage::Next,
        None => {
            let mut letters = suffix.chars();
            match (letters.next(), letters.next()) {
                (None, _) => Stage::Release,
                (Some(letter), None) if letter.is_ascii_lowercase() => Stage::Patch(letter),
                _ => return None,
            }
        }
    };
    Some(Version {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
        stage,
    })
}

impl FromStr for Version {
    type Err = UnreadableVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            stage,
        } = self;
        match stage {
            Stage::Next => write!(f, "next-{major}.{minor}"),
            Stage::Release => write!(f, "{major}.{minor}"),
            Stage::Patch(letter) => write!(f, "{major}.{minor}{letter}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_release() {
        let order = [
            "2.9a", "3.1c", "next-3.2", "3.2", "3.2a", "3.3", "3.3a", "3.7b", "3.10",
        ];
        let versions: Vec<Version> = order.iter().map(|text| text.parse().unwrap()).collect();
        assert!(versions.is_sorted());
        let supported = versions
            .iter()
            .filter(|version| version.is_supported())
            .count();
        assert_eq!(supported, 6);
        assert_eq!(Version::parse("tmux 3.3a\n").unwrap().to_string(), "3.3a");
        assert!(Version::parse("tmux 3.2-rc2").unwrap() < Version::FLOOR);
    }

    #[test]
    fn what_has_no_number_is_refused() {
        for text in [
            "",
            "tmux",
            "tmux master",
            "tmux openbsd-7.4",
            "tmux 3",
            "tmux 3.x",
            "3.2ab",
        ] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_reads_what_it_prints(text in "(next-)?[0-9.a-z-]{0,8}") {
            if let Ok(version) = Version::parse(&text) {
                prop_assert_eq!(Version::parse(&version.to_string()).unwrap(), version);
            }
        }
    }
}
