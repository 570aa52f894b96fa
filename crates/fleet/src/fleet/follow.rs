//! What becomes of a message that an inbox has.

use std::time::{Duration, Instant};

use podfleet_pod::clock;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{AcceptedResult, GetReceipt, ReceiptParams};
use podfleet_protocol::{Hold, HoldReason, MessageId, Outcome, Receipt};

use super::Fleet;
use super::send::{SendReport, SendRequest, Via, ended};

/// What a pod's answer may take over the time that it was told to wait.
const SLACK: Duration = Duration::from_secs(5);
/// How long a restart may leave a pod neither there nor wanted.
const RESTARTS: Duration = Duration::from_secs(1);
/// How long whoever keeps the pods may take to bring back one that died.
const REVIVED: Duration = Duration::from_secs(15);
/// How often it is looked whether a pod that has ended is back.
const COMES_BACK: Duration = Duration::from_millis(200);

impl Fleet {
    /// Looks at what becomes of an accepted message, also over a restart of its receiver's pod.
    pub(super) async fn follow(
        &self,
        pod: &PodRecord,
        mut client: PodClient,
        request: &SendRequest,
        accepted: AcceptedResult,
    ) -> SendReport {
        let deadline = Instant::now() + self.patience(request);
        let (receipt, via) = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let params = ReceiptParams {
                id: accepted.id,
                until: Some(request.wait.unwrap_or(Outcome::Submitted)),
                or_held: request.wait.is_none(),
                timeout_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            };
            let asking = client.call::<GetReceipt>(params);
            match tokio::time::timeout(left + SLACK, asking).await {
                Ok(Ok(receipt)) => break (receipt, Via::Socket),
                Ok(Err(error)) if ended(&error) => {}
                // It is accepted; that its fate cannot be asked for is no failure of the send.
                _ => break (self.recorded_receipt(pod, accepted.id).await, Via::Socket),
            }
            match self.client_of_successor(pod, deadline).await {
                Some(successor) => client = successor,
                None => {
                    let receipt = self.recorded_receipt(pod, accepted.id).await;
                    break (held_by_absence(receipt), Via::Store);
                }
            }
        };
        SendReport::of(request, &accepted, receipt, via)
    }

    /// Connects to a pod that has ended, if it comes back in time.
    async fn client_of_successor(&self, pod: &PodRecord, deadline: Instant) -> Option<PodClient> {
        let ended = Instant::now();
        loop {
            let record = self.store.pod(pod.identity.id).await.ok().flatten()?;
            if let Ok(Some(client)) = self.client_of(&record).await {
                return Some(client);
            }
            let patience = if record.expected { REVIVED } else { RESTARTS };
            let now = Instant::now();
            if now >= deadline || now >= ended + patience {
                return None;
            }
            tokio::time::sleep(COMES_BACK).await;
        }
    }

    pub(super) async fn recorded_receipt(&self, pod: &PodRecord, id: MessageId) -> Receipt {
        let entry = self.store.message(pod.identity.id, id).await;
        entry.ok().flatten().map_or_else(
            || Receipt::accepted(id, clock::wall()),
            |entry| entry.receipt,
        )
    }
}

/// A message in the inbox of a pod that does not run waits for it.
pub(super) fn held_by_absence(receipt: Receipt) -> Receipt {
    if receipt.outcome != Outcome::Accepted {
        return receipt;
    }
    Receipt {
        outcome: Outcome::Held,
        hold: Some(Hold {
            reason: HoldReason::Stopped,
            detail: String::new(),
        }),
        ..receipt
    }
}
