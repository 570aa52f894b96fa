//! tmux as typed data.
//!
//! This crate owns what can be said about tmux without running it: sockets, names and targets,
//! commands as argument vectors, the parsers of what they print, the control-mode protocol, and
//! which bytes may be pasted. It knows how tmux really behaves (the floor is
//! [`Version::FLOOR`]) and keeps the traps away from its callers: a name never matches by
//! prefix, an argument that ends in `;` never splits a command, a path with `#` in it is never
//! expanded.
//!
//! It does not own what a session *means*: agents, views and fleets are its callers' words. It
//! reads no environment and prints nothing. With the feature `runner` the type `Tmux` runs
//! the commands, with a deadline; everything else is free of input and output.
//!
//! ```
//! use podfleet_tmux::{Command, NewSession, SessionName, Size, Socket};
//!
//! let name = SessionName::new("coder")?;
//! let command = NewSession::new(name.clone(), ["fleet", "attach", "--view", "coder"])
//!     .size(Size { columns: 120, rows: 40 })
//!     .command();
//! let argv = Socket::Named("podfleet".into()).argv(&command);
//! assert_eq!(argv[..4], ["-u", "-L", "podfleet", "new-session"]);
//! assert_eq!(Command::has_session(name).args(), ["has-session", "-t", "=coder:"]);
//! # Ok::<(), podfleet_tmux::InvalidSessionName>(())
//! ```

mod capture;
mod command;
mod control;
mod error;
mod new_session;
mod pane;
mod pane_view;
mod paste;
#[cfg(feature = "runner")]
mod runner;
mod session_name;
mod socket;
mod target;
mod version;

pub use capture::{CaptureBatch, Captured};
pub use command::{Command, Key};
pub use control::{ControlError, ControlEvent, ControlParser, Reply};
pub use error::{TmuxError, TmuxErrorKind};
pub use new_session::{NewSession, Size};
pub use pane::{Pane, TAG_OPTION, UnreadablePane, parse_panes};
pub use pane_view::{PaneView, UnreadableView};
pub use paste::{
    BufferName, CANONICAL_LINE_LIMIT, InvalidBufferName, Pasteable, overlong_canonical_line,
};
#[cfg(feature = "runner")]
pub use runner::{Output, Tmux};
pub use session_name::{InvalidSessionName, SessionName};
pub use socket::{Inside, Socket};
pub use target::{InvalidId, PaneId, SessionId, Target, WindowId};
pub use version::{UnreadableVersion, Version};
