//! The fleet's definition: `roster.yaml` as text with places, as checked data, and as a schema.
//!
//! This crate owns the roster: its syntax, types, JSON Schema, rules, presets and roles. It owns no
//! process, clock, network or directory; what the checks need from outside is an argument.
//!
//! ```
//! use podfleet_roster::{Known, Roster};
//!
//! let text = "\
//! version: 1
//! transport: tmux
//! agents:
//!   - name: coder0
//!     runtime: claude
//! ";
//! let (roster, findings) = Roster::parse(text, "roster.yaml", &Known::shipped());
//! assert!(!findings.iter().any(|finding| finding.blocks_changes()));
//! let roster = roster.unwrap();
//! assert_eq!(roster.fleet.as_str(), "default");
//! assert_eq!(roster.agents[0].class, "worker");
//! ```

mod absent;
mod agent;
mod catalog;
mod connector;
mod diagnostic;
mod document;
mod finding;
mod known;
mod name;
mod outline;
mod preset;
mod resources;
mod restart;
mod resume;
mod role;
mod roster;
mod rules;
mod schema;
mod secret;
mod source;
mod spelling;
mod syntax;
mod timespan;
mod tree;

pub use agent::Agent;
pub use catalog::{Code, Layer, UnknownCode};
pub use connector::{Connector, Discord, Matrix};
pub use diagnostic::{Blocks, Diagnostic, Related, Severity};
pub use document::Document;
pub use known::{Known, SHIPPED_RUNTIMES};
pub use name::{AgentName, FleetName, InvalidName, MAX_NAME_LENGTH, Name};
pub use preset::{Preset, PresetOptions, UnknownPreset};
pub use resources::Resources;
pub use restart::{RestartPolicy, RestartWhen};
pub use resume::{InvalidResume, Resume};
pub use role::{InvalidRole, Role, Roles};
pub use roster::{Defaults, Roster, Runtime, Tmux, Transport};
pub use rules::{Disk, PathKind, Rule};
pub use schema::{json_schema, json_schema_draft07};
pub use syntax::{MAX_ALIASED_VALUES, MAX_BYTES, MAX_DEPTH};
pub use timespan::{InvalidTimespan, Timespan};
