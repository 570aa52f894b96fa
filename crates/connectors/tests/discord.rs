//! The chat in a Discord channel, against a server of our own.
#![cfg(all(feature = "discord", feature = "conformance"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "discord/failures.rs"]
mod failures;
#[path = "discord/gateway.rs"]
mod gateway;
#[path = "discord/rig.rs"]
mod rig;
#[path = "discord/sending.rs"]
mod sending;
