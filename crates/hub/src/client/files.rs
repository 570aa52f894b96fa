//! Bodies of files, streamed.

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::StreamExt as _;
use http_body_util::BodyStream;

use super::{ClientError, HubClient, Unreachable, answer_of, lost};
use crate::contained::{Precondition, Stat};
use crate::op::Place;
use crate::path::MountPath;

/// What an answer says of a file before its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    /// How many bytes follow.
    pub length: Option<u64>,
    /// The headers, to be passed on.
    pub headers: ::http::HeaderMap,
    /// 200, or 206 for a part.
    pub status: u16,
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
        let mut request = self.request("GET", &url(place, path));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let request = request
            .body(Body::empty())
            .map_err(|error| invalid(&error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| lost(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(response).await);
        }
        let headers = response.headers().clone();
        let length = headers
            .get("content-length")
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
        let mut request = self.request("PUT", &url(place, path));
        match precondition {
            Precondition::None => {}
            Precondition::Absent => request = request.header("if-none-match", "*"),
            Precondition::Etag(tag) => request = request.header("if-match", format!("\"{tag}\"")),
        }
        let request = request.body(body).map_err(|error| invalid(&error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| lost(&error))?;
        let answer = answer_of(response).await?;
        match (answer.value, answer.error) {
            (_, Some(fault)) => Err(ClientError::Answer(fault)),
            (Some(value), None) => {
                serde_json::from_value(value).map_err(|error| ClientError::NoHub(error.to_string()))
            }
            (None, None) => Err(ClientError::NoHub("an answer that says nothing".to_owned())),
        }
    }
}

async fn refusal(response: ::http::Response<hyper::body::Incoming>) -> ClientError {
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

fn url(place: &Place, path: &MountPath) -> String {
    match place {
        Place::Mount(mount) => {
            let mount = mount.to_string().replace('/', "%2F");
            format!("/v1/files/{mount}/{}", path.to_url())
        }
        Place::Root(root) => {
            let root =
                percent_encoding::utf8_percent_encode(root, percent_encoding::NON_ALPHANUMERIC);
            format!("/v1/files/-/{}?root={root}", path.to_url())
        }
    }
}
