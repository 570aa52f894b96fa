//! One suite for all stores, and what only a database on a disk can show.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod store {
    mod conformance;
    mod contention;
    mod cost;
    mod damage;
    mod maintenance;
    mod migrations;
    mod model;
    mod processes;
    mod samples;
    mod sqlite;
}
