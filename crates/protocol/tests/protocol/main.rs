//! Tests of the protocol as others see it: its schema, its examples, its versions, its codecs.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[cfg(feature = "tokio")]
mod codecs;
mod schema;
mod transcripts;
mod versions;
