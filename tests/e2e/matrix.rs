//! The chat in a room of a real Matrix homeserver, with a client that is not ours at its other end.

mod connecting;
pub(crate) mod homeserver;
pub(crate) mod human;
pub(crate) mod scene;
mod speaking;
mod storm;
