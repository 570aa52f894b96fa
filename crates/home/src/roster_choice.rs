//! Which roster a command reads.

use std::path::{Path, PathBuf};

use crate::env::Env;

/// The roster that a command reads, whether or not it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterChoice {
    /// Its path; absolute, and the same however it was named: without links and `..`, as far as it
    /// leads to something.
    pub path: PathBuf,
    /// Why this one.
    pub why: RosterReason,
}

/// Why a roster was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RosterReason {
    /// It was named.
    Named,
    /// `FLEET_ROSTER` names it.
    Variable,
    /// It lies in the working directory.
    WorkingDirectory,
    /// It is the one of the configuration directory.
    Configuration,
}

impl std::fmt::Display for RosterReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Named => "named by --roster",
            Self::Variable => "named by FLEET_ROSTER",
            Self::WorkingDirectory => "found in the working directory",
            Self::Configuration => "from the configuration directory",
        })
    }
}

/// Chooses the roster: the named one, else that of `FLEET_ROSTER`, else `roster.yaml` or
/// `roster.json` in `cwd`, else `roster.yaml` or `roster.json` of the configuration directory `config`.
///
/// The file of the last choice need not exist.
#[must_use]
pub fn locate_roster(
    explicit: Option<&Path>,
    env: &Env,
    cwd: &Path,
    config: &Path,
) -> RosterChoice {
    let choice = |path, why| RosterChoice {
        path: canonical(&cwd.join(path)),
        why,
    };
    if let Some(path) = explicit {
        return choice(path.to_owned(), RosterReason::Named);
    }
    if let Some(path) = env.get("FLEET_ROSTER") {
        return choice(path.into(), RosterReason::Variable);
    }
    if let Some(path) = roster_in(cwd) {
        return choice(path, RosterReason::WorkingDirectory);
    }
    let path = roster_in(config).unwrap_or_else(|| config.join("roster.yaml"));
    choice(path, RosterReason::Configuration)
}

/// Of a file that is gone the directory may be there. Where fleets do not run, paths are spelt as
/// they were given: Windows has a form of its own for canonical ones.
fn canonical(path: &Path) -> PathBuf {
    if cfg!(not(unix)) {
        return path.to_owned();
    }
    let in_directory = || {
        let directory = path.parent()?.canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    let found = path.canonicalize().ok().or_else(in_directory);
    found.unwrap_or_else(|| path.to_owned())
}

fn roster_in(directory: &Path) -> Option<PathBuf> {
    ["roster.yaml", "roster.json"]
        .into_iter()
        .map(|name| directory.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(
        explicit: Option<&str>,
        variable: &str,
        cwd: &Path,
        config: &Path,
    ) -> (PathBuf, RosterReason) {
        let env = [("FLEET_ROSTER", variable)].into_iter().collect();
        let choice = locate_roster(explicit.map(Path::new), &env, cwd, config);
        (choice.path, choice.why)
    }

    #[test]
    fn the_nearest_reason_wins() {
        let root = tempfile::tempdir().unwrap();
        let (cwd, config) = (root.path().join("w"), root.path().join("c"));
        std::fs::create_dir_all(&cwd).unwrap();
        let in_config = (config.join("roster.yaml"), RosterReason::Configuration);
        assert_eq!(locate(None, "", &cwd, &config), in_config);

        std::fs::write(cwd.join("roster.json"), "{}").unwrap();
        let in_cwd = (cwd.join("roster.json"), RosterReason::WorkingDirectory);
        assert_eq!(locate(None, "", &cwd, &config), in_cwd);

        let by_variable = (PathBuf::from("/x.yaml"), RosterReason::Variable);
        assert_eq!(locate(None, "/x.yaml", &cwd, &config), by_variable);

        let named = (cwd.join("y.yaml"), RosterReason::Named);
        assert_eq!(locate(Some("y.yaml"), "/x.yaml", &cwd, &config), named);
    }

    #[cfg(unix)]
    #[test]
    fn a_roster_has_one_path_however_it_is_named() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let sub = root.join("sub");
        std::fs::create_dir(&sub).unwrap();
        let roster = root.join("roster.yaml");
        let path = |name| locate(Some(name), "", &sub, &root).0;
        assert_eq!(path("../roster.yaml"), roster, "it is gone");
        std::fs::write(&roster, "").unwrap();
        std::os::unix::fs::symlink(&roster, sub.join("link.yaml")).unwrap();
        assert_eq!(path("../roster.yaml"), roster);
        assert_eq!(path("link.yaml"), roster);
    }
}
