//! The key that comes before those which are meant for us: `ctrl-\` unless told otherwise.

use std::fmt;
use std::str::FromStr;

use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;

/// Keys that everybody needs for themselves: Enter, tab, Escape, interrupt and what Enter's twin
/// `ctrl-j` types.
const NEEDED: &[u8] = b"mi[cj";

/// `ctrl` and a character, as terminals send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PrefixKey(u8);

impl Default for PrefixKey {
    fn default() -> Self {
        Self(b'\\')
    }
}

impl PrefixKey {
    /// Returns the ways in which terminals send it: plain, in the kitty keyboard protocol, and as
    /// xterm's `modifyOtherKeys`.
    pub(crate) fn encodings(self) -> [Vec<u8>; 3] {
        let Self(key) = self;
        [
            vec![key.to_ascii_uppercase() & 0x1f],
            format!("\x1b[{key};5u").into_bytes(),
            format!("\x1b[27;5;{key}~").into_bytes(),
        ]
    }
}

impl fmt::Display for PrefixKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ctrl-{}", char::from(self.0))
    }
}

impl FromStr for PrefixKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = match text.to_ascii_lowercase().as_bytes() {
            [b'c', b't', b'r', b'l', b'-', key] | [b'^', key] => *key,
            _ => return Err("not a key; write `ctrl-` and a letter, or one of `\\ ] ^ _`"),
        };
        match key {
            _ if NEEDED.contains(&key) => Err("Enter, tab, Escape and ctrl-c stay the agent's"),
            b'a'..=b'z' | b'\\' | b']' | b'^' | b'_' => Ok(Self(key)),
            _ => Err("`ctrl-` goes with a letter or one of `\\ ] ^ _`"),
        }
    }
}

/// Which key it is.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct PrefixArgs {
    /// The key before ours, as `ctrl-a`; `FLEET_PREFIX` sets it for all [default: ctrl-\]
    #[arg(long, value_name = "KEY")]
    prefix: Option<PrefixKey>,
}

impl PrefixArgs {
    /// Returns the key that the user chose.
    ///
    /// # Errors
    /// Fails when the variable names no key.
    pub(crate) fn key(self, context: &Context) -> Result<PrefixKey, Error> {
        match (self.prefix, context.env.get("FLEET_PREFIX")) {
            (Some(key), _) => Ok(key),
            (None, None | Some("")) => Ok(PrefixKey::default()),
            (None, Some(text)) => text.parse().map_err(|fault| {
                Error::message(Exit::Usage, format!("FLEET_PREFIX is `{text}`: {fault}"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_in_every_keyboard_protocol() {
        let key: PrefixKey = "ctrl-A".parse().unwrap();
        assert_eq!(key.to_string(), "ctrl-a");
        let plain: Vec<_> = key
            .encodings()
            .iter()
            .map(|way| way.escape_ascii().to_string())
            .collect();
        assert_eq!(plain, [r"\x01", r"\x1b[97;5u", r"\x1b[27;5;97~"]);
        assert_eq!("^]".parse::<PrefixKey>().unwrap().encodings()[0], [0x1d]);
        assert_eq!(PrefixKey::default().encodings()[0], [0x1c]);
    }

    #[test]
    fn what_is_no_key_or_somebody_elses_is_refused() {
        for text in ["", "a", "ctrl-", "ctrl-ab", "ctrl-1", "alt-a", "ctrl-ä"] {
            assert!(text.parse::<PrefixKey>().is_err(), "{text}");
        }
        for text in ["ctrl-c", "ctrl-m", "^i", "ctrl-[", "ctrl-J"] {
            assert!(
                text.parse::<PrefixKey>().unwrap_err().contains("agent's"),
                "{text}"
            );
        }
    }
}
