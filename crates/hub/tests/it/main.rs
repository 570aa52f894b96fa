//! The hub from outside: its topology, its files, its surface, and a home with spokes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod closed;
mod containment;
mod files;
mod home;
mod orders;
mod page;
mod preview;
mod rights;
mod surface;
mod swapped;
mod topology;
mod tree;
mod world;
