//! Reaching an agent's terminal and its logs.

use std::path::PathBuf;

use podfleet_pod_store::session_log::SessionFiles;
use podfleet_protocol::client::{AttachStream, PodClient};
use podfleet_protocol::method::{
    AttachParams, AttachResult, GetScreen, Nothing, ScreenResult, ScrollbackResult,
};
use podfleet_protocol::{PodId, SessionId};

use super::Fleet;
use crate::error::{FleetError, FleetErrorKind};

/// Where an agent's session logs are.
#[derive(Debug, Clone)]
pub struct SessionLog {
    /// The directory of all the sessions of its pod.
    pub directory: PathBuf,
    /// The present session, or the last; nothing if there was none.
    pub session: Option<SessionId>,
    /// The files of that session, for a reader.
    pub files: Option<SessionFiles>,
}

impl Fleet {
    /// Returns the last lines of an agent's terminal.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when its pod does not answer.
    pub async fn tail(
        &self,
        agent: &str,
        lines: u32,
        ansi: bool,
    ) -> Result<ScrollbackResult, FleetError> {
        let record = self.started(agent).await?;
        let mut client = self.connect(&record).await?;
        let tail = client.tail(lines, ansi).await;
        tail.map_err(|error| FleetError::pod(agent, error))
    }

    /// Returns the visible screen of an agent's terminal.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when its pod does not answer.
    pub async fn screen(&self, agent: &str) -> Result<ScreenResult, FleetError> {
        let record = self.started(agent).await?;
        let mut client = self.connect(&record).await?;
        client
            .call::<GetScreen>(Nothing {})
            .await
            .map_err(|error| FleetError::pod(agent, error))
    }

    /// Attaches to an agent's terminal.
    ///
    /// # Errors
    /// Fails for an unknown agent, when its pod does not answer, and when another client has
    /// control and it is not taken.
    pub async fn attach(
        &self,
        agent: &str,
        params: AttachParams,
    ) -> Result<(AttachResult, AttachStream), FleetError> {
        let (_, result, stream) = self.attach_to(agent, None, params).await?;
        Ok((result, stream))
    }

    /// Attaches to an agent's terminal, and tells which pod's that is. With `meant`, another pod that
    /// has its name by now is not taken for it.
    ///
    /// # Errors
    /// Fails as [`attach`](Self::attach) does, and when the pod is not the one that is meant.
    pub async fn attach_to(
        &self,
        agent: &str,
        meant: Option<PodId>,
        params: AttachParams,
    ) -> Result<(PodId, AttachResult, AttachStream), FleetError> {
        let record = self.started(agent).await?;
        // A socket is one pod's alone, so it is the pod of this record that answers.
        let pod = record.identity.id;
        if meant.is_some_and(|meant| meant != pod) {
            let agent = agent.to_owned();
            return Err(FleetError::new(FleetErrorKind::OtherPod { agent }));
        }
        let endpoint = record.endpoint.ok_or_else(|| {
            FleetError::new(FleetErrorKind::NotRunning {
                agent: agent.to_owned(),
            })
        })?;
        let attached = PodClient::attach(&endpoint.socket, &self.introduction(), params).await;
        let (result, stream) = attached.map_err(|error| FleetError::pod(agent, error))?;
        Ok((pod, result, stream))
    }

    /// Returns where an agent's session logs are. They outlive its pod.
    ///
    /// # Errors
    /// Fails for an unknown agent, one whose log we may not read, and when the store cannot be read.
    pub async fn session_log(&self, agent: &str) -> Result<SessionLog, FleetError> {
        let record = self.started(agent).await?;
        self.check_may_read(&record).await?;
        let id = record.identity.id;
        let files = |session| SessionFiles::new(&self.dirs.state, id, session);
        Ok(SessionLog {
            directory: self.dirs.state_paths().sessions().join(id.to_string()),
            session: record.session,
            files: record.session.map(files),
        })
    }

    /// Returns the path of the pod's own log: what the process says, not what the agent does.
    ///
    /// # Errors
    /// Fails for an unknown agent, one whose log we may not read, and when the store cannot be read.
    pub async fn pod_log(&self, agent: &str) -> Result<PathBuf, FleetError> {
        let record = self.started(agent).await?;
        self.check_may_read(&record).await?;
        Ok(self.dirs.state_paths().log(record.identity.id))
    }
}
