//! What pods' agents write and record, and what our own pod knows.

use std::str::FromStr;

use podfleet_pod::output::{OutputError, read_output};
use podfleet_pod_store::session_log::{Record, SessionReader};
use podfleet_protocol::method::{
    AcceptedResult, Inbox, InboxParams, InboxResult, ReadOutputParams, ReadOutputResult,
    ReadPodOutput, SendParams, SendToPod, Status, StatusParams,
};
use podfleet_protocol::{NewMessage, OutputCursor, PodStatus};

use super::Fleet;
use super::pods::pod_name;
use crate::error::{FleetError, FleetErrorKind};

impl Fleet {
    /// Returns what a pod's agent has written since a cursor. Inside a pod this is done with that
    /// pod's rights.
    ///
    /// # Errors
    /// Fails for an unknown pod, one that does not run or may not be read, and another's cursor.
    pub async fn read_output(
        &self,
        name: &str,
        cursor: Option<&str>,
    ) -> Result<ReadOutputResult, FleetError> {
        let no_cursor = || {
            FleetError::new(FleetErrorKind::NoSuchCursor {
                pod: name.to_owned(),
            })
        };
        let cursor = cursor.map(OutputCursor::from_str).transpose();
        let cursor = cursor.map_err(|_| no_cursor())?;
        if let Some(mut own) = self.own_client().await? {
            let params = ReadOutputParams {
                name: pod_name(name)?,
                cursor,
                limit: None,
            };
            let answer = own.call::<ReadPodOutput>(params).await;
            return answer.map_err(|error| FleetError::pod(name, error));
        }
        let record = self.pod_record(name).await?;
        let who = self.introduction();
        let state = &self.dirs.state;
        let read = read_output(state, &record, &who, cursor.as_ref(), None).await;
        read.map_err(|error| match error {
            OutputError::Cursor => no_cursor(),
            OutputError::Pod(error) => FleetError::pod(name, error),
            OutputError::Log(error) => FleetError::new(FleetErrorKind::Store).caused_by(error),
            _ => FleetError::new(FleetErrorKind::NotRunning {
                agent: name.to_owned(),
            }),
        })
    }

    /// Gives an order to a pod in the name of the pod that we run in.
    ///
    /// # Errors
    /// Fails outside pods, for an unknown receiver, and one that takes no orders from our pod.
    pub async fn order(
        &self,
        name: &str,
        message: NewMessage,
    ) -> Result<AcceptedResult, FleetError> {
        let name_checked = pod_name(name)?;
        let mut own = self.wanted_own().await?;
        let sent = own.call::<SendToPod>(SendParams {
            name: name_checked,
            message,
        });
        sent.await
            .map_err(|error| FleetError::pod(name, error).of_message())
    }

    /// Returns what the pod that we run in says of itself.
    ///
    /// # Errors
    /// Fails outside pods, and when it does not answer.
    pub async fn own_status(&self) -> Result<PodStatus, FleetError> {
        let mut own = self.wanted_own().await?;
        let status = own.call::<Status>(StatusParams::default()).await;
        status.map_err(|error| FleetError::pod("this pod", error))
    }

    /// Lists the messages that wait for the agent of the pod that we run in.
    ///
    /// # Errors
    /// Fails outside pods, and when it does not answer.
    pub async fn own_inbox(&self) -> Result<InboxResult, FleetError> {
        let mut own = self.wanted_own().await?;
        let inbox = own.call::<Inbox>(InboxParams::default()).await;
        inbox.map_err(|error| FleetError::pod("this pod", error))
    }

    async fn wanted_own(&self) -> Result<podfleet_protocol::client::PodClient, FleetError> {
        let own = self.own_client().await?;
        own.ok_or_else(|| FleetError::not_allowed("this process", "it runs in no pod"))
    }

    /// Returns the last records of an agent's present session, or of its last; damaged ones are
    /// left out.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when the log cannot be read.
    pub async fn last_records(&self, agent: &str, count: u32) -> Result<Vec<Record>, FleetError> {
        let log = self.session_log(agent).await?;
        let Some(files) = log.files else {
            return Ok(Vec::new());
        };
        let fault = |error: podfleet_pod_store::session_log::LogError| {
            FleetError::new(FleetErrorKind::Store).caused_by(error)
        };
        let reader = SessionReader::tail(files, count.into()).map_err(fault)?;
        let records = reader.skip_corrupt(true);
        records
            .map(|located| Ok(located.map_err(fault)?.record))
            .collect()
    }
}
