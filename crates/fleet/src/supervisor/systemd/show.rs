//! What `systemctl show` prints of units.

/// A unit as its manager knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    /// Its name.
    pub id: String,
    /// Its `ActiveState`, such as `active` or `failed`.
    pub active: String,
    /// Its `SubState`, such as `running` or `auto-restart`.
    pub sub: String,
    /// How its last run ended, such as `success`, `watchdog` or `start-limit-hit`.
    pub result: String,
    /// Its main process, if it runs.
    pub main_pid: Option<u32>,
    /// How often it was restarted by itself.
    pub restarts: u32,
    /// What its process last said of itself.
    pub status_text: String,
    /// Whether there is such a unit.
    pub loaded: bool,
}

impl UnitState {
    /// Returns whether its process runs and is ready.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Returns whether anything of it runs, or is about to.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        !matches!(self.active.as_str(), "inactive" | "failed")
    }

    /// Returns whether it failed and is not started again by itself.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.active == "failed"
    }
}

/// Reads the output of `systemctl show`: a block of `Name=value` lines for each unit, with an empty
/// line between them. What is not known is skipped.
pub(super) fn parse(output: &str) -> Vec<UnitState> {
    let mut units = Vec::new();
    let mut unit = UnitState::default();
    for line in output.lines().chain([""]) {
        if line.is_empty() {
            let done = std::mem::take(&mut unit);
            // Only a block with a name is a unit; a status may hold empty lines.
            if !done.id.is_empty() {
                units.push(done);
            }
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let text = || value.to_owned();
        match name {
            "Id" => unit.id = text(),
            "ActiveState" => unit.active = text(),
            "SubState" => unit.sub = text(),
            "Result" => unit.result = text(),
            "MainPID" => unit.main_pid = value.parse().ok().filter(|pid| *pid != 0),
            "NRestarts" => unit.restarts = value.parse().unwrap_or_default(),
            "StatusText" => unit.status_text = text(),
            "LoadState" => unit.loaded = value == "loaded",
            _ => {}
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Recorded from systemd 252.
    const RECORDED: &str = "\
MainPID=3946
StatusText=
Result=success
NRestarts=0
Id=fleet-pod@a:b.c-d.e.service
LoadState=loaded
ActiveState=active
SubState=running

MainPID=0
StatusText=error: the pod runs already
Result=exit-code
NRestarts=2
Id=fleet-pod@x.bad.service
LoadState=loaded
ActiveState=failed
SubState=failed
";

    #[test]
    fn units_are_read_in_whatever_order_their_properties_come() {
        let units = parse(RECORDED);
        let [running, failed] = units.as_slice() else {
            panic!("{units:?}")
        };
        assert!(running.is_active() && running.main_pid == Some(3946));
        assert_eq!(failed.id, "fleet-pod@x.bad.service");
        assert!(failed.is_failed() && failed.loaded && failed.main_pid.is_none());
        assert_eq!((failed.result.as_str(), failed.restarts), ("exit-code", 2));
        assert_eq!(failed.status_text, "error: the pod runs already");
    }

    #[test]
    fn no_unit_is_no_output() {
        assert_eq!(parse(""), []);
        assert_eq!(parse("\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,200}") {
            for unit in parse(&text) {
                prop_assert!(!unit.id.is_empty());
            }
        }
    }
}
