//! `inbox`: the messages that wait for an agent, and withdrawing one.

use podfleet_pod::clock;
use podfleet_pod_store::{DeliveryState, InboxSummary, Page, PodRecord, StoreErrorKind};
use podfleet_protocol::client::PodClient;
use podfleet_protocol::limits::MAX_PAGE;
use podfleet_protocol::method::{Cancel, CancelParams, Inbox, InboxParams, InboxResult, InboxRow};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{MessageId, OnCrash, Receipt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fleet;
use super::follow::in_absence;
use super::send::{Via, ended};
use crate::error::{FleetError, FleetErrorKind};

/// The messages that wait for an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InboxReport {
    /// The agent.
    pub agent: String,
    /// Who told: its pod, or in its absence the store.
    pub via: Via,
    /// The messages, in order of acceptance. Inside a pod that does not command the agent: only its
    /// own.
    pub messages: Vec<InboxRow>,
    /// Records that cannot be read, each with what is wrong with it.
    pub corrupt: Vec<String>,
}

impl Fleet {
    /// Lists the messages that have not left an agent's inbox.
    ///
    /// # Errors
    /// Fails when the agent is unknown, or neither its pod nor the store can be asked.
    pub async fn inbox(&self, agent: &str) -> Result<InboxReport, FleetError> {
        let mut report = InboxReport {
            agent: agent.to_owned(),
            via: Via::Store,
            messages: Vec::new(),
            corrupt: Vec::new(),
        };
        // An agent that was never started has no inbox yet.
        let Some(pod) = self.record(agent).await? else {
            return Ok(report);
        };
        let mut client = self.client_of(&pod).await?;
        if client.is_some() {
            report.via = Via::Socket;
        }
        let mut after = None;
        loop {
            let page = match &mut client {
                Some(client) => page_of_pod(client, after).await,
                None => self.page_of_store(&pod, after).await,
            };
            let page = page?;
            report.messages.extend(page.messages);
            report.corrupt.extend(page.corrupt);
            after = page.next;
            if after.is_none() {
                return Ok(report);
            }
        }
    }

    async fn page_of_store(
        &self,
        pod: &PodRecord,
        after: Option<u64>,
    ) -> Result<InboxResult, FleetError> {
        let page = Page {
            after: after.map(podfleet_pod_store::Sequence),
            limit: MAX_PAGE,
        };
        let standing = self.standing(pod.identity.id).await?;
        let sender = standing.sees_only();
        let listing = self.store.waiting(pod.identity.id, sender, page).await?;
        let mut messages = Vec::with_capacity(listing.items.len());
        for InboxSummary { row, state, .. } in listing.items {
            let receipt = match state {
                // What is to become of it stands beside its body.
                DeliveryState::Delivering => self.receipt_in_absence(pod, row.id).await,
                _ => in_absence(row.receipt, state, OnCrash::default()),
            };
            messages.push(InboxRow { receipt, ..row });
        }
        let damaged = listing.corrupt.into_iter();
        Ok(InboxResult {
            messages,
            corrupt: damaged
                .filter(|_| standing.is_trusted())
                .map(|record| format!("{}: {}", record.id, record.error))
                .collect(),
            next: listing.next.map(|place| place.0),
        })
    }

    /// Withdraws a message that is not yet being typed, and returns the receipt that holds
    /// afterwards: `cancelled`, or that of the delivery that came first.
    ///
    /// # Errors
    /// Fails when the agent or the message is unknown, or neither pod nor store can be asked.
    pub async fn cancel(&self, agent: &str, id: MessageId) -> Result<Receipt, FleetError> {
        let unknown = || {
            FleetError::new(FleetErrorKind::NoSuchMessage {
                agent: agent.to_owned(),
                id,
            })
        };
        let pod = self.record(agent).await?.ok_or_else(unknown)?;
        if let Some(mut client) = self.client_of(&pod).await? {
            match client.call::<Cancel>(CancelParams { id }).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) if ended(&error) => {}
                Err(error) => {
                    let code = error.answer().map(|answer| answer.code);
                    return match code {
                        Some(ErrorCode::NoSuchMessage) => Err(unknown()),
                        Some(ErrorCode::TooLate) => error
                            .answer()
                            .and_then(|answer| serde_json::from_value(answer.data.clone()?).ok())
                            .ok_or_else(|| FleetError::pod(agent, error)),
                        _ => Err(FleetError::pod(agent, error)),
                    };
                }
            }
        }
        let standing = self.standing(pod.identity.id).await?;
        if !standing.may_withdraw_all() {
            let entry = self.store.message(pod.identity.id, id).await?;
            if !entry.is_some_and(|entry| standing.has_sent(&entry)) {
                return Err(unknown());
            }
        }
        let receipt = self.store.cancel(pod.identity.id, id, clock::wall()).await;
        receipt.map_err(|error| match error.kind() {
            StoreErrorKind::NotFound(_) => unknown(),
            _ => error.into(),
        })
    }
}

async fn page_of_pod(
    client: &mut PodClient,
    after: Option<u64>,
) -> Result<InboxResult, FleetError> {
    let limit = Some(MAX_PAGE);
    let agent = client.hello().name.to_string();
    let page = client.call::<Inbox>(InboxParams { after, limit }).await;
    page.map_err(|error| FleetError::pod(&agent, error))
}
