//! What is known about each agent CLI, as data, and the rules that turn a screen into a state.
//!
//! A [`Harness`] is read from a TOML file, one for an agent program: how to launch it, which keys
//! submit a message, what its composer looks like, and rules that say what a screen shows. The
//! files of the known programs are built in ([`Harness::shipped`]); users may write their own
//! ([`Harness::parse`]).
//!
//! The crate owns that knowledge and the pure functions over it. It owns no terminal, no process
//! and no clock: a [`Screen`] and [`Signals`] come in, a [`Classification`] with its reason goes
//! out.
//!
//! # Example
//!
//! ```
//! use podfleet_harness::{Composer, Harness, Holding, Screen, ScreenState, Signals};
//!
//! let sim = Harness::shipped("sim").ok_or("not shipped")?;
//! let rule = "─".repeat(40);
//! let screen = Screen::from_text(40, &format!("● echo: hi\n{rule}\n❯ good morning\n{rule}\n"));
//!
//! let classification = sim.classify(&screen, &Signals::default());
//! assert_eq!(classification.state, ScreenState::Draft);
//! assert_eq!(sim.composer(&screen), Composer::Holds("good morning".to_owned()));
//! assert_eq!(sim.holds(&screen, "good morning"), Holding::Text);
//! # Ok::<(), &str>(())
//! ```
//!
//! # What the rules can rely on
//!
//! Screens of agents that draw inline carry old transcript, and a transcript may quote any word
//! that a rule looks for. So rules do not search the screen: each names a region, most often by its
//! place relative to the composer. Dialogs outrank everything else, because a submit key would
//! answer them.

mod answer;
mod command_line;
mod composer;
mod dialog;
mod echo;
mod error;
mod harness;
mod holding;
mod input;
mod launch;
mod ordered;
mod pattern;
mod queue;
mod recording;
mod rule;
mod screen;
mod state;
mod submit;
mod trust;
mod witness;
mod wrapper;

pub use composer::Composer;
pub use dialog::{Dialog, Press};
pub use error::{HarnessError, HarnessErrorKind};
pub use harness::{Harness, SHIPPED};
pub use holding::Holding;
pub use input::Input;
pub use launch::{BodyAccess, Calls, Conversation, Invocation, Launch, Tools};
pub use queue::Match;
pub use recording::Recording;
pub use screen::{Cursor, Row, Screen};
pub use state::{BlockKind, Classification, ScreenState, Signals};
pub use submit::Submit;
pub use trust::{Trust, TrustError};
pub use witness::{Dated, Fact, Hooks, Transcript, same_text};
