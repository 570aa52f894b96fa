//! The directories that the environment names.

use std::path::{Path, PathBuf};

use crate::env::Env;

/// The environment does not say where files may be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirsError {
    /// Neither the override nor the home directory is set.
    #[error("neither {variable} nor {HOME} is set")]
    NoHome {
        /// The variable that would do.
        variable: &'static str,
    },
    /// An override is a relative path, which means another place in every directory.
    #[error("{variable} is not an absolute path: {value}")]
    Relative {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

/// The variable that names the home directory.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// A kind of directory: the variable of ours that names it, the one of the XDG specification, and
/// where it is when neither is set.
struct Place {
    own: &'static str,
    xdg: &'static str,
    /// What Windows has instead of a fixed place below the home directory.
    windows: &'static str,
    below_home: &'static str,
}

const CONFIG: Place = Place {
    own: "FLEET_HOME",
    xdg: "XDG_CONFIG_HOME",
    windows: "APPDATA",
    below_home: ".config",
};

const STATE: Place = Place {
    own: "FLEET_STATE_DIR",
    xdg: "XDG_STATE_HOME",
    windows: "LOCALAPPDATA",
    below_home: ".local/state",
};

/// Returns the configuration directory: `FLEET_HOME`, else `fleet` in the XDG directory for
/// configuration (on Windows in `APPDATA`). It need not exist.
///
/// # Errors
/// Fails when `FLEET_HOME` is relative, or there is no home directory to fall back to.
pub fn config_dir(env: &Env) -> Result<PathBuf, DirsError> {
    place(env, &CONFIG)
}

/// Returns the directory for what is kept between runs: `FLEET_STATE_DIR`, else `fleet` in the XDG
/// directory for state (on Windows in `LOCALAPPDATA`). It need not exist.
///
/// # Errors
/// Fails when `FLEET_STATE_DIR` is relative, or there is no home directory to fall back to.
pub fn state_dir(env: &Env) -> Result<PathBuf, DirsError> {
    place(env, &STATE)
}

/// Returns the user's home directory, if the environment names one.
#[must_use]
pub fn home_dir(env: &Env) -> Option<PathBuf> {
    xdg(env, HOME)
}

/// Returns the path in a variable of ours, if it is set.
///
/// # Errors
/// Fails when the path is relative.
pub fn absolute(env: &Env, variable: &'static str) -> Result<Option<PathBuf>, DirsError> {
    match env.get(variable) {
        Some(value) if !Path::new(value).is_absolute() => Err(DirsError::Relative {
            variable,
            value: value.to_owned(),
        }),
        value => Ok(value.map(PathBuf::from)),
    }
}

/// Returns the path in a variable as the XDG specification reads it: a relative one is ignored.
#[must_use]
pub fn xdg(env: &Env, variable: &str) -> Option<PathBuf> {
    env.get(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

fn place(env: &Env, place: &Place) -> Result<PathBuf, DirsError> {
    if let Some(path) = absolute(env, place.own)? {
        return Ok(path);
    }
    let windows = || xdg(env, place.windows).filter(|_| cfg!(windows));
    let base = xdg(env, place.xdg)
        .or_else(windows)
        .or_else(|| Some(home_dir(env)?.join(place.below_home)));
    base.map(|base| base.join("fleet"))
        .ok_or(DirsError::NoHome {
            variable: place.own,
        })
}
