//! What becomes of a message that an inbox has.

use std::time::{Duration, Instant};

use podfleet_pod::clock;
use podfleet_pod_store::{DeliveryState, PodRecord};
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{AcceptedResult, GetReceipt, ReceiptParams};
use podfleet_protocol::{Hold, HoldReason, MessageId, OnCrash, Outcome, Receipt};

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
                    break (self.receipt_in_absence(pod, accepted.id).await, Via::Store);
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

    /// As [`recorded_receipt`](Self::recorded_receipt), of a pod that does not run.
    pub(super) async fn receipt_in_absence(&self, pod: &PodRecord, id: MessageId) -> Receipt {
        let entry = self.store.message(pod.identity.id, id).await;
        match entry.ok().flatten() {
            Some(entry) => {
                let on_crash = entry.message.typing.on_crash;
                in_absence(entry.receipt, entry.state, on_crash)
            }
            None => held(Receipt::accepted(id, clock::wall())),
        }
    }
}

/// Says of a message in the inbox of a pod that does not run what is known of it until the next start:
/// it waits for that, unless the pod ended while it was typed.
pub(super) fn in_absence(receipt: Receipt, state: DeliveryState, on_crash: OnCrash) -> Receipt {
    match state {
        DeliveryState::Delivering if !receipt.outcome.reaches(Outcome::Submitted) => Receipt {
            outcome: Outcome::Unknown,
            evidence: None,
            hold: None,
            reason: Some(match on_crash {
                OnCrash::Report => format!("{INTERRUPTED}, and it is not typed again"),
                OnCrash::Retry => format!("{INTERRUPTED}; unless it has arrived it is typed again"),
            }),
            ..receipt
        },
        _ if receipt.outcome == Outcome::Accepted => held(receipt),
        _ => receipt,
    }
}

const INTERRUPTED: &str =
    "its pod ended while it was typed; what came of that is found out at the pod's next start";

fn held(receipt: Receipt) -> Receipt {
    Receipt {
        outcome: Outcome::Held,
        hold: Some(Hold {
            reason: HoldReason::Stopped,
            detail: String::new(),
        }),
        ..receipt
    }
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::UnixMillis;

    use super::*;

    fn told(state: DeliveryState, outcome: Outcome, on_crash: OnCrash) -> Receipt {
        let receipt = Receipt {
            outcome,
            ..Receipt::accepted(MessageId::generate(), UnixMillis(0))
        };
        in_absence(receipt, state, on_crash)
    }

    #[test]
    fn a_message_that_was_not_begun_with_waits_for_its_pod() {
        let waits = told(DeliveryState::Accepted, Outcome::Accepted, OnCrash::Report);
        assert_eq!(waits.outcome, Outcome::Held);
        assert_eq!(waits.hold.unwrap().reason, HoldReason::Stopped);
    }

    #[test]
    fn a_message_that_was_being_typed_waits_for_nothing_and_says_whether_it_is_typed_again() {
        for before in [Outcome::Accepted, Outcome::Held] {
            let lost = told(DeliveryState::Delivering, before, OnCrash::Report);
            assert_eq!((lost.outcome, lost.settled), (Outcome::Unknown, false));
            assert_eq!(lost.hold, None);
            assert!(lost.reason.unwrap().ends_with("it is not typed again"));
            let retried = told(DeliveryState::Delivering, before, OnCrash::Retry);
            let reason = retried.reason.unwrap();
            assert!(reason.ends_with("unless it has arrived it is typed again"));
        }
    }

    #[test]
    fn what_is_known_to_have_been_submitted_stays_known() {
        for known in [Outcome::Submitted, Outcome::Started] {
            let told = told(DeliveryState::Delivering, known, OnCrash::Report);
            assert_eq!(told.outcome, known);
        }
    }
}
