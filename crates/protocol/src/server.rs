//! The pod's side of the request phase, without I/O: what a line is, and how it is refused.

use bytes::BytesMut;

use crate::codec::LineError;
use crate::limits::MAX_IN_FLIGHT;
use crate::method::{Call, HelloParams};
use crate::rpc::{ErrorCode, Request, RequestId, Response, RpcError};
use crate::version::Versions;

/// Reads the lines of clients for a pod that has some methods; the others of the protocol are
/// refused as unknown ones are.
///
/// ```
/// use bytes::BytesMut;
/// use podfleet_protocol::method::{Method as _, Ping};
/// use podfleet_protocol::server::{Receiver, Received};
///
/// let receiver = Receiver::new(&[Ping::NAME]);
/// let line = BytesMut::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
/// assert!(matches!(receiver.receive(Ok(line), 0), Received::Call(..)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Receiver {
    methods: &'static [&'static str],
    versions: Versions,
}

/// A client that has said hello, and with whom a version of the protocol is common.
#[derive(Debug, Clone, PartialEq)]
pub struct Greeting {
    /// The request, which is still to be answered.
    pub id: RequestId,
    /// What the client said.
    pub hello: HelloParams,
    /// The version that both speak.
    pub protocol: u32,
}

/// What a line turned out to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// A request of the pod's methods.
    Call(RequestId, Call),
    /// A fault of this line alone, and its answer.
    Fault(Box<Response>),
    /// A fault after which lines cannot be told apart any more; the answer is for a client that is
    /// still there, and the connection is to be closed.
    Broken(Option<Box<Response>>),
}

impl Receiver {
    /// Makes the receiver of a pod that has these methods.
    #[must_use]
    pub const fn new(methods: &'static [&'static str]) -> Self {
        let versions = Versions::OURS;
        Self { methods, versions }
    }

    /// Lets it speak other versions than this build does: a stand-in for a pod of another build.
    #[must_use]
    pub const fn speaking(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// Returns the names of the methods.
    #[must_use]
    pub const fn methods(self) -> &'static [&'static str] {
        self.methods
    }

    /// Reads the first line of a connection.
    ///
    /// # Errors
    /// Fails with the answer, after which the connection is to be closed, when the line is no hello
    /// or no version is common; with nothing when the client is gone.
    pub fn greet(
        self,
        line: Result<BytesMut, LineError>,
    ) -> Result<Greeting, Option<Box<Response>>> {
        let (id, call) = match self.receive(line, 0) {
            Received::Call(id, call) => (id, call),
            Received::Fault(response) => return Err(Some(response)),
            Received::Broken(response) => return Err(response),
        };
        let greeted = match call {
            Call::Hello(hello) => self.common_version(&hello).map(|common| (*hello, common)),
            _ => Err(RpcError::new(
                ErrorCode::Hello,
                "the first request must be `hello`",
            )),
        };
        match greeted {
            Ok((hello, protocol)) => Ok(Greeting {
                id,
                hello,
                protocol,
            }),
            Err(error) => Err(Some(Box::new(Response::failure(Some(id), error)))),
        }
    }

    /// Reads a line, while this many requests of the connection are in work.
    #[must_use]
    pub fn receive(self, line: Result<BytesMut, LineError>, in_flight: usize) -> Received {
        let line = match line {
            Ok(line) => line,
            Err(error) => return Received::Broken(refusal(&error).map(Box::new)),
        };
        let request = match Request::parse(&line) {
            Ok(request) => request,
            Err(response) => return Received::Fault(response),
        };
        let call = if in_flight >= MAX_IN_FLIGHT {
            let message =
                format!("{MAX_IN_FLIGHT} requests of this connection are in work already");
            Err(RpcError::new(ErrorCode::InFlight, message))
        } else if self.methods.contains(&request.method.as_str()) {
            Call::parse(&request.method, request.params)
        } else {
            Err(RpcError::no_such_method(&request.method))
        };
        match call {
            Ok(call) => Received::Call(request.id, call),
            Err(error) => Received::Fault(Box::new(Response::failure(Some(request.id), error))),
        }
    }

    fn common_version(self, hello: &HelloParams) -> Result<u32, RpcError> {
        let client = Versions::from(hello);
        self.versions.common_with(client).ok_or_else(|| {
            let ours = self.versions;
            let text = format!("the pod speaks {ours} of the protocol, the client {client}");
            RpcError::new(ErrorCode::Version, text)
        })
    }
}

/// Returns what to tell the client; nothing if it is gone.
fn refusal(error: &LineError) -> Option<Response> {
    match error {
        LineError::TooLong => Some(Response::failure(
            None,
            RpcError::new(ErrorCode::LineTooLong, error.to_string()),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_LABEL;
    use crate::method::{Hello, Method as _, PROTOCOL, Ping};
    use serde_json::json;

    const RECEIVER: Receiver = Receiver::new(&[Hello::NAME, Ping::NAME]);

    fn line(method: &str, params: &serde_json::Value) -> Result<BytesMut, LineError> {
        let request = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        Ok(BytesMut::from(request.to_string().as_str()))
    }

    fn hello(newest: u32, oldest: u32) -> Result<BytesMut, LineError> {
        let params = json!({"protocol": newest, "min_protocol": oldest, "role": "command",
            "client": "test"});
        line("hello", &params)
    }

    fn code(response: &Response) -> Option<ErrorCode> {
        response.error.as_ref().map(|error| error.code)
    }

    fn fault(received: Received) -> Option<ErrorCode> {
        match received {
            Received::Fault(response) => code(&response),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_lower_of_the_two_newest_versions_is_spoken_if_both_understand_it() {
        let greeting = RECEIVER.greet(hello(PROTOCOL + 5, PROTOCOL)).unwrap();
        assert_eq!(greeting.protocol, PROTOCOL);
        assert_eq!(greeting.id, RequestId::Number(7));
        let refused = RECEIVER.greet(hello(PROTOCOL + 5, PROTOCOL + 1));
        let refused = refused.unwrap_err().unwrap();
        assert_eq!(code(&refused), Some(ErrorCode::Version));
    }

    #[test]
    fn the_first_request_is_hello_and_nothing_else() {
        let refused = RECEIVER.greet(line("ping", &json!({}))).unwrap_err();
        assert_eq!(code(&refused.unwrap()), Some(ErrorCode::Hello));
    }

    #[test]
    fn a_method_that_the_pod_has_not_is_unknown_though_the_protocol_has_it() {
        let received = RECEIVER.receive(line("status", &json!({})), 0);
        assert_eq!(fault(received), Some(ErrorCode::MethodNotFound));
    }

    #[test]
    fn names_and_ids_that_a_pod_would_keep_are_bounded() {
        let named = |bytes| {
            let client = "x".repeat(bytes);
            let params = json!({"protocol": 1, "min_protocol": 1, "role": "command",
                "client": client});
            RECEIVER.greet(line("hello", &params))
        };
        assert!(named(MAX_LABEL).is_ok());
        let refused = named(MAX_LABEL + 1).unwrap_err().unwrap();
        assert_eq!(code(&refused), Some(ErrorCode::InvalidParams));

        let asked = |bytes| {
            let request = json!({"jsonrpc": "2.0", "id": "x".repeat(bytes), "method": "ping"});
            RECEIVER.receive(Ok(BytesMut::from(request.to_string().as_str())), 0)
        };
        assert!(matches!(asked(MAX_LABEL), Received::Call(..)));
        let Received::Fault(refused) = asked(MAX_LABEL + 1) else {
            panic!("it was taken");
        };
        assert_eq!(code(&refused), Some(ErrorCode::InvalidRequest));
        assert_eq!(refused.id, None);
    }

    #[test]
    fn a_request_too_many_is_its_own_fault() {
        let received = RECEIVER.receive(line("ping", &json!({})), MAX_IN_FLIGHT);
        assert_eq!(fault(received), Some(ErrorCode::InFlight));
        let received = RECEIVER.receive(line("ping", &json!({})), MAX_IN_FLIGHT - 1);
        assert!(matches!(received, Received::Call(..)));
    }

    #[test]
    fn after_a_line_too_long_the_client_is_told_and_after_its_end_nobody() {
        let broken = RECEIVER.receive(Err(LineError::TooLong), 0);
        let Received::Broken(Some(response)) = broken else {
            panic!("{broken:?}");
        };
        assert_eq!(code(&response), Some(ErrorCode::LineTooLong));
        let broken = RECEIVER.receive(Err(LineError::Unterminated), 0);
        assert!(matches!(broken, Received::Broken(None)));
    }
}
