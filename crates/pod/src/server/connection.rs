//! One connection: hello, then requests, perhaps an attach stream.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use podfleet_protocol::codec::{LineCodec, LineError};
use podfleet_protocol::limits::{HELLO_DEADLINE, MAX_CONNECTIONS, MAX_IN_FLIGHT};
use podfleet_protocol::method::{
    AttachParams, Call, ConnectionRole, HelloParams, HelloResult, MIN_PROTOCOL, PROTOCOL,
};
use podfleet_protocol::rpc::{ErrorCode, Request, RequestId, Response, RpcError};
use tokio::net::UnixStream;
use tokio_util::codec::Framed;

use super::caller::{self, Caller};
use super::{attached, peer_process, requests, rights, same_user, subscribed};
use crate::shared::Shared;

pub(super) type Lines = Framed<UnixStream, LineCodec>;

/// Tells a client that there is no room for it.
pub(super) async fn refuse(stream: UnixStream) {
    let message = format!("the pod serves {MAX_CONNECTIONS} connections already");
    let error = RpcError::new(ErrorCode::Connections, message);
    let mut lines = Framed::new(stream, LineCodec::new());
    let _ = lines.send(&Response::failure(None, error)).await;
}

/// Serves a connection to its end. Its faults are its own: they are told to it and to nobody else.
pub(super) async fn serve(stream: UnixStream, shared: &Arc<Shared>) {
    if !same_user(&stream).unwrap_or(false) {
        return;
    }
    let process = peer_process(&stream);
    let mut lines = Framed::new(stream, LineCodec::new());
    let opened = tokio::time::timeout(HELLO_DEADLINE, open(&mut lines, shared, process)).await;
    let caller = match opened {
        Ok(Some(caller)) => caller,
        Ok(None) => return,
        Err(_) => {
            let error = RpcError::new(ErrorCode::Hello, "no hello came within 5 s");
            let _ = lines.send(&Response::failure(None, error)).await;
            return;
        }
    };
    if let Some(Attaching(id, params)) = serve_requests(&mut lines, shared, &caller).await {
        attached::serve(lines, shared, &caller, id, params).await;
    }
}

/// Exchanges hello. Nothing to come means that the connection is over.
async fn open(lines: &mut Lines, shared: &Shared, process: Option<u32>) -> Option<Caller> {
    let request = match lines.next().await? {
        Ok(line) => Request::parse(&line),
        Err(error) => Err(Box::new(line_failure(&error)?)),
    };
    let (response, caller) = match request {
        Ok(request) => match greet(shared, process, &request).await {
            Ok((hello, caller)) => {
                let result = serde_json::to_value(hello).unwrap_or_default();
                (Response::success(request.id, result), Some(caller))
            }
            Err(error) => (Response::failure(Some(request.id), error), None),
        },
        Err(response) => (*response, None),
    };
    lines.send(&response).await.ok()?;
    caller
}

async fn greet(
    shared: &Shared,
    process: Option<u32>,
    request: &Request,
) -> Result<(HelloResult, Caller), RpcError> {
    let call = requests::parse(&request.method, request.params.clone())?;
    let Call::Hello(hello) = call else {
        return Err(RpcError::new(
            ErrorCode::Hello,
            "the first request must be `hello`",
        ));
    };
    let HelloParams {
        protocol,
        min_protocol,
        ..
    } = *hello;
    let common = protocol.min(PROTOCOL);
    if common < min_protocol || common < MIN_PROTOCOL {
        return Err(RpcError::new(
            ErrorCode::Version,
            format!(
                "the pod speaks versions {MIN_PROTOCOL} to {PROTOCOL} of the protocol, the client {min_protocol} to {protocol}"
            ),
        ));
    }
    let caller = caller::identify(shared, process, *hello).await?;
    let hello = HelloResult {
        protocol: common,
        pod: shared.identity.id,
        name: shared.identity.name.clone(),
        generation: shared.fence.generation,
        build: shared.build.clone(),
        capabilities: requests::METHODS
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
    };
    Ok((hello, caller))
}

/// What ends the request phase of a connection with something left to do.
struct Attaching(RequestId, AttachParams);

/// Answers requests, several at once, until the client goes or attaches; between them a subscriber
/// gets its events.
async fn serve_requests(
    lines: &mut Lines,
    shared: &Arc<Shared>,
    caller: &Caller,
) -> Option<Attaching> {
    let mut working = FuturesUnordered::new();
    let mut subscription = None;
    loop {
        let unsent = !lines.write_buffer().is_empty();
        // In this order, what is ready goes out together and a client cannot outrun its answers.
        let response = tokio::select! {
            biased;
            () = shared.ending.cancelled(), if working.is_empty() => {
                subscribed::last_events(lines, shared, subscription).await;
                return None;
            }
            Some(response) = working.next(), if !working.is_empty() => response,
            () = subscribed::ready(&mut subscription) => {
                subscribed::send_events(lines, shared, subscription.as_mut()?).await.ok()?;
                continue;
            }
            line = lines.next() => match read(line?, working.len()) {
                Read::Call(id, Call::Attach(params)) => {
                    match attachable(shared, caller, params, working.len()).await {
                        Ok(params) => return Some(Attaching(id, params)),
                        Err(error) => Response::failure(Some(id), error),
                    }
                }
                Read::Call(id, Call::Subscribe(params)) => {
                    subscribed::subscribe(shared, caller, &mut subscription, id, &params)
                }
                Read::Call(id, call) => {
                    working.push(answer(shared, caller, id, call));
                    continue;
                }
                Read::Fault(response) => *response,
                Read::Broken(response) => {
                    if let Some(response) = response {
                        let _ = lines.send(&response).await;
                    }
                    return None;
                }
            },
            () = std::future::ready(()), if unsent => {
                SinkExt::<Bytes>::flush(lines).await.ok()?;
                continue;
            }
        };
        lines.feed(&response).await.ok()?;
    }
}

/// Returns why a connection may not turn into an attach stream, if it may not.
async fn attachable(
    shared: &Shared,
    caller: &Caller,
    params: Box<AttachParams>,
    in_flight: usize,
) -> Result<AttachParams, RpcError> {
    let refuse = |why| Err(RpcError::new(ErrorCode::InvalidRequest, why));
    if caller.role != ConnectionRole::Attach {
        return refuse("to attach, say hello with the role `attach`");
    }
    if in_flight > 0 {
        return refuse("requests of this connection are in work: attach when they are answered");
    }
    let call = Call::Attach(params);
    let (seat, _) = caller::seated(shared, caller).await?;
    rights::check(seat, &call)?;
    match call {
        Call::Attach(params) => Ok(*params),
        _ => refuse("this is no attach"),
    }
}

async fn answer(shared: &Arc<Shared>, caller: &Caller, id: RequestId, call: Call) -> Response {
    match requests::answer(shared, caller, call).await {
        Ok(result) => Response::success(id, result),
        Err(error) => Response::failure(Some(id), error),
    }
}

/// What a line turned out to be.
enum Read {
    Call(RequestId, Call),
    /// A fault of this line alone.
    Fault(Box<Response>),
    /// A fault after which lines cannot be told apart any more.
    Broken(Option<Response>),
}

fn read(line: Result<bytes::BytesMut, LineError>, in_flight: usize) -> Read {
    let line = match line {
        Ok(line) => line,
        Err(error) => return Read::Broken(line_failure(&error)),
    };
    let request = match Request::parse(&line) {
        Ok(request) => request,
        Err(response) => return Read::Fault(response),
    };
    if in_flight >= MAX_IN_FLIGHT {
        let message = format!("{MAX_IN_FLIGHT} requests of this connection are in work already");
        let error = RpcError::new(ErrorCode::InFlight, message);
        return Read::Fault(Box::new(Response::failure(Some(request.id), error)));
    }
    match requests::parse(&request.method, request.params) {
        Ok(call) => Read::Call(request.id, call),
        Err(error) => Read::Fault(Box::new(Response::failure(Some(request.id), error))),
    }
}

/// Returns what to tell the client; nothing if it is gone.
fn line_failure(error: &LineError) -> Option<Response> {
    match error {
        LineError::TooLong => Some(Response::failure(
            None,
            RpcError::new(ErrorCode::LineTooLong, error.to_string()),
        )),
        _ => None,
    }
}
