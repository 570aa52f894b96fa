//! `GET /v1/pty/{session}`: the frames of a terminal over a WebSocket, one a message, as they are.
//!
//! Whoever may type has a connection of their own all the way to the pod, whose acknowledgements are
//! their credit. Those who only look at the same terminal share one, and are told its frames from
//! memory ([`audience`]). Either way a client that does not read stops its own way, holds up nobody,
//! and is skipped to a repaint.

mod audience;
mod place;
mod query;
mod replay;
mod side;
mod viewer;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use futures_util::SinkExt as _;
use podfleet_protocol::method::{AttachParams, AttachRole};
use podfleet_protocol::{FleetName, PodId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Shared;
use super::listen::Held;
use super::query::Query;
use crate::fault::{Code, Fault};
use crate::hub::Doer;
use crate::op::AgentRef;
use crate::terminal::{Attached, TerminalRef};
use crate::token::{Caller, Scope};
use crate::wire::Answer;

pub(super) use audience::Audiences;
pub(super) use query::AttachQuery;
pub(crate) use query::query;
pub(crate) use side::{Item, MAX_MESSAGE, Side, forward};

use query::Refusal;
use viewer::Viewer;

/// The subprotocol: a text with the result of `attach`, then binary frames.
pub(crate) const SUBPROTOCOL: &str = "fleet.attach.v1";
/// How much is read of a client at once: acknowledgements and keys are small, and clients many.
const SMALL_READ: usize = 8 << 10;

fn invalid(why: &str) -> Fault {
    Fault::new(Code::RequestInvalid, why)
}

pub(super) async fn attach(
    State(shared): State<Arc<Shared>>,
    caller: Result<Caller, Fault>,
    Extension(held): Extension<Held>,
    session: Result<Path<String>, PathRejection>,
    query: Result<Query<AttachQuery>, Fault>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Fault> {
    let Path(session) = session.map_err(|error| invalid(&error.body_text()))?;
    let Query(query) = query?;
    let allowed = query.params().and_then(|params| {
        let looks = params.role == AttachRole::Viewer;
        let caller = caller?;
        caller.needs(if looks { Scope::Observe } else { Scope::Pty })?;
        Ok((caller, params))
    });
    let upgrade = match (upgrade, &allowed) {
        (Ok(upgrade), _) => upgrade,
        (Err(_), Ok(_)) => return Err(invalid("a terminal is had by a WebSocket")),
        (Err(_), Err(fault)) => return Err(fault.clone()),
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(SMALL_READ)
        .write_buffer_size(0);
    let opened = async {
        let (caller, params) = allowed?;
        let place = held.terminal()?;
        let mut target = Target::of(&shared, &session, query.fleet).await?;
        target.mean(query.pod)?;
        let opened = open(&shared, &target, params).await?;
        // Whatever else is opened for this client is of the same pod.
        target.terminal.pod = opened.0.pod;
        Ok((caller, place, target, params, opened))
    };
    let opened = opened.await;
    shared.metrics.count(
        "pty.attach",
        opened.as_ref().err().map(|fault: &Fault| fault.code),
    );
    match opened {
        Ok((caller, place, target, params, opened)) => {
            Ok(upgrade.on_upgrade(move |socket| async move {
                shared.metrics.terminals.inc();
                tokio::select! {
                    () = serve(socket, &shared, &target, params, opened) => {}
                    () = shared.revoked(&caller) => {}
                    () = place.ended() => {}
                }
                shared.metrics.terminals.dec();
            }))
        }
        Err(fault) if query.refusal == Refusal::Message => {
            Ok(upgrade.on_upgrade(|socket| refuse(socket, fault)))
        }
        Err(fault) => Err(fault),
    }
}

async fn refuse(mut socket: WebSocket, fault: Fault) {
    let answer = Answer::of(String::new(), Err(fault));
    let text = serde_json::to_string(&answer).unwrap_or_default();
    // Whoever is gone needs no reason.
    let _ = socket.send(Message::Text(text.into())).await;
    let _ = socket.send(Message::Close(None)).await;
}

/// A terminal that is meant: whose machine's, and which there.
#[derive(Debug, Clone)]
struct Target {
    doer: Doer,
    /// As its machine calls it.
    terminal: TerminalRef,
}

impl Target {
    /// Finds the terminal that a session is: the id of one that was opened here, or an agent's name.
    async fn of(shared: &Shared, session: &str, fleet: Option<FleetName>) -> Result<Self, Fault> {
        let TerminalRef { agent, pod, .. } = terminal_of(shared, session)?;
        let (agent, fleet) = shared.hub.whereabouts(agent, fleet).await?;
        let doer = shared.hub.doer(&agent.endpoint)?;
        let fleet = match &doer {
            // By its own name, however it is called, so that all who look at one terminal are seen to.
            Doer::Here => {
                let fleet = shared.hub.machine().fleet_of(&agent.agent, fleet).await?;
                Some(fleet.key().fleet.clone())
            }
            Doer::There(_) => fleet,
        };
        let terminal = TerminalRef {
            agent: AgentRef::local(agent.agent),
            fleet,
            pod,
        };
        Ok(Self { doer, terminal })
    }

    /// Takes note of the pod that a client means.
    fn mean(&mut self, pod: Option<PodId>) -> Result<(), Fault> {
        match (self.terminal.pod, pod) {
            (Some(session), Some(pod)) if session != pod => {
                Err(invalid("the session is another terminal than `pod`"))
            }
            (session, pod) => {
                self.terminal.pod = session.or(pod);
                Ok(())
            }
        }
    }

    /// Returns the endpoint; nothing for this machine.
    fn endpoint(&self) -> Option<Uuid> {
        match &self.doer {
            Doer::Here => None,
            Doer::There(remote) => Some(remote.endpoint().endpoint_id),
        }
    }
}

/// Returns what is meant by the id of a terminal that was opened here, or by a name.
fn terminal_of(shared: &Shared, session: &str) -> Result<TerminalRef, Fault> {
    if let Ok(id) = session.parse::<PodId>() {
        let route = shared.hub.topology().route(id)?;
        let route = route.ok_or_else(|| {
            Fault::new(Code::AgentNotFound, "there is no such terminal")
                .hint("`fleet pty list` lists them")
        })?;
        return Ok(TerminalRef {
            agent: AgentRef {
                agent: route.agent,
                endpoint: route.endpoint,
            },
            fleet: None,
            pod: Some(id),
        });
    }
    let named = session.parse::<AgentRef>();
    let named = named.map_err(|error| Fault::new(Code::AgentNotFound, error.to_string()))?;
    Ok(named.into())
}

/// A way to a pod: what the attach gave, its end here, and what ends with the endpoint.
type Opened = (Attached, Side, CancellationToken);

async fn open(shared: &Shared, target: &Target, params: AttachParams) -> Result<Opened, Fault> {
    let Target { doer, terminal } = target;
    match doer {
        Doer::Here => {
            let attached = shared.hub.machine().attach(terminal, params);
            let (attached, stream) = attached.await?;
            let parts = stream.into_parts();
            let side = Side::pod(parts.io, &parts.read_buf);
            Ok((attached, side, CancellationToken::new()))
        }
        Doer::There(remote) => {
            let attaching =
                remote.work(|client| async move { client.attach_raw(terminal, &params).await });
            let (attached, frames) = attaching.await?;
            Ok((attached, frames.side(), remote.link()))
        }
    }
}

async fn serve(
    socket: WebSocket,
    shared: &Arc<Shared>,
    target: &Target,
    params: AttachParams,
    opened: Opened,
) {
    let looks = params.role == AttachRole::Viewer;
    let mut client = Side::client(socket, looks);
    let Ok(text) = serde_json::to_string(&opened.0) else {
        return;
    };
    if client.outgoing.send(Item::Text(text)).await.is_err() {
        return;
    }
    if looks {
        let audience = shared.audiences.enter(shared, target);
        let viewer = Viewer::new(client, audience);
        viewer.show(shared, target, params, opened).await;
    } else {
        let (_, pod, link) = opened;
        forward(client, pod, link).await;
    }
}
