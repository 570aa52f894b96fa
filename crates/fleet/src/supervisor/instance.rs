//! Which pod a unit is for: the text between `@` and `.service`.

use std::fmt;

use podfleet_protocol::{FleetName, Identity, PodName, Shown};

/// The template of all pods, without its ending.
const TEMPLATE: &str = "fleet-pod@";
const ENDING: &str = ".service";
/// Stands for `.` in a fleet's name, where that would be taken for the separator. No name holds it,
/// and a unit's name may.
const DOT: &str = ":";

/// The pod that a unit is for, written `<fleet>.<name>`.
///
/// Both names may hold `.`; in the fleet's it is written `:`, so the first `.` always ends the
/// fleet's name. All else in a name may stand in the name of a unit as it is.
///
/// ```
/// use podfleet::supervisor::Instance;
///
/// let instance: Instance = "web:v2.re.viewer-1".parse()?;
/// assert_eq!(instance.fleet().as_str(), "web.v2");
/// assert_eq!(instance.name().as_str(), "re.viewer-1");
/// assert_eq!(instance.unit(), "fleet-pod@web:v2.re.viewer-1.service");
/// # Ok::<(), podfleet::supervisor::NoInstance>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance {
    fleet: FleetName,
    name: PodName,
}

/// A text is no instance of the pods' unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not of the form FLEET.NAME", Shown(.0))]
pub struct NoInstance(String);

impl Instance {
    /// Returns the instance of a pod.
    #[must_use]
    pub const fn new(fleet: FleetName, name: PodName) -> Self {
        Self { fleet, name }
    }

    /// Returns the instance of a recorded pod.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self::new(identity.fleet.clone(), identity.name.clone())
    }

    /// Returns the fleet.
    #[must_use]
    pub const fn fleet(&self) -> &FleetName {
        &self.fleet
    }

    /// Returns the pod's name.
    #[must_use]
    pub const fn name(&self) -> &PodName {
        &self.name
    }

    /// Returns the name of the unit; never longer than systemd allows.
    #[must_use]
    pub fn unit(&self) -> String {
        format!("{TEMPLATE}{self}{ENDING}")
    }

    /// Returns the instance that a unit is for; nothing for a unit that is none of ours.
    #[must_use]
    pub fn of_unit(unit: &str) -> Option<Self> {
        unit.strip_prefix(TEMPLATE)?
            .strip_suffix(ENDING)?
            .parse()
            .ok()
    }

    /// Returns the pattern that the units of all pods of a fleet match, and no others.
    pub(super) fn pattern(fleet: &FleetName) -> String {
        format!("{TEMPLATE}{}.*{ENDING}", encoded(fleet))
    }
}

fn encoded(fleet: &FleetName) -> String {
    fleet.as_str().replace('.', DOT)
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", encoded(&self.fleet), self.name)
    }
}

impl std::str::FromStr for Instance {
    type Err = NoInstance;

    fn from_str(text: &str) -> Result<Self, NoInstance> {
        let parse = || {
            let (fleet, name) = text.split_once('.')?;
            Some(Self {
                fleet: FleetName::new(fleet.replace(DOT, ".")).ok()?,
                name: PodName::new(name).ok()?,
            })
        };
        parse().ok_or_else(|| NoInstance(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}";
    /// systemd's `UNIT_NAME_MAX`, its final NUL left out.
    const LONGEST_UNIT: usize = 255;

    fn instance(fleet: &str, name: &str) -> Option<Instance> {
        let fleet = FleetName::new(fleet).ok()?;
        Some(Instance::new(fleet, PodName::new(name).ok()?))
    }

    #[test]
    fn a_fleet_without_dots_is_written_as_it_is() {
        let instance = instance("default", "coder-0.a").unwrap();
        assert_eq!(instance.to_string(), "default.coder-0.a");
        assert_eq!(
            Instance::pattern(instance.fleet()),
            "fleet-pod@default.*.service"
        );
    }

    #[test]
    fn units_of_others_are_no_instances() {
        for unit in [
            "fleet-pod@.service",
            "fleet-pod@a.service",
            "fleet-pod@a.b.socket",
            "fleet-tmux@a.service",
            "fleet-pod@a.b/c.service",
            "fleet-pod@a.operator.service",
        ] {
            assert_eq!(Instance::of_unit(unit), None, "{unit}");
        }
    }

    proptest! {
        #[test]
        fn fleet_and_name_come_back_from_the_name_of_the_unit(fleet in NAME, name in NAME) {
            let Some(instance) = instance(&fleet, &name) else { return Ok(()) };
            let unit = instance.unit();
            prop_assert!(unit.len() <= LONGEST_UNIT);
            prop_assert_eq!(Instance::of_unit(&unit), Some(instance));
        }

        #[test]
        fn two_pods_never_share_a_unit(a in (NAME, NAME), b in (NAME, NAME)) {
            if let (Some(first), Some(second)) = (instance(&a.0, &a.1), instance(&b.0, &b.1)) {
                prop_assert_eq!(first.unit() == second.unit(), first == second);
            }
        }
    }
}
