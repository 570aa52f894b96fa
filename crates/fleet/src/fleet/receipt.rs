//! `receipt`: what became of a message.

use podfleet_protocol::method::{GetReceipt, ReceiptParams};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{MessageId, Receipt};

use super::Fleet;
use super::follow::in_absence;
use super::send::ended;
use crate::error::{FleetError, FleetErrorKind};

impl Fleet {
    /// Tells what became of a message to an agent, as far as it is known now.
    ///
    /// # Errors
    /// Fails when the agent or the message is unknown, or neither pod nor store can be asked.
    pub async fn receipt(&self, agent: &str, id: MessageId) -> Result<Receipt, FleetError> {
        let unknown = || {
            FleetError::new(FleetErrorKind::NoSuchMessage {
                agent: agent.to_owned(),
                id,
            })
        };
        let pod = self.record(agent).await?.ok_or_else(unknown)?;
        if let Some(mut client) = self.client_of(&pod).await? {
            let params = ReceiptParams {
                id,
                until: None,
                or_held: false,
                timeout_ms: 0,
            };
            match client.call::<GetReceipt>(params).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) if ended(&error) => {}
                Err(error) => {
                    let code = error.answer().map(|answer| answer.code);
                    return Err(match code {
                        Some(ErrorCode::NoSuchMessage) => unknown(),
                        _ => FleetError::pod(agent, error),
                    });
                }
            }
        }
        let entry = self.store.message(pod.identity.id, id).await?;
        let entry = entry.ok_or_else(unknown)?;
        if !self.standing(pod.identity.id).await?.may_see(&entry) {
            return Err(unknown());
        }
        let on_crash = entry.message.typing.on_crash;
        Ok(in_absence(entry.receipt, entry.state, on_crash))
    }
}
