//! The store's interface: each call is a job for the thread that owns the connection, and runs the
//! statements of its subject there.

mod chat;
mod inbox;
mod records;
mod relations;
mod sessions;
