//! `trust`: an agent's working directory, in the settings of its own program.

use std::path::{Path, PathBuf};

use podfleet_pod::spec::PodSpec;
use podfleet_protocol::method::{Call, Nothing};

use super::Fleet;
use crate::error::{FleetError, FleetErrorKind};
use crate::file_snapshot::FileSnapshot;
use crate::own_file;

/// The longest settings that are read, in bytes.
const MAX_SETTINGS: usize = 16 << 20;

/// What was recorded where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TrustReport {
    /// The agent.
    pub agent: String,
    /// The directory that is trusted.
    pub directory: PathBuf,
    /// The settings of the agent's program.
    pub settings: PathBuf,
    /// Whether they were changed; else they had it already.
    pub changed: bool,
    /// The settings as they were before, if there were any and they were changed.
    pub backup: Option<PathBuf>,
}

impl Fleet {
    /// Records an agent's working directory as trusted, in the settings of the agent's own program;
    /// with `dry_run` only says what would be done.
    ///
    /// The settings are replaced as a whole and never over somebody else's change, with a backup
    /// beside them; a killed process leaves them as they were.
    ///
    /// # Errors
    /// Fails when the agent is unknown or runs, its program keeps no trust, or its settings cannot
    /// be read, say otherwise or cannot be written.
    pub async fn trust(&self, agent: &str, dry_run: bool) -> Result<TrustReport, FleetError> {
        let refuse = |rule: String| {
            FleetError::new(FleetErrorKind::OrderRefused {
                agent: agent.to_owned(),
                rule,
            })
        };
        let pod = self.receiver(agent).await?;
        let call = Call::Reset(Box::new(Nothing {}));
        let right = self.check_right(&pod, &call).await;
        right.map_err(FleetError::of_order)?;
        if self.client_of(&pod).await?.is_some() {
            let rule = format!("it runs, and may write its settings; `fleet down {agent}` first");
            return Err(refuse(rule));
        }
        let spec: PodSpec = pod
            .spec
            .read()
            .map_err(|error| refuse(format!("its record cannot be read: {error}")))?;
        let harness = spec.harness.load();
        let harness = harness.map_err(|error| refuse(error.to_string()))?;
        let trust = harness.trust().ok_or_else(|| {
            refuse(format!(
                "{} asks for no trust in directories",
                harness.title()
            ))
        })?;
        let settings = trust.file(&spec.environment());
        let settings = settings.ok_or_else(|| refuse("it has no home directory".to_owned()))?;
        let settings = PathBuf::from(settings);
        let snapshot = FileSnapshot::read(&settings, MAX_SETTINGS)?;
        let old = std::str::from_utf8(snapshot.bytes().unwrap_or_default());
        let old = old.map_err(|_| refuse(format!("{} is no text", settings.display())))?;
        // The programs ask for the directory in which they find themselves, which is no link.
        let directory = spec.working_directory;
        let directory = directory.canonicalize().unwrap_or(directory);
        let new = trust
            .record(old, &directory.to_string_lossy())
            .map_err(|error| refuse(format!("{}: {error}", settings.display())))?;
        let mut report = TrustReport {
            agent: agent.to_owned(),
            directory,
            settings,
            changed: new.is_some(),
            backup: None,
        };
        if let Some(new) = new {
            report.backup = snapshot.bytes().map(|_| backup_of(&report.settings));
            if !dry_run {
                write(&snapshot, report.backup.as_deref(), &new)?;
            }
        }
        Ok(report)
    }
}

fn backup_of(settings: &Path) -> PathBuf {
    let mut name = settings.file_name().unwrap_or_default().to_owned();
    name.push(".fleet-bak");
    settings.with_file_name(name)
}

fn write(snapshot: &FileSnapshot, backup: Option<&Path>, new: &str) -> Result<(), FleetError> {
    if let (Some(backup), Some(old)) = (backup, snapshot.bytes()) {
        // It may hold keys.
        own_file::replace(backup, old, 0o600)
            .map_err(|error| FleetError::io("write", backup, error))?;
    }
    snapshot.replace(new.as_bytes())
}
