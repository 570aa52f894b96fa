//! The journal's writing end: a thread that does what it is asked for, one batch after the other.

mod children;
mod outbox;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use podfleet_pod_store::session_log::{Entry, LogError, LogWriter};
use podfleet_pod_store::{
    CrashPoint, DeliveryState, Fence, InboxEntry, Offer, PodStore, StoreError, StoreErrorKind,
};
use podfleet_protocol::limits::MAX_ANSWER;
use podfleet_protocol::method::PauseResult;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Message, MessageId, Outcome, Receipt};
use tokio::sync::oneshot;

use outbox::Outbox;

use super::{Acceptance, Delivering, Job, Jobs, NotCommitted, Pausing, Recording};
use crate::account;
use crate::clock;
use crate::command::Command;
use crate::conversation::{self, Conversation};
use crate::shared::Shared;

/// How many writes are taken together at most.
const BATCH: usize = 256;
/// How soon the store is told again what it could not take.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// A pod that can write nothing any more must not look alive: it ends with its journal's thread,
/// its guard ends the agent, and the next start finds out what became of the messages.
struct EndOfJournal;

impl Drop for EndOfJournal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the journal's thread failed, so the pod ends");
            std::process::abort();
        }
    }
}

/// Does the writes.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Jobs,
    log: LogWriter,
    store: Arc<dyn PodStore>,
    fence: Fence,
    shared: Arc<Shared>,
    /// Receipts that the log has and the store does not have yet, oldest first. A message leaves
    /// the inbox only when the store has its receipt: before, the store would give it again.
    unstored: VecDeque<Recording>,
    /// What this pod has begun to type and will say more of.
    on_its_way: HashSet<MessageId>,
    outbox: Outbox,
    /// Why nobody would find what is written to the store.
    lost: Option<String>,
}

impl Writer {
    /// Makes a writer. Calls to `store` may block.
    pub(crate) fn new(
        jobs: Jobs,
        log: LogWriter,
        store: Arc<dyn PodStore>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            jobs,
            log,
            store,
            fence: shared.fence,
            shared,
            unstored: VecDeque::new(),
            on_its_way: HashSet::new(),
            outbox: Outbox::default(),
            lost: None,
        }
    }

    /// Starts the thread, which ends when nobody can ask any more.
    ///
    /// # Errors
    /// Fails when the system has no thread to give.
    pub(crate) fn start(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = std::thread::Builder::new().name("journal".into());
        thread.spawn(move || {
            let _end = EndOfJournal;
            runtime.block_on(self.run());
        })?;
        Ok(())
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.next(&mut batch).await {
            self.store_receipts().await;
            let mut offers = Vec::new();
            for job in batch.drain(..) {
                if let Job::Accept(offer, answer) = job {
                    offers.push((*offer, answer));
                    continue;
                }
                self.accept(std::mem::take(&mut offers)).await;
                self.write(job).await;
            }
            self.accept(offers).await;
        }
    }

    /// Waits for jobs, though not for long while the store lacks a receipt. Returns whether anybody
    /// can still ask.
    async fn next(&mut self, batch: &mut Vec<Job>) -> bool {
        let receiving = self.jobs.0.recv_many(batch, BATCH);
        if self.unstored.is_empty() {
            return receiving.await > 0;
        }
        let received = tokio::time::timeout(STORE_AGAIN, receiving).await;
        received.map_or(true, |count| count > 0)
    }

    async fn write(&mut self, job: Job) {
        match job {
            Job::Accept(..) => {}
            Job::Deliver(delivering) => self.deliver(*delivering).await,
            Job::Launch(entry) => {
                let committed = self.commit(*entry).map(drop);
                CrashPoint::LaunchLogged.reach();
                self.shared.tell(Command::LaunchCommitted(committed));
            }
            Job::Record(recording) => self.record(*recording).await,
            Job::Note(entry) => drop(self.append(*entry)),
            Job::Input(entry) => {
                self.append(*entry);
                self.shared.tell(Command::InputLogged);
            }
            Job::Order(entry, answer) => {
                let _ = answer.send(self.commit(*entry).map(drop));
            }
            Job::Pause(pausing, answer) => {
                let _ = answer.send(self.pause(*pausing).await);
            }
            Job::Cancel(id, answer) => {
                let _ = answer.send(self.cancel(id).await);
            }
            Job::Conversation(kept) => self.keep(kept.as_ref()),
            Job::CopyOutbox => {
                self.look_for_store().await;
                self.copy_outbox().await;
            }
            Job::LookAfterChildren => self.look_after_children().await,
            Job::Flush(done) => {
                let _ = done.send(());
            }
        }
    }

    /// Looks whether others would find what is written to the store, and says so when that changes.
    async fn look_for_store(&mut self) {
        let lost = self.store.check_place().await.err().map(|error| {
            let hint = error.hint().map(|hint| format!("; {hint}"));
            account(&error) + &hint.unwrap_or_default()
        });
        if lost == self.lost {
            return;
        }
        match &lost {
            Some(why) => tracing::error!(why, "the store is lost"),
            None => tracing::info!("the store is where it was again"),
        }
        self.shared.tell(Command::StoreLost(lost.clone()));
        self.lost = lost;
    }

    /// Without the file a start begins a new conversation, which harms nobody.
    fn keep(&self, kept: Option<&Conversation>) {
        let file = &self.shared.conversation;
        let done = match kept {
            Some(kept) => kept.write(file),
            None => conversation::forget(file),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "cannot keep the conversation for the next start");
        }
    }

    /// Appends, or says why not.
    fn put(&mut self, entry: Entry) -> Result<(), String> {
        let put = self
            .unseal()
            .and_then(|()| self.log.append(clock::wall(), entry));
        put.map(drop).map_err(|error| account(&error))
    }

    /// Appends without waiting for the disk. Returns the record's number, if that succeeded.
    fn append(&mut self, entry: Entry) -> Option<u64> {
        let appended = self
            .unseal()
            .and_then(|()| self.log.append(clock::wall(), entry));
        if let Err(error) = &appended {
            tracing::error!(%error, "cannot append to the session log");
        }
        appended.ok()
    }

    /// Appends and waits for the disk. Returns the record's number.
    fn commit(&mut self, entry: Entry) -> Result<u64, String> {
        let committed = self.unseal().and_then(|()| {
            let seq = self.log.append(clock::wall(), entry)?;
            self.log.commit().map(|()| seq)
        });
        committed.map_err(|error| account(&error))
    }

    /// Goes on in a new segment after a failed write to the disk.
    fn unseal(&mut self) -> Result<(), LogError> {
        if self.log.is_sealed() {
            self.log.new_segment(clock::wall())?;
        }
        Ok(())
    }

    /// One transaction for all messages that came together.
    async fn accept(&mut self, offers: Vec<(Offer, oneshot::Sender<Acceptance>)>) {
        if offers.is_empty() {
            return;
        }
        let (offers, answers): (Vec<_>, Vec<_>) = offers.into_iter().unzip();
        let accepted = self.store.accept(self.fence.pod, offers.clone()).await;
        let results = match accepted {
            Ok(results) => results,
            Err(error) => {
                let why = self.lost.clone().unwrap_or_else(|| account(&error));
                let why = format!("nothing was accepted: {why}");
                let error = RpcError::new(ErrorCode::Storage, why);
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
                return;
            }
        };
        for ((result, answer), offer) in results.into_iter().zip(answers).zip(offers) {
            if let Ok(accepted) = &result
                && !accepted.duplicate
            {
                self.accepted(offer.message);
            }
            let _ = answer.send(Ok(result));
        }
    }

    /// Logs and publishes that a message is in the inbox.
    fn accepted(&mut self, message: Message) {
        let receipt = Receipt::accepted(message.id, message.accepted);
        let seq = self.append(Entry::MessageAccepted { message });
        CrashPoint::AcceptLogged.reach();
        self.shared.publish(receipt, seq);
    }

    async fn deliver(&mut self, delivering: Delivering) {
        let Delivering {
            id,
            text,
            attempt,
            receipt,
            item,
        } = delivering;
        if let Some(lost) = self.lost.clone().filter(|_| receipt.is_some()) {
            let failed = Err(NotCommitted::Failed(lost));
            return self.shared.tell(Command::Committed(id, failed));
        }
        let entry = Entry::MessageDelivering { id, text, attempt };
        // One flush for both; without the second the first says nothing of typing.
        let item = item.map_or(Ok(()), |item| self.put(item));
        let mut result = item
            .and_then(|()| self.commit(entry).map(drop))
            .map_err(NotCommitted::Failed);
        CrashPoint::DeliverLogged.reach();
        if let (Ok(()), Some(receipt)) = (&result, receipt) {
            result = self.store_delivering(receipt).await;
        }
        CrashPoint::DeliverStored.reach();
        if result.is_ok() {
            self.on_its_way.insert(id);
        }
        self.shared.tell(Command::Committed(id, result));
    }

    async fn store_delivering(&mut self, receipt: Receipt) -> Result<(), NotCommitted> {
        let state = DeliveryState::Delivering;
        let stored = self
            .store
            .set_delivery(self.fence, receipt.id, state, &receipt);
        match stored.await {
            Ok(()) => Ok(()),
            Err(error) if is_over(&error) => {
                self.take_over(receipt.id).await;
                Err(NotCommitted::Withdrawn)
            }
            Err(error) => {
                // It is not typed; without this record a crash now would make it look so.
                self.append(Entry::MessageReceipt { receipt });
                Err(NotCommitted::Failed(account(&error)))
            }
        }
    }

    /// Passes on what became of a message by another hand.
    async fn take_over(&mut self, id: MessageId) {
        if let Ok(Some(InboxEntry { receipt, .. })) = self.store.message(self.fence.pod, id).await {
            self.learn(receipt);
        }
    }

    /// Logs and publishes a receipt that the store has.
    fn learn(&mut self, receipt: Receipt) {
        let seq = self.append(Entry::MessageReceipt {
            receipt: receipt.clone(),
        });
        self.shared.publish(receipt, seq);
    }

    /// Withdraws a message by the store's word, which decides between this and its delivery.
    async fn cancel(&mut self, id: MessageId) -> Result<Receipt, StoreError> {
        let pod = self.fence.pod;
        match self.store.message(pod, id).await {
            Ok(Some(entry)) if entry.receipt.settled => return Ok(entry.receipt),
            Ok(_) => {}
            // One that cannot be read is withdrawn all the same, unless it is on its way: then what
            // becomes of it settles it.
            Err(_) if self.on_its_way.contains(&id) => {
                let latest = self.shared.receipts.get(id);
                return Ok(latest.unwrap_or_else(|| Receipt::accepted(id, clock::wall())));
            }
            Err(_) => {}
        }
        let now = clock::wall();
        let receipt = self.store.cancel(pod, id, now).await?;
        // What was settled before is of another time, and known.
        if receipt.settled && receipt.at == now {
            self.learn(receipt.clone());
        }
        if receipt.outcome == Outcome::Cancelled {
            self.shared.tell(Command::Withdrawn(id));
        }
        Ok(receipt)
    }

    async fn pause(&mut self, pausing: Pausing) -> Result<PauseResult, StoreError> {
        let Pausing { wanted, by } = pausing;
        let (pod, now) = (self.fence.pod, clock::wall());
        let before = self.store.set_paused(pod, wanted.clone(), now).await?;
        let changed = before.is_some() != wanted.is_some();
        let action = if wanted.is_some() { "pause" } else { "resume" };
        let detail = wanted.as_ref().map(|paused| paused.reason.clone());
        // Pausing what is paused keeps the first pause.
        let paused = wanted.map(|wanted| before.unwrap_or(wanted));
        if changed {
            self.append(Entry::Control {
                action: action.into(),
                by,
                detail: detail.unwrap_or_default(),
            });
        }
        self.shared.tell(Command::Paused(paused.clone()));
        Ok(PauseResult { paused, changed })
    }

    async fn record(&mut self, recording: Recording) {
        let receipt = recording.receipt.clone();
        // It is settled, or was put back untyped.
        if receipt.settled || recording.state == Some(DeliveryState::Accepted) {
            self.on_its_way.remove(&receipt.id);
        }
        let answer = recording.answer.clone().map(|(run, words)| {
            if !words.repeated {
                self.append(Entry::AgentOutput {
                    run,
                    text: words.text.clone(),
                    exact: words.exact,
                });
            }
            bounded(words.text)
        });
        let entry = Entry::MessageReceipt {
            receipt: receipt.clone(),
        };
        let committed = self.commit(entry);
        if let Err(error) = &committed {
            // The store still gets it; recovery believes a settled receipt there.
            tracing::error!(error, "cannot commit a receipt to the session log");
        }
        CrashPoint::ReceiptLogged.reach();
        self.unstored.push_back(recording);
        self.store_receipts().await;
        CrashPoint::ReceiptStored.reach();
        let seq = committed.ok();
        self.shared.publish_with_answer(receipt, seq, answer);
    }

    /// Tells the store what the log has, in its order, as far as the store takes it.
    async fn store_receipts(&mut self) {
        while let Some(recording) = self.unstored.front() {
            if let Some(state) = recording.state {
                let (id, receipt) = (recording.receipt.id, &recording.receipt);
                let stored = self.store.set_delivery(self.fence, id, state, receipt);
                if let Err(error) = stored.await
                    && !is_over(&error)
                {
                    tracing::error!(%error, message = %id, "cannot store a receipt yet");
                    return;
                }
            }
            if recording.leaves {
                self.shared.tell(Command::Left);
            }
            self.unstored.pop_front();
        }
    }
}

/// Cuts an answer that is longer than a subscriber is told, at a character.
fn bounded(mut answer: String) -> String {
    if answer.len() > MAX_ANSWER {
        let end = (0..=MAX_ANSWER).rfind(|at| answer.is_char_boundary(*at));
        answer.truncate(end.unwrap_or_default());
    }
    answer
}

/// Returns whether the store has nothing more to be told of a message.
fn is_over(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::Settled { .. } | StoreErrorKind::NotFound(_)
    )
}

#[cfg(test)]
mod tests;
