//! `GET /v1/watch/{mount}/{path}`: what changes in a directory, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;

use super::Shared;
use super::files::{PlaceQuery, named};
use super::query::Query;
use crate::fault::{Code, Fault};
use crate::hub::{Doer, FilePlace, Order};
use crate::op::Place;
use crate::path::MountPath;
use crate::token::{Caller, Scope};

/// Where it is in addresses.
pub(crate) const PREFIX: &str = "/v1/watch/";

pub(super) async fn watch(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    query: Result<Query<PlaceQuery>, Fault>,
    uri: Uri,
) -> Result<Response, Fault> {
    let caller = caller?;
    caller.needs(Scope::FilesRead)?;
    let (place, path) = named(&shared, &uri, PREFIX, query?.0, &Order::default()).await?;
    let watched = watched(&shared, &caller, place, path).await;
    let failed = watched.as_ref().err().map(|fault| fault.code);
    shared.metrics.count("files.watch", failed);
    watched
}

async fn watched(
    shared: &Arc<Shared>,
    caller: &Caller,
    place: FilePlace,
    path: MountPath,
) -> Result<Response, Fault> {
    let revoked = shared.revoked(caller);
    let remote = match place.doer {
        Doer::Here => {
            let root = shared.hub.machine().root(&place.root).await?;
            let watch = root.with(move |files| files.watch(&path)).await?;
            let changes = watch
                .changes()
                .map_err(|error| Fault::new(Code::FsIo, error.to_string()))?;
            let events = changes.map(|change| {
                let data = serde_json::to_string(&change).unwrap_or_default();
                Ok::<_, Infallible>(Event::default().event("change").data(data))
            });
            let events = Sse::new(events.take_until(revoked)).keep_alive(KeepAlive::default());
            return Ok(events.into_response());
        }
        Doer::There(remote) => remote,
    };
    let place = Place::Root(place.root);
    let watching = remote.work(|client| async move { client.watch_raw(&place, &path).await });
    // As they are; when the endpoint is lost they end, and whoever watches begins anew.
    let lost = remote.link().cancelled_owned();
    let events = watching.await?.take_until(lost).take_until(revoked);
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(events)).into_response())
}
