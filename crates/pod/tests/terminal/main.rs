//! The terminal model and the view stream, on recordings of real programs and on generated output.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, in its helping functions too"
)]

mod answers;
mod clusters;
mod output;
mod recordings;
mod repaint;
mod resize;
mod screens;
mod tail;
mod view;
