//! The colours. None carries a meaning that the words beside it do not.

use anstyle::{AnsiColor, Style};

/// The word `error:`, and what failed.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word `warning:`, and what needs a person.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word `hint:`.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is at work.
pub(crate) const BUSY: Style = AnsiColor::Blue.on_default();
/// What is beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
