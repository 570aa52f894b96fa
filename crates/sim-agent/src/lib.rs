//! A simulated agent: a small chat TUI like those of the real agent CLIs, which misbehaves on
//! command. It is the conformance kit for everything that drives an agent through its terminal,
//! and the agent of the demo.
//!
//! This crate owns the simulated agent: its input, its screen, its turns, the fault script
//! ([`Faults`]) and the [`Journal`] of what it really received. It does not own the command line
//! that starts it, nor what anybody else knows about its screen.
//!
//! Everything but [`run()`] is pure: [`KeyParser`](input::KeyParser) makes keys of bytes,
//! [`Agent`](agent::Agent) takes keys and the time and says what is to be done,
//! [`screen`] and [`paint`] make lines and bytes of its state.
//!
//! ```
//! use std::time::Duration;
//! use podfleet_sim_agent::{Kind, Options, agent::{Agent, Effect, Event}, input::KeyParser};
//!
//! let mut agent = Agent::new(Options::default());
//! agent.handle(Event::Start, Duration::ZERO);
//!
//! let mut parser = KeyParser::new();
//! parser.set_bracketed_paste(agent.bracketed_paste());
//! let mut received = Vec::new();
//! for key in parser.feed(b"\x1b[200~hello\x1b[201~\r") {
//!     for effect in agent.handle(Event::Key(key), Duration::ZERO) {
//!         if let Effect::Record { kind, text, .. } = effect {
//!             received.push((kind, text));
//!         }
//!     }
//! }
//! assert_eq!(received, [(Kind::Paste, "hello".to_owned()), (Kind::Submit, "hello".to_owned())]);
//! ```

pub mod agent;
pub mod composer;
pub mod dialog;
mod error;
mod faults;
mod flood;
pub mod input;
mod journal;
mod options;
pub mod paint;
mod prompt;
mod run;
pub mod screen;
mod signals;
mod terminal;
pub mod text;
pub mod transcript;
pub mod turn;

pub use error::{ErrorKind, SimError};
pub use faults::{Crash, DialogPoint, ExitAtOnce, Faults, Flood, FloodPoint};
pub use journal::{Entry, Journal, Kind};
pub use options::Options;
pub use run::{ExitStatus, run};
