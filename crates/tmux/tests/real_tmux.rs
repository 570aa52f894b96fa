//! The facts that this crate rests on, shown by the installed tmux on private servers.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod real_tmux {
    mod facts;
    mod paste;
    mod server;
    mod session;
    mod traps;

    pub(crate) use server::Server;
}
