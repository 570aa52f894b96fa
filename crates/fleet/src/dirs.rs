//! Where a user's fleets keep their files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use podfleet_home::{DirsError, Env, absolute, config_dir, state_dir, xdg};
use podfleet_pod::opening::has_store;
use podfleet_pod::paths::{PathError, RuntimeDir, StatePaths};
use podfleet_protocol::PodId;

use crate::error::FleetError;
use crate::lock::is_held;

/// The directories of one user's fleets; all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// `roster.yaml`, `roles/`, `harnesses/`, `agents/`.
    pub config: PathBuf,
    /// The store, session logs, locks and the pods' own logs.
    pub state: PathBuf,
    /// Sockets and heartbeats; private.
    pub runtime: PathBuf,
}

impl Dirs {
    /// Finds the directories for the user `uid`.
    ///
    /// `FLEET_HOME`, `FLEET_STATE_DIR` and `FLEET_RUNTIME_DIR` win; then the XDG variables (a
    /// relative one is ignored, as their specification says); then the places below `HOME`. The
    /// runtime directory falls back to `/run/user/UID` where that is the user's own and private,
    /// else to the state directory; never to a shared temporary one. Nothing is created.
    ///
    /// # Errors
    /// Fails when an override is relative, or there is no home directory to fall back to.
    pub fn resolve(env: &Env, uid: u32) -> Result<Self, DirsError> {
        let config = config_dir(env)?;
        let state = state_dir(env)?;
        let runtime = match absolute(env, "FLEET_RUNTIME_DIR")? {
            Some(path) => path,
            None => xdg(env, "XDG_RUNTIME_DIR")
                .or_else(|| session_dir(uid))
                .map_or_else(|| state.join("run"), |base| base.join("fleet")),
        };
        Ok(Self {
            config,
            state,
            runtime,
        })
    }

    /// Returns the paths below the state directory.
    #[must_use]
    pub fn state_paths(&self) -> StatePaths {
        StatePaths::new(&self.state)
    }

    /// Returns whether there is a store of these fleets.
    ///
    /// # Errors
    /// Fails when there is none while pods live, which have it open.
    pub fn has_store(&self) -> Result<bool, FleetError> {
        Ok(has_store(&self.state_paths())?)
    }

    /// Returns whether a process of this pod lives: whether it holds the pod's lock.
    #[must_use]
    pub fn pod_lives(&self, pod: PodId) -> bool {
        is_held(&self.state_paths().lock(pod))
    }

    /// Makes the runtime directory if it is missing, and checks that it is private.
    ///
    /// # Errors
    /// Fails when it cannot be made or is not private; see [`RuntimeDir::open`].
    pub fn open_runtime(&self) -> Result<RuntimeDir, PathError> {
        RuntimeDir::open(&self.runtime)
    }
}

/// The login session's directory, which a shell over ssh may have without its variable.
fn session_dir(uid: u32) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/run/user/{uid}"));
    let found = std::fs::symlink_metadata(&path).ok()?;
    let private = found.is_dir() && found.uid() == uid && found.permissions().mode() & 0o077 == 0;
    private.then_some(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// No login session has this number.
    const NOBODY: u32 = u32::MAX - 7;

    fn resolve(variables: &[(&str, &str)]) -> Result<Dirs, DirsError> {
        Dirs::resolve(&variables.iter().copied().collect(), NOBODY)
    }

    #[test]
    fn a_bare_home_gives_the_places_of_the_xdg_specification() {
        let dirs = resolve(&[("HOME", "/home/a")]).unwrap();
        assert_eq!(dirs.config, Path::new("/home/a/.config/fleet"));
        assert_eq!(dirs.state, Path::new("/home/a/.local/state/fleet"));
        assert_eq!(dirs.runtime, Path::new("/home/a/.local/state/fleet/run"));
    }

    #[test]
    fn xdg_variables_win_over_home_and_relative_ones_are_ignored() {
        let dirs = resolve(&[
            ("HOME", "/home/a"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
        ])
        .unwrap();
        assert_eq!(dirs.config, Path::new("/c/fleet"));
        assert_eq!(dirs.state, Path::new("/home/a/.local/state/fleet"));
        assert_eq!(dirs.runtime, Path::new("/run/user/1/fleet"));
    }

    #[test]
    fn overrides_are_taken_as_they_are_and_need_no_home() {
        let dirs = resolve(&[
            ("FLEET_HOME", "/f/home"),
            ("FLEET_STATE_DIR", "/f/state"),
            ("FLEET_RUNTIME_DIR", "/f/run"),
        ])
        .unwrap();
        assert_eq!(dirs.config, Path::new("/f/home"));
        assert_eq!(dirs.state, Path::new("/f/state"));
        assert_eq!(dirs.runtime, Path::new("/f/run"));
    }

    #[test]
    fn a_relative_override_and_a_missing_home_are_refused() {
        let relative = resolve(&[("HOME", "/h"), ("FLEET_HOME", "x")]).unwrap_err();
        assert_eq!(
            relative.to_string(),
            "FLEET_HOME is not an absolute path: x"
        );
        let homeless = resolve(&[("HOME", "")]).unwrap_err();
        assert_eq!(homeless.to_string(), "neither FLEET_HOME nor HOME is set");
    }
}
