//! Turns that people began: a person never waits in vain for their end.

use std::convert::Infallible;
use std::time::Duration;

use podfleet_pod::clock;
use podfleet_pod_store::session_log::{Entry, Record};
use podfleet_pod_store::{NewSaying, OpenTurn, Page, PodRecord};
use podfleet_protocol::method::{GetReceipt, ReceiptParams};
use podfleet_protocol::{MessageId, Outcome, Receipt, UnixMillis};

use super::Bridge;
use super::block::block;
use crate::error::FleetError;

/// How long one question for a receipt lasts.
const PATIENCE: Duration = Duration::from_secs(600);
/// The pause where a pod cannot be asked.
const PAUSE: Duration = Duration::from_secs(2);
/// Records of the log among which an agent's last words are looked for.
const RECORDS: u32 = 500;
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
        let since = match begun {
            Some(begun) => begun,
            None => self
                .delivered(&pod, open.turn.message)
                .await
                .unwrap_or(open.turn.at),
        };
        // What is said in a later turn is no answer to this one.
        let end = match receipt.outcome {
            Outcome::Answered => receipt.at,
            _ => clock::wall(),
        };
        let last = store.last_said(key, pod.identity.id, end).await?;
        let answered = last.is_some_and(|last| last >= since);
        if let Some(text) = self.closing_words(&pod, &receipt, answered).await {
            self.say_of(open, text).await?;
        }
        Ok(store.close_turn(key, open.place).await?)
    }

    /// Returns when a message was given to the agent, by its log.
    async fn delivered(&self, pod: &PodRecord, message: MessageId) -> Option<UnixMillis> {
        let name = pod.identity.name.as_str();
        let records = self.fleet.last_records(name, RECORDS).await.ok()?;
        let mut given = records.iter().filter(
            |record| matches!(&record.entry, Entry::MessageDelivering { id, .. } if *id == message),
        );
        given.next().map(|record| record.ts)
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
            Outcome::Answered => Some(self.last_words(name, receipt.id).await),
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

    /// Returns what an agent wrote in the turn of a message, in place of the answer that it did not
    /// send: its last words by its log, else the end of its terminal.
    async fn last_words(&self, name: &str, message: MessageId) -> String {
        let head = format!("_`{name}` ended its turn without an answer to you._");
        let records = self.fleet.last_records(name, RECORDS).await;
        if let Some(words) = words_before(&records.unwrap_or_default(), message) {
            return format!("{head} It wrote:\n\n{words}");
        }
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

/// Returns the agent's last words before the record that says that the turn of a message has ended.
fn words_before(records: &[Record], message: MessageId) -> Option<&str> {
    let end = records.iter().rposition(|record| {
        matches!(&record.entry, Entry::MessageReceipt { receipt }
            if receipt.id == message && receipt.outcome == Outcome::Answered)
    })?;
    let of_turn = records[..end].iter().rev().take_while(
        |record| !matches!(&record.entry, Entry::MessageDelivering { id, .. } if *id == message),
    );
    let mut words = of_turn.filter_map(|record| match &record.entry {
        Entry::AgentOutput { text, .. } => Some(text.trim()),
        _ => None,
    });
    words.find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Generation, Run};

    use super::*;

    fn records(entries: Vec<Entry>) -> Vec<Record> {
        let record = |(seq, entry)| Record {
            ts: UnixMillis(0),
            seq,
            generation: Generation(1),
            entry,
        };
        (1..).zip(entries).map(record).collect()
    }

    #[test]
    fn the_words_of_a_turn_are_those_before_its_end_and_of_no_other() {
        let (one, two) = (MessageId::generate(), MessageId::generate());
        let delivering = |id| Entry::MessageDelivering {
            id,
            text: "text".to_owned(),
            attempt: 1,
        };
        let words = |text: &str| Entry::AgentOutput {
            run: Run(1),
            text: text.to_owned(),
            exact: true,
        };
        let ended = |id| Entry::MessageReceipt {
            receipt: Receipt {
                outcome: Outcome::Answered,
                ..Receipt::accepted(id, UnixMillis(0))
            },
        };
        let log = records(vec![
            delivering(one),
            words("first"),
            words("last"),
            ended(one),
            delivering(two),
            ended(two),
        ]);
        assert_eq!(words_before(&log, one), Some("last"));
        assert_eq!(words_before(&log, two), None);
        assert_eq!(words_before(&log, MessageId::generate()), None);
    }
}
