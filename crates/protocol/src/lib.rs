//! In preparation.

mod geometry;

pub use geometry::Size;
