//! The Matrix connector, against a server that does what a healthy homeserver does not.
#![cfg(all(feature = "conformance", feature = "matrix"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod matrix {
    mod failures;
    mod fake;
    mod leaving;
    mod speech;
}
