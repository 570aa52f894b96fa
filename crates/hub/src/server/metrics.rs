//! Counters, and whether the hub can serve.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Shared;
use super::query::{Empty, Query};
use crate::endpoint::Status;
use crate::fault::{Code, Fault};
use crate::op::Call;
use crate::token::{Caller, Scope};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Done {
    op: String,
    result: &'static str,
}

/// What is counted of that which is not invoked.
const STREAMS: [&str; 4] = ["files.read", "files.write", "files.watch", "pty.attach"];

/// What the hub counts.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    operations: Family<Done, Counter<u64, AtomicU64>>,
    pub(super) terminals: Gauge,
}

impl Metrics {
    /// Counts an operation that is done.
    pub(super) fn count(&self, op: &str, failed: Option<Code>) {
        // Names that callers make up are not remembered.
        let known = Call::NAMES.contains(&op) || STREAMS.contains(&op);
        let done = Done {
            op: if known { op } else { "other" }.to_owned(),
            result: failed.map_or("ok", Code::as_str),
        };
        self.operations.get_or_create(&done).inc();
    }
}

pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    query: Result<Query<Empty>, Fault>,
) -> Result<Response, Fault> {
    caller?.needs(Scope::Observe)?;
    query?;
    let mut registry = Registry::with_prefix("fleet_hub");
    let metrics = &shared.metrics;
    registry.register(
        "operations",
        "Operations that are done, by result",
        metrics.operations.clone(),
    );
    registry.register(
        "terminals",
        "Clients attached to terminals",
        metrics.terminals.clone(),
    );
    let (connected, all) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    for remote in shared.hub.endpoints().all() {
        all.inc();
        if matches!(remote.status(), Status::Connected { .. }) {
            connected.inc();
        }
    }
    registry.register("endpoints", "Endpoints that are recorded", all);
    registry.register("endpoints_connected", "Endpoints that answer", connected);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

pub(super) async fn ready(
    State(shared): State<Arc<Shared>>,
    _: Query<Empty>,
) -> Result<&'static str, Fault> {
    shared.hub.topology().check()?;
    Ok("ready\n")
}
