//! Tests of the simulated agent, lowest level first.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod agent;
mod faults;
mod keys;
mod paint;
mod process;
mod screen;
mod session;
