//! Session logs: what is written is read, whatever fails in between.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod log {
    mod every_operation;
    mod faults;
    mod properties;
    mod reading;
    mod recovery;
    mod retention;
    mod samples;
    mod writing;
}
