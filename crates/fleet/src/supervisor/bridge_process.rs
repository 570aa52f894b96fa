//! The process of a fleet's bridge, as supervisors start and end it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use podfleet_protocol::FleetName;

/// What a supervisor has to know of a fleet's bridge.
#[derive(Debug, Clone)]
pub struct BridgeProcess {
    /// The fleet.
    pub fleet: FleetName,
    /// The file whose lock it holds for life.
    pub lock: PathBuf,
    /// Where its standard error goes.
    pub log: PathBuf,
    /// Its process, by what it said of itself last.
    pub pid: Option<u32>,
    /// Its environment besides that of all pods; none of it is a secret.
    pub env: BTreeMap<String, String>,
    /// Its secrets, for a supervisor that writes nothing down.
    pub secrets: BTreeMap<String, String>,
}

/// The template of all bridges, without its ending.
const TEMPLATE: &str = "fleet-bridge@";

impl BridgeProcess {
    /// How long it may take to end in order.
    pub const PATIENCE: Duration = Duration::from_secs(10);

    /// Returns the name of its unit. `.` is written `:`, as in the units of pods.
    #[must_use]
    pub fn unit(&self) -> String {
        Self::unit_of(&self.fleet)
    }

    pub(super) fn unit_of(fleet: &FleetName) -> String {
        format!("{TEMPLATE}{}.service", fleet.as_str().replace('.', ":"))
    }

    /// Returns whether a unit is a bridge's.
    #[must_use]
    pub fn is_unit(unit: &str) -> bool {
        unit.starts_with(TEMPLATE)
    }

    /// Returns the fleet that the instance of a unit names.
    ///
    /// # Errors
    /// Fails for what is no name of a fleet.
    pub fn fleet_of(instance: &str) -> Result<FleetName, podfleet_protocol::NameError> {
        FleetName::new(instance.replace(':', "."))
    }
}
