//! `/v1/files/{mount}/{path}`: the bytes of files, streamed both ways.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use podfleet_protocol::NameError;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::Shared;
use super::lent::Lent;
use super::query::Query;
use super::range::{Part, Range, is_of};
use crate::client::Reading;
use crate::contained::{Precondition, Stat, fault};
use crate::endpoint::Remote;
use crate::fault::{Code, Fault};
use crate::hub::{Doer, FilePlace, Order, json};
use crate::machine::blocking;
use crate::op::Place;
use crate::path::MountPath;
use crate::preview::Preview;
use crate::token::{Caller, Scope};
use crate::topology::MountRef;
use crate::wire::Answer;

/// Where it is in addresses.
pub(crate) const PREFIX: &str = "/v1/files/";
/// How much of a file is in memory at once, in bytes.
const CHUNK: usize = 256 << 10;

/// What stands behind the `?` of the address of a file or directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceQuery {
    /// With the mount `-` alone: the directory, absolute; the hub has to be allowed to serve it, and the
    /// right is that which a mount needs.
    root: Option<String>,
}

/// What stands behind the `?` of the address of a file that is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteQuery {
    /// With the mount `-` alone: the directory, absolute; the hub has to be allowed to serve it, and the
    /// right is that which a mount needs.
    root: Option<String>,
    /// Writes nothing, reads no body, and answers with what would be done.
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    query: Result<Query<PlaceQuery>, Fault>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = caller?;
    caller.needs(Scope::FilesRead)?;
    let (place, path) = named(&shared, &uri, PREFIX, query?.0, &Order::default()).await?;
    let read = match place.doer {
        Doer::Here => read_here(&shared, &place.root, path, &headers).await,
        Doer::There(remote) => read_there(&remote, place.root, path, &headers).await,
    };
    shared
        .metrics
        .count("files.read", read.as_ref().err().map(|fault| fault.code));
    // Cut off, it ends before its length: the client sees that it is torn.
    let revoked = shared.revoked(&caller);
    Ok(read?.map(|body| Body::from_stream(body.into_data_stream().take_until(revoked))))
}

async fn read_here(
    shared: &Shared,
    root: &str,
    path: MountPath,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let root = shared.hub.machine().root(root).await?;
    let (file, stat) = root.with(move |files| files.read(&path)).await?;
    let range = text(headers, header::RANGE);
    // Of a file that is another by now a part would be put together with parts of the earlier one.
    let range = range.filter(|_| is_of(text(headers, header::IF_RANGE), &stat.etag));
    let (status, part) = match Range::of(range, stat.size) {
        Range::Whole => (
            StatusCode::OK,
            Part {
                start: 0,
                length: stat.size,
            },
        ),
        Range::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Range::Unsatisfiable => {
            let fault = Fault::new(Code::RequestInvalid, "the file has no such part");
            let total = HeaderValue::try_from(format!("bytes */{}", stat.size));
            return Ok(no_such_part(fault, total.ok()));
        }
    };
    let file = blocking(move || {
        let mut file = file;
        file.seek(SeekFrom::Start(part.start))
            .map_err(|error| Fault::new(Code::FsIo, error.to_string()))?;
        Ok(file)
    })
    .await?;
    let body = tokio::fs::File::from_std(file).take(part.length);
    let mut response = Response::new(Body::from_stream(ReaderStream::with_capacity(body, CHUNK)));
    *response.status_mut() = status;
    describe(response.headers_mut(), &stat, part, status);
    Ok(response)
}

fn no_such_part(fault: Fault, total: Option<HeaderValue>) -> Response {
    let mut response = (StatusCode::RANGE_NOT_SATISFIABLE, fault.into_response()).into_response();
    response
        .headers_mut()
        .extend(total.map(|total| (header::CONTENT_RANGE, total)));
    response
}

fn describe(headers: &mut HeaderMap, stat: &Stat, part: Part, status: StatusCode) {
    let mut set = vec![
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, part.length.to_string()),
        (header::ETAG, format!("\"{}\"", stat.etag)),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.start + part.length - 1;
        set.push((
            header::CONTENT_RANGE,
            format!("bytes {}-{last}/{}", part.start, stat.size),
        ));
    }
    for (name, value) in set {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

async fn read_there(
    remote: &Arc<Remote>,
    root: String,
    path: MountPath,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let place = Place::Root(root);
    let part = [header::RANGE, header::IF_RANGE].into_iter();
    let part: HeaderMap = part
        .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)))
        .collect();
    let reading = remote.work(|client| async move { client.read_raw(&place, &path, part).await });
    let (head, body) = match reading.await? {
        Reading::File(head, body) => (head, body),
        Reading::NoSuchPart(fault, total) => {
            let fault = fault.from_endpoint(remote.endpoint().name.as_str());
            return Ok(no_such_part(fault, total));
        }
    };
    // When the endpoint is lost, the body ends before its length: the client sees that it is torn.
    let body = body.take_until(remote.link().cancelled_owned());
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::ETAG,
        header::ACCEPT_RANGES,
    ] {
        if let Some(value) = head.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

pub(super) async fn write(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    query: Result<Query<WriteQuery>, Fault>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let body = Lent::of(body);
    let written = async {
        let Query(query) = query?;
        if query.dry_run {
            return json(look(&shared, &caller, query, &uri, &headers).await?);
        }
        json(receive(&shared, &caller, query, &uri, &headers, body.clone()).await?)
    };
    let written = written.await;
    if written.is_err() {
        body.forget(headers.contains_key(header::EXPECT)).await;
    }
    Ok(Json(Answer::of(String::new(), Ok(written?))).into_response())
}

/// Finds out what is to be written where, for who may.
async fn asked(
    shared: &Shared,
    caller: &Caller,
    query: WriteQuery,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(FilePlace, MountPath, Precondition), Fault> {
    caller.needs(Scope::FilesWrite)?;
    if headers.contains_key(header::CONTENT_RANGE) {
        let message = "a file is written whole: `Content-Range` is not taken";
        return Err(Fault::new(Code::RequestInvalid, message));
    }
    let precondition = precondition(headers)?;
    let order = Order {
        dry_run: query.dry_run,
        ..Order::default()
    };
    let place = PlaceQuery { root: query.root };
    let (place, path) = named(shared, uri, PREFIX, place, &order).await?;
    Ok((place, path, precondition))
}

/// Says what the writing of a file would do.
async fn look(
    shared: &Shared,
    caller: &Caller,
    query: WriteQuery,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Preview, Fault> {
    let (place, path, precondition) = asked(shared, caller, query, uri, headers).await?;
    match place.doer {
        Doer::Here => {
            let machine = shared.hub.machine();
            machine.preview_write(&place.root, path, precondition).await
        }
        Doer::There(remote) => {
            let place = Place::Root(place.root);
            let looking = remote.work(|client| async move {
                client.preview_write(&place, &path, &precondition).await
            });
            looking.await
        }
    }
}

async fn receive(
    shared: &Arc<Shared>,
    caller: &Caller,
    query: WriteQuery,
    uri: &Uri,
    headers: &HeaderMap,
    body: Lent,
) -> Result<Stat, Fault> {
    let (place, path, precondition) = asked(shared, caller, query, uri, headers).await?;
    let coming = body.clone();
    let writing = async {
        match place.doer {
            Doer::Here => write_here(shared, &place.root, path, precondition, body).await,
            Doer::There(remote) => {
                let place = Place::Root(place.root);
                let body = Body::from_stream(body);
                let writing = remote.work(|client| async move {
                    client.write_file(&place, &path, &precondition, body).await
                });
                writing.await
            }
        }
    };
    let written = tokio::select! {
        written = writing => written,
        // What is dropped half written is not put into its place.
        () = shared.revoked(caller) => {
            let message = "the token was revoked meanwhile, or is over";
            Err(Fault::new(Code::AuthRequired, message))
        }
        () = coming.stalled() => {
            let message = "nothing more of the body came; the file is as it was";
            Err(Fault::new(Code::RequestInvalid, message))
        }
    };
    shared.metrics.count(
        "files.write",
        written.as_ref().err().map(|fault| fault.code),
    );
    written
}

/// What the thread that writes is told.
enum Step {
    Bytes(Bytes),
    /// The body is whole. Without this the file stays as it was.
    End,
}

async fn write_here(
    shared: &Shared,
    root: &str,
    path: MountPath,
    precondition: Precondition,
    mut body: Lent,
) -> Result<Stat, Fault> {
    let root = shared.hub.machine().root(root).await?;
    let shown = path.as_str().to_owned();
    // A client that asks before it sends is refused before.
    let file = root.with(move |files| files.write(&path, precondition));
    let mut file = file.await?;
    let (steps, mut received) = mpsc::channel(4);
    let writing = blocking(move || {
        let failed = |error: std::io::Error| fault(&error, &shown);
        loop {
            match received.blocking_recv() {
                Some(Step::Bytes(bytes)) => file.write_all(&bytes).map_err(failed)?,
                Some(Step::End) => return file.finish(),
                None => {
                    let message = "the body ended too early; the file is as it was";
                    return Err(Fault::new(Code::RequestInvalid, message));
                }
            }
        }
    });
    let sending = async move {
        while let Some(bytes) = body.next().await {
            let Ok(bytes) = bytes else { return };
            if steps.send(Step::Bytes(bytes)).await.is_err() {
                return;
            }
        }
        // Whoever does not take it has told why.
        let _ = steps.send(Step::End).await;
    };
    let (written, ()) = tokio::join!(writing, sending);
    written
}

/// Returns a header; one that is no text is none that fits anything.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let value = headers.get(name)?;
    Some(value.to_str().unwrap_or("?"))
}

fn precondition(headers: &HeaderMap) -> Result<Precondition, Fault> {
    let wrong = |what: &str| Err(Fault::new(Code::RequestInvalid, what));
    let tags = [header::IF_MATCH, header::IF_NONE_MATCH].map(|name| text(headers, name));
    match tags.into() {
        (None, None) => Ok(Precondition::None),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(tag), None) => {
            let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            match tag {
                Some(tag) => Ok(Precondition::Etag(tag.to_owned())),
                None => wrong("`If-Match` takes one tag in quotes"),
            }
        }
        (None, Some(_)) => wrong("`If-None-Match` takes only `*` here"),
        (Some(_), Some(_)) => wrong("`If-Match` and `If-None-Match` exclude each other"),
    }
}

/// Reads mount and path out of the address as it was sent, so that escapes are decoded once and by
/// us.
pub(super) async fn named(
    shared: &Shared,
    uri: &Uri,
    prefix: &str,
    query: PlaceQuery,
    order: &Order,
) -> Result<(FilePlace, MountPath), Fault> {
    let (mount, path) = split(uri.path(), prefix);
    let place = match (mount, query.root) {
        ("-", Some(root)) => Place::Root(root),
        ("-", None) => {
            let message = "the mount `-` needs `root=DIRECTORY` behind a `?`";
            return Err(Fault::new(Code::RequestInvalid, message));
        }
        (_, Some(_)) => {
            let message = "`root` goes with the mount `-` alone";
            return Err(Fault::new(Code::RequestInvalid, message));
        }
        (mount, None) => Place::Mount(mount_of(mount)?),
    };
    let path = MountPath::encoded(path)?;
    let place = shared.hub.file_place(&place, order).await?;
    Ok((place, path))
}

/// Splits what follows a prefix into a mount and a path, both as they were sent.
pub(super) fn split<'a>(path: &'a str, prefix: &str) -> (&'a str, &'a str) {
    let rest = path.strip_prefix(prefix).unwrap_or_default();
    rest.split_once('/').unwrap_or((rest, ""))
}

/// Returns the mount that one part of an address names.
pub(super) fn mount_of(text: &str) -> Result<MountRef, Fault> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    decoded
        .parse()
        .map_err(|error: NameError| Fault::new(Code::MountNotFound, error.to_string()))
}
