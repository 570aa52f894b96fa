//! The fleet's definition: `roster.yaml` as text with places, as checked data, and as a schema.
//!
//! This crate owns the roster: its syntax, types, JSON Schema, rules, lossless edits, presets,
//! profiles and roles. It owns no process, clock, network, environment or directory; what the checks
//! need from outside is an argument.
//!
//! What follows is a tour, from a text to a fleet's definition that was made for you.
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
//! # One rule at a time
//!
//! A [`Document`] is a text that was read once; its checks can be run apart. [`Rule::all`] has every
//! rule, [`Document::check_schema`] is what any validator finds with the published schema, and
//! [`Document::findings`] also looks at working directories, through a [`Disk`] of yours.
//!
//! ```
//! # use podfleet_roster::{Document, Known, Rule};
//! let text = "agents:\n- {name: a, depends_on: [b]}\n- {name: b, depends_on: [a]}\n";
//! let document = Document::read(text, "roster.yaml");
//! let cycles = Rule::named("dependency-cycles").unwrap();
//! let findings = document.check_rule(cycles, &Known::shipped());
//! assert_eq!(findings[0].message, "agents depend on each other: `a` → `b` → `a`");
//! assert_eq!(findings[0].related.len(), 0);
//! ```
//!
//! # What a roster may name
//!
//! Runtimes and roles that are not shipped are the caller's to know.
//!
//! ```
//! # use podfleet_roster::{Known, Roster};
//! let text = "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: aider}\n";
//! let known = Known::shipped().with_runtimes(["aider"]);
//! let (_, findings) = Roster::parse(text, "roster.yaml", &known);
//! assert!(!findings.iter().any(|finding| finding.is_error()));
//! ```
//!
//! # A roster to begin with
//!
//! A [`Preset`] is a shipped roster; a [`Profile`] is a kind of organisation from which one is made.
//!
//! ```
//! # use podfleet_roster::{Known, Preset, PresetOptions, Profiles, Roster, Staffing};
//! let coding = Preset::Coding.render(&PresetOptions::default());
//! let research = Profiles::shipped().get("research")?.provision(Staffing::Floor);
//! for text in [coding, research] {
//!     let (roster, findings) = Roster::parse(&text, "roster.yaml", &Known::shipped());
//!     assert!(findings.is_empty());
//!     assert_eq!(roster.unwrap().agents[0].class, "orchestrator");
//! }
//! # Ok::<(), podfleet_roster::UnknownProfile>(())
//! ```
//!
//! # What agents are told
//!
//! An agent's class names its [`Role`], a text in Markdown. Users' roles win over shipped ones.
//!
//! ```
//! # use podfleet_roster::{Role, Roles};
//! let mut roles = Roles::shipped();
//! let reviewer = roles.of_class("reviewer").unwrap();
//! assert_eq!(reviewer.class(), "review");
//! assert!(reviewer.text().contains("You judge, you do not write"));
//!
//! roles.insert(Role::parse("librarian", "# Librarian\n\nYou keep the shelves.\n")?);
//! assert_eq!(roles.of_class("librarian").unwrap().summary(), "You keep the shelves.");
//! # Ok::<(), podfleet_roster::InvalidRole>(())
//! ```
//!
//! # Changing it
//!
//! [`Roster::edit`] begins an [`Edit`]: a change of the text that leaves every other byte as it is.
//! The rules judge what all of its changes together make. It writes no file; that is up to the
//! program.
//!
//! ```
//! # use podfleet_roster::{AgentName, Field, Known, NewAgent, Roster};
//! let text = "\
//! version: 1
//! transport: tmux
//! agents:
//!   - name: coder0   # on trial
//!     runtime: claude
//! ";
//! let known = Known::shipped();
//! let mut edit = Roster::edit(text, "roster.yaml", &known)?;
//! edit.set(&Field::of_agent("coder0", "model_hint"), "opus")?;
//! edit.add(&NewAgent::new(AgentName::new("critic")?, "pi").with_class("review"))?;
//! let edited = edit.finish()?;
//! assert_eq!(
//!     edited.text,
//!     "\
//! version: 1
//! transport: tmux
//! agents:
//!   - name: coder0   # on trial
//!     runtime: claude
//!     model_hint: opus
//!   - name: critic
//!     runtime: pi
//!     class: review
//! "
//! );
//! assert_eq!(edited.roster.agents[1].class, "review");
//! # Ok::<(), Box<dyn std::error::Error>>(())
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
mod as_json;
mod beside;
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
mod ssh_target;
mod syntax;
mod timespan;
mod tree;
mod typed;

pub use agent::Agent;
pub use catalog::{Code, Layer, UnknownCode};
pub use connector::{Chat, Connector, Discord, Matrix};
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
pub use rules::{Disk, PathKind, Rule, reserved_for, without_secrets};
pub use schema::{
    InvalidText, check_text, json_schema, json_schema_draft07, prepare_schema, profile_json_schema,
    profile_json_schema_draft07,
};
pub use ssh_target::is_ssh_target;
pub use syntax::{MAX_ALIASED_VALUES, MAX_BYTES, MAX_DEPTH};
pub use timespan::{InvalidTimespan, Timespan};
