//! Bodies of files, streamed.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::body::{Body, HttpBody as _};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyStream;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::{ClientError, HubClient, Unreachable, answer_of, lost, read};
use crate::contained::{Change, Precondition, Stat};
use crate::fault::Fault;
use crate::op::Place;
use crate::path::MountPath;
use crate::preview::Preview;
use crate::server::{files, watch};

/// The longest event of a watched directory in bytes: a thousand names of 255, escaped.
const MAX_EVENT: usize = 2 << 20;

/// Up to how many bytes a body is sent without asking first.
const SHORT: u64 = 64 << 10;
/// How long the hub is waited for to ask for a body.
const SILENCE: Duration = Duration::from_secs(1);

/// What an answer says of a file before its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    /// How many bytes follow.
    pub length: Option<u64>,
    /// The headers, to be passed on.
    pub headers: HeaderMap,
    /// 200, or 206 for a part.
    pub status: u16,
}

/// What comes of asking for a file or a part of it.
pub(crate) enum Reading {
    File(FileHead, FileBody),
    /// It has no such part; how long it is, as a `Content-Range` says it.
    NoSuchPart(Fault, Option<HeaderValue>),
}

/// The bytes of a file as they come.
pub type FileBody = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, ClientError>> + Send>>;

impl HubClient {
    /// Reads a file, or with `range` (as in HTTP, such as `bytes=0-99`) a part of it.
    ///
    /// # Errors
    /// Fails when the hub is not reached, and with what it answers.
    pub async fn read_file(
        &self,
        place: &Place,
        path: &MountPath,
        range: Option<&str>,
    ) -> Result<(FileHead, FileBody), ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            let range = HeaderValue::try_from(range).map_err(|error| invalid(&error.into()))?;
            headers.insert(header::RANGE, range);
        }
        match self.read_raw(place, path, headers).await? {
            Reading::File(head, body) => Ok((head, body)),
            Reading::NoSuchPart(fault, _) => Err(ClientError::Answer(fault)),
        }
    }

    /// Reads a file, with the headers that say which part of it.
    pub(crate) async fn read_raw(
        &self,
        place: &Place,
        path: &MountPath,
        headers: HeaderMap,
    ) -> Result<Reading, ClientError> {
        let mut request = self.request("GET", &url(files::PREFIX, place, path));
        if let Some(sent) = request.headers_mut() {
            sent.extend(headers);
        }
        let response = self.begin(request).await?;
        if response.status() != StatusCode::RANGE_NOT_SATISFIABLE {
            let (head, body) = streamed(response).await?;
            return Ok(Reading::File(head, body));
        }
        let total = response.headers().get(header::CONTENT_RANGE).cloned();
        match refusal(response).await {
            ClientError::Answer(fault) => Ok(Reading::NoSuchPart(fault, total)),
            other => Err(other),
        }
    }

    /// Follows what changes in a directory, to the last change.
    ///
    /// # Errors
    /// Fails when the hub is not reached, and with what it answers; the stream ends with an error
    /// when the way breaks.
    pub async fn watch(
        &self,
        place: &Place,
        path: &MountPath,
    ) -> Result<impl Stream<Item = Result<Change, ClientError>> + Send + use<>, ClientError> {
        let bytes = self.watch_raw(place, path).await?;
        let lines = FramedRead::new(
            StreamReader::new(bytes.map_err(std::io::Error::other)),
            LinesCodec::new_with_max_length(MAX_EVENT),
        );
        Ok(lines.filter_map(|line| async move {
            match line {
                Ok(line) => {
                    let data = line.strip_prefix("data:")?.trim_start();
                    let change = serde_json::from_str(data);
                    Some(change.map_err(|error| ClientError::NoHub(error.to_string())))
                }
                Err(error) => {
                    let detail = format!("the way to the directory broke ({error})");
                    Some(Err(ClientError::Unreachable(Unreachable::Reset, detail)))
                }
            }
        }))
    }

    /// Follows what changes in a directory, as server-sent events.
    pub(crate) async fn watch_raw(
        &self,
        place: &Place,
        path: &MountPath,
    ) -> Result<FileBody, ClientError> {
        let request = self.request("GET", &url(watch::PREFIX, place, path));
        let response = self.begin(request).await?;
        streamed(response).await.map(|(_, body)| body)
    }

    async fn begin(
        &self,
        request: ::http::request::Builder,
    ) -> Result<::http::Response<Incoming>, ClientError> {
        let request = request
            .body(Body::empty())
            .map_err(|error| invalid(&error))?;
        let sent = self.http.request(request).await;
        sent.map_err(|error| lost(&error))
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// Fails when the hub is not reached, with what it answers, and when the body fails.
    pub async fn write_file(
        &self,
        place: &Place,
        path: &MountPath,
        precondition: &Precondition,
        body: Body,
    ) -> Result<Stat, ClientError> {
        let url = url(files::PREFIX, place, path);
        read(self.put(&url, precondition, body).await?)
    }

    /// Asks what the writing of a file would do.
    ///
    /// # Errors
    /// Fails as [`write_file`](Self::write_file) does.
    pub async fn preview_write(
        &self,
        place: &Place,
        path: &MountPath,
        precondition: &Precondition,
    ) -> Result<Preview, ClientError> {
        let url = url(files::PREFIX, place, path);
        let also = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{also}dry_run=true");
        read(self.put(&url, precondition, Body::empty()).await?)
    }

    async fn put(
        &self,
        url: &str,
        precondition: &Precondition,
        body: Body,
    ) -> Result<Value, ClientError> {
        let mut request = self.request("PUT", url);
        match precondition {
            Precondition::None => {}
            Precondition::Absent => request = request.header("if-none-match", "*"),
            Precondition::Etag(tag) => request = request.header("if-match", format!("\"{tag}\"")),
        }
        let request = request.body(body).map_err(|error| invalid(&error))?;
        let response = self
            .http
            .request(asking(request))
            .await
            .map_err(|error| lost(&error))?;
        let answer = answer_of(response).await?;
        match (answer.value, answer.error) {
            (_, Some(fault)) => Err(ClientError::Answer(fault)),
            (Some(value), None) => Ok(value),
            (None, None) => Err(ClientError::NoHub("an answer that says nothing".to_owned())),
        }
    }
}

/// Has a long body wait until the hub asks for it: one that is refused is cut off while it is sent, and
/// its client may not get to read why.
fn asking(mut request: ::http::Request<Body>) -> ::http::Request<Body> {
    let length = request.body().size_hint();
    if length.upper().is_some_and(|length| length <= SHORT) {
        return request;
    }
    let headers = request.headers_mut();
    headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    if let Some(length) = length.exact() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let wanted = Arc::new(Notify::new());
    let asked = Arc::clone(&wanted);
    hyper::ext::on_informational(&mut request, move |answer| {
        if answer.status() == StatusCode::CONTINUE {
            wanted.notify_one();
        }
    });
    request.map(|body| {
        let begun = async move {
            // One that says nothing may not know how.
            let _ = timeout(SILENCE, asked.notified()).await;
            body.into_data_stream()
        };
        Body::from_stream(begun.flatten_stream())
    })
}

async fn streamed(
    response: ::http::Response<Incoming>,
) -> Result<(FileHead, FileBody), ClientError> {
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response).await);
    }
    let headers = response.headers().clone();
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let head = FileHead {
        length,
        headers,
        status: status.as_u16(),
    };
    let body = BodyStream::new(response.into_body()).filter_map(|frame| async move {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => {
                let detail = format!("the connection ended within the file ({error})");
                Some(Err(ClientError::Unreachable(Unreachable::Reset, detail)))
            }
        }
    });
    Ok((head, Box::pin(body)))
}

async fn refusal(response: ::http::Response<Incoming>) -> ClientError {
    match answer_of(response).await {
        Ok(answer) => match answer.error {
            Some(fault) => ClientError::Answer(fault),
            None => ClientError::NoHub("a refusal that says nothing".to_owned()),
        },
        Err(error) => error,
    }
}

fn invalid(error: &::http::Error) -> ClientError {
    ClientError::NoHub(error.to_string())
}

fn url(prefix: &str, place: &Place, path: &MountPath) -> String {
    match place {
        Place::Mount(mount) => {
            let mount = mount.to_string().replace('/', "%2F");
            format!("{prefix}{mount}/{}", path.to_url())
        }
        Place::Root(root) => {
            let root =
                percent_encoding::utf8_percent_encode(root, percent_encoding::NON_ALPHANUMERIC);
            format!("{prefix}-/{}?root={root}", path.to_url())
        }
    }
}
