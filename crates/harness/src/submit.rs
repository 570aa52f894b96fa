//! Which keys an agent takes, and when.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Which keys an agent takes, and when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Submit {
    /// Bytes of the key that submits the composer.
    #[serde(deserialize_with = "bytes")]
    pub key: Vec<u8>,
    /// How long to wait between the end of a text and the submit key.
    #[serde(rename = "gap_ms", deserialize_with = "milliseconds")]
    pub gap: Duration,
    /// How long the screen must have been still before the submit key.
    #[serde(rename = "quiet_ms", deserialize_with = "milliseconds")]
    pub quiet: Duration,
    /// How long after the submit key an agent may take to show that it works.
    #[serde(rename = "turn_start_ms", deserialize_with = "milliseconds")]
    pub turn_start: Duration,
    /// Bytes of the key that begins a new line in the composer, for an agent that did not ask for
    /// bracketed paste.
    #[serde(deserialize_with = "bytes")]
    pub newline: Vec<u8>,
    /// Bytes of the key that interrupts a turn. To be sent by explicit order only.
    #[serde(deserialize_with = "bytes")]
    pub interrupt: Vec<u8>,
    /// Name of the rule of a busy agent that wants this key once more, and says so.
    #[serde(default)]
    pub interrupt_again: Option<String>,
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(String::into_bytes)
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u32::deserialize(deserializer).map(|value| Duration::from_millis(value.into()))
}
