//! The task that looks after one endpoint.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use podfleet_protocol::method::Nothing;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ssh::{Tunnel, TunnelError};
use super::{Event, Remote, Status, lock};
use crate::address::Reach;
use crate::client::{ClientError, HubClient, Way};
use crate::fault::{Code, Fault};
use crate::op::{HubInfo, Info};
use crate::topology::Topology;
use crate::wire::VERSION;

/// How long a hello may take.
const HELLO: Duration = Duration::from_secs(5);
/// How long a connected endpoint is not asked whether it is there.
const PING: Duration = Duration::from_secs(5);
/// The first pause before another try, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// How long a connection has to last, so that its end is no failure to connect.
const LASTING: Duration = Duration::from_secs(2);

pub(super) struct Supervisor {
    pub(super) remote: Arc<Remote>,
    pub(super) topology: Arc<Topology>,
    pub(super) tunnel: PathBuf,
    pub(super) events: broadcast::Sender<Event>,
}

impl Supervisor {
    /// Looks after the endpoint until it is removed.
    pub(super) async fn run(self) {
        let gone = self.remote.gone.clone();
        tokio::select! {
            () = gone.cancelled() => {}
            () = self.look_after() => {}
        }
        self.remote.lose();
    }

    async fn look_after(&self) {
        let mut pause = Pause::default();
        let mut tunnel = None;
        loop {
            let mut status = self.connect(&mut tunnel).await;
            if matches!(status, Status::Connected { .. }) {
                let since = Instant::now();
                *lock(&self.remote.link) = CancellationToken::new();
                self.publish(status);
                status = self.watch(&mut tunnel).await;
                self.remote.lose();
                pause.lost_after(since.elapsed());
            }
            let mends_itself = status.mends_itself();
            self.publish(status);
            if mends_itself {
                tokio::select! {
                    () = sleep(jittered(pause.0)) => pause.grow(),
                    () = self.remote.look.notified() => sleep(jittered(PAUSES.0)).await,
                    () = self.remote.retry.notified() => {
                        pause = Pause::default();
                        self.begin_again();
                    }
                }
            } else {
                self.remote.retry.notified().await;
                self.begin_again();
            }
        }
    }

    /// Tells that it is tried at somebody's wish.
    fn begin_again(&self) {
        self.remote.status.send_replace(Status::Connecting);
        self.tell(Status::Connecting);
    }

    /// Asks the endpoint again and again; returns how it is when it is lost.
    async fn watch(&self, tunnel: &mut Option<Tunnel>) -> Status {
        loop {
            tokio::select! {
                () = sleep(PING) => {}
                () = self.remote.look.notified() => {}
                () = self.remote.retry.notified() => self.begin_again(),
                detail = tunnel_end(tunnel) => return Status::TunnelFailed { detail },
            }
            let status = self.hello().await;
            if !matches!(status, Status::Connected { .. }) {
                return status;
            }
            self.publish(status);
        }
    }

    async fn connect(&self, tunnel: &mut Option<Tunnel>) -> Status {
        if let Err(fault) = self.client() {
            return unusable(fault);
        }
        if let Reach::Ssh { destination } = self.remote.endpoint().reach {
            if tunnel.as_mut().is_some_and(Tunnel::is_up) {
                let status = self.hello().await;
                if matches!(status, Status::Connected { .. }) {
                    return status;
                }
                // It may lead to a hub that is gone: the way is made anew, and that one started.
            }
            // The old one ends before the new one takes its socket.
            *tunnel = None;
            match Tunnel::open(&destination, &self.tunnel).await {
                Ok(open) => *tunnel = Some(open),
                Err(TunnelError::NotInstalled(detail)) => return Status::NotInstalled { detail },
                Err(TunnelError::Failed(detail)) => return Status::TunnelFailed { detail },
            }
        }
        self.hello().await
    }

    /// Returns what speaks with the endpoint; the token is read for it once.
    fn client(&self) -> Result<&HubClient, Fault> {
        if let Some(client) = self.remote.client.get() {
            return Ok(client);
        }
        let endpoint = self.remote.endpoint();
        let token = self.topology.endpoint_secret(endpoint.endpoint_id);
        let token = token.map_err(|fault| {
            let hint = format!(
                "`chmod go=` on that file, then `fleet endpoint status {} --retry`",
                endpoint.name
            );
            fault.hint(hint)
        })?;
        let way = Way::of(&endpoint.reach, self.tunnel.clone());
        Ok(self
            .remote
            .client
            .get_or_init(|| HubClient::new(way, token)))
    }

    async fn hello(&self) -> Status {
        let client = match self.client() {
            Ok(client) => client,
            Err(fault) => return unusable(fault),
        };
        match greet(client, &self.remote.endpoint().reach).await {
            Ok(info) => self.compare(info),
            Err(status) => status,
        }
    }

    /// Compares who answers with who answered before, and what it speaks with what we do.
    fn compare(&self, info: Info) -> Status {
        if info.min_version > VERSION || info.version < 1 {
            let Info {
                version,
                min_version,
                build,
                ..
            } = info;
            let detail = format!(
                "it speaks versions {min_version} to {version} (build {build}), home {VERSION}"
            );
            return Status::Incompatible { detail, hint: None };
        }
        let known = self.remote.endpoint();
        match known.hub_id {
            Some(hub) if hub != info.hub_id => {
                let detail = format!("another hub answers there: {} and not {hub}", info.hub_id);
                let hint = format!(
                    "if that machine was set up anew: `fleet endpoint update {} --accept-hub`",
                    known.name
                );
                return Status::AuthFailed {
                    detail,
                    hint: Some(hint),
                };
            }
            Some(_) => {}
            None => {
                // If it cannot be written now, it is at the next hello.
                if self
                    .topology
                    .set_hub_of(known.endpoint_id, info.hub_id)
                    .is_ok()
                {
                    lock(&self.remote.endpoint).hub_id = Some(info.hub_id);
                }
            }
        }
        if info.hub_id == self.topology.hub_id() {
            return Status::Incompatible {
                detail: "it is this hub itself".to_owned(),
                hint: Some(format!("remove `{}`: `local` is this machine", known.name)),
            };
        }
        Status::Connected {
            host: info.host,
            build: info.build,
        }
    }

    fn publish(&self, status: Status) {
        let changed = self.remote.status.send_if_modified(|now| {
            let changed = *now != status;
            *now = status.clone();
            changed
        });
        if changed {
            self.tell(status);
        }
    }

    fn tell(&self, status: Status) {
        // Nobody has to listen.
        let _ = self.events.send(Event::EndpointStatus {
            name: self.remote.endpoint().name.to_string(),
            status,
        });
    }
}

/// Asks a hub who it is; returns how its endpoint is where it does not say so.
pub(crate) async fn greet(client: &HubClient, reach: &Reach) -> Result<Info, Status> {
    let hello = client.call_within::<HubInfo>(Nothing {}, HELLO, None);
    hello.await.map_err(|error| match error {
        ClientError::Unreachable(why, detail) => Status::Offline { why, detail },
        ClientError::NoHub(detail) => {
            let place = reach.place();
            let hint = format!("check that a hub is at {place}: `fleet hub status` there");
            Status::Incompatible {
                detail: format!("what answers is no hub: {detail}"),
                hint: Some(hint),
            }
        }
        ClientError::Answer(fault) => match fault.code {
            Code::AuthRequired | Code::AuthDenied => Status::AuthFailed {
                detail: fault.message,
                hint: None,
            },
            Code::LimitExceeded => Status::Offline {
                why: crate::client::Unreachable::Refused,
                detail: fault.message,
            },
            _ => Status::Incompatible {
                detail: fault.message,
                hint: Some(
                    fault
                        .hint
                        .unwrap_or_else(|| "look at the output of its `fleet hub run`".to_owned()),
                ),
            },
        },
    })
}

/// How an endpoint is whose token cannot be read.
fn unusable(fault: Fault) -> Status {
    Status::AuthFailed {
        detail: fault.message,
        hint: fault.hint,
    }
}

/// How long it is until the next try.
#[derive(Debug, PartialEq, Eq)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Pause {
    fn grow(&mut self) {
        self.0 = (self.0 * 2).min(PAUSES.1);
    }

    /// Takes note of a connection that ended. One that ends as soon as it is made does not shorten
    /// the pauses: it would be made again and again.
    fn lost_after(&mut self, lasted: Duration) {
        if lasted >= LASTING {
            *self = Self::default();
        }
    }
}

async fn tunnel_end(tunnel: &mut Option<Tunnel>) -> String {
    match tunnel {
        Some(tunnel) => tunnel.ended().await,
        None => std::future::pending().await,
    }
}

/// Returns half to all of a pause, so that many who lost the same machine do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness the pause is whole.
    let part = getrandom::fill(&mut byte).map_or(255, |()| byte[0]);
    pause / 2 + pause / 2 * u32::from(part) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_end_at_once_are_made_at_ever_longer_pauses_and_one_that_lasted_soon() {
        let mut pause = Pause::default();
        for _ in 0..20 {
            pause.lost_after(Duration::from_millis(5));
            pause.grow();
        }
        assert_eq!(pause, Pause(PAUSES.1));
        pause.lost_after(LASTING);
        assert_eq!(pause, Pause(PAUSES.0));
    }

    #[test]
    fn a_pause_is_half_to_all_of_what_it_is_told() {
        for _ in 0..200 {
            let pause = jittered(Duration::from_secs(2));
            assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(2));
        }
    }
}
