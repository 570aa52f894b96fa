//! Starting and ending the process of the fleet's bridge.

use std::collections::BTreeMap;

use podfleet_roster::Roster;

use super::settle::account;
use super::{Events, Fleet};
use crate::bridge::{BridgePhase, BridgeStatus};
use crate::comms;
use crate::error::{FleetError, FleetErrorKind};
use crate::lock::{self, Held};
use crate::report::Progress;
use crate::supervisor::{BridgeProcess, StartError};

/// The secrets of the connectors that ship; each may also be in a file that `…_FILE` names.
const SECRETS: [&str; 2] = ["MATRIX_ACCESS_TOKEN", "DISCORD_BOT_TOKEN"];

impl Fleet {
    /// Starts the bridge, or leaves it alone if it runs by what the roster says of the chat now; returns
    /// whether it was started.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, when the fleet is that of another roster, when its
    /// connector cannot be made, and with what it says when it does not come up.
    pub async fn start_bridge(&self) -> Result<bool, FleetError> {
        self.refuse_unknown().await?;
        self.check_leads().await?;
        self.check_claim().await?;
        self.begin_bridge().await
    }

    /// Starts the bridge so that it listens from now on; one that runs is ended before, and nobody
    /// else starts one in between. What was said since it last listened is not heard.
    ///
    /// # Errors
    /// As [`start_bridge`](Self::start_bridge), and when the connector does not answer or the store
    /// fails: the place to listen on from is then as it was.
    pub async fn start_bridge_from_now(&self) -> Result<(), FleetError> {
        self.refuse_unknown().await?;
        self.check_leads().await?;
        let starting = self.lock_bridge_start().await?;
        self.hear_from_now().await?;
        self.begin_bridge_within(&starting).await?;
        Ok(())
    }

    async fn begin_bridge(&self) -> Result<bool, FleetError> {
        let starting = self.lock_bridge_start().await?;
        self.begin_bridge_within(&starting).await
    }

    /// Waits until nobody else starts the bridge.
    async fn lock_bridge_start(&self) -> Result<Held, FleetError> {
        let place = self.bridge_place();
        let path = place.start_lock_path().to_owned();
        let locking = tokio::task::spawn_blocking(move || lock::lock(&path, || ()));
        locking
            .await
            .map_err(|error| FleetError::new(FleetErrorKind::Internal).caused_by(error))?
            .map_err(|error| FleetError::io("lock", place.start_lock_path(), error))
    }

    async fn begin_bridge_within(&self, _: &Held) -> Result<bool, FleetError> {
        let place = self.bridge_place();
        // What is wrong with the connector is told here, not in a log.
        let connector = match self.connector() {
            // A program that knows the kind keeps the bridge by itself.
            Err(error) if place.runs() && error.is_unknown_connector() => return Ok(false),
            connector => connector?,
        };
        if place.runs() {
            let status = BridgeStatus::read(place.status());
            let same = |status: &BridgeStatus| {
                status.kind == connector.kind().as_str()
                    && status.channel == connector.channel()
                    && status.settings == self.chat_settings()
            };
            if status.as_ref().is_none_or(same) {
                return Ok(false);
            }
            self.halt_bridge().await?;
        }
        self.dirs.open_runtime()?;
        let started = self.supervisor.start_bridge(&self.bridge_process()).await;
        match started {
            Ok(()) => Ok(true),
            // It was started meanwhile.
            Err(_) if place.runs() => Ok(false),
            Err(error) => Err(bridge_fault(error)),
        }
    }

    /// Ends the bridge; returns whether it ran. What was said and heard is kept.
    ///
    /// # Errors
    /// Fails in a pod that is not the fleet's lead, when the fleet is that of another roster, and when
    /// it cannot be ended.
    pub async fn stop_bridge(&self) -> Result<bool, FleetError> {
        self.check_leads().await?;
        self.check_claim().await?;
        self.halt_bridge().await
    }

    async fn halt_bridge(&self) -> Result<bool, FleetError> {
        if !self.bridge_place().runs() {
            return Ok(false);
        }
        let stopped = self.supervisor.stop_bridge(&self.bridge_process()).await;
        stopped.map_err(|error| FleetError::new(FleetErrorKind::Bridge).caused_by(error))?;
        Ok(true)
    }

    pub(super) fn bridge_process(&self) -> BridgeProcess {
        let place = self.bridge_place();
        let mut env = BTreeMap::new();
        let runtime = self.dirs.runtime.to_string_lossy().into_owned();
        env.insert("FLEET_RUNTIME_DIR".to_owned(), runtime);
        let mut secrets = BTreeMap::new();
        for name in SECRETS {
            let file = format!("{name}_FILE");
            if let Some(path) = self.env.get(&file) {
                env.insert(file, path.to_owned());
            }
            if let Some(secret) = self.env.get(name) {
                secrets.insert(name.to_owned(), secret.to_owned());
            }
        }
        BridgeProcess {
            fleet: self.key.fleet.clone(),
            lock: place.lock_path().to_owned(),
            log: place.log().to_owned(),
            pid: BridgeStatus::read(place.status()).map(|status| status.pid),
            env,
            secrets,
        }
    }

    /// Returns what the roster says of the chat, as JSON.
    pub(crate) fn chat_settings(&self) -> Option<String> {
        let chat = self.roster()?.connector.as_ref()?;
        serde_json::to_string(chat).ok()
    }

    /// Whether the roster wants a bridge on this host: it has a connector, and its orchestrator is
    /// here.
    #[must_use]
    pub fn wants_bridge(&self) -> bool {
        let wanted = |roster: &Roster| {
            let lead = comms::orchestrator(roster);
            roster.connector.is_some()
                && lead.is_some_and(|lead| comms::elsewhere(lead, &self.host).is_none())
        };
        self.roster().is_some_and(wanted)
    }

    /// Returns whether the bridge ought to run and is gone, though nobody ended it and it did not
    /// give up.
    #[must_use]
    pub fn bridge_fell(&self) -> bool {
        let glance = self.bridge_glance();
        glance.is_some_and(|glance| glance.wanted && glance.was_killed())
    }

    /// Returns whether somebody ended the bridge in order.
    pub(super) fn bridge_was_ended(&self) -> bool {
        let glance = self.bridge_glance();
        let status = glance
            .filter(|glance| !glance.runs)
            .and_then(|glance| glance.status);
        status.is_some_and(|status| status.phase == BridgePhase::Ended)
    }

    /// Brings the bridge to what the roster says, as a part of `up`; returns what is to be told.
    pub(super) async fn keep_bridge(&self, events: &Events) -> Vec<String> {
        if !self.wants_bridge() {
            let mut told = run_on(self.halt_bridge().await);
            told.extend(self.disable_bridge_at_boot().await);
            return told;
        }
        match self.begin_bridge().await {
            Ok(false) => Vec::new(),
            Ok(true) => {
                let text = "the bridge of the chat runs".to_owned();
                // Nobody has to listen.
                let _ = events.send(Progress::Note { agent: None, text });
                Vec::new()
            }
            Err(error) => vec![format!("the bridge was not started: {}", account(&error))],
        }
    }

    /// Ends the bridge as a part of another verb; returns what is to be told.
    pub(super) async fn end_bridge(&self) -> Vec<String> {
        run_on(self.stop_bridge().await)
    }
}

/// Says why the bridge was not ended.
fn run_on(ended: Result<bool, FleetError>) -> Vec<String> {
    match ended {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("the bridge runs on: {}", account(&error))],
    }
}

fn bridge_fault(error: StartError) -> FleetError {
    FleetError::new(FleetErrorKind::Bridge).caused_by(error)
}
