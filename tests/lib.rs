//! What the end-to-end tests share: how a test says which component of the machine it needs.

pub mod require;
