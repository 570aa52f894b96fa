//! The fleet that a command is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use podfleet::supervisor::SupervisorKind;
use podfleet::{Dirs, Fleet, OpeningStore, Setup};
use podfleet_connectors::ConnectorRegistry;
use podfleet_home::{DirsError, short_host_name};
use podfleet_pod_store::MemoryStore;
use podfleet_protocol::FleetName;
use podfleet_roster::{FleetName as RosterFleetName, Roster};

use super::Context;
use crate::commands::scope::{KeptBy, Scope};
use crate::commands::version;
use crate::error::Error;
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::roster_file::{RosterFile, RosterNeed};

impl Context {
    /// Returns the directories of the user's fleets.
    pub(crate) fn dirs(&self) -> Result<Dirs, Error> {
        let uid = rustix::process::getuid().as_raw();
        Dirs::resolve(&self.env, uid).map_err(|error: DirsError| Error::new(Exit::Usage, error))
    }

    /// Takes note of what is to keep the pods of the fleets that are opened from now on.
    pub(crate) fn keep_by(&mut self, kept_by: KeptBy) {
        self.supervisor = kept_by.supervisor.map(Into::into);
    }

    /// Decides what is to keep them.
    pub(crate) fn keep_pods_by(&mut self, supervisor: SupervisorKind) {
        self.supervisor = Some(supervisor);
    }

    /// Opens the fleet that a command is about.
    pub(crate) async fn fleet(&mut self, scope: &Scope, need: RosterNeed) -> Result<Fleet, Error> {
        let dirs = self.dirs()?;
        // A store is opened while the roster is read; one that is not there is made only when
        // nothing is wrong with the roster.
        let made = dirs.has_store()?;
        let opening = made.then(|| OpeningStore::begin(&dirs));
        let setup = self.setup_by_roster(dirs, scope, need)?;
        let opening = opening.unwrap_or_else(|| OpeningStore::begin(&setup.dirs));
        Ok(Fleet::with_store(setup, opening.store().await?).await?)
    }

    /// Opens the fleet that a command only looks at: a store that is not there is not made for that.
    pub(crate) async fn fleet_to_see(&mut self, scope: &Scope) -> Result<Fleet, Error> {
        let dirs = self.dirs()?;
        if dirs.has_store()? {
            return self.fleet(scope, RosterNeed::Helpful).await;
        }
        let setup = self.setup_by_roster(dirs, scope, RosterNeed::Helpful)?;
        Ok(Fleet::with_store(setup, Arc::new(MemoryStore::new())).await?)
    }

    /// Opens a fleet that no roster is read for and of which nothing is recorded.
    pub(crate) async fn fleet_alone(
        &self,
        fleet: Option<&RosterFleetName>,
    ) -> Result<Fleet, Error> {
        let fleet = fleet
            .map(|fleet| FleetName::new(fleet.as_str()))
            .transpose();
        let fleet = fleet.map_err(|error| Error::new(Exit::Usage, error))?;
        let setup = self.setup(self.dirs()?, None, None, fleet)?;
        Ok(Fleet::with_store(setup, Arc::new(MemoryStore::new())).await?)
    }

    fn setup_by_roster(
        &mut self,
        dirs: Dirs,
        scope: &Scope,
        need: RosterNeed,
    ) -> Result<Setup, Error> {
        let (roster, lost_roster) = match self.sound_roster(need)? {
            RosterFound::Sound(roster) => (Some(*roster), None),
            RosterFound::Lost(path) => (None, Some(path)),
        };
        self.setup(dirs, roster, lost_roster, scope.fleet.clone())
    }

    /// Gathers what the fleet that is meant needs, for a process that serves others: nothing is said
    /// of a roster that cannot be used.
    #[cfg(feature = "hub")]
    pub(crate) fn quiet_setup(mut self, fleet: Option<FleetName>) -> Result<Setup, Error> {
        let (roster, lost_roster) = match self.sound_roster(RosterNeed::Helpful)? {
            RosterFound::Sound(roster) => (Some(*roster), None),
            RosterFound::Lost(path) => (None, Some(path)),
        };
        self.setup(self.dirs()?, roster, lost_roster, fleet)
    }

    /// Opens the fleet of a roster.
    pub(crate) async fn fleet_of(&self, roster: Roster, path: &Path) -> Result<Fleet, Error> {
        let roster = Some((roster, path.to_owned()));
        Ok(Fleet::open(self.setup(self.dirs()?, roster, None, None)?).await?)
    }

    /// Gathers what a fleet needs from outside.
    pub(crate) fn setup(
        &self,
        dirs: Dirs,
        roster: Option<(Roster, PathBuf)>,
        lost_roster: Option<PathBuf>,
        fleet: Option<FleetName>,
    ) -> Result<Setup, Error> {
        Ok(Setup {
            dirs,
            env: self.env.clone(),
            exe: own_program()?,
            host: short_host_name(),
            user: self.user_name(),
            build: version::BUILD.to_owned(),
            roster,
            lost_roster,
            fleet,
            client: self.client.clone(),
            supervisor: self.supervisor,
            connectors: ConnectorRegistry::shipped(),
        })
    }

    /// Reads the roster; tells what is wrong with it.
    fn sound_roster(&mut self, need: RosterNeed) -> Result<RosterFound, Error> {
        let path = self.roster_path()?;
        let Some(file) = RosterFile::read(&path, &self.known()?, need)? else {
            if self.roster.is_some() || need == RosterNeed::Sound {
                return Err(missing_roster(&path, self.roster.is_some()));
            }
            if self.env.get("FLEET_ROSTER").is_some() {
                let notice = format!("note: there is no roster {}", path.display());
                self.output.say(wrap(&notice, 0, "  "))?;
            }
            return Ok(RosterFound::Lost(path));
        };
        let warnings: Vec<String> = file.warnings().collect();
        match file.sound() {
            Ok(roster) => {
                if need == RosterNeed::Sound {
                    for warning in warnings {
                        self.output.say(wrap(&warning, 0, "  "))?;
                    }
                }
                Ok(RosterFound::Sound(Box::new(roster)))
            }
            Err(unsound) if need == RosterNeed::Sound => {
                self.output.complain(unsound.findings()?)?;
                Err(unsound.error())
            }
            Err(unsound) => {
                let name = unsound.name();
                let shown_by = match self.roster {
                    Some(_) => format!("`fleet validate {name}`"),
                    None => "`fleet validate`".to_owned(),
                };
                let notice = format!(
                    "note: the roster {name} has errors and is left aside; {shown_by} shows them"
                );
                self.output.say(wrap(&notice, 0, "  "))?;
                Ok(RosterFound::Lost(path))
            }
        }
    }

    /// Returns the user's name: it owns records, so it must be the same in every environment.
    ///
    /// A user that the machine's own list does not have is named by the environment, else by
    /// number.
    pub(crate) fn user_name(&self) -> String {
        let uid = rustix::process::getuid().as_raw().to_string();
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = listed_user(&users, &uid);
        let name = name.or_else(|| self.env.get("LOGNAME"));
        name.or_else(|| self.env.get("USER"))
            .unwrap_or(&uid)
            .to_owned()
    }
}

/// The roster that a command goes by.
enum RosterFound {
    Sound(Box<(Roster, PathBuf)>),
    /// It is broken or not there; the fleet is found by what is recorded.
    Lost(PathBuf),
}

/// Returns the error of a command that needs a roster where there is none.
pub(crate) fn missing_roster(path: &Path, named: bool) -> Error {
    let path = path.display();
    let error = Error::message(Exit::Usage, format!("there is no roster {path}"));
    error.hint(if named {
        format!("`fleet init --write --roster {path}` makes one")
    } else {
        "`fleet init --write` makes one".to_owned()
    })
}

/// Returns the path of this program, from which pods and views are started.
fn own_program() -> Result<PathBuf, Error> {
    std::env::current_exe()
        .map_err(|error| Error::from(error).context("this program cannot be found"))
}

/// Finds the name of a user's number in a list of the form of `/etc/passwd`.
fn listed_user<'a>(users: &'a str, uid: &str) -> Option<&'a str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1) == Some(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n";
        assert_eq!(listed_user(users, "1000"), Some("me"));
        assert_eq!(listed_user(users, "100"), None);
        assert_eq!(listed_user("nonsense\n:x:7:\n", "7"), None);
    }
}
