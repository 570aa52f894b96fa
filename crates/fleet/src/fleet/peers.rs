//! Peers: pods that see and notify each other.

use podfleet_pod::clock;
use podfleet_pod_store::{Page, PeerPair, PodRecord, Registered, Writer};
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{
    AcceptedResult, Method, NameParams, Nothing, PeerResult, Refresh, RegisterPeer, SendParams,
    SendToPeer, UnregisterPeer,
};
use podfleet_protocol::{NewMessage, UnixMillis, Visibility};
use serde::Serialize;

use super::Fleet;
use super::pods::pod_name;
use crate::error::{FleetError, FleetErrorKind};

/// How long a pod may take to be told that its records changed.
const TELL_PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

/// Two pods that are peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerRow {
    /// One of them; the one that was asked about, if one was.
    pub pod: String,
    /// The other.
    pub peer: String,
    /// The fleet of the other, if it is not this one.
    pub fleet: Option<String>,
    /// Since when.
    pub since: UnixMillis,
}

/// What a change of a relation of peers did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerChange {
    /// One of the two.
    pub pod: String,
    /// The other.
    pub peer: String,
    /// Whether they are peers afterwards.
    pub peers: bool,
    /// Whether that is a change.
    pub changed: bool,
    /// Whether it is done; else it was only looked at.
    pub done: bool,
}

impl Fleet {
    /// Makes two pods peers; again is no change. Inside a pod, one of them has to be that pod.
    ///
    /// # Errors
    /// Fails for unknown pods, for a pod and itself, and when the store cannot be written.
    pub async fn peer_add(
        &self,
        one: &str,
        other: &str,
        dry_run: bool,
    ) -> Result<PeerChange, FleetError> {
        self.change_peers::<RegisterPeer>(one, other, true, dry_run)
            .await
    }

    /// Ends the relation of two peers, for both at once. Inside a pod, one has to be that pod.
    ///
    /// # Errors
    /// As [`peer_add`](Self::peer_add).
    pub async fn peer_remove(
        &self,
        one: &str,
        other: &str,
        dry_run: bool,
    ) -> Result<PeerChange, FleetError> {
        self.change_peers::<UnregisterPeer>(one, other, false, dry_run)
            .await
    }

    async fn change_peers<M>(
        &self,
        one: &str,
        other: &str,
        peers: bool,
        dry_run: bool,
    ) -> Result<PeerChange, FleetError>
    where
        M: Method<Params = NameParams, Result = PeerResult>,
    {
        let change = |changed| PeerChange {
            pod: one.to_owned(),
            peer: other.to_owned(),
            peers,
            changed,
            done: !dry_run,
        };
        let own = self.own_pod().await?;
        if let Some(own) = own.filter(|_| !dry_run) {
            let own_name = own.identity.name.as_str();
            let peer = match (one == own_name, other == own_name) {
                (true, _) => other,
                (_, true) => one,
                _ => {
                    let rule =
                        format!("a pod changes relations of its own; this one is `{own_name}`");
                    return Err(FleetError::not_allowed(other, rule));
                }
            };
            let name = pod_name(peer)?;
            let mut client = self.connect(&own).await?;
            let result = client.call::<M>(NameParams { name }).await;
            let result = result.map_err(|error| FleetError::pod(peer, error))?;
            return Ok(change(result.changed));
        }
        let a = self.possible_peer(one).await?;
        let b = self.possible_peer(other).await?;
        let pair = PeerPair::new(a.identity.id, b.identity.id)
            .ok_or_else(|| FleetError::not_allowed(one, "a pod is no peer of itself"))?;
        if dry_run {
            let relation = self.store.relation(a.identity.id, b.identity.id).await?;
            return Ok(change(relation.peer != peers));
        }
        let (by, at) = (Writer::Operator, clock::wall());
        let changed = if peers {
            self.store.register_peer(by, pair, at).await? == Registered::New
        } else {
            self.store.unregister_peer(by, pair, at).await?
        };
        if changed {
            tokio::join!(self.tell(&a), self.tell(&b));
        }
        Ok(change(changed))
    }

    /// Lists pairs of peers: all of this tenant, or those of one pod.
    ///
    /// # Errors
    /// Fails for an unknown pod, for another pod's inside a pod, and when the store cannot be read.
    pub async fn peers(&self, of: Option<&str>) -> Result<Vec<PeerRow>, FleetError> {
        let own = self.own_pod().await?;
        let of = match (of, own) {
            (Some(name), Some(own)) if own.identity.name.as_str() != name => {
                return Err(FleetError::not_allowed(name, "a pod lists its own peers"));
            }
            (_, Some(own)) => Some(own),
            (Some(name), None) => Some(self.pod_record(name).await?),
            (None, None) => None,
        };
        let of = of.map(|record| record.identity.id);
        let listing = self.store.peers(&self.key.tenant, of, Page::all()).await?;
        Ok(listing
            .items
            .into_iter()
            .map(|peer| {
                let [mut pod, mut other] = peer.pods;
                if of == Some(other.id) {
                    std::mem::swap(&mut pod, &mut other);
                }
                PeerRow {
                    pod: pod.name.to_string(),
                    peer: other.name.to_string(),
                    fleet: (other.fleet != self.key.fleet).then(|| other.fleet.to_string()),
                    since: peer.created,
                }
            })
            .collect())
    }

    /// Lets a pod notify one of its peers. It must run, since the message is its own.
    ///
    /// # Errors
    /// Fails for unknown pods, for a pod that does not run or that we may not speak for, and when
    /// the two are no peers.
    pub async fn peer_send(
        &self,
        from: &str,
        to: &str,
        message: NewMessage,
    ) -> Result<AcceptedResult, FleetError> {
        let name = pod_name(to)?;
        let from = self.pod_record(from).await?;
        let mut client = self.connect(&from).await?;
        let sent = client.call::<SendToPeer>(SendParams { name, message });
        sent.await
            .map_err(|error| FleetError::pod(to, error).of_message())
    }

    /// Says whether [`peer_send`](Self::peer_send) would be allowed; sends nothing.
    ///
    /// # Errors
    /// As `peer_send`.
    pub async fn check_peer_send(&self, from: &str, to: &str) -> Result<(), FleetError> {
        let seen = self.pods_of(from).await?;
        let row = seen.iter().find(|row| row.name == to);
        let row =
            row.ok_or_else(|| FleetError::not_allowed(to, format!("`{from}` does not see it")))?;
        if row.visibility.contains(&Visibility::Peer) {
            return Ok(());
        }
        Err(FleetError::not_allowed(
            to,
            format!("it is no peer of `{from}`"),
        ))
    }

    /// Tells a pod that its records changed. One that does not run reads them at its start.
    pub(super) async fn tell(&self, pod: &PodRecord) {
        let Some(endpoint) = &pod.endpoint else {
            return;
        };
        let who = self.introduction();
        let telling = async {
            let mut client = PodClient::connect(&endpoint.socket, &who).await.ok()?;
            client.call::<Refresh>(Nothing {}).await.ok()
        };
        // It looks by itself too, only later.
        let _ = tokio::time::timeout(TELL_PATIENCE, telling).await;
    }
}

impl FleetError {
    /// Makes the error of what a rule forbids about a pod.
    pub(crate) fn not_allowed(pod: &str, rule: impl Into<String>) -> Self {
        Self::new(FleetErrorKind::NotAllowed {
            pod: pod.to_owned(),
            rule: rule.into(),
        })
    }
}
