//! What a defect of ours looks like to the user.

use std::io::Write;

/// Replaces the panic message by one that says that the fault is ours; before it is printed,
/// `restore` gives the terminal back. The exit status of a panic is 101.
pub(crate) fn install_hook(restore: fn()) {
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        let mut messages = anstream::stderr().lock();
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" ({place})"));
        let what = panic.payload_as_str().unwrap_or("no message");
        let _ = writeln!(
            messages,
            "error: fleet has a defect: {what}{place}\n\n\
             hint: run it again with RUST_BACKTRACE=1 and report what it prints, with the\n  \
             output of `fleet version`"
        );
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = writeln!(messages, "{trace}");
        }
    }));
}
