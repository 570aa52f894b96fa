//! The fleet's definition: `roster.yaml` as text with places, as checked data, and as a schema.
//!
//! This crate owns the roster: its syntax, types, JSON Schema, rules, presets and roles. It owns no
//! process, clock, network, environment or directory; what the checks need from outside is an
//! argument.
//!
//! # Reading a roster
//!
//! [`Roster::parse`] reads a text and checks it in one pass. It never fails: it returns what it
//! could read and everything that it found.
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
//!
//! # What is wrong with it
//!
//! A [`Diagnostic`] says what, where and what to do. Its [`Code`] is stable, and the catalogue
//! explains it.
//!
//! ```
//! # use podfleet_roster::{Blocks, Known, Roster};
//! let text = "version: 1\ntransport: tmux\nagents:\n- {name: coder0, runtime: cluade}\n";
//! let (_, findings) = Roster::parse(text, "roster.yaml", &Known::shipped());
//! let finding = findings.iter().find(|finding| finding.is_error()).unwrap();
//! assert_eq!(
//!     finding.to_string(),
//!     "roster.yaml:4:27: error: there is no runtime `cluade` [roster::unknown-runtime]"
//! );
//! assert_eq!(finding.blocks(), Blocks::ThatAgent);
//! println!("{}", finding.code.meaning());
//! ```
//!
//! # The layers
//!
//! 1. Syntax: YAML, or JSON, into a tree in which every key and value has its place.
//! 2. Schema: [`json_schema`], generated from the types and evaluated over the tree.
//! 3. Rules: what a schema cannot say; each [`Rule`] can be run apart on a [`Document`], and what
//!    looks at the disk goes through [`Disk`].

mod absent;
mod agent;
mod catalog;
mod connector;
mod diagnostic;
mod document;
mod edit;
mod finding;
mod known;
mod name;
mod outline;
mod preset;
mod profile;
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
pub use edit::{Edit, EditError, EditErrorKind, Edited, Field, NewAgent};
pub use known::{Known, SHIPPED_RUNTIMES};
pub use name::{AgentName, FleetName, InvalidName, MAX_NAME_LENGTH, Name};
pub use preset::{Preset, PresetOptions, UnknownPreset};
pub use profile::{Branch, Position, Profile, Profiles, Staffing, UnknownProfile};
pub use resources::Resources;
pub use restart::{RestartPolicy, RestartWhen};
pub use resume::{InvalidResume, Resume};
pub use role::{InvalidRole, ROLE_SECTIONS, Role, Roles};
pub use roster::{Defaults, Roster, Runtime, Tmux, Transport};
pub use rules::{Disk, PathKind, Rule};
pub use schema::{
    json_schema, json_schema_draft07, profile_json_schema, profile_json_schema_draft07,
};
pub use syntax::{MAX_ALIASED_VALUES, MAX_BYTES, MAX_DEPTH};
pub use timespan::{InvalidTimespan, Timespan};
