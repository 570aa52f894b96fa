//! What this machine is called.

/// Returns the machine's name up to the first dot; empty where that cannot be told.
#[cfg(unix)]
#[must_use]
pub fn short_host_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Returns the machine's name up to the first dot; empty where that cannot be told.
#[cfg(not(unix))]
#[must_use]
pub const fn short_host_name() -> String {
    String::new()
}
