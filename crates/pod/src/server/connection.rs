//! One connection: hello, then requests, perhaps an attach stream.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use podfleet_protocol::Glance;
use podfleet_protocol::codec::{LineCodec, LineError};
use podfleet_protocol::limits::{HELLO_DEADLINE, LAST_WORDS, MAX_CONNECTIONS};
use podfleet_protocol::method::{AttachParams, Call, ConnectionRole, HelloResult};
use podfleet_protocol::rpc::{ErrorCode, RequestId, Response, RpcError};
use podfleet_protocol::server::{Received, Receiver};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{self, SendFlags, sockopt};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::{Encoder, Framed};

use super::caller::{self, Caller};
use super::inlet::{self, Inlet};
use super::pages::{Desk, Page};
use super::{attached, pages, requests, same_user, subscribed};
use crate::events::Subscription;
use crate::identity::peer_process;
use crate::rights;
use crate::shared::Shared;

pub(super) type Lines = Framed<Inlet, LineCodec>;

/// How soon it is noticed that a client has gone which had said before that it would say no more.
const LOOKS_FOR_CLIENT_EVERY: Duration = Duration::from_secs(1);
const RECEIVER: Receiver = Receiver::new(requests::METHODS);

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
    let inlet = Inlet::new(stream, &shared.long_lines);
    let due = inlet.due();
    let mut lines = Framed::new(inlet, LineCodec::new());
    let opened = timeout(HELLO_DEADLINE, open(&mut lines, shared, process)).await;
    let caller = match opened {
        Ok(Some(caller)) => Arc::new(caller),
        Ok(None) => return,
        Err(_) => {
            let error = RpcError::new(ErrorCode::Hello, "no hello came within 5 s");
            let _ = lines.send(&Response::failure(None, error)).await;
            return;
        }
    };
    let desk = Desk::new();
    let attaching = tokio::select! {
        attaching = serve_requests(&mut lines, shared, &caller, &desk) => attaching,
        () = desk.overdue() => return let_go(&lines),
        () = due.passed() => {
            let _ = timeout(LAST_WORDS, lines.send(&inlet::unfinished())).await;
            return;
        }
    };
    if let Some(Attaching(id, params)) = attaching {
        attached::serve(lines, shared, &caller, id, params).await;
    }
}

/// Tells a client that it read too slowly, after the part of an answer that it was sent.
fn let_go(lines: &Lines) {
    let mut last = BytesMut::from("\n");
    if LineCodec::new()
        .encode(&pages::unread(), &mut last)
        .is_err()
    {
        return;
    }
    // What is unread fills the socket. The system doubles the size that it is told.
    let socket = lines.get_ref().socket();
    let room = sockopt::socket_send_buffer_size(socket);
    let _ = room.and_then(|room| sockopt::set_socket_send_buffer_size(socket, room));
    let _ = net::send(socket, &last, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// Exchanges hello. Nothing to come means that the connection is over.
async fn open(lines: &mut Lines, shared: &Shared, process: Option<u32>) -> Option<Caller> {
    let (response, caller) = match RECEIVER.greet(lines.next().await?) {
        Ok(greeting) => match caller::identify(shared, process, greeting.hello).await {
            Ok(caller) => {
                let result = requests::json(hello(shared, &caller, greeting.protocol));
                (Response::of(greeting.id, result), Some(caller))
            }
            Err(error) => (Response::failure(Some(greeting.id), error), None),
        },
        Err(response) => (*response?, None),
    };
    lines.send(&response).await.ok()?;
    caller
}

fn hello(shared: &Shared, caller: &Caller, protocol: u32) -> HelloResult {
    let methods = RECEIVER.methods().iter();
    let sees = rights::check(caller.seat, &Call::Status(Box::default())).is_ok();
    let status = sees.then(|| Glance::from(shared.status.borrow().clone()));
    HelloResult {
        protocol,
        pod: shared.identity.id,
        name: shared.identity.name.clone(),
        generation: shared.fence.generation,
        build: shared.build.clone(),
        capabilities: methods.map(|name| (*name).to_owned()).collect(),
        status,
    }
}

/// What ends the request phase of a connection with something left to do.
struct Attaching(RequestId, AttachParams);

/// Answers requests, several at once, until the client goes or attaches; between them a subscriber
/// gets its events.
async fn serve_requests(
    lines: &mut Lines,
    shared: &Arc<Shared>,
    caller: &Arc<Caller>,
    desk: &Desk,
) -> Option<Attaching> {
    let mut working = FuturesUnordered::new();
    let mut subscription = None;
    let mut unwritten: Option<Page> = None;
    // The socket of a client that has said all; it may still want to hear what comes of it.
    let mut half_closed: Option<OwnedFd> = None;
    loop {
        if half_closed.is_some() && working.is_empty() && unwritten.is_none() {
            let _ = timeout(LAST_WORDS, SinkExt::<Bytes>::flush(lines)).await;
            return None;
        }
        let unsent = !lines.write_buffer().is_empty();
        if !unsent && unwritten.take().is_some() {
            // It may have grown to the length of a page.
            *lines.write_buffer_mut() = BytesMut::new();
        }
        // In this order, what is ready goes out together and a client cannot outrun its answers.
        let response = tokio::select! {
            biased;
            () = shared.ending.cancelled(), if working.is_empty() => {
                subscribed::last_events(lines, shared, subscription).await;
                return None;
            }
            Some(answer) = working.next(), if !working.is_empty() => match answer {
                Answer::Short(response) => response,
                Answer::Page(page) => {
                    let line = unwritten.insert(page?).take();
                    lines.feed(line).await.ok()?;
                    continue;
                }
            },
            // A long answer goes out first: what is behind it is no part of it.
            () = subscribed::ready(&mut subscription), if half_closed.is_none() && unwritten.is_none() => {
                subscribed::send_events(lines, shared, subscription.as_mut()?).await.ok()?;
                continue;
            }
            () = hung_up(half_closed.as_ref()) => return None,
            line = lines.next(), if half_closed.is_none() && unwritten.is_none() => match received(line, working.len()) {
                Received::Broken(None) => {
                    let socket = lines.get_ref().socket().as_fd();
                    half_closed = Some(socket.try_clone_to_owned().ok()?);
                    continue;
                }
                Received::Call(id, Call::Attach(params)) => {
                    match attachable(shared, caller, params, working.len()).await {
                        Ok(params) => return Some(Attaching(id, params)),
                        Err(error) => Response::failure(Some(id), error),
                    }
                }
                Received::Call(id, call @ Call::Subscribe(_)) => {
                    Response::of(id, subscribe(shared, caller, &mut subscription, &call).await)
                }
                Received::Call(id, call) => {
                    working.push(answer(shared, caller, id, call, desk));
                    continue;
                }
                Received::Fault(response) => *response,
                broken => {
                    if let Received::Broken(Some(response)) = broken {
                        let _ = timeout(LAST_WORDS, lines.send(&*response)).await;
                    }
                    return None;
                }
            },
            () = std::future::ready(()), if unsent => {
                SinkExt::<Bytes>::flush(lines).await.ok()?;
                continue;
            }
        };
        if let Err(LineError::TooLong) = feed(lines, &response).await? {
            feed(lines, &pages::too_long(response.id)).await?.ok()?;
        }
    }
}

/// Reads a line; the end of what a client sends is as a line that never ended.
fn received(line: Option<Result<BytesMut, LineError>>, in_flight: usize) -> Received {
    match line {
        Some(line) => RECEIVER.receive(line, in_flight),
        None => Received::Broken(None),
    }
}

/// Waits until a client has gone that has said all before.
async fn hung_up(socket: Option<&OwnedFd>) {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOKS_FOR_CLIENT_EVERY).await;
        let mut poll = [PollFd::new(socket, PollFlags::empty())];
        let polled = rustix::event::poll(&mut poll, Some(&Timespec::default()));
        if polled.is_err() || poll[0].revents().contains(PollFlags::HUP) {
            return;
        }
    }
}

/// Puts an answer among what is to be sent, if it is no longer than a line may be; nothing to come
/// means that the client is gone.
async fn feed(lines: &mut Lines, response: &Response) -> Option<Result<(), LineError>> {
    match lines.feed(response).await {
        Err(LineError::TooLong) => Some(Err(LineError::TooLong)),
        fed => fed.ok().map(Ok),
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
    check_right(shared, caller, &call).await?;
    match call {
        Call::Attach(params) => Ok(*params),
        _ => refuse("this is no attach"),
    }
}

async fn subscribe(
    shared: &Shared,
    caller: &Caller,
    subscription: &mut Option<Subscription>,
    call: &Call,
) -> Result<Value, RpcError> {
    check_right(shared, caller, call).await?;
    match call {
        Call::Subscribe(params) => subscribed::subscribe(shared, caller, subscription, params),
        _ => Err(RpcError::new(
            ErrorCode::Internal,
            "this is no subscription",
        )),
    }
}

async fn check_right(shared: &Shared, caller: &Caller, call: &Call) -> Result<(), RpcError> {
    rights::check(caller::seated(shared, caller).await?.seat, call)
}

/// What comes of a request.
enum Answer {
    Short(Response),
    /// One that may be long; there is none when the pod ends.
    Page(Option<Page>),
}

async fn answer(
    shared: &Arc<Shared>,
    caller: &Arc<Caller>,
    id: RequestId,
    call: Call,
    desk: &Desk,
) -> Answer {
    if requests::is_for_page(&call) {
        return Answer::Page(desk.page(shared, caller, id, call).await);
    }
    Answer::Short(Response::of(
        id,
        requests::answer(shared, caller, call).await,
    ))
}
