//! Following what happens in a pod.

use std::path::Path;

use crate::EventCursor;
use crate::event::{EventParams, Push};
use crate::method::{ConnectionRole, Subscribe, SubscribeParams, SubscribeResult};
use crate::rpc::Incoming;
use futures_util::StreamExt;

use super::{ClientError, ClientErrorKind, Introduction, PodClient, line_error};

/// The events of a pod, one after the other, with neither a gap nor a duplicate.
///
/// ```no_run
/// use podfleet_protocol::Event;
/// use podfleet_protocol::client::{Introduction, Subscriber};
///
/// # async fn follow(socket: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// let who = Introduction { client: "my tool".into(), credential: None };
/// let (begun, mut events) = Subscriber::connect(socket, &who, None).await?;
/// if let Some(snapshot) = begun.snapshot {
///     println!("{} messages wait", snapshot.status.inbox);
/// }
/// let reason = loop {
///     match events.next().await?.event {
///         Event::Message { receipt, .. } => println!("{}: {}", receipt.id, receipt.outcome),
///         Event::ShutDown { reason } => break reason,
///         _ => {}
///     }
/// };
/// println!("ended by {reason}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscriber {
    client: PodClient,
    cursor: EventCursor,
}

impl Subscriber {
    /// Connects and subscribes: after `from`, the place of the last event seen on an earlier
    /// connection, or from now on. The result has a snapshot unless the pod could go on after
    /// `from`; `lagged` there means that events in between are lost.
    ///
    /// # Errors
    /// Fails as [`PodClient::connect`] does, or when the caller may not follow this pod.
    pub async fn connect(
        socket: &Path,
        who: &Introduction,
        from: Option<EventCursor>,
    ) -> Result<(SubscribeResult, Self), ClientError> {
        let mut client = PodClient::open(socket, who, ConnectionRole::Subscribe).await?;
        let begun = client.call::<Subscribe>(SubscribeParams { from }).await?;
        let cursor = begun.cursor;
        Ok((begun, Self { client, cursor }))
    }

    /// Waits for the next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Lagged`](ClientErrorKind::Lagged) when this client read too slowly and
    /// [`Closed`](ClientErrorKind::Closed) when the connection is over, which follows the event
    /// X if the pod ended in order. To go on after
    /// either, connect again from [`cursor`](Self::cursor).
    pub async fn next(&mut self) -> Result<EventParams, ClientError> {
        let next = self.receive().await;
        next.map_err(|kind| self.client.error(kind))
    }

    /// Returns the place of the last event that was returned, or where the subscription began.
    /// It is worth something as long as the pod is not started anew.
    #[must_use]
    pub fn cursor(&self) -> EventCursor {
        self.cursor
    }

    async fn receive(&mut self) -> Result<EventParams, ClientErrorKind> {
        loop {
            let line = self.client.lines.next().await;
            let line = line.ok_or(ClientErrorKind::Closed)?.map_err(line_error)?;
            let incoming = Incoming::parse(&line)
                .map_err(|error| ClientErrorKind::Protocol(error.to_string()))?;
            match incoming {
                Incoming::Push(Push::Event(event)) => {
                    self.cursor = event.cursor;
                    return Ok(event);
                }
                Incoming::Push(Push::Lagged(_)) => return Err(ClientErrorKind::Lagged),
                Incoming::Push(Push::Other(_)) => {}
                Incoming::Response(_) => {
                    let why = "an answer that nobody waits for".to_owned();
                    return Err(ClientErrorKind::Protocol(why));
                }
            }
        }
    }
}
