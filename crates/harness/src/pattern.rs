//! Regular expressions as values of a harness file.

use std::borrow::Cow;
use std::ops::Deref;

use regex::Regex;
use serde::de::{Deserialize, Deserializer, Error};

/// A regular expression that is compiled while the file is read, so that a bad one is reported at
/// its place.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        let source = Cow::<str>::deserialize(deserializer)?;
        Regex::new(&source).map(Pattern).map_err(|error| {
            // The last line has the reason; those above draw the pattern once more.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            D::Error::custom(format_args!("invalid pattern: {reason}"))
        })
    }
}
