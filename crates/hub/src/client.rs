//! Calling a hub: what command lines use, and what home uses towards its spokes.

mod attach;
mod connect;
mod files;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use crate::address::{Address, Reach};
use crate::fault::{Code, Fault};
use crate::op::Op;
use crate::preview::Preview;
use crate::secret::Secret;
use crate::tls::Pin;
use crate::wire::{Answer, DEADLINE, Invocation};

pub use attach::Frames;
pub use axum::body::Body;
pub use connect::probe;
pub(crate) use files::Reading;
pub use files::{FileBody, FileHead};

use connect::{ConnectFault, Connector};

/// The longest answer that is read, in bytes; bodies of files are streamed and not meant.
const MAX_ANSWER: usize = 64 << 20;
/// How much longer than the deadline of an operation its answer is waited for.
const SLACK: Duration = Duration::from_secs(2);

/// By which way a hub is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A Unix socket, which only its owner can open.
    Socket(PathBuf),
    /// TCP in the clear.
    Plain(Address),
    /// TLS, to the machine that has this key.
    Tls(Address, Pin),
}

impl Way {
    /// Returns the way to an endpoint; through `ssh` that is the near end of its tunnel.
    #[must_use]
    pub fn of(reach: &Reach, tunnel: PathBuf) -> Self {
        match reach {
            Reach::Plain { address } => Self::Plain(address.clone()),
            Reach::Tls { address, pin } => Self::Tls(address.clone(), *pin),
            Reach::Ssh { .. } => Self::Socket(tunnel),
        }
    }

    fn authority(&self) -> String {
        match self {
            Self::Socket(_) => "localhost".to_owned(),
            Self::Plain(address) | Self::Tls(address, _) => address.to_string(),
        }
    }
}

/// A hub was not reached, or did not do what was asked.
#[derive(Debug)]
pub enum ClientError {
    /// It cannot be reached.
    Unreachable(Unreachable, String),
    /// What answers is no hub.
    NoHub(String),
    /// It says why not.
    Answer(Fault),
}

/// Why a hub cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unreachable {
    /// Its name is not known.
    Dns,
    /// Nobody listens there.
    Refused,
    /// It does not answer in time.
    Timeout,
    /// It shows another key than the one that is pinned, or speaks no TLS.
    Tls,
    /// The connection ended before the answer.
    Reset,
}

impl Unreachable {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Reset => "reset",
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_, detail) => write!(f, "the hub cannot be reached: {detail}"),
            Self::NoHub(detail) => write!(f, "what answers is no hub: {detail}"),
            Self::Answer(fault) => fmt::Display::fmt(fault, f),
        }
    }
}

impl std::error::Error for ClientError {}

/// A client of one hub. It is cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub struct HubClient {
    connector: Connector,
    http: Client<Connector, Body>,
    token: Option<Secret>,
    authority: String,
}

impl fmt::Debug for HubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubClient")
            .field("way", self.connector.way())
            .finish_non_exhaustive()
    }
}

impl HubClient {
    /// Gives up the connections that there are: when they end, what the machine has not got by then is
    /// thrown away. It would be delivered when the way is mended, to whoever was told that it broke.
    pub(crate) fn give_up(&self) {
        self.connector.give_up();
    }

    /// Makes the client of a hub; connects at the first call.
    #[must_use]
    pub fn new(way: Way, token: Option<Secret>) -> Self {
        let authority = way.authority();
        let connector = Connector::new(way);
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .build(connector.clone());
        Self {
            connector,
            http,
            token,
            authority,
        }
    }

    /// Calls an operation, with the usual deadline.
    ///
    /// # Errors
    /// Fails when the hub is not reached, and with what it answers.
    pub async fn call<O: Op>(&self, params: O::Params) -> Result<O::Result, ClientError> {
        self.call_within::<O>(params, DEADLINE, None).await
    }

    /// Calls an operation. `key` makes it safe to ask for a terminal again.
    ///
    /// # Errors
    /// Fails as [`call`](Self::call) does.
    pub async fn call_within<O: Op>(
        &self,
        params: O::Params,
        deadline: Duration,
        key: Option<String>,
    ) -> Result<O::Result, ClientError> {
        let invocation = Invocation {
            idempotency_key: key,
            ..invocation::<O>(params, deadline)?
        };
        read(self.invoke(&invocation, deadline + SLACK).await?)
    }

    /// Asks what an operation would do. A hub of a build that cannot say it refuses.
    ///
    /// # Errors
    /// Fails as [`call`](Self::call) does, and as the operation would.
    pub async fn preview<O: Op>(
        &self,
        params: O::Params,
        deadline: Duration,
        key: Option<String>,
    ) -> Result<Preview, ClientError> {
        let invocation = Invocation {
            idempotency_key: key,
            dry_run: true,
            ..invocation::<O>(params, deadline)?
        };
        read(self.invoke(&invocation, deadline + SLACK).await?)
    }

    async fn invoke(
        &self,
        invocation: &Invocation,
        patience: Duration,
    ) -> Result<Value, ClientError> {
        let body = serde_json::to_vec(invocation)
            .map_err(|error| ClientError::NoHub(error.to_string()))?;
        let request = self
            .request("POST", "/v1/invoke")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .map_err(|error| ClientError::NoHub(error.to_string()))?;
        let exchange = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|error| lost(&error))?;
            answer_of(response).await
        };
        let answer = timeout(patience, exchange).await;
        let answer = answer.unwrap_or_else(|_| {
            let detail = "it did not answer in time".to_owned();
            Err(ClientError::Unreachable(Unreachable::Timeout, detail))
        })?;
        match answer {
            Answer {
                ok: true, value, ..
            } => Ok(value.unwrap_or_default()),
            Answer {
                error: Some(fault), ..
            } => Err(ClientError::Answer(fault)),
            _ => Err(ClientError::NoHub("an answer that says nothing".to_owned())),
        }
    }

    /// Begins a request to a path of the hub, with our token.
    fn request(&self, method: &str, path: &str) -> ::http::request::Builder {
        let uri = format!("http://{}{path}", self.authority);
        let request = ::http::Request::builder().method(method).uri(uri);
        match &self.token {
            Some(token) => {
                let value = format!("Bearer {}", token.expose());
                let mut value = ::http::HeaderValue::try_from(value)
                    .unwrap_or_else(|_| ::http::HeaderValue::from_static("Bearer"));
                value.set_sensitive(true);
                request.header("authorization", value)
            }
            None => request,
        }
    }
}

fn invocation<O: Op>(params: O::Params, deadline: Duration) -> Result<Invocation, ClientError> {
    let params = serde_json::to_value(params);
    Ok(Invocation {
        id: String::new(),
        op: O::NAME.to_owned(),
        params: params.map_err(|error| ClientError::NoHub(error.to_string()))?,
        deadline_ms: u64::try_from(deadline.as_millis()).ok(),
        idempotency_key: None,
        dry_run: false,
    })
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, ClientError> {
    serde_json::from_value(value).map_err(|error| ClientError::NoHub(error.to_string()))
}

/// Reads an answer whole.
async fn answer_of(
    response: ::http::Response<hyper::body::Incoming>,
) -> Result<Answer, ClientError> {
    let status = response.status();
    let kind = response.headers().get("content-type").cloned();
    let bytes = whole(response.into_body()).await?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("nothing");
        ClientError::NoHub(format!("status {} with {kind}", status.as_u16()))
    })
}

async fn whole(body: hyper::body::Incoming) -> Result<Bytes, ClientError> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(ClientError::NoHub("an answer without end".to_owned()))
        }
        Err(error) => Err(ClientError::Unreachable(
            Unreachable::Reset,
            error.to_string(),
        )),
    }
}

/// Returns the system's words without the number that the standard library adds.
fn plain(words: &str) -> String {
    words
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_lowercase()
}

/// Finds out why a request got no answer.
fn lost(error: &hyper_util::client::legacy::Error) -> ClientError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    let mut last = error.to_string();
    while let Some(at) = cause {
        if let Some(fault) = at.downcast_ref::<ConnectFault>() {
            return ClientError::Unreachable(fault.why, fault.detail.clone());
        }
        if let Some(error) = at.downcast_ref::<hyper::Error>()
            && error.is_parse()
        {
            return ClientError::NoHub("it does not speak HTTP".to_owned());
        }
        last = plain(&at.to_string());
        cause = at.source();
    }
    let detail = format!("the connection ended before the answer ({last})");
    ClientError::Unreachable(Unreachable::Reset, detail)
}

impl ClientError {
    /// Turns it into an error about an endpoint, as home passes it on.
    #[must_use]
    pub fn about(self, endpoint: &str) -> Fault {
        match self {
            Self::Unreachable(why, detail) => {
                let message = format!(
                    "`{endpoint}` cannot be reached ({}): {detail}",
                    why.as_str()
                );
                Fault::new(Code::EndpointOffline, message).about(endpoint)
            }
            Self::NoHub(detail) => {
                let message = format!("what answers at `{endpoint}` is no hub: {detail}");
                Fault::new(Code::EndpointIncompatible, message).about(endpoint)
            }
            Self::Answer(fault) => fault.from_endpoint(endpoint),
        }
    }
}
