//! Putting the units into the user's directory, and taking them away.

use std::collections::BTreeSet;

use podfleet_protocol::FleetName;

use super::command::Systemctl;
use super::unit_files::template_of;
use super::unit_text::TARGET;
use super::{Refresh, SetUpError, StartError, Systemd, linger_file, tmux_unit};
use crate::supervisor::{BootError, BridgeProcess};

/// Returns whether a unit is an instance of one of our templates.
fn is_instance(unit: &str) -> bool {
    unit.starts_with("fleet-pod@")
        || unit.starts_with("fleet-tmux@")
        || BridgeProcess::is_unit(unit)
}

impl Systemd {
    /// Brings the units that are the same for all to what this build writes; with `dry_run` only
    /// tells what would become of each. What people edited is kept, see [`Refresh`].
    ///
    /// # Errors
    /// Fails when a file cannot be written or the manager does not read it.
    pub async fn refresh_units(
        &self,
        dry_run: bool,
    ) -> Result<Vec<(&'static str, Refresh)>, SetUpError> {
        let mut refreshed = Vec::new();
        for (unit, text) in self.units_text() {
            let refresh = if dry_run {
                self.files.plan(unit, &text)
            } else {
                let written = self.files.write(unit, &text);
                written.map_err(|source| self.cannot_write(unit, source))?
            };
            refreshed.push((unit, refresh));
        }
        let changed =
            |(_, refresh): &(&str, Refresh)| !matches!(refresh, Refresh::Same | Refresh::Edited);
        if !dry_run && refreshed.iter().any(changed) {
            self.mark_stale();
            self.reload().await?;
        }
        Ok(refreshed)
    }

    /// Lets the tmux server of a socket be started at boot, if it has a unit.
    ///
    /// # Errors
    /// Fails as [`enable`](super::Supervisor::enable) does.
    pub async fn enable_tmux(&self, socket: &str) -> Result<(), BootError> {
        let Some(unit) = tmux_unit(socket) else {
            return Ok(());
        };
        self.enable_units(&[unit], self.write_tmux(socket)).await
    }

    /// Lets a fleet's bridge be started at boot.
    ///
    /// # Errors
    /// Fails as [`enable`](super::Supervisor::enable) does.
    pub async fn enable_bridge(&self, bridge: &BridgeProcess) -> Result<(), BootError> {
        let written = self.write_bridge(bridge).map_err(|error| match error {
            StartError::SetUp(error) => error,
            error => SetUpError::Secret(error.to_string()),
        });
        self.enable_units(&[bridge.unit()], written).await
    }

    /// Returns whether a fleet's bridge is started at boot.
    #[must_use]
    pub fn starts_bridge(&self, fleet: &FleetName) -> bool {
        let unit = BridgeProcess::unit_of(fleet);
        self.at_boot().contains(&unit)
    }

    /// Lets a fleet's bridge be started at boot no more, and removes what was written for its unit.
    ///
    /// # Errors
    /// Fails as [`disable`](super::Supervisor::disable) does.
    pub async fn disable_bridge(&self, fleet: &FleetName) -> Result<(), BootError> {
        let unit = BridgeProcess::unit_of(fleet);
        let call = Systemctl::disable(std::slice::from_ref(&unit));
        let failed = |source| BootError::Failed {
            command: call.to_string(),
            source,
        };
        let disabled = self.manager.call(&call).await;
        disabled.map_err(|error| failed(error.into()))?;
        self.forget_unit(&unit).map_err(failed)?;
        self.reload().await.map_err(|error| failed(error.into()))
    }

    pub(super) fn forget_unit(&self, unit: &str) -> Result<(), SetUpError> {
        self.files
            .forget(unit)
            .map_err(|source| self.cannot_write(unit, source))?;
        self.mark_stale();
        Ok(())
    }

    /// Returns the units of this user that were written or enabled by us, the target last.
    #[must_use]
    pub fn installed(&self) -> Vec<String> {
        let mut units: BTreeSet<_> = self.files.wanted_by(TARGET).into_iter().collect();
        units.extend(self.files.instances());
        let mut units: Vec<_> = units.into_iter().filter(|unit| is_instance(unit)).collect();
        if self
            .files
            .wanted_by("default.target")
            .iter()
            .any(|unit| unit == TARGET)
        {
            units.push(TARGET.to_owned());
        }
        units
    }

    /// Returns the units of this user that are started with the target.
    #[must_use]
    pub fn at_boot(&self) -> Vec<String> {
        self.files.wanted_by(TARGET)
    }

    /// Returns our units of this user that run.
    ///
    /// # Errors
    /// Fails when the manager cannot be asked.
    pub async fn running(&self) -> Result<Vec<String>, SetUpError> {
        let mut units = self.manager.show("fleet-*").await?;
        units.retain(|unit| is_instance(&unit.id) && unit.is_at_work());
        Ok(units.into_iter().map(|unit| unit.id).collect())
    }

    /// Lets nothing of ours be started at boot, and removes our unit files, but those of units that run:
    /// these are kept, and go on to be started again when they die. Returns the files that are left
    /// because somebody edited them.
    ///
    /// # Errors
    /// Fails when a file cannot be removed or the manager fails; then the rest is as it was, and it
    /// can be tried again.
    pub async fn uninstall(&self) -> Result<Vec<String>, SetUpError> {
        let units = self.installed();
        let running = self.running().await?;
        if !units.is_empty() {
            self.manager.call(&Systemctl::disable(&units)).await?;
        }
        let gone = |unit: &&String| *unit != TARGET && !running.contains(unit);
        for unit in units.iter().filter(gone) {
            self.forget_unit(unit)?;
        }
        let is_used = |unit: &str| match unit {
            TARGET => !running.is_empty(),
            template => running.iter().any(|unit| template_of(unit) == template),
        };
        let mut left = Vec::new();
        for unit in self.units_text().into_keys().filter(|unit| !is_used(unit)) {
            let removed = self.files.remove(unit);
            if !removed.map_err(|source| self.cannot_write(unit, source))? {
                left.push(self.files.path(unit).display().to_string());
            }
        }
        self.mark_stale();
        self.reload().await?;
        Ok(left)
    }

    /// Returns the unit files that [`uninstall`](Self::uninstall) would leave, because somebody edited
    /// them.
    #[must_use]
    pub fn edited(&self) -> Vec<String> {
        let units = self.units_text().into_keys();
        let edited = units.filter(|unit| self.files.is_edited(unit));
        edited
            .map(|unit| self.files.path(unit).display().to_string())
            .collect()
    }

    /// Returns whether our units were ever written for this user.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.files.path(TARGET).exists()
    }

    /// Returns whether the user's manager is started at boot, without a login.
    #[must_use]
    pub fn lingers(&self) -> bool {
        linger_file(&self.user).exists()
    }

    /// Returns the directory of the units.
    #[must_use]
    pub fn units_dir(&self) -> &std::path::Path {
        self.manager.units_dir()
    }
}
