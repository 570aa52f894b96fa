//! The right to keep a fleet in the foreground, which one process has at a time.

use std::fs;

use super::Fleet;
use crate::error::{FleetError, FleetErrorKind};
use crate::lock::{self, Held};
use crate::supervisor::{Supervisor, SupervisorKind, UnitState};

/// The right to supervise a fleet, for as long as this lives; the end of the process gives it up,
/// however it ends.
#[derive(Debug)]
pub struct Supervision(#[expect(dead_code, reason = "the lock is the right")] Held);

impl Fleet {
    /// Takes the right to keep the fleet in the foreground: to start again what falls, and to end all
    /// of it at one's own end. The others who only change the fleet are not kept from that.
    ///
    /// # Errors
    /// Fails with [`FleetErrorKind::Supervised`] if another process has the right, or systemd keeps pods
    /// of the fleet that are up; and when the state directory cannot be written.
    pub async fn supervise(&self) -> Result<Supervision, FleetError> {
        let supervised = |by: String| {
            FleetError::new(FleetErrorKind::Supervised {
                fleet: self.key.fleet.to_string(),
                by,
            })
        };
        if self.is_kept_by_units().await {
            return Err(supervised("systemd".to_owned()));
        }
        let path = lock::supervise_lock_path(&self.dirs.state, &self.key);
        let fault = |error| FleetError::io("lock", &path, error);
        match lock::try_lock(&path).map_err(fault)? {
            Some(held) => {
                fs::write(&path, std::process::id().to_string()).map_err(fault)?;
                Ok(Supervision(held))
            }
            None => {
                let pid = fs::read_to_string(&path).unwrap_or_default();
                Err(supervised(match pid.as_str() {
                    // It has just taken it.
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                }))
            }
        }
    }

    /// Whether the fleet was brought up by systemd, and runs so.
    async fn is_kept_by_units(&self) -> bool {
        let recorded = self.origin.as_ref().and_then(|origin| origin.supervisor);
        if recorded != Some(SupervisorKind::Systemd) {
            return false;
        }
        let units = self.systemd().units(&self.key.fleet).await;
        units.is_some_and(|units| units.loaded.iter().any(UnitState::is_active))
    }
}
