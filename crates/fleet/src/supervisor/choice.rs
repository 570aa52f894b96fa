//! Which supervisor a fleet has.

use std::sync::Arc;

use super::systemd::{Systemd, UserManager};
use super::{Direct, Supervisor, SupervisorKind};

/// Takes the supervisor that was asked for, else the recorded one, else the one that this machine
/// has: a fleet stays with what it was brought up by.
pub(crate) async fn choose(
    asked: Option<SupervisorKind>,
    recorded: Option<SupervisorKind>,
    (direct, manager): (Direct, UserManager),
    user: &str,
) -> Arc<dyn Supervisor> {
    let kind = match asked.or(recorded) {
        Some(kind) => kind,
        None if manager.is_usable().await => SupervisorKind::Systemd,
        None => SupervisorKind::Direct,
    };
    match kind {
        SupervisorKind::Systemd => Arc::new(Systemd::new(manager, direct, user)),
        SupervisorKind::Direct => Arc::new(direct),
    }
}
