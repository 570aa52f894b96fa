//! Showing an agent's terminal in the user's: attached with control, as a view, or only looking.

mod alternate;
mod client;
mod command;
mod console;
mod crop;
mod display;
mod executor;
mod keys;
mod look;
mod outgoing;
mod prefix;
mod prompt;
mod signals;
mod tty;

pub(crate) use client::{Client, End, Purpose};
pub(crate) use display::ScreenUse;
pub(crate) use executor::FleetExecutor;
pub(crate) use look::{Attached, Look};
pub(crate) use prefix::{PrefixArgs, PrefixKey};
pub(crate) use signals::{Event, Signals};
pub(crate) use tty::{Tty, restore};
