//! JSON-RPC 2.0: requests, responses and errors, one object a line.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{EventParams, LaggedParams, Push};
use crate::limits::MAX_LABEL;

/// The version text that every object carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Version {
    /// JSON-RPC 2.0.
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

/// The id that ties a response to its request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`id` is neither an integer of 64 bits nor a text"
)]
pub enum RequestId {
    /// A number.
    Number(i64),
    /// A text, of at most [`MAX_LABEL`] bytes.
    Text(String),
}

impl RequestId {
    fn is_too_long(&self) -> bool {
        matches!(self, Self::Text(text) if text.len() > MAX_LABEL)
    }
}

/// A request. One without an id is refused: every request here is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// Chosen by the client.
    pub id: RequestId,
    /// The method's name.
    pub method: String,
    /// The method's parameters, by name.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub params: Value,
}

/// A response: either a result or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("oneOf" = [{ "required": ["id", "result"] }, { "required": ["id", "error"] }]))]
pub struct Response {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// The request's id; null when the request could not be read that far.
    pub id: Option<RequestId>,
    /// What the method gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it gives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

impl Response {
    /// Makes the response of a request that succeeded.
    #[must_use]
    pub fn success(id: RequestId, result: Value) -> Self {
        Self {
            jsonrpc: Version::V2,
            id: Some(id),
            result: Some(result),
            error: None,
        }
    }

    /// Makes the response of a request by what came of it.
    #[must_use]
    pub fn of(id: RequestId, result: Result<Value, RpcError>) -> Self {
        match result {
            Ok(result) => Self::success(id, result),
            Err(error) => Self::failure(Some(id), error),
        }
    }

    /// Makes the response of a request that failed.
    #[must_use]
    pub fn failure(id: Option<RequestId>, error: RpcError) -> Self {
        Self {
            jsonrpc: Version::V2,
            id,
            result: None,
            error: Some(error),
        }
    }
}

/// What a pod sends unasked. It has no id and is not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("not" = { "required": ["id"] }))]
pub struct Notification {
    /// Always `"2.0"`.
    pub jsonrpc: Version,
    /// Its name, `event` or `lagged`.
    pub method: String,
    /// Its parameters, by name.
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub params: Value,
}

/// A line that a pod sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// The answer to a request.
    Response(Response),
    /// Something that nobody asked for.
    Push(Push),
}

impl Incoming {
    /// Reads a line.
    ///
    /// # Errors
    /// Fails when it is neither a response nor a notification, or a notification known here does
    /// not have the parameters that it must have.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_slice(line)?;
        if value.get("method").is_none() {
            return serde_json::from_value(value).map(Self::Response);
        }
        let Notification { method, params, .. } = serde_json::from_value(value)?;
        Ok(Self::Push(match method.as_str() {
            Push::EVENT => Push::Event(serde_json::from_value(params)?),
            Push::LAGGED => Push::Lagged(serde_json::from_value(params)?),
            _ => Push::Other(method),
        }))
    }
}

impl Notification {
    /// Makes the notification of an event.
    ///
    /// # Errors
    /// Fails when the event cannot be written as JSON.
    pub fn event(event: &EventParams) -> Result<Self, serde_json::Error> {
        Self::of(Push::EVENT, event)
    }

    /// Makes the notification of lost events.
    ///
    /// # Errors
    /// Fails when it cannot be written as JSON.
    pub fn lagged(lagged: &LaggedParams) -> Result<Self, serde_json::Error> {
        Self::of(Push::LAGGED, lagged)
    }

    fn of(method: &str, params: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self {
            jsonrpc: Version::V2,
            method: method.to_owned(),
            params: serde_json::to_value(params)?,
        })
    }
}

/// The kinds of errors that a pod answers with.
///
/// The numbers from -32700 to -32600 are JSON-RPC's own; those from -32000 down are ours and never
/// change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The line is no JSON.
    Parse,
    /// The JSON is no request.
    InvalidRequest,
    /// There is no such method.
    MethodNotFound,
    /// The parameters are not what the method takes.
    InvalidParams,
    /// A defect of the pod.
    Internal,
    /// Client and pod share no version of the protocol.
    Version,
    /// The first request was not `hello`, or it came too late.
    Hello,
    /// A line is longer than [`MAX_LINE`](crate::limits::MAX_LINE). With the id of a request it is the
    /// answer that would be, and the connection goes on; else it is closed.
    LineTooLong,
    /// Too many connections.
    Connections,
    /// Too many requests in flight.
    InFlight,
    /// The credential or the user does not have the right.
    Forbidden,
    /// A rule refuses the message; the data carries its receipt.
    Refused,
    /// The inbox is full.
    InboxFull,
    /// There is no such message.
    NoSuchMessage,
    /// Another client has control.
    ControlTaken,
    /// Log or store cannot be written; nothing was done.
    Storage,
    /// The pod is ending.
    ShuttingDown,
    /// There is no such pod, or none that the caller may see.
    NoSuchPod,
    /// The name is another pod's, also when case is ignored.
    NameTaken,
    /// The pod, or its agent, could not be started; the data is a
    /// [`StartFailure`](crate::method::StartFailure).
    StartFailed,
    /// The other pod should be live and does not answer.
    Unreachable,
    /// What is to be delegated goes beyond the caller's own scope.
    NotYours,
    /// A path of the scope cannot be written, whoever delegates it.
    NotWritable,
    /// The cursor is none that this pod gave, or what it points at is gone.
    NoSuchCursor,
    /// The body is longer than [`MAX_BODY`](crate::limits::MAX_BODY).
    BodyTooLong,
    /// The two pods wrote to each other more often than
    /// [`MAX_PAIR_MESSAGES`](crate::limits::MAX_PAIR_MESSAGES) a minute.
    PairLimit,
    /// The message has left the inbox and cannot be withdrawn; the data is its receipt.
    TooLate,
    /// A record of the store makes no sense; others may.
    Damaged,
    /// The client has left a long answer, or what it asked to be sent, unread for too long; its
    /// connection is closed.
    Unread,
    /// The client has begun a long line and did not finish it in time; its connection is closed.
    LineUnfinished,
    /// An error of a newer pod.
    Other(i64),
}

impl ErrorCode {
    const TABLE: [(Self, i64); 30] = [
        (Self::Parse, -32700),
        (Self::InvalidRequest, -32600),
        (Self::MethodNotFound, -32601),
        (Self::InvalidParams, -32602),
        (Self::Internal, -32603),
        (Self::Version, -32000),
        (Self::Hello, -32001),
        (Self::LineTooLong, -32002),
        (Self::Connections, -32003),
        (Self::InFlight, -32004),
        (Self::Forbidden, -32005),
        (Self::Refused, -32006),
        (Self::InboxFull, -32007),
        (Self::NoSuchMessage, -32008),
        (Self::ControlTaken, -32009),
        (Self::Storage, -32010),
        (Self::ShuttingDown, -32011),
        (Self::NoSuchPod, -32012),
        (Self::NameTaken, -32013),
        (Self::StartFailed, -32014),
        (Self::Unreachable, -32015),
        (Self::NotYours, -32016),
        (Self::NotWritable, -32017),
        (Self::NoSuchCursor, -32018),
        (Self::BodyTooLong, -32019),
        (Self::PairLimit, -32020),
        (Self::TooLate, -32021),
        (Self::Damaged, -32022),
        (Self::Unread, -32023),
        (Self::LineUnfinished, -32024),
    ];

    /// Returns the number on the wire.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Other(number) => number,
            _ => Self::TABLE
                .iter()
                .find_map(|(code, number)| (*code == self).then_some(*number))
                .unwrap_or(-32603),
        }
    }

    /// Returns the code of a number on the wire.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        Self::TABLE
            .iter()
            .find_map(|(code, known)| (*known == number).then_some(*code))
            .unwrap_or(Self::Other(number))
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.number())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::from_number)
    }
}

impl JsonSchema for ErrorCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let numbers: Vec<i64> = Self::TABLE.iter().map(|(_, number)| *number).collect();
        schemars::json_schema!({ "type": "integer", "examples": numbers })
    }
}

/// An error as it stands in a response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub struct RpcError {
    /// The kind.
    pub code: ErrorCode,
    /// What went wrong and what to do, for people.
    pub message: String,
    /// More of it, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// Makes an error without data.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// Makes the error of a method that does not exist, or that this pod does not have.
    #[must_use]
    pub fn no_such_method(method: &str) -> Self {
        Self::new(
            ErrorCode::MethodNotFound,
            format!("there is no method `{method}`; `hello` names those that there are"),
        )
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Request {
    /// Makes a request.
    pub fn new(id: i64, method: impl Into<String>, params: Value) -> Self {
        Self {
            jsonrpc: Version::V2,
            id: RequestId::Number(id),
            method: method.into(),
            params,
        }
    }

    /// Reads a request from one line.
    ///
    /// # Errors
    /// Gives the response to send: what is wrong with the line, under the request's id if there is
    /// one.
    pub fn parse(line: &[u8]) -> Result<Self, Box<Response>> {
        let fault = |id, code, message: String| {
            Box::new(Response::failure(id, RpcError::new(code, message)))
        };
        let value: Value = serde_json::from_slice(line).map_err(|error| {
            fault(
                None,
                ErrorCode::Parse,
                format!("the line is no JSON: {error}"),
            )
        })?;
        if !value.is_object() {
            // A batch could not be answered in time with its slowest request.
            let message = "the line is no object; a line holds one request, not a batch";
            return Err(fault(None, ErrorCode::InvalidRequest, message.to_owned()));
        }
        let id = value
            .get("id")
            .and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok());
        if id.as_ref().is_some_and(RequestId::is_too_long) {
            let message = format!("`id` is longer than {MAX_LABEL} bytes");
            return Err(fault(None, ErrorCode::InvalidRequest, message));
        }
        serde_json::from_value(value).map_err(|error| {
            let message = format!("the line is no JSON-RPC 2.0 request with an id: {error}");
            fault(id, ErrorCode::InvalidRequest, message)
        })
    }
}
