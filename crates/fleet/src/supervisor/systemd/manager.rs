//! The user's service manager: where it is, and calls of `systemctl`.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use podfleet_home::Env;

use super::command::Systemctl;
use super::show::{UnitState, parse};
use crate::views::find_program;

/// How long a call may take that waits for no unit.
const PATIENCE: Duration = Duration::from_secs(15);

/// A call of `systemctl` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// It cannot be started.
    #[error("systemctl cannot be started")]
    Spawn(#[source] io::Error),
    /// It gave no answer.
    #[error("`{call}` gave no answer within {} s", patience.as_secs())]
    Timeout {
        /// The call, as a person would type it.
        call: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It failed, and said why.
    #[error("`{call}` failed: {why}")]
    Failed {
        /// The call, as a person would type it.
        call: String,
        /// What it said, in one line.
        why: String,
    },
}

/// The service manager of this user.
#[derive(Debug, Clone)]
pub struct UserManager {
    systemctl: PathBuf,
    runtime: PathBuf,
    units: PathBuf,
    env: BTreeMap<String, String>,
}

impl UserManager {
    /// Describes the manager of a user; asks nothing, and need not be there.
    ///
    /// A shell over ssh may lack `XDG_RUNTIME_DIR`; then `/run/user/UID` is meant.
    #[must_use]
    pub fn of(env: &Env, uid: u32) -> Self {
        let systemctl = find_program("systemctl", env).unwrap_or_else(|| "systemctl".into());
        let runtime = env
            .get("XDG_RUNTIME_DIR")
            .map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), PathBuf::from);
        let config = env
            .get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| Path::new(env.get("HOME").unwrap_or("/")).join(".config"));
        let passed = [
            "HOME",
            "PATH",
            "DBUS_SESSION_BUS_ADDRESS",
            "XDG_CONFIG_HOME",
        ];
        let mut variables: BTreeMap<_, _> = passed
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env.get(name)?.to_owned())))
            .collect();
        variables.insert(
            "XDG_RUNTIME_DIR".to_owned(),
            runtime.to_string_lossy().into_owned(),
        );
        variables.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
        Self {
            systemctl,
            runtime,
            units: config.join("systemd/user"),
            env: variables,
        }
    }

    /// Returns the directory of the user's own units.
    #[must_use]
    pub fn units_dir(&self) -> &Path {
        &self.units
    }

    /// Returns whether a manager listens; forks nothing.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        UnixStream::connect(self.runtime.join("systemd/private")).is_ok()
    }

    /// Returns whether a manager listens and reads the user's units where we write them: with
    /// another `HOME` than at its start it does not.
    pub async fn is_usable(&self) -> bool {
        if !self.is_listening() {
            return false;
        }
        let path = self.call(&Systemctl::unit_path()).await.unwrap_or_default();
        path.split_whitespace()
            .any(|directory| Path::new(directory) == self.units)
    }

    /// Makes a call and returns what it printed.
    pub(crate) async fn call(&self, call: &Systemctl) -> Result<String, ManagerError> {
        self.call_for(call, PATIENCE).await
    }

    /// Makes a call that may take this long. Giving up does not undo it.
    pub(crate) async fn call_for(
        &self,
        call: &Systemctl,
        patience: Duration,
    ) -> Result<String, ManagerError> {
        let running = tokio::process::Command::new(&self.systemctl)
            .args(call.argv())
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(patience, running).await;
        let output = ended
            .map_err(|_| ManagerError::Timeout {
                call: call.to_string(),
                patience,
            })?
            .map_err(ManagerError::Spawn)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(ManagerError::Failed {
            call: call.to_string(),
            why: in_one_line(&String::from_utf8_lossy(&output.stderr)),
        })
    }

    /// Returns what the manager knows of the loaded units that match a pattern.
    pub(crate) async fn show(&self, pattern: &str) -> Result<Vec<UnitState>, ManagerError> {
        Ok(parse(&self.call(&Systemctl::show(pattern)).await?))
    }
}

/// The first line says why; the others tell people what to type.
fn in_one_line(stderr: &str) -> String {
    let first = stderr.lines().find(|line| !line.trim().is_empty());
    first.unwrap_or("it said nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(dir: &Path) -> UserManager {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let env = [
            ("PATH", text(dir.join("bin"))),
            ("HOME", text(dir.to_owned())),
            ("XDG_RUNTIME_DIR", text(dir.join("run"))),
        ];
        UserManager::of(&env.into_iter().collect(), 1)
    }

    fn program(dir: &Path, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(dir.join("bin")).unwrap();
        let path = dir.join("bin/systemctl");
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn without_systemctl_no_manager_is_usable() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!manager(dir.path()).is_usable().await);
    }

    #[tokio::test]
    async fn a_failed_call_says_what_was_called_and_why_it_failed() {
        let dir = tempfile::tempdir().unwrap();
        program(
            dir.path(),
            "echo; echo 'No medium found' >&2; echo more >&2; exit 1",
        );
        let manager = manager(dir.path());
        let error = manager.call(&Systemctl::daemon_reload()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`systemctl --user daemon-reload` failed: No medium found"
        );
    }

    #[tokio::test]
    async fn a_manager_that_reads_other_directories_is_not_usable() {
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "echo /elsewhere/systemd/user /etc/systemd/user");
        let manager = manager(dir.path());
        assert!(!manager.is_usable().await, "nobody listens");
        std::fs::create_dir_all(dir.path().join("run/systemd")).unwrap();
        let socket = dir.path().join("run/systemd/private");
        let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        assert!(!manager.is_usable().await);
        let units = manager.units_dir().display();
        program(dir.path(), &format!("echo {units} /etc/systemd/user"));
        assert!(manager.is_usable().await);
    }
}
