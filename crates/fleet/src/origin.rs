//! What a fleet was last brought up from: by it, what runs is found and ended when the roster
//! itself is gone or broken.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use podfleet_pod_store::FleetKey;
use podfleet_protocol::{FleetName, TenantId};
use podfleet_roster::Roster;
use serde::{Deserialize, Serialize};

use crate::own_file;
use crate::supervisor::SupervisorKind;

/// The directory of all origins, below the state directory.
const DIRECTORY: &str = "fleets";

/// The roster that a fleet was last brought up from, and what of it is needed without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    tenant: TenantId,
    fleet: FleetName,
    /// Where the roster was; absolute.
    pub(crate) roster: PathBuf,
    pub(crate) tmux: TmuxNames,
    /// What keeps its pods; absent in records of older builds, which knew only one.
    #[serde(default)]
    pub(crate) supervisor: Option<SupervisorKind>,
}

/// By which names the views of a fleet are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TmuxNames {
    /// The name of the tmux socket; empty for tmux's own default.
    pub(crate) socket: String,
    /// The session that keeps the server alive.
    pub(crate) holder: String,
}

impl TmuxNames {
    pub(crate) fn of(roster: &Roster) -> Self {
        Self {
            socket: roster.tmux.socket_name.clone().unwrap_or_default(),
            holder: roster.tmux.holder_session.clone(),
        }
    }
}

impl Origin {
    pub(crate) fn new(
        key: &FleetKey,
        roster: &Roster,
        path: &Path,
        supervisor: SupervisorKind,
    ) -> Self {
        Self {
            tenant: key.tenant.clone(),
            fleet: key.fleet.clone(),
            roster: path.to_owned(),
            tmux: TmuxNames::of(roster),
            supervisor: Some(supervisor),
        }
    }

    pub(crate) fn key(&self) -> FleetKey {
        FleetKey::new(self.tenant.clone(), self.fleet.clone())
    }

    /// Writes it down, as a whole or not at all. The holder of the fleet's lock alone does so.
    pub(crate) fn save(&self, state: &Path) -> io::Result<()> {
        let path = path_of(state, &self.key());
        if read(&path).as_ref() == Some(self) {
            return Ok(());
        }
        own_file::replace(&path, &serde_json::to_vec(self)?, 0o600).map(drop)
    }

    /// Returns the origin of a fleet; nothing if it was never brought up.
    pub(crate) fn of_fleet(state: &Path, key: &FleetKey) -> Option<Self> {
        read(&path_of(state, key))
    }

    /// Returns the origins that name this roster.
    pub(crate) fn of_roster(state: &Path, roster: &Path) -> Vec<Self> {
        let mut all = Self::all(state);
        all.retain(|origin| origin.roster == roster);
        all
    }

    /// Returns the fleets of a tenant that were ever brought up, in the order of their names.
    pub(crate) fn fleets_of(state: &Path, tenant: &TenantId) -> Vec<FleetName> {
        let all = Self::all(state).into_iter();
        let of_tenant = all.filter(|origin| origin.tenant == *tenant);
        let mut fleets: Vec<_> = of_tenant.map(|origin| origin.fleet).collect();
        fleets.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        fleets
    }

    /// Returns the origins of all fleets.
    pub(crate) fn all(state: &Path) -> Vec<Self> {
        let entries = fs::read_dir(state.join(DIRECTORY)).into_iter().flatten();
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .filter_map(|path| read(&path))
            .collect()
    }
}

/// No name holds an `@`.
fn path_of(state: &Path, key: &FleetKey) -> PathBuf {
    let name = format!("{}@{}.json", key.tenant, key.fleet);
    state.join(DIRECTORY).join(name)
}

/// An origin that cannot be read counts as absent: it is written anew by the next `up`.
fn read(path: &Path) -> Option<Origin> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(fleet: &str, roster: &str) -> Origin {
        Origin {
            tenant: TenantId::new("ada").unwrap(),
            fleet: FleetName::new(fleet).unwrap(),
            roster: roster.into(),
            tmux: TmuxNames {
                socket: fleet.into(),
                holder: "_holder".into(),
            },
            supervisor: Some(SupervisorKind::Direct),
        }
    }

    #[test]
    fn an_origin_is_found_by_its_fleet_and_by_its_roster() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path();
        let (web, api) = (origin("web", "/w/web.yaml"), origin("api", "/w/api.yaml"));
        for origin in [&web, &api, &web] {
            origin.save(state).unwrap();
        }
        assert_eq!(Origin::of_fleet(state, &web.key()), Some(web.clone()));
        assert_eq!(Origin::of_roster(state, Path::new("/w/api.yaml")), [api]);
        assert_eq!(Origin::of_roster(state, Path::new("/w/new.yaml")), []);
        assert_eq!(
            Origin::of_fleet(state, &origin("new", "/").key()),
            None,
            "of a fleet that was never brought up"
        );
    }

    #[test]
    fn a_damaged_origin_counts_as_absent() {
        let state = tempfile::tempdir().unwrap();
        let web = origin("web", "/w/web.yaml");
        web.save(state.path()).unwrap();
        fs::write(path_of(state.path(), &web.key()), "{").unwrap();
        assert_eq!(Origin::of_fleet(state.path(), &web.key()), None);
        web.save(state.path()).unwrap();
        assert_eq!(Origin::of_fleet(state.path(), &web.key()), Some(web));
    }
}
