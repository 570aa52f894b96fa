//! The language of a pod's Unix socket.
//!
//! This crate owns the identifiers and messages, the methods with their parameters and results, the
//! framing of both phases of a connection, the versions and the limits. It does not own sockets,
//! storage or the meaning of a screen: it turns bytes into values and values into bytes.
//!
//! A connection begins with JSON-RPC 2.0, one object a line ([`rpc`], [`method`], [`codec`]). The
//! first request is `hello`. After the reply to `attach` both sides speak binary frames instead
//! ([`frame`]).
//!
//! # Versions
//!
//! Client and pod each say the newest version that they speak and the oldest that they understand;
//! the lower of the two newest is spoken if both understand it. Within a version anybody may add a
//! method, an optional parameter or a field of a result: unknown methods get an error of their own,
//! unknown fields are ignored. Anything else makes a new version.
//!
//! [`json_schema`] describes the request phase for clients in other languages; the repository keeps
//! it in `schemas/protocol.schema.json`, and examples of whole connections in `tests/transcripts`.
//!
//! ```
//! use podfleet_protocol::method::Call;
//! use podfleet_protocol::rpc::Request;
//!
//! let request = Request::parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap();
//! let call = Call::parse(&request.method, request.params).unwrap();
//! assert!(matches!(call, Call::Ping(_)));
//! ```

mod address;
mod geometry;
mod id;
mod message;
mod name;
mod receipt;
mod schema;
mod status;

pub mod codec;
pub mod frame;
pub mod limits;
pub mod method;
pub mod rpc;

pub use address::{Address, Preamble, PreambleError};
pub use geometry::Size;
pub use id::{Generation, MessageId, PodId, Run, SessionId, ShortId, UnixMillis};
pub use message::{Class, CleanBody, Kind, Message, NewMessage, OnCrash, Typing, clean_body};
pub use name::{FleetName, MAX_NAME, NameError, NameFault, PodName, RESERVED_NAMES, TenantId};
pub use receipt::{Evidence, Hold, HoldReason, Outcome, Receipt, Source};
pub use schema::json_schema;
pub use status::{AgentPhase, Identity, PodStatus, RunEnd, ScreenStatus};
