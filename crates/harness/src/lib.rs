//! In preparation.

mod screen;

pub use screen::{Cursor, Row, Screen};
