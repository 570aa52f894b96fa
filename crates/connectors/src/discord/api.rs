//! Requests to Discord's HTTP interface.

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure;
use super::limits::{self, Limits};
use super::snowflake::Snowflake;
use super::wire::{Application, Channel, Fault, Gateway, Message, Threads, User};
use crate::in_the_clear::may_be_told;
use crate::{ConnectorError, ConnectorErrorKind, Secret};

const AGENT: &str = concat!("DiscordBot (podfleet, ", env!("CARGO_PKG_VERSION"), ")");
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take, and how long one to files that are sent along.
const ANSWER: Duration = Duration::from_secs(30);
const UPLOAD: Duration = Duration::from_secs(300);
/// The longest answer, in bytes.
const LONGEST: usize = 16 << 20;
/// How long a request waits in all because there were too many, until that is told.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause where there were too many and the server did not say how long.
const PAUSE: Duration = Duration::from_secs(1);
/// How many messages, or threads, are asked for at once: as many as can be.
pub(super) const PAGE: usize = 100;

/// The HTTP interface, in the name of one bot.
#[derive(Debug)]
pub(super) struct Api {
    http: Client,
    base: String,
    /// Marked so that it is not shown.
    authorization: HeaderValue,
    token: Secret,
    limits: Limits,
}

/// A file to be sent along.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

/// A request, but for what all have.
struct Request<'a> {
    doing: &'a str,
    method: Method,
    path: &'a str,
    timeout: Duration,
}

impl Api {
    /// # Errors
    /// Fails for an address that a token must not be sent to, a text that is no token, and where no
    /// TLS can be had.
    pub(super) fn new(base: &str, token: Secret) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let here = may_be_told(base, "https", "http")?;
        let mut authorization = HeaderValue::from_str(&format!("Bot {}", token.expose()))
            .map_err(|_| format!("`{}` has characters that no token has", super::TOKEN))?;
        authorization.set_sensitive(true);
        let mut http = Client::builder()
            .user_agent(AGENT)
            .connect_timeout(CONNECT)
            .redirect(redirect::Policy::none());
        if here {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build()?,
            base: format!("{}/api/v10", base.trim_end_matches('/')),
            authorization,
            token,
            limits: Limits::default(),
        })
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    pub(super) async fn me(&self) -> Result<User, ConnectorError> {
        self.get("ask who the bot is", "/users/@me").await
    }

    pub(super) async fn application(&self) -> Result<Application, ConnectorError> {
        let doing = "look at the bot's settings";
        self.get(doing, "/applications/@me").await
    }

    pub(super) async fn channel(&self, id: Snowflake) -> Result<Channel, ConnectorError> {
        let doing = format!("look at the channel {id}");
        self.get(&doing, &format!("/channels/{id}")).await
    }

    /// Returns where the gateway is.
    pub(super) async fn gateway(&self) -> Result<String, ConnectorError> {
        let doing = "ask where the gateway is";
        let gateway: Gateway = self.get(doing, "/gateway/bot").await?;
        may_be_told(&gateway.url, "wss", "ws").map_err(|error| {
            ConnectorError::new(ConnectorErrorKind::Protocol, doing).because(error)
        })?;
        Ok(gateway.url)
    }

    /// Returns the first messages of a channel or thread behind one, oldest first.
    pub(super) async fn messages_after(
        &self,
        channel: Snowflake,
        after: Snowflake,
    ) -> Result<Vec<Message>, ConnectorError> {
        self.messages(channel, &format!("&after={after}")).await
    }

    /// Returns the last messages of a channel or thread, oldest first.
    pub(super) async fn last_messages(
        &self,
        channel: Snowflake,
    ) -> Result<Vec<Message>, ConnectorError> {
        self.messages(channel, "").await
    }

    async fn messages(
        &self,
        channel: Snowflake,
        which: &str,
    ) -> Result<Vec<Message>, ConnectorError> {
        let path = format!("/channels/{channel}/messages?limit={PAGE}{which}");
        let mut messages: Vec<Message> = self.get("read the channel's history", &path).await?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// Returns the threads of a server that are not archived.
    pub(super) async fn active_threads(
        &self,
        guild: Snowflake,
    ) -> Result<Vec<Channel>, ConnectorError> {
        let path = format!("/guilds/{guild}/threads/active");
        let threads: Threads = self.get("list the threads", &path).await?;
        Ok(threads.threads)
    }

    /// Returns public threads of a channel that were archived before a moment (ISO 8601), or before
    /// now; those archived last come first.
    pub(super) async fn archived_threads(
        &self,
        channel: Snowflake,
        before: Option<&str>,
    ) -> Result<Threads, ConnectorError> {
        let before = before.map(|before| before.replace('+', "%2B"));
        let before = before.map(|before| format!("&before={before}"));
        let before = before.unwrap_or_default();
        let path = format!("/channels/{channel}/threads/archived/public?limit={PAGE}{before}");
        self.get("list the archived threads", &path).await
    }

    /// Sends a message.
    pub(super) async fn create_message(
        &self,
        channel: Snowflake,
        body: &Value,
        files: &[Upload],
    ) -> Result<Message, ConnectorError> {
        let request = Request {
            doing: "send to the channel",
            method: Method::POST,
            path: &format!("/channels/{channel}/messages"),
            timeout: if files.is_empty() { ANSWER } else { UPLOAD },
        };
        if files.is_empty() {
            return self.call(&request, |builder| builder.json(body)).await;
        }
        let text = body.to_string();
        self.call(&request, |builder| builder.multipart(form(&text, files)))
            .await
    }

    /// Gets a file from wherever a message says; the token is not sent there.
    pub(super) async fn file(&self, url: &str, limit: usize) -> Result<Vec<u8>, ConnectorError> {
        const DOING: &str = "get an attachment";
        let protocol =
            |cause| ConnectorError::new(ConnectorErrorKind::Protocol, DOING).because(cause);
        may_be_told(url, "https", "http").map_err(protocol)?;
        let got = self.http.get(url).timeout(UPLOAD).send().await;
        let response = got.map_err(|error| failure::of_request(DOING, error))?;
        if !response.status().is_success() {
            let fault = Fault::default();
            return Err(failure::of_answer(DOING, response.status(), &fault, None));
        }
        body(DOING, response, limit).await
    }

    async fn get<T: DeserializeOwned>(&self, doing: &str, path: &str) -> Result<T, ConnectorError> {
        let request = Request {
            doing,
            method: Method::GET,
            path,
            timeout: ANSWER,
        };
        self.call(&request, |builder| builder).await
    }

    /// Makes a request, and makes it again as long as there are too many for a moment.
    async fn call<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, ConnectorError> {
        let begun = Instant::now();
        loop {
            let bytes = match self.try_call(request, &build).await {
                Ok(bytes) => bytes,
                Err(error) => match error.kind() {
                    ConnectorErrorKind::RateLimited { retry_after } => {
                        let pause = retry_after.unwrap_or(PAUSE);
                        if begun.elapsed() + pause > PATIENCE {
                            return Err(error);
                        }
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            return serde_json::from_slice(&bytes).map_err(|error| {
                ConnectorError::new(ConnectorErrorKind::Protocol, request.doing).because(error)
            });
        }
    }

    async fn try_call(
        &self,
        request: &Request<'_>,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Vec<u8>, ConnectorError> {
        let Request {
            doing,
            method,
            path,
            timeout,
        } = request;
        let permit = self.limits.permit(method, path).await;
        let builder = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .timeout(*timeout);
        let sent = build(builder).send().await;
        let response = sent.map_err(|error| failure::of_request(doing, error))?;
        permit.answered(response.headers());
        let status = response.status();
        let told = limits::retry_after(response.headers());
        let bytes = body(doing, response, LONGEST).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        let fault: Fault = serde_json::from_slice(&bytes).unwrap_or_default();
        let seconds = fault.retry_after;
        let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Err(failure::of_answer(doing, status, &fault, seconds.or(told)))
    }
}

fn form(body: &str, files: &[Upload]) -> Form {
    let json = Part::text(body.to_owned());
    let json = json.mime_str("application/json");
    let mut form = Form::new();
    // The type is one; without it Discord takes the part for what it is all the same.
    form = form.part(
        "payload_json",
        json.unwrap_or_else(|_| Part::text(body.to_owned())),
    );
    for (index, file) in files.iter().enumerate() {
        let part = || Part::bytes(file.bytes.clone()).file_name(file.name.clone());
        let typed = part().mime_str(&file.media_type);
        form = form.part(format!("files[{index}]"), typed.unwrap_or_else(|_| part()));
    }
    form
}

/// Reads the body of an answer.
async fn body(
    doing: &str,
    mut response: Response,
    limit: usize,
) -> Result<Vec<u8>, ConnectorError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| failure::of_request(doing, error))? else {
            return Ok(bytes);
        };
        if bytes.len() + chunk.len() > limit {
            let kind = ConnectorErrorKind::TooLarge {
                limit: limit as u64,
            };
            return Err(ConnectorError::new(kind, doing));
        }
        bytes.extend_from_slice(&chunk);
    }
}
