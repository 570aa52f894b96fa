//! The façade: one fleet of one user on one host.

mod attach;
mod brake;
mod bridge_keeping;
mod busy;
mod chat;
mod claim;
mod clean;
mod comms;
mod dialogs;
mod doctor;
mod down;
mod elsewhere;
mod explain;
mod fallen;
mod follow;
mod former;
mod gates;
mod inbox;
mod install;
mod key;
mod make_views;
mod observe;
mod opening_store;
mod output;
mod peers;
mod pods;
mod prune;
mod receipt;
mod restart;
mod restore;
mod send;
mod settle;
mod spawn;
mod start;
mod stop;
mod supervision;
mod survey;
mod terminal;
mod trust;
mod up;
mod update;
mod verify;
mod view_queue;
mod who;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use podfleet_connectors::ConnectorRegistry;
use podfleet_home::Env;
use podfleet_pod::host::Asker;
use podfleet_pod_store::{FleetKey, PodRecord, PodStore};
use podfleet_protocol::client::Introduction;
use podfleet_protocol::method::Credential;
use podfleet_protocol::{FleetName, PodName};
use podfleet_roster::Roster;
use tokio::sync::mpsc;

use crate::agent_env;
use crate::comms::elsewhere;
use crate::credential::credential_of;
use crate::desired::Recipe;
use crate::dirs::Dirs;
use crate::error::{FleetError, FleetErrorKind};
use crate::lock::{self, Held};
use crate::origin::{Origin, TmuxNames};
use crate::readiness::IDLE_THRESHOLD;
use crate::report::Progress;
use crate::supervisor::{self, Direct, Supervisor, SupervisorKind, UserManager};
use crate::views::Views;

pub use attach::SessionLog;
pub use brake::{Brake, BrakeReport};
pub use comms::CommsBlock;
pub use dialogs::ResetReport;
pub use doctor::{Check, Verdict};
pub use down::DownOptions;
pub use elsewhere::SessionTarget;
pub use explain::{Explanation, Fact};
pub use fallen::Fallen;
pub use inbox::InboxReport;
pub use install::{Installation, InstalledUnit, Removal};
use key::{fleet_key, key_of_lost};
pub use observe::AgentStatus;
pub use opening_store::OpeningStore;
pub use peers::{PeerChange, PeerRow};
pub use pods::ForgetReport;
pub use prune::{AgentPruned, RemainsPruned};
pub use restart::RestartOptions;
pub use send::{SendReport, SendRequest, Via};
pub(crate) use settle::account;
pub(crate) use spawn::Spawner;
pub use stop::StopTimeouts;
pub use supervision::Supervision;
pub use terminal::{TERMINAL_CLASS, Terminal, TerminalRequest};
pub use trust::TrustReport;
pub use up::UpOptions;
pub use update::{OldAgent, Update, UpdateOptions};
pub use verify::{Miss, Verification};
pub use who::{check_operator, check_operators_process};

/// Everything that a fleet needs from outside.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where its files are.
    pub dirs: Dirs,
    /// The environment of the person or agent at the command line.
    pub env: Env,
    /// Our own binary; pods and views are started from it.
    pub exe: PathBuf,
    /// This machine's short host name.
    pub host: String,
    /// The user of the operating system: the tenant of a roster that names none.
    pub user: String,
    /// Our own build, to tell older pods.
    pub build: String,
    /// The roster and its absolute path, if one could be read without findings that forbid changes.
    pub roster: Option<(Roster, PathBuf)>,
    /// Without a roster: the absolute path of the one that is broken or gone. The fleet that was
    /// last brought up from it is meant.
    pub lost_roster: Option<PathBuf>,
    /// The fleet that is meant; absent: the roster's, else that of the pod that we run in, else
    /// that of the lost roster, else `default`. A roster of another fleet is not used.
    pub fleet: Option<FleetName>,
    /// How we introduce ourselves to pods, such as `fleet send`.
    pub client: String,
    /// What is to keep the pods; absent: what the fleet was brought up by, else what this machine
    /// has.
    pub supervisor: Option<SupervisorKind>,
    /// The chat connectors that there are.
    pub connectors: ConnectorRegistry,
}

/// A channel for [`Progress`]; nobody has to listen.
pub type Events = mpsc::UnboundedSender<Progress>;

/// One fleet: the verbs that people and tools use.
///
/// Every verb that changes something holds the fleet's lock while it works, so that two at once
/// come one after the other.
#[derive(Debug)]
pub struct Fleet {
    key: FleetKey,
    dirs: Dirs,
    env: Env,
    exe: PathBuf,
    host: String,
    build: String,
    client: String,
    roster: Option<(Roster, PathBuf)>,
    /// The roster that is broken or gone, where none can be used.
    lost_roster: Option<PathBuf>,
    origin: Option<Origin>,
    credential: Option<Credential>,
    store: Arc<dyn PodStore>,
    supervisor: Arc<dyn Supervisor>,
    direct: Direct,
    manager: UserManager,
    user: String,
    /// Whether the roster that the fleet was brought up from has another name for its fleet by now.
    is_former: bool,
    /// Where nothing says which fleet is meant, and this one was never brought up: those that were.
    others: Vec<FleetName>,
    connectors: ConnectorRegistry,
}

impl Fleet {
    /// Opens the fleet: finds out which one is meant, and opens the store. Starts and changes
    /// nothing else.
    ///
    /// # Errors
    /// Fails when the store cannot be opened, a name is not valid, or it is not known which fleet is
    /// meant because the roster is lost.
    pub async fn open(setup: Setup) -> Result<Self, FleetError> {
        let store = OpeningStore::begin(&setup.dirs).store().await?;
        Self::with_store(setup, store).await
    }

    /// Opens the fleet over a store that is open already.
    ///
    /// # Errors
    /// Fails when the store cannot be read, a name is not valid, or it is not known which fleet is
    /// meant because the roster is lost.
    pub async fn with_store(setup: Setup, store: Arc<dyn PodStore>) -> Result<Self, FleetError> {
        let credential = credential_of(&setup.env);
        let own = match &credential {
            Some(credential) => store.pod(credential.pod).await?.map(|pod| pod.identity),
            None => None,
        };
        let left_aside = setup.roster.as_ref().map(|(_, path)| path.clone());
        let roster = setup.roster.filter(|(roster, _)| {
            let meant = setup.fleet.as_ref();
            meant.is_none_or(|meant| meant.as_str() == roster.fleet.as_str())
        });
        let named = setup.fleet.is_some() || own.is_some() || roster.is_some();
        let key = fleet_key(
            roster.as_ref().map(|(roster, _)| roster),
            setup.fleet,
            own.as_ref(),
            setup.env.get("FLEET_TENANT").unwrap_or(&setup.user),
        )?;
        let state = &setup.dirs.state;
        let guessed = !named && setup.lost_roster.is_some();
        let key = match &setup.lost_roster {
            Some(lost) if !named => key_of_lost(lost, key, state)?,
            _ => key,
        };
        let origin = Origin::of_fleet(state, &key);
        let left_aside = left_aside.filter(|_| roster.is_none());
        let is_former = match (&origin, left_aside) {
            (Some(origin), Some(path)) => origin.roster == path,
            _ => false,
        };
        let others = if guessed && origin.is_none() {
            Origin::fleets_of(state, &key.tenant)
        } else {
            Vec::new()
        };
        let roster_path = roster.as_ref().map(|(_, path)| path.as_path());
        let pod_env = agent_env::pod_env(&setup.env, &setup.dirs, roster_path, key.tenant.as_str());
        let direct = Direct::new(setup.exe.clone(), pod_env, setup.dirs.state_paths());
        let manager = UserManager::of(&setup.env, rustix::process::getuid().as_raw());
        let recorded = origin.as_ref().map(|origin| {
            let recorded = origin.supervisor;
            recorded.unwrap_or(SupervisorKind::Direct)
        });
        let keepers = (direct.clone(), manager.clone());
        let supervisor = supervisor::choose(setup.supervisor, recorded, keepers, &setup.user).await;
        Ok(Self {
            key,
            dirs: setup.dirs,
            env: setup.env,
            exe: setup.exe,
            host: setup.host,
            build: setup.build,
            client: setup.client,
            roster,
            lost_roster: setup.lost_roster,
            origin,
            credential,
            store,
            supervisor,
            direct,
            manager,
            user: setup.user,
            is_former,
            others,
            connectors: setup.connectors,
        })
    }

    /// Makes the fleet act in the name of a pod, whose process this is.
    pub(crate) fn in_the_name_of(mut self, asker: &Asker) -> Self {
        self.key = FleetKey::of(&asker.identity);
        self.credential = Some(asker.credential.clone());
        self
    }

    /// Returns who owns the fleet, and its name.
    #[must_use]
    pub fn key(&self) -> &FleetKey {
        &self.key
    }

    /// Returns the fleets that may be meant instead: without a roster and a name `default` is, and
    /// where that was never brought up, others may have been.
    #[must_use]
    pub fn others(&self) -> &[FleetName] {
        &self.others
    }

    /// Returns the fleet's directories.
    #[must_use]
    pub fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    /// Returns the roster, if there is one that can be used.
    #[must_use]
    pub fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref().map(|(roster, _)| roster)
    }

    /// Returns the roster that the fleet was brought up from, where it was opened without one.
    #[must_use]
    pub fn unread_roster(&self) -> Option<&Path> {
        let origin = self.origin.as_ref().filter(|_| self.roster.is_none());
        origin.map(|origin| origin.roster.as_path())
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn PodStore> {
        &self.store
    }

    fn wanted_roster(&self) -> Result<(&Roster, &Path), FleetError> {
        self.roster
            .as_ref()
            .map(|(roster, path)| (roster, path.as_path()))
            .ok_or_else(|| FleetError::new(FleetErrorKind::NoRoster))
    }

    fn recipe(&self) -> Option<Recipe<'_>> {
        let (roster, path) = self.roster.as_ref()?;
        Some(Recipe {
            roster,
            roster_dir: path.parent().unwrap_or(Path::new("/")),
            dirs: &self.dirs,
            env: &self.env,
            exe: &self.exe,
            host: &self.host,
            location: agent_env::location(&self.dirs, Some(path), self.key.tenant.as_str()),
        })
    }

    /// Describes the views; nothing where neither a roster nor an earlier `up` tells their socket.
    fn views(&self) -> Option<Result<Views, FleetError>> {
        let (tmux, path) = match (&self.roster, &self.origin) {
            (Some((roster, path)), _) => (TmuxNames::of(roster), path),
            (None, Some(origin)) => (origin.tmux.clone(), &origin.roster),
            (None, None) => return None,
        };
        let location = (&self.dirs, Some(path.as_path()), self.key.tenant.as_str());
        let fleet = &self.key.fleet;
        Some(Views::new(&tmux, &self.env, &self.exe, fleet, location))
    }

    pub(crate) fn introduction(&self) -> Introduction {
        Introduction {
            client: self.client.clone(),
            credential: self.credential.clone(),
        }
    }

    /// From when on a quiet agent without other evidence counts as available.
    fn idle_threshold(&self) -> Duration {
        self.env
            .get("FLEET_IDLE_THRESHOLD")
            .and_then(|seconds| seconds.parse().ok())
            .map_or(IDLE_THRESHOLD, Duration::from_secs)
    }

    async fn lock(&self, events: &Events) -> Result<Held, FleetError> {
        let path = lock::fleet_lock_path(&self.dirs.state, &self.key);
        let (events, fleet) = (events.clone(), self.key.fleet.clone());
        let waiting = move || {
            // Nobody has to listen.
            let _ = events.send(Progress::Waiting {
                what: format!("another command that changes the fleet `{fleet}`"),
            });
        };
        let locking = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || lock::lock(&path, waiting))
        };
        locking
            .await
            .map_err(|error| FleetError::new(FleetErrorKind::Internal).caused_by(error))?
            .map_err(|error| FleetError::io("lock", &path, error))
    }

    /// Returns the record of an agent of this host.
    async fn record(&self, agent: &str) -> Result<Option<PodRecord>, FleetError> {
        let Ok(name) = PodName::new(agent) else {
            return Err(self.no_such(agent).await);
        };
        if let Some(record) = self.store.find_pod(&self.key, &name).await? {
            return self.unless_hidden(record).await.map(Some);
        }
        match self.roster().and_then(|roster| roster.agent(agent)) {
            Some(found) => match elsewhere(found, &self.host) {
                Some(host) => Err(FleetError::new(FleetErrorKind::Remote {
                    agent: agent.to_owned(),
                    host: host.to_owned(),
                })),
                None => Ok(None),
            },
            None => Err(self.no_such(agent).await),
        }
    }

    /// Returns the record of an agent that was started at least once.
    async fn started(&self, agent: &str) -> Result<PodRecord, FleetError> {
        let not_running = || {
            FleetError::new(FleetErrorKind::NotRunning {
                agent: agent.to_owned(),
            })
        };
        self.record(agent).await?.ok_or_else(not_running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tools that embed the crate spawn its verbs on runtimes with many threads.
    #[expect(dead_code, reason = "it is enough that it compiles")]
    fn every_verb_can_be_spawned(fleet: &'static Fleet, events: Events, request: SendRequest) {
        fn spawnable<T: Send + 'static>(_: T) {}
        spawnable(fleet.plan(&[]));
        spawnable(fleet.ps(&[]));
        spawnable(fleet.send(request));
        spawnable(async { fleet.up(&[], &UpOptions::default(), events).await });
    }
}
