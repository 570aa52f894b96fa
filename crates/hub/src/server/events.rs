//! `GET /v1/events`: what changes, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use super::query::{Empty, Query};
use crate::fault::Fault;
use crate::token::{Caller, Scope};

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    query: Result<Query<Empty>, Fault>,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, Fault> {
    let caller = caller?;
    caller.needs(Scope::Observe)?;
    query?;
    let events = stream::unfold(shared.hub.events(), |mut events| async move {
        let sent = match events.recv().await {
            Ok(event) => {
                let data = serde_json::to_string(&event).unwrap_or_default();
                Sent::default().event("change").data(data)
            }
            // What was missed is had by asking anew.
            Err(RecvError::Lagged(missed)) => {
                Sent::default().event("lagged").data(missed.to_string())
            }
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(sent), events))
    });
    let events = events.take_until(shared.revoked(&caller));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
