//! Acting as a pod's agent: with its credential, on any pod's socket.

use std::fs;

use podfleet_pod::paths::{RuntimeDir, StatePaths};
use podfleet_pod_store::session_log::{Entry, SessionFiles, SessionReader};
use podfleet_pod_store::{FleetKey, PodRecord, RecordStore as _, SqliteStore};
use podfleet_protocol::client::{ClientError, Introduction, PodClient, Subscriber};
use podfleet_protocol::method::{AttachParams, Credential, ListPods, ListPodsParams, Method};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{FleetName, NewMessage, PodName, PodRow, TenantId};
use tokio::runtime::Runtime;

use crate::world::World;

/// The tests' view of all pods of a world.
pub(crate) struct Actors<'a> {
    world: &'a World,
    runtime: Runtime,
    store: SqliteStore,
    tenant: TenantId,
}

impl<'a> Actors<'a> {
    pub(crate) fn of(world: &'a World) -> Self {
        let paths = StatePaths::new(world.path("state"));
        let pods = world.fleet(&["ps", "--json"]).exits(0).json();
        let tenant = pods[0]["tenant_id"].as_str().unwrap();
        Self {
            tenant: TenantId::new(tenant).unwrap(),
            world,
            runtime: Runtime::new().unwrap(),
            store: SqliteStore::open(&paths.store()).unwrap(),
        }
    }

    pub(crate) fn record(&self, name: &str) -> PodRecord {
        let key = FleetKey::new(self.tenant.clone(), FleetName::default());
        let name = pod_name(name);
        let found = self.store.find_pod(&key, &name);
        self.runtime.block_on(found).unwrap().unwrap()
    }

    /// Returns the proof of being this pod.
    pub(crate) fn credential(&self, name: &str) -> Credential {
        let record = self.record(name);
        let id = record.identity.id;
        let files = RuntimeDir::open(&record.runtime_dir).unwrap().pod(id);
        Credential {
            pod: id,
            secret: fs::read_to_string(files.credential).unwrap(),
        }
    }

    /// Calls a method on the socket of a pod, as the agent of another or of itself.
    pub(crate) fn call<M: Method>(
        &self,
        as_pod: &str,
        on: &str,
        params: M::Params,
    ) -> Result<M::Result, RpcError> {
        let who = Introduction {
            client: "the test".to_owned(),
            credential: Some(self.credential(as_pod)),
        };
        self.call_as::<M>(&who, on, params)
    }

    pub(crate) fn call_as<M: Method>(
        &self,
        who: &Introduction,
        on: &str,
        params: M::Params,
    ) -> Result<M::Result, RpcError> {
        let socket = self.record(on).endpoint.unwrap().socket;
        let result = self.runtime.block_on(async {
            let mut client = PodClient::connect(&socket, who).await?;
            client.call::<M>(params).await
        });
        result.map_err(|error| answer_of(&error))
    }

    /// Attaches to the terminal of a pod, as the agent of another, and leaves it again.
    pub(crate) fn attach(
        &self,
        as_pod: &str,
        on: &str,
        params: AttachParams,
    ) -> Result<(), RpcError> {
        let who = Introduction {
            client: "the test".to_owned(),
            credential: Some(self.credential(as_pod)),
        };
        let socket = self.record(on).endpoint.unwrap().socket;
        let attached = PodClient::attach(&socket, &who, params);
        let attached = self.runtime.block_on(attached).map(drop);
        attached.map_err(|error| answer_of(&error))
    }

    /// Subscribes to the events of a pod, as the agent of another, and leaves it again.
    pub(crate) fn subscribe(&self, as_pod: &str, on: &str) -> Result<(), RpcError> {
        let who = Introduction {
            client: "the test".to_owned(),
            credential: Some(self.credential(as_pod)),
        };
        let socket = self.record(on).endpoint.unwrap().socket;
        let subscribed = Subscriber::connect(&socket, &who, None);
        let subscribed = self.runtime.block_on(subscribed).map(drop);
        subscribed.map_err(|error| answer_of(&error))
    }

    /// Calls a method of a pod's own.
    pub(crate) fn own<M: Method>(
        &self,
        pod: &str,
        params: M::Params,
    ) -> Result<M::Result, RpcError> {
        self.call::<M>(pod, pod, params)
    }

    /// Returns the code of an answer that has to be an error.
    #[track_caller]
    pub(crate) fn refused<M: Method>(&self, as_pod: &str, on: &str, params: M::Params) -> ErrorCode
    where
        M::Result: std::fmt::Debug,
    {
        self.call::<M>(as_pod, on, params).unwrap_err().code
    }

    /// Returns what a pod sees.
    pub(crate) fn seen_by(&self, pod: &str) -> Vec<PodRow> {
        let listing = self.own::<ListPods>(pod, ListPodsParams::default());
        listing.unwrap().pods
    }

    /// Returns the row of one pod in another's listing.
    #[track_caller]
    pub(crate) fn row(&self, viewer: &str, pod: &str) -> PodRow {
        let rows = self.seen_by(viewer);
        let row = rows.iter().find(|row| row.name == pod);
        row.unwrap_or_else(|| panic!("no {pod} in {rows:#?}"))
            .clone()
    }

    /// Returns the reasons for which one pod sees another; empty if it does not.
    pub(crate) fn reasons(&self, viewer: &str, pod: &str) -> String {
        let rows = self.seen_by(viewer).into_iter();
        let mut named = rows.filter(|row| row.name == pod);
        let reasons = named.next().map(|row| row.visibility).unwrap_or_default();
        let words: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
        words.join(",")
    }

    /// Returns what all sessions of a pod recorded.
    pub(crate) fn log(&self, pod: &str) -> Vec<Entry> {
        let record = self.record(pod);
        let id = record.identity.id;
        let directory = self.world.path("state/sessions").join(id.to_string());
        let mut sessions: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok())
            .collect();
        sessions.sort_unstable();
        sessions
            .into_iter()
            .flat_map(|session| {
                let files = SessionFiles::new(&self.world.path("state"), id, session);
                SessionReader::open(files).unwrap()
            })
            .map(|located| located.unwrap().record.entry)
            .collect()
    }

    /// Returns the changes of relations to peers that a pod's log tells of, each once.
    pub(crate) fn peer_events(&self, pod: &str) -> Vec<String> {
        let mut places = std::collections::BTreeMap::new();
        for entry in self.log(pod) {
            if let Entry::Peer(event) = entry
                && let Some(place) = event.outbox
            {
                places.insert(place, format!("{} {}", event.event, event.name));
            }
        }
        places.into_values().collect()
    }
}

/// Returns what the pod answered; anything else that went wrong fails the test.
#[track_caller]
fn answer_of(error: &ClientError) -> RpcError {
    match error.answer() {
        Some(answer) => answer.clone(),
        None => panic!("{error}"),
    }
}

pub(crate) fn pod_name(name: &str) -> PodName {
    PodName::new(name).unwrap()
}

pub(crate) fn message(body: &str) -> NewMessage {
    NewMessage::new(body)
}
