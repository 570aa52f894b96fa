//! A client that can misbehave: it writes bytes, and reads lines and frames one by one.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use podfleet_protocol::NewMessage;
use podfleet_protocol::codec::LineCodec;
use podfleet_protocol::event::Push;
use podfleet_protocol::frame::{Frame, FrameCodec};
use podfleet_protocol::method::{
    AcceptedResult, Attach, AttachParams, AttachResult, AttachRole, Credential, GetReceipt,
    HelloResult, MessageParams, Method, Nothing, Ping, ReceiptParams, RunMessage,
};
use podfleet_protocol::rpc::{ErrorCode, Incoming, RequestId, Response, RpcError};
use podfleet_protocol::{MessageId, Outcome, Receipt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

/// How long a pod may take to write something. A test that waits longer fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a pod.
pub(super) struct Client {
    stream: UnixStream,
    codec: LineCodec,
    buffer: BytesMut,
    last_id: i64,
}

impl Client {
    pub(super) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            codec: LineCodec::new(),
            buffer: BytesMut::new(),
            last_id: 0,
        }
    }

    pub(super) fn greet(
        &mut self,
        client: &str,
        credential: Option<Credential>,
    ) -> Result<HelloResult, RpcError> {
        self.greet_as("attach", client, credential)
    }

    pub(super) fn greet_as(
        &mut self,
        role: &str,
        client: &str,
        credential: Option<Credential>,
    ) -> Result<HelloResult, RpcError> {
        let mut params =
            json!({ "protocol": 1, "min_protocol": 1, "role": role, "client": client });
        if let Some(credential) = credential {
            params["credential"] = serde_json::to_value(credential).unwrap();
        }
        let id = self.send("hello", &params);
        Ok(serde_json::from_value(self.answer_to(id)?).unwrap())
    }

    /// Writes bytes as they are. The pod may close meanwhile.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes a text and a newline.
    pub(super) fn write_line(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes()).unwrap();
    }

    /// Writes a request and returns its id.
    pub(super) fn send(&mut self, method: &str, params: &Value) -> i64 {
        self.last_id += 1;
        let id = self.last_id;
        self.write_line(&request(id, method, params));
        id
    }

    /// Says that nothing more will be written.
    pub(super) fn finish(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Returns the next line as a response, or nothing when the pod has closed the connection.
    pub(super) fn receive(&mut self) -> Option<Response> {
        match self.incoming()? {
            Incoming::Response(response) => Some(response),
            Incoming::Push(push) => panic!("an unasked line: {push:?}"),
        }
    }

    /// Returns what comes next unasked.
    #[track_caller]
    pub(super) fn push(&mut self) -> Push {
        match self.incoming().expect("the pod closed the connection") {
            Incoming::Push(push) => push,
            Incoming::Response(response) => panic!("an answer: {response:?}"),
        }
    }

    /// Returns the next line, or nothing when the pod has closed the connection.
    pub(super) fn incoming(&mut self) -> Option<Incoming> {
        loop {
            if let Some(line) = self.codec.next_line(&mut self.buffer).unwrap() {
                return Some(Incoming::parse(&line).unwrap());
            }
            if !fill(&mut self.stream, &mut self.buffer) {
                return None;
            }
        }
    }

    /// Returns whether the pod has closed the connection, whatever there is to read.
    pub(super) fn is_closed(&self) -> bool {
        let mut looked = [PollFd::new(&self.stream, PollFlags::empty())];
        poll(&mut looked, Some(&Timespec::default())).unwrap();
        looked[0].revents().contains(PollFlags::HUP)
    }

    /// Reads to the end, and returns the last line.
    pub(super) fn last_line(&mut self) -> String {
        let mut all = Vec::new();
        self.stream.read_to_end(&mut all).unwrap();
        let all = String::from_utf8(all).unwrap();
        all.lines().last().unwrap_or_default().to_owned()
    }

    /// Returns the error of the next line.
    #[track_caller]
    pub(super) fn receive_error(&mut self) -> (Option<RequestId>, RpcError) {
        let response = self.receive().expect("the pod closed the connection");
        (response.id, response.error.expect("no error"))
    }

    /// Returns the code of the next line's error.
    #[track_caller]
    pub(super) fn receive_code(&mut self) -> ErrorCode {
        self.receive_error().1.code
    }

    #[track_caller]
    pub(super) fn answer_to(&mut self, id: i64) -> Result<Value, RpcError> {
        let response = self.receive().expect("the pod closed the connection");
        assert_eq!(response.id, Some(RequestId::Number(id)), "{response:?}");
        match response.error {
            Some(error) => Err(error),
            None => Ok(response.result.unwrap()),
        }
    }

    #[track_caller]
    pub(super) fn call<M: Method>(&mut self, params: M::Params) -> Result<M::Result, RpcError> {
        let id = self.send(M::NAME, &serde_json::to_value(params).unwrap());
        Ok(serde_json::from_value(self.answer_to(id)?).unwrap())
    }

    #[track_caller]
    pub(super) fn ping(&mut self) {
        self.call::<Ping>(Nothing {}).unwrap();
    }

    #[track_caller]
    pub(super) fn run(&mut self, message: NewMessage) -> Result<AcceptedResult, RpcError> {
        self.call::<RunMessage>(MessageParams { message })
    }

    /// Waits until a message came this far.
    #[track_caller]
    pub(super) fn until(&mut self, id: MessageId, outcome: Outcome) -> Receipt {
        let params = ReceiptParams {
            id,
            until: Some(outcome),
            or_held: false,
            timeout_ms: 100_000,
        };
        self.stream.set_read_timeout(Some(PATIENCE * 6)).unwrap();
        let receipt = self.call::<GetReceipt>(params).unwrap();
        assert!(receipt.outcome.reaches(outcome), "{receipt:?}");
        receipt
    }

    pub(super) fn attach(
        mut self,
        params: AttachParams,
    ) -> Result<(AttachResult, Attached), RpcError> {
        let result = self.call::<Attach>(params)?;
        let attached = Attached {
            stream: self.stream,
            codec: FrameCodec::new(),
            buffer: self.buffer,
        };
        Ok((result, attached))
    }
}

/// Returns a request in one line.
pub(super) fn request(id: i64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Parameters to attach in this role and no more.
pub(super) fn attach_as(role: AttachRole) -> AttachParams {
    AttachParams {
        role,
        take: false,
        size: None,
        from: None,
    }
}

/// A connection as an attach stream.
pub(super) struct Attached {
    stream: UnixStream,
    codec: FrameCodec,
    buffer: BytesMut,
}

impl Attached {
    /// Returns the next frame, or nothing when the pod has closed the connection.
    pub(super) fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.codec.next_frame(&mut self.buffer).unwrap() {
                return Some(frame);
            }
            if !fill(&mut self.stream, &mut self.buffer) {
                return None;
            }
        }
    }

    /// Reads until a frame is as wanted.
    #[track_caller]
    pub(super) fn until<T>(&mut self, mut wanted: impl FnMut(Frame) -> Option<T>) -> T {
        loop {
            let frame = self.receive().expect("the pod closed the connection");
            if let Some(found) = wanted(frame) {
                return found;
            }
        }
    }

    /// Returns a second handle of the connection, to write while another thread reads.
    pub(super) fn writer(&self) -> Self {
        Self {
            stream: self.stream.try_clone().unwrap(),
            codec: FrameCodec::new(),
            buffer: BytesMut::new(),
        }
    }

    pub(super) fn send(&mut self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// Writes bytes as they are. The pod may close meanwhile.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Ends the connection, whoever else has a handle of it.
    pub(super) fn close(&self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }

    pub(super) fn type_text(&mut self, text: &str) {
        self.send(&Frame::Input(text.as_bytes().to_vec().into()));
    }
}

/// Reads what there is. Returns false when the other side has closed.
fn fill(stream: &mut UnixStream, buffer: &mut BytesMut) -> bool {
    let mut piece = [0; 64 << 10];
    match stream.read(&mut piece) {
        Ok(0) => false,
        Ok(length) => {
            buffer.extend_from_slice(&piece[..length]);
            true
        }
        // What was written to a closed connection is answered so.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => false,
        Err(error) => panic!("cannot read from the pod: {error}"),
    }
}
