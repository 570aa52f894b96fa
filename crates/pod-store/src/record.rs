//! The records of fleets, pods and sessions.

use std::fmt;
use std::path::PathBuf;

use podfleet_protocol::{
    FleetName, Generation, Hold, Identity, Paused, PodId, PodName, SessionId, TenantId, UnixMillis,
};

use crate::relation::Spawned;
use crate::spec_text::SpecText;

/// The identity of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FleetKey {
    /// The owner of its records.
    pub tenant: TenantId,
    /// Its name.
    pub fleet: FleetName,
}

impl FleetKey {
    /// Makes the key of a tenant's fleet.
    #[must_use]
    pub fn new(tenant: TenantId, fleet: FleetName) -> Self {
        Self { tenant, fleet }
    }

    /// Returns the fleet that `identity` belongs to.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self::new(identity.tenant_id.clone(), identity.fleet.clone())
    }
}

/// A pod as it is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPod {
    /// Who it is. The id counts only if the fleet has no pod of this name yet.
    pub identity: Identity,
    /// Its role in the fleet, such as [`PodRecord::ORCHESTRATOR`].
    pub class: String,
    /// What people may call it besides its name.
    pub alias: Option<String>,
    /// The name of the harness that runs its agent.
    pub runtime: String,
    /// All that is needed to start it, as the layer above writes it.
    pub spec: SpecText,
    /// Where its socket and heartbeat are to be.
    pub runtime_dir: PathBuf,
    /// When this was asked for.
    pub at: UnixMillis,
}

impl NewPod {
    /// Returns whether a pod that is recorded so must be brought up to date.
    pub(crate) fn differs_from(&self, old: &PodRecord) -> bool {
        self.identity.host != old.identity.host
            || self.class != old.class
            || self.alias != old.alias
            || self.runtime != old.runtime
            || self.spec != old.spec
            || self.runtime_dir != old.runtime_dir
            || !old.member
    }

    /// Returns the record of a pod that is new.
    pub(crate) fn into_record(self) -> PodRecord {
        PodRecord {
            identity: self.identity,
            class: self.class,
            alias: self.alias,
            runtime: self.runtime,
            spec: self.spec,
            runtime_dir: self.runtime_dir,
            generation: Generation(0),
            endpoint: None,
            state: PodState::Stopped,
            expected: false,
            member: true,
            spawned: None,
            paused: None,
            session: None,
            created: self.at,
            updated: self.at,
            revision: 1,
        }
    }
}

/// What the store knows of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodRecord {
    /// Who it is.
    pub identity: Identity,
    /// Its role in the fleet.
    pub class: String,
    /// What people may call it besides its name.
    pub alias: Option<String>,
    /// The name of the harness that runs its agent.
    pub runtime: String,
    /// All that is needed to start it.
    pub spec: SpecText,
    /// Where its socket and heartbeat are to be at its next start.
    pub runtime_dir: PathBuf,
    /// Counts its starts; 0 before the first.
    pub generation: Generation,
    /// Where its present or last generation can be reached; `None` before the first start.
    pub endpoint: Option<Endpoint>,
    /// What the pod last said of itself. A pod that was killed said nothing.
    pub state: PodState,
    /// Whether somebody wants it up.
    pub expected: bool,
    /// Whether it is in its fleet's roster, as that was last recorded.
    pub member: bool,
    /// How it came to be, if it was spawned outside the roster.
    pub spawned: Option<Spawned>,
    /// The brake, if delivery is paused.
    pub paused: Option<Paused>,
    /// The session that its agent is in, or was in last.
    pub session: Option<SessionId>,
    /// When it was first recorded.
    pub created: UnixMillis,
    /// When the record last changed.
    pub updated: UnixMillis,
    /// Counts the changes of what was asked for (class, alias, runtime, spec, runtime directory,
    /// host), from 1.
    pub revision: u64,
}

impl PodRecord {
    /// The class of a fleet's lead, which may give orders to its fleet mates.
    pub const ORCHESTRATOR: &'static str = "orchestrator";

    /// Returns what a writer of the present generation presents.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence {
            pod: self.identity.id,
            generation: self.generation,
        }
    }
}

/// Where one generation of a pod can be reached.
///
/// Clients take these paths from here and never compute them again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its socket.
    pub socket: PathBuf,
    /// Its heartbeat file.
    pub heartbeat: PathBuf,
    /// Its process.
    pub pid: u32,
    /// The build that it runs.
    pub build: String,
}

/// What begins a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationStart {
    /// Where it will be reachable.
    pub endpoint: Endpoint,
    /// When it begins.
    pub at: UnixMillis,
    /// The last generation that is known from elsewhere, such as a log; 0 for none. The one that
    /// begins is a later one, whatever the store says: an old copy of it may have taken its place.
    pub above: Generation,
}

/// The right to write as one generation of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The pod.
    pub pod: PodId,
    /// The generation that writes.
    pub generation: Generation,
}

/// What a pod last said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PodState {
    /// It has not begun, or has ended in order.
    Stopped,
    /// It has begun and has not said that it ended.
    Live,
    /// Its agent ended too often; only an explicit restart starts it again.
    Quarantined {
        /// The account of it, such as `5 exits in 10m, last: exit 1`.
        account: String,
    },
    /// A state that a newer build wrote.
    Other(String),
}

impl PodState {
    /// Returns the word that stands for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stopped => "stopped",
            Self::Live => "live",
            Self::Quarantined { .. } => "quarantined",
            Self::Other(word) => word,
        }
    }

    pub(crate) fn from_columns(word: String, account: Option<String>) -> Self {
        match word.as_str() {
            "stopped" => Self::Stopped,
            "live" => Self::Live,
            "quarantined" => Self::Quarantined {
                account: account.unwrap_or_default(),
            },
            _ => Self::Other(word),
        }
    }

    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::Quarantined { account } => Some(account),
            _ => None,
        }
    }
}

/// Which pods a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFilter {
    /// The owner of the records.
    pub tenant: TenantId,
    /// Only this fleet; `None` shows all of the tenant's.
    pub fleet: Option<FleetName>,
}

impl From<FleetKey> for PodFilter {
    fn from(key: FleetKey) -> Self {
        Self {
            tenant: key.tenant,
            fleet: Some(key.fleet),
        }
    }
}

/// A place in a listing of pods, which is ordered by fleet and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodCursor {
    pub(crate) fleet: String,
    pub(crate) folded: String,
}

impl PodCursor {
    /// Returns the place of the pod `name` in `fleet`.
    #[must_use]
    pub fn at(fleet: &FleetName, name: &PodName) -> Self {
        Self {
            fleet: fleet.to_string(),
            folded: name.as_str().to_ascii_lowercase(),
        }
    }

    pub(crate) fn of(record: &PodRecord) -> Self {
        Self::at(&record.identity.fleet, &record.identity.name)
    }
}

/// The fleet and the name in lower case, such as `website/coder`.
impl fmt::Display for PodCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.fleet, self.folded)
    }
}

/// A pod with the state of its inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct PodSummary {
    /// The pod.
    pub record: PodRecord,
    /// How many messages wait.
    pub undelivered: u32,
    /// When the first of them was accepted.
    pub oldest: Option<UnixMillis>,
    /// Why the first of them waits, if its receipt says so.
    pub hold: Option<Hold>,
}

/// What goes with a pod when it is forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages, delivered ones too.
    pub messages: u64,
    /// Messages that were not delivered.
    pub undelivered: u64,
    /// Sessions; their logs are files that the store leaves alone.
    pub sessions: u64,
    /// Relations to peers.
    pub peers: u64,
    /// Relations to children, which stay as pods without a parent.
    pub children: u64,
    /// Its relation to its parent.
    pub parent: bool,
}

/// A session as it is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its identity.
    pub id: SessionId,
    /// When it begins.
    pub started: UnixMillis,
}

/// What the store knows of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its identity.
    pub id: SessionId,
    /// The pod that it belongs to.
    pub pod: PodId,
    /// The generation that opened it.
    pub generation: Generation,
    /// When it began.
    pub started: UnixMillis,
    /// When it ended; `None` while it is open, or if its pod was killed.
    pub ended: Option<UnixMillis>,
}
