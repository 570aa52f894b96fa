//! Where a user's fleets are configured.
//!
//! This crate owns the environment as a value ([`Env`]), the directories that it names, and the
//! choice of the roster that a command reads, the reading of files that people own, and what this
//! machine is called. It reads no environment itself, and makes no directory. It works alike on Linux, macOS and Windows, since checking a roster does.
//!
//! ```
//! use podfleet_home::{Env, config_dir};
//!
//! let env: Env = [("FLEET_HOME", "/srv/fleet")].into_iter().collect();
//! # if cfg!(unix) {
//! assert_eq!(config_dir(&env)?.to_str(), Some("/srv/fleet"));
//! # }
//! # Ok::<(), podfleet_home::DirsError>(())
//! ```

mod directories;
mod env;
mod file;
mod host;
mod roster_choice;

pub use directories::{DirsError, absolute, config_dir, home_dir, state_dir, xdg};
pub use env::Env;
pub use file::{ReadFileError, ReadFileErrorKind, read_file};
pub use host::short_host_name;
pub use roster_choice::{RosterChoice, RosterReason, locate_roster};
