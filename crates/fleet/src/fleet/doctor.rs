//! `doctor`: what of this machine and this fleet would make trouble, each with its remedy.

mod chat;
mod programs;
mod settings;
mod sockets;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use podfleet_pod::paths::{PathFault, RuntimeDir};
use serde::Serialize;

use super::Fleet;
use super::settle::account;
use crate::error::FleetError;
use crate::supervisor::{Instance, Refresh, Supervisor, SupervisorKind, Systemd, UnitState, Units};
use sockets::Listeners;

/// What was looked at, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, such as `tmux`.
    pub check: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; absent where all is well.
    pub remedy: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and deserves a look.
    Note,
    /// Something does not work, or will not.
    Wrong,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

impl Check {
    fn new(check: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict,
            found: found.into(),
            remedy: None,
        }
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

impl Fleet {
    /// Looks at everything that the fleet needs of this machine. Changes nothing.
    ///
    /// # Errors
    /// Fails when the store cannot be read; all else is a check that says so.
    pub async fn doctor(&self) -> Result<Vec<Check>, FleetError> {
        let mut checks = vec![self.tmux_check().await];
        checks.extend(self.socket_check().await);
        checks.extend(self.roster_check());
        checks.extend(self.former_checks().await?);
        checks.push(self.runtime_check());
        checks.extend(self.permission_checks());
        checks.extend(self.systemd_checks().await?);
        checks.extend(self.program_checks().await?);
        checks.extend(self.settings_checks().await?);
        checks.extend(self.ssh_check());
        checks.extend(self.chat_checks().await);
        Ok(checks)
    }

    async fn tmux_check(&self) -> Check {
        let wrong = |found: String| Check::new("tmux", Verdict::Wrong, found);
        let Some(views) = self.views() else {
            return Check::new("tmux", Verdict::Unknown, "no roster says which socket");
        };
        let version = match &views {
            Ok(views) => views.version().await.map_err(|error| error.to_string()),
            Err(error) => Err(account(error)),
        };
        let checked = match views {
            Ok(views) => views.check_version().await,
            Err(error) => Err(error),
        };
        match (version, checked) {
            (Ok(version), Ok(())) => Check::new("tmux", Verdict::Ok, format!("tmux {version}")),
            (_, Err(error)) => {
                let hint = error.hints().first().cloned();
                let hint = hint.unwrap_or_else(|| "install a newer tmux".to_owned());
                wrong(account(&error)).remedy(hint)
            }
            (Err(error), Ok(())) => wrong(error),
        }
    }

    /// Two servers may listen on one path, when the file of a running one was removed: then half of
    /// the views are in one that nobody can reach.
    async fn socket_check(&self) -> Option<Check> {
        let views = self.views()?.ok()?;
        let path = views.socket_path().await.ok()?;
        let table = std::fs::read_to_string("/proc/net/unix").ok()?;
        let shown = path.display();
        Some(match Listeners::in_table(&table).on(&path) {
            0 | 1 => Check::new("tmux server", Verdict::Ok, format!("one on {shown}")),
            servers => {
                let found = format!("{servers} servers listen on {shown}");
                Check::new("tmux server", Verdict::Wrong, found).remedy(format!(
                    "`ss -xlp src {shown}` shows them; end the one that \
                     `tmux -S {shown} display -p '#{{pid}}'` does not name, then `fleet up`"
                ))
            }
        })
    }

    /// Without a roster nothing is known of the agents' programs.
    fn roster_check(&self) -> Option<Check> {
        let (None, Some(origin)) = (&self.roster, &self.origin) else {
            return None;
        };
        let shown = origin.roster.display();
        let check = |found| Check::new("roster", Verdict::Wrong, found);
        Some(if origin.roster.exists() {
            check(format!("{shown} cannot be used")).remedy("`fleet validate` says why")
        } else {
            check(format!("{shown} is gone")).remedy("put it back, or `fleet down --all`")
        })
    }

    /// What is up under a name that the roster had before.
    async fn former_checks(&self) -> Result<Vec<Check>, FleetError> {
        let former = self.former_fleets().await?;
        let wrong = former.iter().map(|former| {
            Check::new("former fleet", Verdict::Wrong, former.account()).remedy(former.remedy())
        });
        Ok(wrong.collect())
    }

    fn runtime_check(&self) -> Check {
        let runtime = &self.dirs.runtime;
        let shown = runtime.display().to_string();
        let (check, ok) = ("runtime directory", |found| {
            Check::new("runtime directory", Verdict::Ok, found)
        });
        if !runtime.exists() && !RuntimeDir::is_too_long(runtime) {
            return ok(format!("{shown}, made by the first `fleet up`"));
        }
        match RuntimeDir::open(runtime) {
            Ok(_) => ok(shown),
            Err(error) => {
                let remedy = match error.fault() {
                    PathFault::Mode => format!("chmod 700 {shown}"),
                    _ => "set FLEET_RUNTIME_DIR to a short path of your own".to_owned(),
                };
                Check::new(check, Verdict::Wrong, error.to_string()).remedy(remedy)
            }
        }
    }

    /// Files that may hold secrets, and that others may read.
    fn permission_checks(&self) -> Vec<Check> {
        let mut private = vec![self.dirs.state.clone()];
        let entries = std::fs::read_dir(self.dirs.config.join("agents"));
        let entries = entries.into_iter().flatten().flatten();
        private.extend(entries.map(|entry| entry.path()));
        let open: Vec<_> = private.iter().filter(|path| is_open(path)).collect();
        if open.is_empty() {
            return vec![Check::new(
                "permissions",
                Verdict::Ok,
                "nothing is open to others",
            )];
        }
        let wrong = |path: &&std::path::PathBuf| {
            let shown = path.display();
            Check::new(
                "permissions",
                Verdict::Wrong,
                format!("{shown} is open to others"),
            )
            .remedy(format!("chmod go= {shown}"))
        };
        open.iter().map(wrong).collect()
    }

    async fn systemd_checks(&self) -> Result<Vec<Check>, FleetError> {
        let systemd = self.systemd();
        let keeps = self.supervisor.kind() == SupervisorKind::Systemd;
        if let Err(error) = systemd.check().await {
            return Ok(vec![if keeps {
                Check::new("systemd", Verdict::Wrong, error.to_string())
                    .remedy("log in as this user, or `fleet restart --supervisor direct`")
            } else {
                let found = format!("{error}; pods are detached processes");
                Check::new("systemd", Verdict::Note, found)
                    .remedy("nothing, or in a container `fleet supervise`")
            }]);
        }
        let mut checks = vec![Check::new(
            "systemd",
            Verdict::Ok,
            if keeps {
                "keeps the pods"
            } else {
                "could keep the pods"
            },
        )];
        if !keeps {
            return Ok(checks);
        }
        checks.push(linger(&systemd));
        let units = systemd.units(&self.key.fleet).await.unwrap_or_default();
        checks.extend(unit_files(&systemd, &units).await);
        checks.extend(self.stray_units(&systemd, units).await?);
        Ok(checks)
    }

    /// Units of agents that neither the roster hosts nor runs.
    async fn stray_units(
        &self,
        systemd: &Systemd,
        loaded: Units,
    ) -> Result<Vec<Check>, FleetError> {
        if self.roster.is_none() {
            return Ok(Vec::new());
        }
        let installed = systemd.installed();
        let is_failed = |unit: &&UnitState| unit.active == "failed";
        let failed: Vec<_> = loaded.loaded.iter().filter(is_failed).collect();
        let mut units = installed.clone();
        units.extend(loaded.loaded.iter().map(|unit| unit.id.clone()));
        units.sort();
        units.dedup();
        let stray = units.into_iter().filter(|unit| {
            Instance::of_unit(unit).is_some_and(|instance| {
                *instance.fleet() == self.key.fleet && !self.hosts(instance.name().as_str())
            })
        });
        let wrong = |unit: String| {
            // One that has failed stays loaded until that is forgotten.
            let failed = failed.iter().any(|it| it.id == unit);
            let reset = format!("systemctl --user reset-failed {unit}");
            let disable = format!("systemctl --user disable --now {unit}");
            let remedy = match (failed, installed.contains(&unit)) {
                (false, _) => disable,
                (true, true) => format!("{disable} && {reset}"),
                (true, false) => reset,
            };
            Check::new(
                "units",
                Verdict::Wrong,
                format!("{unit} is of no agent of the roster"),
            )
            .remedy(remedy)
        };
        Ok(stray.map(wrong).collect())
    }
}

fn is_open(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

fn linger(systemd: &Systemd) -> Check {
    if systemd.lingers() {
        return Check::new("linger", Verdict::Ok, "units start with the machine");
    }
    let found = "off: units start at your login and end with your last session";
    Check::new("linger", Verdict::Note, found).remedy("loginctl enable-linger")
}

async fn unit_files(systemd: &Systemd, running: &Units) -> Vec<Check> {
    let Ok(units) = systemd.refresh_units(true).await else {
        return Vec::new();
    };
    if !running.bare.is_empty() {
        let found = format!("files are gone of: {}", running.bare.join(", "));
        return vec![Check::new("units", Verdict::Wrong, found).remedy("fleet up")];
    }
    if units.iter().all(|(_, refresh)| *refresh == Refresh::New) {
        return vec![Check::new(
            "units",
            Verdict::Ok,
            "written by the next `fleet up`",
        )];
    }
    let other: Vec<_> = units
        .into_iter()
        .filter(|(_, refresh)| *refresh != Refresh::Same)
        .map(|(unit, _)| unit)
        .collect();
    if other.is_empty() {
        return vec![Check::new(
            "units",
            Verdict::Ok,
            "as this build writes them",
        )];
    }
    let found = format!("not as this build writes them: {}", other.join(", "));
    vec![Check::new("units", Verdict::Note, found).remedy("fleet update")]
}
