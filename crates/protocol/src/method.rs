//! The methods of the pod socket, each with its parameters and its result.
//!
//! The table at the end of this file is the only list of them. A pod has those that its `hello`
//! names; any other is answered with [`RpcError::no_such_method`], as an unknown one is.

mod control;
mod dialog;
mod log;
mod messages;
mod opening;
mod peers;
mod pods;
mod terminal;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::Kind;
use crate::receipt::Receipt;
use crate::rpc::{ErrorCode, RpcError};
use crate::status::PodStatus;

pub use control::{
    DrainParams, DrainResult, InterruptResult, PauseParams, PauseResult, ReportParams, ResetResult,
    ResizeParams, ResizeResult, ShutdownParams, StatusParams, StatusUntil,
};
pub use dialog::{AnswerParams, AnswerResult, Choice, Dialog, DialogResult};
pub use log::{LogParams, LogResult};
pub use messages::{
    AcceptedResult, CancelParams, InboxParams, InboxResult, InboxRow, MessageParams, ReceiptParams,
};
pub use opening::{
    ConnectionRole, Credential, HelloParams, HelloResult, Snapshot, SubscribeParams,
    SubscribeResult,
};
pub use peers::PeerResult;
pub use pods::{
    InspectResult, ListPodsParams, ListPodsResult, NameParams, ReadOutputParams, ReadOutputResult,
    RestoreParams, RestoreResult, Restored, SendParams, SpawnParams, SpawnResult, StartFailure,
    StopParams, StopResult,
};
pub use terminal::{
    AttachParams, AttachResult, AttachRole, Position, ScreenResult, ScrollbackParams,
    ScrollbackResult,
};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL: u32 = 1;
/// The oldest version that it still understands.
pub const MIN_PROTOCOL: u32 = 1;

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
                    _ => Err(RpcError::no_such_method(method)),
                }
            }

            /// Returns the method's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$method(_) => $name,)*
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
    /// Lets the pod read again what another process changed in its records.
    Refresh = "refresh" (Nothing) -> Nothing;
    /// Tells what the pod and its agent do.
    Status = "status" (StatusParams) -> PodStatus;
    /// Begins the events of a connection with the role `subscribe`.
    Subscribe = "subscribe" (SubscribeParams) -> SubscribeResult;
    /// Accepts an order durably.
    RunMessage = "run" (MessageParams) -> AcceptedResult;
    /// Accepts a notification durably.
    Notify = "notify" (MessageParams) -> AcceptedResult;
    /// Tells what became of a message.
    GetReceipt = "receipt" (ReceiptParams) -> Receipt;
    /// Lists the messages that have not left the inbox.
    Inbox = "inbox" (InboxParams) -> InboxResult;
    /// Withdraws a message that is not yet being typed.
    Cancel = "cancel" (CancelParams) -> Receipt;
    /// Holds all delivery until `resume`, also over restarts; a person may still type.
    Pause = "pause" (PauseParams) -> PauseResult;
    /// Lets delivery go on.
    Resume = "resume" (Nothing) -> PauseResult;
    /// Waits until nothing is under way; meanwhile, and then for thirty seconds, no message is begun.
    Drain = "drain" (DrainParams) -> DrainResult;
    /// Presses the agent's interrupt key, if the agent works.
    Interrupt = "interrupt" (Nothing) -> InterruptResult;
    /// Tells what dialog the agent shows, with its choices.
    GetDialog = "dialog" (Nothing) -> DialogResult;
    /// Answers a dialog, if the very same one still stands.
    Answer = "answer" (AnswerParams) -> AnswerResult;
    /// Has the agent forget its conversation, after the messages that are on their way.
    Reset = "reset" (Nothing) -> ResetResult;
    /// Takes what a hook of the pod's own agent says.
    Report = "report" (ReportParams) -> Nothing;
    /// Lists the pods that this one sees.
    ListPods = "list_pods" (ListPodsParams) -> ListPodsResult;
    /// Tells more about one pod that this one sees.
    Inspect = "inspect" (NameParams) -> InspectResult;
    /// Starts a stopped pod in its own place, and answers when its agent is ready.
    RestorePod = "restore_pod" (RestoreParams) -> RestoreResult;
    /// Makes a child, and answers when its task is submitted; else nothing of it is left.
    SpawnPod = "spawn_pod" (SpawnParams) -> SpawnResult;
    /// Gives an order to a child, or as the fleet's lead to a fleet mate.
    SendToPod = "send_to_pod" (SendParams) -> AcceptedResult;
    /// Gives what the agent of a child, or of the lead's fleet mate, has produced.
    ReadPodOutput = "read_pod_output" (ReadOutputParams) -> ReadOutputResult;
    /// Ends a child, or as the fleet's lead a fleet mate, and answers when it is gone.
    StopPod = "stop_pod" (StopParams) -> StopResult;
    /// Makes another pod a peer of this one; again is no change.
    RegisterPeer = "register_peer" (NameParams) -> PeerResult;
    /// Ends that relation, and with it its rights, at once.
    UnregisterPeer = "unregister_peer" (NameParams) -> PeerResult;
    /// Notifies a peer.
    SendToPeer = "send_to_peer" (SendParams) -> AcceptedResult;
    /// Reads the session log.
    ReadLog = "log" (LogParams) -> LogResult;
    /// Gives the visible screen.
    GetScreen = "screen" (Nothing) -> ScreenResult;
    /// Gives the last lines of the terminal.
    Scrollback = "scrollback" (ScrollbackParams) -> ScrollbackResult;
    /// Sets the terminal's size where no controller does.
    Resize = "resize" (ResizeParams) -> ResizeResult;
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
