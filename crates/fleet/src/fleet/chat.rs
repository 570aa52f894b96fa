//! The fleet's chat: which connector it has, and the process that keeps its bridge.

use std::sync::Arc;

use podfleet_connectors::{
    ConnectorConfig, CreateError, CreateErrorKind, Environment, OrchestratorConnector,
};
use podfleet_pod::post::PostError;
use podfleet_pod_store::PodRecord;
use podfleet_roster::Chat;

use super::Fleet;
use super::spawn::post_error;
use crate::bridge::{BridgePlace, BridgeStatus};
use crate::error::{FleetError, FleetErrorKind};
use crate::readiness::Readiness;

impl Fleet {
    /// Makes the connector that the roster names; without one, the chat in a terminal. Nothing is
    /// sent, and nothing else changes.
    ///
    /// # Errors
    /// Fails when the kind is unknown, its settings are wrong, or its secret is missing.
    pub fn connector(&self) -> Result<Arc<dyn OrchestratorConnector>, FleetError> {
        let chat = self.roster().and_then(|roster| roster.connector.as_ref());
        self.connector_of(chat)
    }

    /// Makes the connector of a chat, which need not be this roster's.
    ///
    /// # Errors
    /// As [`connector`](Self::connector).
    pub fn connector_of(
        &self,
        chat: Option<&Chat>,
    ) -> Result<Arc<dyn OrchestratorConnector>, FleetError> {
        let config = config(chat, &self.bridge_place())?;
        let env: Environment = self.env.iter().collect();
        self.connectors.create(&config, &env).map_err(set_up_fault)
    }

    /// Returns what the bridge of this fleet last said of itself, and whether it runs; nothing if
    /// there never was one.
    #[must_use]
    pub fn bridge_status(&self) -> Option<(BridgeStatus, bool)> {
        let place = self.bridge_place();
        let status = BridgeStatus::read(place.status())?;
        Some((status, place.runs()))
    }

    /// Returns the socket at which the chat in a terminal of this fleet is reached while its bridge
    /// runs.
    #[must_use]
    pub fn chat_socket(&self) -> std::path::PathBuf {
        self.bridge_place().connector().socket.clone()
    }

    pub(crate) fn bridge_place(&self) -> BridgePlace {
        BridgePlace::new(&self.dirs, &self.key)
    }

    pub(crate) fn build(&self) -> &str {
        &self.build
    }

    /// Returns the records of all pods of the fleet.
    pub(crate) async fn records(&self) -> Result<Vec<PodRecord>, FleetError> {
        let summaries = self.summaries().await?.into_iter();
        Ok(summaries.map(|summary| summary.record).collect())
    }

    /// Refuses a fleet that neither a roster nor a record has: nobody would ever say what is said in it.
    pub(crate) async fn refuse_unknown(&self) -> Result<(), FleetError> {
        if self.roster().is_some() || !self.records().await?.is_empty() {
            return Ok(());
        }
        Err(FleetError::new(FleetErrorKind::NoSuchFleet {
            fleet: self.key().fleet.to_string(),
        }))
    }

    /// Returns how the agents are, by what their records and heartbeats say.
    pub(crate) async fn readiness(&self) -> Result<Vec<(String, Readiness)>, FleetError> {
        let survey = self.survey().await?;
        let threshold = self.idle_threshold();
        let judged = survey.sightings.values().map(|sighting| {
            let judgement = sighting.judge(&survey.now, threshold);
            (sighting.name().to_owned(), judgement.readiness)
        });
        Ok(judged.collect())
    }

    /// Says why a message to a pod was not handed in.
    #[expect(clippy::unused_self, reason = "as the other verbs")]
    pub(crate) fn post_fault(&self, to: &PodRecord, error: PostError) -> FleetError {
        post_error(to.identity.name.as_str(), error)
    }
}

fn set_up_fault(error: CreateError) -> FleetError {
    let hint = match error.kind() {
        CreateErrorKind::MissingSecret { variable } => Some(format!(
            "put the secret into a file of mode 0600, and its path into `{variable}_FILE`"
        )),
        CreateErrorKind::UnreadableSecret { .. } if is_of_rights(&error) => {
            Some("`chmod 600` makes it private".to_owned())
        }
        CreateErrorKind::NotRegistered { .. } => Some(
            "a kind of another crate is known to a program that registers it, and runs the bridge"
                .to_owned(),
        ),
        _ => None,
    };
    let fault = FleetError::new(FleetErrorKind::ConnectorSetUp).caused_by(error);
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

fn is_of_rights(error: &CreateError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &std::io::Error| cause.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Turns the roster's block into a configuration: the settings of a kind stand below its name, those
/// of a kind of another crate below `settings`.
fn config(chat: Option<&Chat>, place: &BridgePlace) -> Result<ConnectorConfig, FleetError> {
    let mut config = ConnectorConfig {
        place: Some(place.connector().clone()),
        ..ConnectorConfig::default()
    };
    let Some(chat) = chat else {
        return Ok(config);
    };
    let internal = || FleetError::new(FleetErrorKind::Internal);
    let block = serde_json::to_value(chat).map_err(|error| internal().caused_by(error))?;
    let kind = chat.connector.kind();
    let settings = block.get(kind).or_else(|| block.get("settings"));
    if let Some(settings) = settings.and_then(|settings| settings.as_object()) {
        config.settings = settings.clone();
    }
    config.kind = kind
        .to_owned()
        .try_into()
        .map_err(|error| FleetError::new(FleetErrorKind::ConnectorSetUp).caused_by(error))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_pod_store::FleetKey;
    use podfleet_protocol::{FleetName, TenantId};
    use podfleet_roster::{Connector, Matrix};

    fn place() -> BridgePlace {
        let dirs = crate::Dirs {
            config: "/c".into(),
            state: "/s".into(),
            runtime: "/r".into(),
        };
        let (tenant, fleet) = (TenantId::new("me"), FleetName::new("web"));
        BridgePlace::new(&dirs, &FleetKey::new(tenant.unwrap(), fleet.unwrap()))
    }

    #[test]
    fn the_block_of_any_kind_becomes_its_settings() {
        let none = config(None, &place()).unwrap();
        assert_eq!((none.kind.as_str(), none.settings.len()), ("tmux", 0));
        assert!(none.place.is_some());
        let matrix = Matrix::new("https://m", "@f:m", "!r:m");
        let chat = Chat::from(Connector::Matrix(matrix));
        let matrix = config(Some(&chat), &place()).unwrap();
        assert_eq!(matrix.kind.as_str(), "matrix");
        assert_eq!(matrix.settings["room_id"], "!r:m");
        let settings = serde_json::json!({"server": "irc"});
        let settings = settings.as_object().unwrap().clone();
        let chat = Chat::from(Connector::extension("x-irc", settings.clone()));
        let irc = config(Some(&chat), &place()).unwrap();
        assert_eq!((irc.kind.as_str(), irc.settings), ("x-irc", settings));
    }
}
