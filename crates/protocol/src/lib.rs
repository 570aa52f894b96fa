//! The language of a pod's Unix socket.
//!
//! This crate owns the identifiers and messages, the methods with their parameters and results, the
//! framing of both phases of a connection, the versions and the limits, and what both sides do with
//! them: [`server`] reads requests and refuses, the feature `client` has connections to a pod's
//! socket. It does not own who listens, storage or the meaning of a screen: it turns bytes into
//! values and values into bytes.
//!
//! A connection begins with JSON-RPC 2.0, one object a line ([`rpc`], [`method`], [`codec`]). The
//! first request is `hello`. After the reply to `attach` both sides speak binary frames instead
//! ([`frame`]).
//!
//! A connection with the role `subscribe` gets, besides its replies, the [`event`]s of the pod as
//! notifications: a snapshot and its place first, then every event after that place.
//!
//! # Versions
//!
//! Client and pod each say the newest version that they speak and the oldest that they understand;
//! the lower of the two newest is spoken if both understand it. There is no common version: the pod
//! says so by an error of its own and closes.
//!
//! Within a version, who may add what:
//!
//! | addition | by | the other side, if it is older |
//! |---|---|---|
//! | a method | pod | is not asked for it; `hello` names the methods that a pod has |
//! | an optional parameter | client | ignores it: it must be harmless to ignore |
//! | a field of a result or an event | pod | ignores it |
//! | a type of event, a notification | pod | skips it |
//! | a type of frame | pod | skips it |
//! | a type of frame | client | closes the connection: only after a capability announced it |
//! | a number of an error | pod | shows its message |
//! | a word of an enumeration in a result | nobody | could not read it |
//!
//! Whatever is not in this table makes a new version: a new required parameter, another meaning of a
//! field, a word more in an enumeration. A field once given is given for as long as the version is
//! spoken. Cursors are opaque, so what stands in them may change at any time; a pod that meets a
//! cursor that it did not give says so.
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
mod bounded;
mod cursor;
mod geometry;
mod id;
mod message;
mod name;
mod receipt;
mod row;
mod schema;
mod scope;
mod shown;
mod status;
mod version;

#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod event;
pub mod frame;
pub mod limits;
pub mod method;
pub mod rpc;
pub mod server;

pub use address::{Address, Preamble, PreambleError, thread_as_told};
pub use cursor::{CursorError, EventCursor, LogCursor, MAX_CURSOR, OutputCursor, PodListCursor};
pub use event::Event;
pub use geometry::Size;
pub use id::{Generation, MessageId, PodId, Run, SessionId, ShortId, UnixMillis};
pub use message::{
    Class, CleanBody, Kind, Message, NewMessage, OnCrash, Typing, clean_body, may_be_command,
    may_be_preamble,
};
pub use name::{
    EndpointName, FleetName, MAX_NAME, MountName, NameError, NameFault, PodName, RESERVED_NAMES,
    SpaceName, TenantId,
};
pub use receipt::{Evidence, Hold, HoldReason, Outcome, Receipt, Source};
pub use row::{Availability, Glance, PodRow, Restorable, Visibility};
pub use schema::{json_schema, schema_settings};
pub use scope::{NotYours, Scope, ScopePath, ScopePathError};
pub use shown::Shown;
pub use status::{AgentPhase, Identity, Paused, PodStatus, RunEnd, ScreenStatus, SelfReport};
pub use version::Versions;
