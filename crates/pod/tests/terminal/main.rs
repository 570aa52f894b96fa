//! The terminal model against recordings of real programs.

mod recordings;
mod screens;
