//! Endpoints as they are now: one supervisor each, and calls to them.
//!
//! A supervisor is one task. It connects, says hello, compares who answers with who answered
//! before, and asks again and again whether the endpoint is there. What fails by itself is tried
//! again by itself, with growing and jittered pauses; what a person has to mend waits for
//! [`Remote::retry`]. Each time that an endpoint is lost, everything that went over it is ended, so
//! that no answer of an earlier connection is taken for one of a later.

mod ssh;
mod status;
mod supervisor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{ClientError, HubClient};
use crate::fault::{Code, Fault};
use crate::op::Op;
use crate::preview::Preview;
use crate::topology::{Endpoint, Topology};

pub use status::Status;
pub(crate) use supervisor::greet;

/// How long a call waits for an endpoint that is being connected.
const CONNECTING: Duration = Duration::from_secs(8);
/// How long one of several endpoints is waited for.
const SOON: Duration = Duration::from_secs(10);

/// Something that changed in the topology or at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// An endpoint is as it was not before.
    EndpointStatus {
        /// Its name.
        name: String,
        /// How it is now.
        status: Status,
    },
    /// Endpoints, mounts or terminals were added, changed or removed.
    Topology {
        /// The operation that did it.
        op: String,
    },
}

/// An endpoint and the task that looks after it.
#[derive(Debug)]
pub struct Remote {
    endpoint: Mutex<Endpoint>,
    /// There is none until the token could be read.
    client: OnceLock<HubClient>,
    status: watch::Sender<Status>,
    /// Ends when the endpoint is removed.
    gone: CancellationToken,
    /// Ends when the present connection is lost.
    link: Mutex<CancellationToken>,
    retry: Notify,
    look: Notify,
}

impl Remote {
    /// Gives all connections up: what was sent on them and did not arrive never does.
    fn lose(&self) {
        if let Some(client) = self.client.get() {
            client.give_up();
        }
        lock(&self.link).cancel();
    }

    /// Returns what is recorded of it.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        lock(&self.endpoint).clone()
    }

    /// Returns how it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Tries it again at once, whatever it waits for: until that is known, it is being connected.
    pub fn retry(&self) {
        self.status.send_if_modified(|status| {
            let is_known = *status != Status::Connecting;
            *status = Status::Connecting;
            is_known
        });
        self.retry.notify_one();
    }

    /// Returns what ends when the endpoint is lost or removed.
    #[must_use]
    pub fn link(&self) -> CancellationToken {
        lock(&self.link).clone()
    }

    /// Calls an operation there.
    ///
    /// # Errors
    /// Fails when the endpoint cannot be reached or is removed meanwhile, and with what it answers;
    /// the error says which.
    pub async fn call<O: Op>(
        &self,
        params: O::Params,
        deadline: Duration,
    ) -> Result<O::Result, Fault> {
        self.work(|client| async move { client.call_within::<O>(params, deadline, None).await })
            .await
    }

    /// Asks what an operation would do there.
    ///
    /// # Errors
    /// Fails as [`call`](Self::call) does.
    pub async fn preview<O: Op>(
        &self,
        params: O::Params,
        deadline: Duration,
    ) -> Result<Preview, Fault> {
        self.work(|client| async move { client.preview::<O>(params, deadline, None).await })
            .await
    }

    /// Does something with the endpoint's hub, once it is connected.
    ///
    /// # Errors
    /// Fails as [`call`](Self::call) does.
    pub async fn work<T, F>(&self, work: impl FnOnce(HubClient) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let name = self.endpoint().name;
        let name = name.as_str();
        let working = async {
            self.connected().await?;
            let link = self.link();
            let client = self.client.get().cloned();
            let client = client.ok_or_else(|| refusal(&self.endpoint(), &self.status()))?;
            tokio::select! {
                done = work(client) => done.map_err(|error| {
                    if !matches!(error, ClientError::Answer(_)) {
                        self.look.notify_one();
                    }
                    error.about(name)
                }),
                () = link.cancelled() => {
                    let message = format!("`{name}` was lost before it answered");
                    Err(Fault::new(Code::EndpointOffline, message).about(name))
                }
            }
        };
        tokio::select! {
            done = working => done,
            () = self.gone.cancelled() => {
                let message = format!("endpoint `{name}` was removed meanwhile");
                Err(Fault::new(Code::EndpointNotFound, message).about(name))
            }
        }
    }

    /// Calls an operation there whose answer others wait for too, as that of a listing: who does not
    /// answer soon is left out of it.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_soon<O: Op>(
        &self,
        params: O::Params,
        deadline: Duration,
    ) -> Result<O::Result, Fault> {
        let share = SOON.min(deadline * 3 / 4);
        let called = timeout(share, self.call::<O>(params, share)).await;
        called.unwrap_or_else(|_| {
            let name = self.endpoint().name;
            let message = format!("`{name}` did not answer within {} s", share.as_secs_f32());
            Err(Fault::new(Code::EndpointOffline, message).about(name.as_str()))
        })
    }

    /// Waits while it is being connected; fails at once if it is known not to be there.
    async fn connected(&self) -> Result<(), Fault> {
        let mut status = self.status.subscribe();
        let known = timeout(
            CONNECTING,
            status.wait_for(|status| *status != Status::Connecting),
        );
        let status = match known.await {
            Ok(Ok(status)) => status.clone(),
            _ => Status::Connecting,
        };
        if matches!(status, Status::Connected { .. }) {
            return Ok(());
        }
        // Somebody wants it: it is tried now rather than at the end of a long pause.
        self.look.notify_one();
        Err(refusal(&self.endpoint(), &status))
    }
}

fn refusal(endpoint: &Endpoint, status: &Status) -> Fault {
    let name = endpoint.name.as_str();
    let code = match status {
        Status::AuthFailed { .. } => Code::EndpointAuth,
        Status::Incompatible { .. } | Status::NotInstalled { .. } => Code::EndpointIncompatible,
        _ => Code::EndpointOffline,
    };
    let message = match status.detail() {
        Some(detail) => format!("`{name}` cannot be asked ({status}): {detail}"),
        None => format!("`{name}` is not connected yet"),
    };
    let fault = Fault::new(code, message).about(name);
    match status.action(endpoint) {
        Some(action) => fault.hint(action),
        None => fault,
    }
}

/// All endpoints of a home.
#[derive(Debug)]
pub struct Endpoints {
    remotes: Mutex<BTreeMap<Uuid, Arc<Remote>>>,
    topology: Arc<Topology>,
    tunnels: PathBuf,
    events: broadcast::Sender<Event>,
}

impl Endpoints {
    /// Makes the set of a topology's endpoints, without any yet. `tunnels` is a private directory
    /// for the sockets of `ssh`.
    #[must_use]
    pub fn new(topology: Arc<Topology>, tunnels: &Path, events: broadcast::Sender<Event>) -> Self {
        Self {
            remotes: Mutex::default(),
            topology,
            tunnels: tunnels.to_owned(),
            events,
        }
    }

    /// Begins to look after all endpoints of the topology.
    ///
    /// # Errors
    /// Fails when the topology cannot be read.
    pub fn begin(&self) -> Result<(), Fault> {
        for endpoint in self.topology.endpoints()? {
            self.add(endpoint);
        }
        Ok(())
    }

    /// Begins to look after an endpoint. That its token cannot be read is told by its status.
    pub fn add(&self, endpoint: Endpoint) {
        let id = endpoint.endpoint_id;
        let tunnel = self
            .tunnels
            .join(format!("{}.sock", &id.simple().to_string()[20..]));
        let remote = Arc::new(Remote {
            client: OnceLock::new(),
            endpoint: Mutex::new(endpoint),
            status: watch::Sender::new(Status::Connecting),
            gone: CancellationToken::new(),
            link: Mutex::new(CancellationToken::new()),
            retry: Notify::new(),
            look: Notify::new(),
        });
        lock(&self.remotes).insert(id, Arc::clone(&remote));
        let supervisor = supervisor::Supervisor {
            remote: Arc::clone(&remote),
            topology: Arc::clone(&self.topology),
            tunnel,
            events: self.events.clone(),
        };
        tokio::spawn(supervisor.run());
    }

    /// Takes note of what is recorded of an endpoint whose place, key and token are what they were.
    pub fn note(&self, endpoint: &Endpoint) {
        if let Some(remote) = self.get(endpoint.endpoint_id) {
            *lock(&remote.endpoint) = endpoint.clone();
        }
    }

    /// Ends the supervisor of an endpoint, its connections, and the calls that wait for it.
    pub fn remove(&self, id: Uuid) {
        if let Some(remote) = lock(&self.remotes).remove(&id) {
            remote.gone.cancel();
            remote.lose();
        }
    }

    /// Returns an endpoint.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<Arc<Remote>> {
        lock(&self.remotes).get(&id).cloned()
    }

    /// Gives up all connections, when the hub ends: what was sent and did not arrive never does.
    pub(crate) fn lose(&self) {
        for remote in self.all() {
            remote.lose();
        }
    }

    /// Returns all, in no order of meaning.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Remote>> {
        lock(&self.remotes).values().cloned().collect()
    }
}

impl Drop for Endpoints {
    fn drop(&mut self) {
        for remote in self.all() {
            remote.gone.cancel();
            remote.lose();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
