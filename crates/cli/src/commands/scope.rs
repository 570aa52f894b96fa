//! Arguments that many commands share.

use podfleet::supervisor::SupervisorKind;
use podfleet::{Fleet, fleet_options};
use podfleet_protocol::FleetName;

pub(crate) use super::json_flag::JsonFlag;
use crate::render::wrap::wrap;

/// Which fleet a command is about.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Scope {
    /// The fleet, where no roster says it
    #[arg(long, value_name = "NAME", display_order = 800)]
    pub(crate) fleet: Option<FleetName>,
}

/// Which agents a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Agents {
    /// The agents [default: all of the roster]
    #[arg(value_name = "AGENT", add = crate::completion::agents())]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) scope: Scope,
}

/// Returns what is said of a fleet without agents, or without what else is listed.
pub(crate) fn none_of(what: &str, fleet: &Fleet) -> String {
    match fleet.others() {
        [] => format!("no {what}: no roster names any, and none is recorded"),
        others => wrap(
            &format!(
                "no {what}: no roster says which fleet is meant; one that was brought up from \
                 another place is named with {}",
                fleet_options(others)
            ),
            0,
            "  ",
        ),
    }
}

/// The agent that a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct OneAgent {
    /// The agent
    #[arg(value_name = "AGENT", add = crate::completion::agents())]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) scope: Scope,
}

/// Whether a command goes through a hub, for the agents of all its machines.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ThroughHub {
    /// Ask this hub: `local`, or HOST:PORT; agents of other machines are NAME@ENDPOINT
    #[cfg(feature = "hub")]
    #[arg(long, value_name = "HUB", display_order = 820)]
    pub(crate) hub: Option<String>,
}

/// Whether a change is only shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct DryRun {
    /// Show what would be done, and do nothing
    #[arg(long, display_order = 600)]
    pub(crate) dry_run: bool,
}

/// What keeps the pods.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct KeptBy {
    /// What keeps the pods: systemd or direct [default: as before]
    #[arg(
        long,
        value_name = "KIND",
        display_order = 810,
        hide_possible_values = true
    )]
    pub(crate) supervisor: Option<Kind>,
}

/// The kinds of supervisors, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Systemd,
    Direct,
}

impl From<Kind> for SupervisorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Systemd => Self::Systemd,
            Kind::Direct => Self::Direct,
        }
    }
}
