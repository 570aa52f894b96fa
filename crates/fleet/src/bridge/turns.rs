//! Turns that people began: a person never waits in vain for their end.

use std::convert::Infallible;
use std::time::Duration;

use podfleet_pod::clock;
use podfleet_pod_store::{NewSaying, OpenTurn, Page, PodRecord};
use podfleet_protocol::method::{GetReceipt, ReceiptParams};
use podfleet_protocol::{MessageId, Outcome, Receipt};

use super::Bridge;
use super::block::block;
use crate::error::FleetError;

/// How long one question for a receipt lasts.
const PATIENCE: Duration = Duration::from_secs(600);
/// The pause where a pod cannot be asked.
const PAUSE: Duration = Duration::from_secs(2);
/// Lines of the screen that stand for an answer that was not sent.
const LINES: u32 = 20;

impl Bridge<'_> {
    /// Follows turns one after the other, in the order in which they are delivered.
    pub(super) async fn follow_turns(&self) -> Infallible {
        loop {
            let open = self
                .fleet
                .store()
                .open_turns(self.fleet.key(), Page::first(1));
            let turn = match open.await {
                Ok(listing) => listing.items.into_iter().next(),
                Err(_) => None,
            };
            match turn {
                None => self.turns.notified().await,
                Some(turn) => {
                    if let Err(error) = self.follow(&turn).await {
                        self.status.retry(error.in_one_line());
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    async fn follow(&self, open: &OpenTurn) -> Result<(), FleetError> {
        let (store, key) = (self.fleet.store(), self.fleet.key());
        let Some(pod) = store.pod(open.turn.pod).await? else {
            return Ok(store.close_turn(key, open.place).await?);
        };
        let mut begun = open.begun;
        let mut wanted = Outcome::Started;
        let receipt = loop {
            let receipt = self.receipt(&pod, open, wanted).await?;
            if receipt.settled || receipt.outcome.reaches(Outcome::Answered) {
                break receipt;
            }
            if receipt.outcome.reaches(Outcome::Started) && begun.is_none() {
                begun = Some(receipt.at);
                store.begin_turn(key, open.place, receipt.at).await?;
            }
            if receipt.outcome.reaches(wanted) {
                wanted = Outcome::Answered;
            }
        };
        let since = begun.unwrap_or(open.turn.at);
        let last = store.last_said(key, pod.identity.id).await?;
        let answered = last.is_some_and(|last| last >= since);
        if let Some(text) = self.closing_words(&pod, &receipt, answered).await {
            self.say_of(open, text).await?;
        }
        Ok(store.close_turn(key, open.place).await?)
    }

    /// Returns the receipt once it is as wanted, or some time is over; the recorded one of a pod
    /// that does not run.
    async fn receipt(
        &self,
        pod: &PodRecord,
        open: &OpenTurn,
        wanted: Outcome,
    ) -> Result<Receipt, FleetError> {
        let id = open.turn.message;
        // Its socket may be another one than when the turn began.
        let pod = self.fleet.store().pod(pod.identity.id).await?;
        let client = match &pod {
            Some(pod) => self.fleet.client_of(pod).await?,
            None => None,
        };
        if let Some(mut client) = client {
            let params = ReceiptParams {
                id,
                until: Some(wanted),
                or_held: false,
                timeout_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX),
            };
            let asking = tokio::time::timeout(PATIENCE + PAUSE, client.call::<GetReceipt>(params));
            if let Ok(Ok(receipt)) = asking.await {
                return Ok(receipt);
            }
        }
        tokio::time::sleep(PAUSE).await;
        let entry = self.fleet.store().message(open.turn.pod, id).await?;
        Ok(entry.map_or_else(
            || Receipt {
                outcome: Outcome::Unknown,
                settled: true,
                reason: Some("its record is gone".to_owned()),
                ..Receipt::accepted(id, clock::wall())
            },
            |entry| entry.receipt,
        ))
    }

    /// Returns what the person is told at the end of a turn, if anything.
    async fn closing_words(
        &self,
        pod: &PodRecord,
        receipt: &Receipt,
        answered: bool,
    ) -> Option<String> {
        let name = pod.identity.name.as_str();
        let reason = receipt.reason.as_deref().unwrap_or("no reason is known");
        match receipt.outcome {
            _ if answered => None,
            Outcome::Answered => Some(self.last_words(name).await),
            Outcome::Cancelled => Some(format!("_Your message to `{name}` was withdrawn._")),
            Outcome::Refused => Some(format!(
                "_Your message was not given to `{name}`: {reason}._"
            )),
            Outcome::Unknown | Outcome::TypedNotSubmitted => Some(format!(
                "_It is not known whether `{name}` has your message: {reason}._"
            )),
            // Nothing shows the end of its turns.
            Outcome::Accepted
            | Outcome::Held
            | Outcome::Submitted
            | Outcome::QueuedByAgent
            | Outcome::Started => None,
        }
    }

    /// Returns the end of an agent's terminal, in place of the answer that it did not send.
    async fn last_words(&self, name: &str) -> String {
        let head = format!("_`{name}` ended its turn without an answer to you._");
        let Ok(tail) = self.fleet.tail(name, LINES, false).await else {
            return head;
        };
        let lines: Vec<_> = tail.lines.iter().map(|line| line.trim_end()).collect();
        let text = lines.join("\n");
        let text = text.trim_matches('\n');
        if text.is_empty() {
            return head;
        }
        format!("{head} The end of its terminal:\n\n{}", block(text))
    }

    async fn say_of(&self, open: &OpenTurn, text: String) -> Result<(), FleetError> {
        let saying = NewSaying {
            id: MessageId::of_chat("end of turn", &open.turn.message.to_string()),
            by: None,
            text,
            thread: open.turn.thread.clone(),
            reply_to: Some(open.turn.event.clone()),
            attachments: Vec::new(),
            at: clock::wall(),
        };
        self.fleet.put_saying(saying).await.map(drop)
    }
}
