//! The methods of the pod socket, each with its parameters and its result.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::geometry::Size;
use crate::id::{Generation, MessageId, PodId, Run};
use crate::message::{Kind, NewMessage};
use crate::name::PodName;
use crate::receipt::{Outcome, Receipt};
use crate::rpc::{ErrorCode, RpcError};
use crate::status::PodStatus;

/// The version of the protocol that this crate speaks.
pub const PROTOCOL: u32 = 1;
/// The oldest version that it still understands.
pub const MIN_PROTOCOL: u32 = 1;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionRole {
    /// Requests and their replies, nothing else.
    Command,
    /// An attach stream.
    Attach,
}

/// A pod's proof of who it is: known only to the pod and its agent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    /// The pod that the caller is, or whose agent it is.
    pub pod: PodId,
    /// 64 hexadecimal digits, new each generation.
    pub secret: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("pod", &self.pod)
            .finish_non_exhaustive()
    }
}

/// A method: its name, what it takes and what it gives.
pub trait Method {
    /// The name on the wire.
    const NAME: &'static str;
    /// What it takes.
    type Params: Serialize + DeserializeOwned + Send;
    /// What it gives.
    type Result: Serialize + DeserializeOwned + Send;
}

/// The parameters, or the result, of a method that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// Parameters of `hello`, the first request of every connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloParams {
    /// The newest version that the client speaks.
    pub protocol: u32,
    /// The oldest version that the client understands.
    pub min_protocol: u32,
    /// What the connection is for.
    pub role: ConnectionRole,
    /// The client's name for people, such as `fleet send`.
    pub client: String,
    /// Who the caller is, if it is a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// Result of `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloResult {
    /// The version that both will speak.
    pub protocol: u32,
    /// The pod.
    pub pod: PodId,
    /// Its name.
    pub name: PodName,
    /// The number of this start of the pod.
    pub generation: Generation,
    /// The build that it runs.
    pub build: String,
    /// The methods that it has.
    pub capabilities: Vec<String>,
}

/// Until when `status` waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusUntil {
    /// Until the agent's terminal is ready for input, or waits for a person, or the agent ended.
    Settled,
}

/// Parameters of `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusParams {
    /// Answers only when this holds, or the time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StatusUntil>,
    /// How long to wait in milliseconds; at most one hour.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Parameters of `run` and `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageParams {
    /// The message.
    pub message: NewMessage,
}

/// Result of `run` and `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcceptedResult {
    /// The message.
    pub id: MessageId,
    /// Its place in the inbox, counted from 1.
    pub position: u32,
    /// Whether it had been accepted before, under the same id.
    pub duplicate: bool,
    /// How many control characters were taken out of its body.
    #[serde(default)]
    pub stripped: usize,
}

/// Parameters of `receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptParams {
    /// The message.
    pub id: MessageId,
    /// Answers only when the outcome is at least this, or settled, or the time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Outcome>,
    /// Answers also when the message is held.
    #[serde(default)]
    pub or_held: bool,
    /// How long to wait in milliseconds; at most one hour.
    #[serde(default)]
    pub timeout_ms: u64,
}

/// Result of `screen`: the visible part of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScreenResult {
    /// Size of the terminal.
    pub size: Size,
    /// One text a row, without trailing blanks, all rows.
    pub rows: Vec<String>,
    /// Row of the cursor, counted from 0.
    pub cursor_row: u16,
    /// Column of the cursor, counted from 0.
    pub cursor_column: u16,
    /// The title that the program set.
    pub title: String,
    /// Whether the alternate screen is shown.
    pub alternate: bool,
}

/// Parameters of `scrollback`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScrollbackParams {
    /// How many of the last lines, the visible screen's among them.
    pub lines: u32,
    /// Whether colours are given, as SGR sequences.
    #[serde(default)]
    pub ansi: bool,
}

/// Result of `scrollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScrollbackResult {
    /// The lines, oldest first; blank ones at the end of the screen are left out.
    pub lines: Vec<String>,
    /// The view offset after the last of them.
    pub position: Position,
    /// Whether the alternate screen is shown, which has no scrollback.
    pub alternate: bool,
}

/// A place in a pod's view stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The start of the pod.
    pub generation: Generation,
    /// The start of its agent.
    pub run: Run,
    /// Bytes of the view stream since that start.
    pub offset: u64,
}

/// As what a client attaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachRole {
    /// It looks. Its `input` is a protocol error.
    Viewer,
    /// It types and sets the size.
    Controller,
    /// It looks, and takes control at its first key if control is free.
    View,
}

/// Parameters of `attach`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachParams {
    /// As what.
    pub role: AttachRole,
    /// Takes control from another client.
    #[serde(default)]
    pub take: bool,
    /// Size of the client's terminal; only a controller's is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Goes on from here if the pod still has it, else begins with a `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
}

/// Result of `attach`; after its line both sides speak frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachResult {
    /// Where the stream begins.
    pub position: Position,
    /// Size of the terminal.
    pub size: Size,
    /// Whether this client has control.
    pub in_control: bool,
    /// Who has it, as that client named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Counts the changes of control.
    pub epoch: u32,
}

/// Parameters of `shutdown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShutdownParams {
    /// Why, for the session log.
    #[serde(default)]
    pub reason: String,
}

macro_rules! methods {
    ($(#[doc = $doc:literal] $method:ident = $name:literal ($params:ty) -> $result:ty;)*) => {
        $(
            #[doc = $doc]
            #[derive(Debug, Clone, Copy)]
            pub enum $method {}

            impl Method for $method {
                const NAME: &'static str = $name;
                type Params = $params;
                type Result = $result;
            }
        )*

        /// A request with its parameters read.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Call {
            $(#[doc = $doc] $method(Box<$params>),)*
        }

        impl Call {
            /// The names of all methods.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Reads the parameters of a request.
            ///
            /// # Errors
            /// Fails when there is no such method, or the parameters do not fit it.
            pub fn parse(method: &str, params: Value) -> Result<Self, RpcError> {
                match method {
                    $($name => read_params(method, params).map(|params| Self::$method(Box::new(params))),)*
                    _ => Err(RpcError::new(
                        ErrorCode::MethodNotFound,
                        format!("there is no method `{method}`; known are {}", Self::NAMES.join(", ")),
                    )),
                }
            }
        }

        /// Adds each method's parameters and result to a schema's definitions.
        pub(crate) fn describe(generator: &mut schemars::SchemaGenerator) -> serde_json::Map<String, Value> {
            let mut methods = serde_json::Map::new();
            $(methods.insert($name.to_owned(), serde_json::json!({
                "description": $doc.trim(),
                "params": generator.subschema_for::<$params>(),
                "result": generator.subschema_for::<$result>(),
            }));)*
            methods
        }
    };
}

fn read_params<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, RpcError> {
    let fault = |what: String| {
        let message = format!("the parameters do not fit `{method}`: {what}");
        RpcError::new(ErrorCode::InvalidParams, message)
    };
    let params = match params {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::Object(_) => params,
        // By position, an optional parameter could never be added.
        _ => return Err(fault("they are given by name, in an object".to_owned())),
    };
    serde_path_to_error::deserialize(params).map_err(|error| {
        let path = error.path().to_string();
        let fault_of = error.into_inner();
        fault(match path.as_str() {
            "." => fault_of.to_string(),
            _ => format!("`{path}`: {fault_of}"),
        })
    })
}

methods! {
    /// Opens the connection; always the first request, and only the first.
    Hello = "hello" (HelloParams) -> HelloResult;
    /// Answers at once, whatever the controller does.
    Ping = "ping" (Nothing) -> Nothing;
    /// Tells what the pod and its agent do.
    Status = "status" (StatusParams) -> PodStatus;
    /// Accepts an order durably.
    RunMessage = "run" (MessageParams) -> AcceptedResult;
    /// Accepts a notification durably.
    Notify = "notify" (MessageParams) -> AcceptedResult;
    /// Tells what became of a message.
    GetReceipt = "receipt" (ReceiptParams) -> Receipt;
    /// Gives the visible screen.
    GetScreen = "screen" (Nothing) -> ScreenResult;
    /// Gives the last lines of the terminal.
    Scrollback = "scrollback" (ScrollbackParams) -> ScrollbackResult;
    /// Turns the connection into an attach stream.
    Attach = "attach" (AttachParams) -> AttachResult;
    /// Ends the agent, then the pod; answers when the agent is gone.
    Shutdown = "shutdown" (ShutdownParams) -> Nothing;
}

impl Call {
    /// Returns by what right a message call sends, or nothing for all other calls.
    #[must_use]
    pub fn message_kind(&self) -> Option<Kind> {
        match self {
            Self::RunMessage(_) => Some(Kind::Run),
            Self::Notify(_) => Some(Kind::Notify),
            _ => None,
        }
    }
}
