//! A connection's events, beside its replies.

use bytes::Bytes;
use futures_util::SinkExt;
use podfleet_protocol::method::{ConnectionRole, SubscribeParams};
use podfleet_protocol::rpc::{ErrorCode, Notification, RpcError};
use serde_json::Value;

use super::caller::Caller;
use super::connection::Lines;
use super::requests;
use crate::events::{Lagged, Subscription};
use crate::shared::Shared;

/// How many events go out before requests are looked at again.
const EVENTS_AT_ONCE: usize = 64;

/// Begins the events of a connection, whose right to them has been checked.
pub(super) fn subscribe(
    shared: &Shared,
    caller: &Caller,
    subscription: &mut Option<Subscription>,
    params: &SubscribeParams,
) -> Result<Value, RpcError> {
    let refuse = |why: &str| Err(RpcError::new(ErrorCode::InvalidRequest, why));
    if caller.role != ConnectionRole::Subscribe {
        let why = "to subscribe, say hello with the role `subscribe`";
        return refuse(why);
    }
    if subscription.is_some() {
        let why = "this connection has subscribed already";
        return refuse(why);
    }
    let (result, begun) = shared.events.subscribe(params.from);
    let result = requests::json(result)?;
    *subscription = Some(begun);
    Ok(result)
}

/// Waits until a subscriber has something to be told.
pub(super) async fn ready(subscription: &mut Option<Subscription>) {
    match subscription {
        Some(subscription) => subscription.ready().await,
        None => std::future::pending().await,
    }
}

/// The connection of a subscriber is over.
pub(super) struct Over;

/// Sends events that the subscriber has not seen. One that reads too slowly is told so, and let go.
pub(super) async fn send_events(
    lines: &mut Lines,
    shared: &Shared,
    subscription: &mut Subscription,
) -> Result<(), Over> {
    match shared.events.unseen(subscription, EVENTS_AT_ONCE) {
        Ok(unseen) => {
            for line in unseen {
                lines.feed(line).await.map_err(|_| Over)?;
            }
            Ok(())
        }
        Err(Lagged(lagged)) => {
            if let Ok(line) = Notification::lagged(&lagged) {
                let _ = lines.send(&line).await;
            }
            Err(Over)
        }
    }
}

/// Sends the events up to the pod's last one.
pub(super) async fn last_events(
    lines: &mut Lines,
    shared: &Shared,
    subscription: Option<Subscription>,
) {
    if let Some(mut subscription) = subscription {
        while subscription.is_behind() {
            if send_events(lines, shared, &mut subscription).await.is_err() {
                return;
            }
        }
    }
    let _ = SinkExt::<Bytes>::flush(lines).await;
}
