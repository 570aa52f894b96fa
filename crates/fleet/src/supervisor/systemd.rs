//! The supervisor of hosts with systemd: each pod is a unit of the user's service manager.

mod command;
mod install;
mod manager;
mod quoting;
mod show;
mod unit_files;
mod unit_text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use podfleet_pod::inspect::spec_of;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::FleetName;
use tokio::sync::Mutex;

use super::{
    BootError, BridgeProcess, Direct, Instance, SetUpError, StartError, StopError, Supervisor,
    SupervisorKind, Unavailable, Units,
};
use command::Systemctl;
pub use manager::{ManagerError, UserManager};
pub use show::UnitState;
pub use unit_files::Refresh;
use unit_files::UnitFiles;
use unit_text::{DropIn, TARGET};

/// How long a start may take: more than the units' `TimeoutStartSec`, so that systemd judges.
const START_PATIENCE: Duration = Duration::from_secs(40);
/// What starts a line by which a pod says why it cannot go on.
const COMPLAINT: &str = "error: ";

/// Keeps pods as units `fleet-pod@<fleet>.<name>.service`.
#[derive(Debug)]
pub struct Systemd {
    manager: UserManager,
    files: UnitFiles,
    user: String,
    /// Ends what is no unit: pods from before the fleet was systemd's.
    direct: Direct,
    /// Whether a unit file is newer than what the manager has read.
    stale: AtomicBool,
    reloading: Mutex<()>,
}

/// Returns the file whose presence says that a user's manager is started at boot (logind).
fn linger_file(user: &str) -> PathBuf {
    Path::new("/var/lib/systemd/linger").join(user)
}

impl Systemd {
    /// Makes the supervisor over a manager. `direct` knows our program, the pods' environment and
    /// where their files are; `user` is the user's name.
    #[must_use]
    pub fn new(manager: UserManager, direct: Direct, user: &str) -> Self {
        Self {
            files: UnitFiles::new(manager.units_dir(), direct.state().root()),
            manager,
            direct,
            user: user.to_owned(),
            stale: AtomicBool::new(false),
            reloading: Mutex::new(()),
        }
    }

    fn units_text(&self) -> BTreeMap<&'static str, String> {
        unit_text::units(self.direct.exe())
    }

    /// Writes the units that are the same for all, where they are missing. Those that are there
    /// stay as they are: they may be another build's, or edited.
    fn write_missing_units(&self) -> Result<(), SetUpError> {
        for (unit, text) in self.units_text() {
            if self.files.plan(unit, &text) == Refresh::New {
                self.files
                    .write(unit, &text)
                    .map_err(|source| self.cannot_write(unit, source))?;
                self.mark_stale();
            }
        }
        Ok(())
    }

    fn cannot_write(&self, unit: &str, source: std::io::Error) -> SetUpError {
        let path = self.files.path(unit).display().to_string();
        SetUpError::Write { path, source }
    }

    /// Writes what an instance needs besides its template.
    fn write_instance(
        &self,
        unit: &str,
        environment: &BTreeMap<String, String>,
        drop_in: &DropIn<'_>,
    ) -> Result<(), SetUpError> {
        let written = self
            .files
            .write_environment(unit, &quoting::environment(environment))
            .and_then(|()| self.files.write_drop_in(unit, &drop_in.text()));
        let changed = written.map_err(|source| self.cannot_write(unit, source))?;
        if changed {
            self.mark_stale();
        }
        Ok(())
    }

    /// Writes everything that a pod's unit needs.
    fn write_pod(&self, pod: &PodRecord) -> Result<(), SetUpError> {
        self.write_missing_units()?;
        let identity = &pod.identity;
        let unit = Instance::of(identity).unit();
        let log = self.direct.state().log(identity.id);
        // systemd would make it readable for others.
        super::direct::open_log(&log).map_err(|source| SetUpError::Write {
            path: log.display().to_string(),
            source,
        })?;
        let resources = spec_of(pod).map(|spec| spec.resources);
        let what = format!(
            "the agent {} of the fleet {}",
            identity.name, identity.fleet
        );
        let drop_in = DropIn {
            what: &what,
            environment_file: &self.files.environment_file(&unit),
            log: Some(&log),
            resources: resources.as_ref(),
        };
        self.write_instance(&unit, &self.direct.environment(pod), &drop_in)
    }

    /// Writes everything that a bridge's unit needs; a secret is not written down.
    fn write_bridge(&self, bridge: &BridgeProcess) -> Result<(), StartError> {
        let in_file = |name: &String| bridge.env.contains_key(&format!("{name}_FILE"));
        if let Some(bare) = bridge.secrets.keys().find(|name| !in_file(name)) {
            return Err(StartError::Secret(bare.clone()));
        }
        self.write_missing_units()?;
        let unit = bridge.unit();
        super::direct::open_log(&bridge.log).map_err(|source| SetUpError::Write {
            path: bridge.log.display().to_string(),
            source,
        })?;
        let what = format!("the chat of the fleet {}", bridge.fleet);
        let drop_in = DropIn {
            what: &what,
            environment_file: &self.files.environment_file(&unit),
            log: Some(&bridge.log),
            resources: None,
        };
        let mut env = self.direct.base_environment().clone();
        env.extend(bridge.env.clone());
        Ok(self.write_instance(&unit, &env, &drop_in)?)
    }

    /// Writes everything that the unit of a socket's tmux server needs.
    fn write_tmux(&self, socket: &str) -> Result<(), SetUpError> {
        let Some(unit) = tmux_unit(socket) else {
            return Ok(());
        };
        self.write_missing_units()?;
        let what = format!("the tmux server of the socket {socket}");
        let drop_in = DropIn {
            what: &what,
            environment_file: &self.files.environment_file(&unit),
            log: None,
            resources: None,
        };
        self.write_instance(&unit, self.direct.base_environment(), &drop_in)
    }

    fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Enables units once their files are `written`; every failure names the command to run.
    async fn enable_units(
        &self,
        units: &[String],
        written: Result<(), SetUpError>,
    ) -> Result<(), BootError> {
        let call = Systemctl::enable(units);
        let enabling = async {
            written?;
            self.reload().await?;
            Ok(self.manager.call(&call).await?)
        };
        enabling
            .await
            .map(drop)
            .map_err(|source| BootError::Failed {
                command: call.to_string(),
                source,
            })
    }

    /// Lets the manager read what was written. Of many that wait for it, one does it for all.
    async fn reload(&self) -> Result<(), ManagerError> {
        let _turn = self.reloading.lock().await;
        if !self.stale.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let reloaded = self.manager.call(&Systemctl::daemon_reload()).await;
        if reloaded.is_err() {
            self.mark_stale();
        }
        reloaded.map(drop)
    }

    async fn set_up(&self, pod: &PodRecord) -> Result<(), SetUpError> {
        self.write_pod(pod)?;
        Ok(self.reload().await?)
    }

    async fn start_unit(&self, unit: &str) -> Result<(), ManagerError> {
        let call = Systemctl::start(unit);
        let started = self.manager.call_for(&call, START_PATIENCE).await;
        let Err(error) = started else {
            return Ok(());
        };
        let limited = |state: UnitState| state.result == "start-limit-hit";
        if !self.state(unit).await.is_some_and(limited) {
            return Err(error);
        }
        // The limit is against a unit that fails by itself, not against a person.
        self.manager.call(&Systemctl::reset_failed(unit)).await?;
        self.manager.call_for(&call, START_PATIENCE).await.map(drop)
    }

    async fn state(&self, unit: &str) -> Option<UnitState> {
        let mut states = self.manager.show(unit).await.ok()?;
        states.pop()
    }

    /// Tells why a unit did not start, in the pod's own words if it had any.
    async fn why(&self, unit: &str, error: ManagerError) -> StartError {
        let ManagerError::Failed { why, .. } = error else {
            return StartError::SetUp(error.into());
        };
        let Some(state) = self.state(unit).await else {
            return StartError::Unit {
                result: "unknown".to_owned(),
                why,
            };
        };
        match state.status_text.strip_prefix(COMPLAINT) {
            Some(text) => StartError::Told(text.to_owned()),
            None => StartError::Unit {
                result: state.result,
                why,
            },
        }
    }
}

#[async_trait]
impl Supervisor for Systemd {
    fn kind(&self) -> SupervisorKind {
        SupervisorKind::Systemd
    }

    async fn check(&self) -> Result<(), Unavailable> {
        if !self.manager.is_listening() {
            return Err(Unavailable::NoManager);
        }
        if self.manager.is_usable().await {
            return Ok(());
        }
        let units = self.manager.units_dir().display().to_string();
        Err(Unavailable::OtherUnits(units))
    }

    async fn start(&self, pod: &PodRecord) -> Result<(), StartError> {
        self.set_up(pod).await?;
        let unit = Instance::of(&pod.identity).unit();
        match self.start_unit(&unit).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.why(&unit, error).await),
        }
    }

    async fn stop(&self, pod: &PodRecord, patience: Duration) -> Result<(), StopError> {
        let unit = Instance::of(&pod.identity).unit();
        let stop = Systemctl::stop(&unit);
        if self.manager.call_for(&stop, patience).await.is_err() {
            // What a manager that cannot be asked keeps ends by its process, below.
            let _ = self.manager.call(&Systemctl::kill(&unit)).await;
            let _ = self.manager.call_for(&stop, patience).await;
        }
        self.direct.stop(pod, patience).await
    }

    async fn limit(&self, pod: &PodRecord) -> Result<(), SetUpError> {
        self.set_up(pod).await
    }

    async fn mend(&self, pod: &PodRecord) -> Result<bool, SetUpError> {
        let unit = Instance::of(&pod.identity).unit();
        if self.files.is_whole(&unit)
            || !self.state(&unit).await.is_some_and(|unit| unit.is_active())
        {
            return Ok(false);
        }
        self.set_up(pod).await?;
        Ok(true)
    }

    async fn start_bridge(&self, bridge: &BridgeProcess) -> Result<(), StartError> {
        self.write_bridge(bridge)?;
        self.reload().await.map_err(SetUpError::from)?;
        let unit = bridge.unit();
        match self.start_unit(&unit).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.why(&unit, error).await),
        }
    }

    async fn stop_bridge(&self, bridge: &BridgeProcess) -> Result<(), StopError> {
        let stop = Systemctl::stop(&bridge.unit());
        // What a manager that cannot be asked keeps ends by its process.
        let _ = self.manager.call_for(&stop, BridgeProcess::PATIENCE).await;
        self.direct.stop_bridge(bridge).await
    }

    async fn enable(&self, pods: &[PodRecord]) -> Result<(), BootError> {
        let mut units = vec![TARGET.to_owned()];
        units.extend(pods.iter().map(|pod| Instance::of(&pod.identity).unit()));
        let written = pods.iter().try_for_each(|pod| self.write_pod(pod));
        self.enable_units(&units, written).await
    }

    async fn disable(&self, pods: &[Instance]) -> Result<(), BootError> {
        let units: Vec<_> = pods.iter().map(Instance::unit).collect();
        if units.is_empty() {
            return Ok(());
        }
        let call = Systemctl::disable(&units);
        let disabled = self.manager.call(&call).await;
        disabled.map(drop).map_err(|error| BootError::Failed {
            command: call.to_string(),
            source: error.into(),
        })
    }

    async fn forget(&self, pod: &Instance) -> Result<(), SetUpError> {
        self.forget_unit(&pod.unit())?;
        Ok(self.reload().await?)
    }

    async fn units(&self, fleet: &FleetName) -> Option<Units> {
        let loaded = self.manager.show(&Instance::pattern(fleet)).await.ok()?;
        let in_fleet = |unit: &String| {
            Instance::of_unit(unit).is_some_and(|instance| instance.fleet() == fleet)
        };
        let mut enabled = self.files.wanted_by(TARGET);
        enabled.retain(in_fleet);
        let at_start = self.files.wanted_by("default.target");
        let running = loaded.iter().filter(|unit| unit.is_active());
        let bare = running.filter(|unit| !self.files.is_whole(&unit.id));
        Some(Units {
            bare: bare.map(|unit| unit.id.clone()).collect(),
            loaded,
            enabled,
            target: at_start.iter().any(|unit| unit == TARGET),
            lingers: linger_file(&self.user).exists(),
        })
    }

    async fn hold_tmux(&self, socket: &str) -> Result<bool, SetUpError> {
        let Some(unit) = tmux_unit(socket) else {
            return Ok(false);
        };
        self.write_tmux(socket)?;
        self.reload().await?;
        self.start_unit(&unit).await?;
        Ok(true)
    }
}

/// Returns the unit that holds the tmux server of a socket. tmux's own default socket is the user's
/// own, and what is no plain name could not be read back from the name of a unit.
pub(super) fn tmux_unit(socket: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let usable = !socket.is_empty() && socket.len() <= 64 && socket.bytes().all(plain);
    usable.then(|| format!("fleet-tmux@{socket}.service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_sockets_with_plain_names_get_a_unit() {
        assert_eq!(
            tmux_unit("podfleet-web_2").as_deref(),
            Some("fleet-tmux@podfleet-web_2.service")
        );
        for socket in ["", "a.b", "a/b", "%i", "a b"] {
            assert_eq!(tmux_unit(socket), None, "{socket}");
        }
    }
}
