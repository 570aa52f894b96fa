//! Commands of `systemctl` as argument vectors.

use std::fmt;

/// One call of `systemctl --user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Systemctl(Vec<String>);

/// The properties that [`show`](super::show) reads.
pub(super) const PROPERTIES: &str =
    "Id,ActiveState,SubState,Result,MainPID,NRestarts,StatusText,LoadState";

impl Systemctl {
    fn new(words: &[&str]) -> Self {
        Self(words.iter().map(|&word| word.to_owned()).collect())
    }

    /// Starts a unit, and returns when it is ready or failed.
    pub(crate) fn start(unit: &str) -> Self {
        Self::new(&["start", "--", unit])
    }

    /// Ends a unit, also one that waits for its next start, and returns when it is gone.
    pub(crate) fn stop(unit: &str) -> Self {
        Self::new(&["stop", "--", unit])
    }

    /// Kills every process of a unit.
    pub(crate) fn kill(unit: &str) -> Self {
        Self::new(&["kill", "--signal=SIGKILL", "--", unit])
    }

    /// Forgets that a unit failed, and how often it was started.
    pub(crate) fn reset_failed(unit: &str) -> Self {
        Self::new(&["reset-failed", "--", unit])
    }

    /// Starts units with the login session or, with lingering, the machine.
    pub(crate) fn enable(units: &[String]) -> Self {
        Self::new(&["enable", "--"]).with(units)
    }

    /// The opposite of [`enable`](Self::enable); what runs goes on.
    pub(crate) fn disable(units: &[String]) -> Self {
        Self::new(&["disable", "--"]).with(units)
    }

    /// Reads all unit files again.
    pub(crate) fn daemon_reload() -> Self {
        Self::new(&["daemon-reload"])
    }

    /// Tells about the loaded units whose names match a pattern.
    pub(crate) fn show(pattern: &str) -> Self {
        Self::new(&["show", "--property", PROPERTIES, "--", pattern])
    }

    /// Tells from which directories units are read.
    pub(crate) fn unit_path() -> Self {
        Self::new(&["show", "--property", "UnitPath", "--value"])
    }

    fn with(mut self, units: &[String]) -> Self {
        self.0.extend_from_slice(units);
        self
    }

    /// Returns all arguments, without the program.
    pub(crate) fn argv(&self) -> Vec<&str> {
        let words = self.0.iter().map(String::as_str);
        ["--user", "--no-pager", "--no-ask-password"]
            .into_iter()
            .chain(words)
            .collect()
    }
}

/// As a person would type it.
impl fmt::Display for Systemctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("systemctl --user")?;
        for word in self.0.iter().filter(|word| *word != "--") {
            write!(f, " {word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_an_argument_vector_and_is_shown_as_people_type_it() {
        let units = ["a.service".to_owned(), "b.service".to_owned()];
        let call = Systemctl::enable(&units);
        assert_eq!(
            call.argv(),
            [
                "--user",
                "--no-pager",
                "--no-ask-password",
                "enable",
                "--",
                "a.service",
                "b.service"
            ]
        );
        assert_eq!(
            call.to_string(),
            "systemctl --user enable a.service b.service"
        );
    }
}
