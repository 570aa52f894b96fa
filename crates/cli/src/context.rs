//! What a command is handed: its output, and the world outside that only this crate looks at.

#[cfg(feature = "fleet")]
mod fleet;

#[cfg(feature = "fleet")]
pub(crate) use fleet::missing_roster;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use podfleet_home::{
    DirsError, Env, RosterChoice, config_dir, home_dir, locate_roster, short_host_name,
};
use podfleet_roster::Known;

use crate::error::Error;
use crate::exit::Exit;
use crate::output::Output;
use crate::own_files::{self, OwnProfiles, OwnRoles};

/// Everything that a command may use from outside its arguments.
pub(crate) struct Context {
    /// Where it writes.
    pub(crate) output: Output,
    /// The environment.
    pub(crate) env: Env,
    roster: Option<PathBuf>,
    /// How it introduces itself to pods, such as `fleet send`.
    pub(crate) client: String,
    /// What is to keep the pods, if it was asked for.
    #[cfg(feature = "fleet")]
    supervisor: Option<podfleet::supervisor::SupervisorKind>,
}

/// Returns a variable as text. A value that is none is left out, but of `PATH` only the directories
/// that are none.
fn variable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    let name = name.into_string().ok()?;
    let value = value.into_string().or_else(|value| {
        if name != "PATH" {
            return Err(value);
        }
        let directories = std::env::split_paths(&value);
        let texts =
            directories.filter_map(|directory| directory.into_os_string().into_string().ok());
        Ok(texts.collect::<Vec<_>>().join(":"))
    });
    Some((name, value.ok()?))
}

impl Context {
    /// Makes the context of a command. `roster` is the value of `--roster`, `client` the name by
    /// which pods know it.
    pub(crate) fn new(output: Output, roster: Option<PathBuf>, client: String) -> Self {
        Self {
            output,
            env: std::env::vars_os().filter_map(variable).collect(),
            roster,
            client,
            #[cfg(feature = "fleet")]
            supervisor: None,
        }
    }

    /// Makes the context of what a hub does for others.
    #[cfg(feature = "hub")]
    pub(crate) fn for_hub(roster: Option<PathBuf>) -> Self {
        let output = Output::open(crate::output::Verbosity::Quiet);
        Self::new(output, roster, "the hub".to_owned())
    }

    /// Returns the value of `--roster`.
    #[cfg(feature = "fleet")]
    pub(crate) fn named_roster(&self) -> Option<&Path> {
        self.roster.as_deref()
    }

    /// Returns the user's home directory.
    pub(crate) fn home(&self) -> Result<PathBuf, Error> {
        home_dir(&self.env).ok_or_else(|| {
            Error::message(Exit::Usage, "there is no home directory: HOME is not set")
        })
    }

    /// Returns the user's configuration directory.
    pub(crate) fn config_dir(&self) -> Result<PathBuf, Error> {
        config_dir(&self.env).map_err(|error: DirsError| Error::new(Exit::Usage, error))
    }

    /// Returns the roster that the command reads, whether or not it is there, and says which one.
    pub(crate) fn roster_path(&mut self) -> Result<PathBuf, Error> {
        let RosterChoice { path, why } = self.roster_choice()?;
        self.output
            .explain(format_args!("roster {}: {why}", path.display()))?;
        Ok(path)
    }

    /// Returns which roster is meant, and says nothing of it.
    pub(crate) fn roster_meant(&self) -> Option<PathBuf> {
        let path = self.roster_choice().ok()?.path;
        std::path::absolute(path).ok()
    }

    fn roster_choice(&self) -> Result<RosterChoice, Error> {
        self.located(self.roster.as_deref())
    }

    fn located(&self, named: Option<&Path>) -> Result<RosterChoice, Error> {
        let cwd = std::env::current_dir()
            .map_err(|error| Error::from(error).context("there is no working directory"))?;
        let config = self.config_dir()?;
        Ok(locate_roster(named, &self.env, &cwd, &config))
    }

    /// Returns the roster that a command reads which does not name one.
    pub(crate) fn unnamed_roster(&self) -> Result<PathBuf, Error> {
        Ok(self.located(None)?.path)
    }

    /// Returns the path by which a roster is known that is named like this.
    pub(crate) fn absolute(&self, roster: &Path) -> Result<PathBuf, Error> {
        Ok(self.located(Some(roster))?.path)
    }

    /// Returns where a new roster is written: as named, else in the configuration directory.
    pub(crate) fn roster_to_write(&self) -> Result<PathBuf, Error> {
        match self
            .roster
            .as_deref()
            .or_else(|| self.env.get("FLEET_ROSTER").map(Path::new))
        {
            Some(path) => Ok(path.to_owned()),
            None => Ok(self.config_dir()?.join("roster.yaml")),
        }
    }

    /// Returns the runtimes and roles that a roster may name: the shipped ones and the user's own.
    pub(crate) fn known(&self) -> Result<Known, Error> {
        let config = self.config_dir()?;
        let harnesses = own_files::files(&config.join("harnesses"), &["toml"])?;
        let roles = own_files::files(&config.join("roles"), &["md"])?;
        let own = self.roles()?;
        Ok(Known::shipped()
            .with_host(short_host_name())
            .with_runtimes(harnesses.iter().map(|file| own_files::stem(file)))
            .with_only_roles_of(&own.roles)
            // One that is faulty is told where it is used; here it counts as what it is called.
            .with_roles(roles.iter().map(|file| own_files::stem(file))))
    }

    /// Returns the roles: the shipped ones and the user's own.
    pub(crate) fn roles(&self) -> Result<OwnRoles, Error> {
        OwnRoles::read(&self.config_dir()?.join("roles"))
    }

    /// Returns the profiles: the shipped ones and the user's own.
    pub(crate) fn profiles(&self) -> Result<OwnProfiles, Error> {
        OwnProfiles::read(&self.config_dir()?.join("profiles"), &self.known()?)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn a_directory_of_path_that_is_no_text_takes_no_other_with_it() {
        let value = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let path = variable(("PATH".into(), value(b"/bin:/x\xff:/usr/bin")));
        assert_eq!(path.unwrap().1, "/bin:/usr/bin");
        assert_eq!(variable(("OTHER".into(), value(b"\xff"))), None);
    }
}
