//! The command as a process: what it prints, where, and how it ends. Nothing here needs a pod.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod completion;
mod edits;
mod errors;
mod in_terminal;
mod init;
mod narrow;
mod profiles;
mod program;
mod roles;
mod roster;
mod sandbox;
mod terminal;
mod told;
