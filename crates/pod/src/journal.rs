//! The pod's durable writes, in order: session log first, then store, then everybody else.
//!
//! They have a thread of their own, so that neither a slow disk nor a full one can stop the
//! controller. What was asked for in one order is written in that order.

use std::io;
use std::sync::Arc;

use podfleet_pod_store::session_log::{Entry, LogError, LogWriter};
use podfleet_pod_store::{
    Accepted, DeliveryState, Fence, Offer, PodStore, Refusal, StoreErrorKind,
};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{MessageId, Receipt};
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::command::Command;
use crate::shared::Shared;

/// How many writes are taken together at most.
const BATCH: usize = 256;

type Acceptance = Result<Result<Accepted, Refusal>, RpcError>;

#[derive(Debug)]
enum Job {
    Accept(Box<Offer>, oneshot::Sender<Acceptance>),
    Deliver(Delivering),
    Record(Box<Recording>),
    Note(Box<Entry>),
    Input(Box<Entry>),
    Flush(oneshot::Sender<()>),
}

/// A message whose exact text is about to be typed.
#[derive(Debug)]
pub(crate) struct Delivering {
    pub(crate) id: MessageId,
    pub(crate) text: String,
    pub(crate) attempt: u32,
    /// The receipt to write to the store with it; nothing for what is not in the store.
    pub(crate) receipt: Option<Receipt>,
}

/// A receipt that is to be durable, then published.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) receipt: Receipt,
    /// What the store is to say of the delivery; nothing for what is not in the store.
    pub(crate) state: Option<DeliveryState>,
    /// Whether the message leaves the inbox with it.
    pub(crate) leaves: bool,
}

/// The way to the journal. Writes are done in the order of the calls.
#[derive(Debug, Clone)]
pub(crate) struct Journal(mpsc::UnboundedSender<Job>);

/// The receiving end, for [`Writer`].
#[derive(Debug)]
pub(crate) struct Jobs(mpsc::UnboundedReceiver<Job>);

impl Journal {
    pub(crate) fn new() -> (Self, Jobs) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Jobs(receiver))
    }

    fn put(&self, job: Job) {
        // A writer that is gone drops the answers' senders, which says so.
        let _ = self.0.send(job);
    }

    /// Accepts a message durably.
    pub(crate) async fn accept(&self, offer: Offer) -> Acceptance {
        let (answer, answered) = oneshot::channel();
        self.put(Job::Accept(Box::new(offer), answer));
        let ending = || RpcError::new(ErrorCode::ShuttingDown, "the pod is ending");
        answered.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Commits a text that is to be typed; the controller is told when it may be.
    pub(crate) fn deliver(&self, delivering: Delivering) {
        self.put(Job::Deliver(delivering));
    }

    /// Commits a receipt, and publishes it.
    pub(crate) fn record(&self, recording: Recording) {
        self.put(Job::Record(Box::new(recording)));
    }

    /// Appends an entry to the log.
    pub(crate) fn note(&self, entry: Entry) {
        self.put(Job::Note(Box::new(entry)));
    }

    /// Appends the entry of a person's typing, then tells the controller to let it through.
    pub(crate) fn input(&self, entry: Entry) {
        self.put(Job::Input(Box::new(entry)));
    }

    /// Waits until all that was asked for is written.
    pub(crate) async fn flush(&self) {
        let (done, waiting) = oneshot::channel();
        self.put(Job::Flush(done));
        let _ = waiting.await;
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
}

impl Writer {
    pub(crate) fn new(jobs: Jobs, log: LogWriter, shared: Arc<Shared>) -> Self {
        Self {
            jobs,
            log,
            store: Arc::clone(&shared.store),
            fence: shared.fence,
            shared,
        }
    }

    /// Starts the thread, which ends when nobody can ask any more.
    ///
    /// # Errors
    /// Fails when the system has no thread to give.
    pub(crate) fn start(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let thread = std::thread::Builder::new().name("journal".into());
        thread.spawn(move || runtime.block_on(self.run()))?;
        Ok(())
    }

    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.jobs.0.recv_many(&mut batch, BATCH).await > 0 {
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

    async fn write(&mut self, job: Job) {
        match job {
            Job::Accept(..) => {}
            Job::Deliver(delivering) => self.deliver(delivering).await,
            Job::Record(recording) => self.record(*recording).await,
            Job::Note(entry) => self.append(*entry),
            Job::Input(entry) => {
                self.append(*entry);
                self.shared.tell(Command::InputLogged);
            }
            Job::Flush(done) => {
                let _ = done.send(());
            }
        }
    }

    /// Appends without waiting for the disk.
    fn append(&mut self, entry: Entry) {
        if let Err(error) = self
            .unseal()
            .and_then(|()| self.log.append(clock::wall(), entry))
        {
            tracing::error!(%error, "cannot append to the session log");
        }
    }

    /// Appends and waits for the disk.
    fn commit(&mut self, entry: Entry) -> Result<(), String> {
        let committed = self.unseal().and_then(|()| {
            self.log.append(clock::wall(), entry)?;
            self.log.commit()
        });
        committed.map_err(|error| error.to_string())
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
                let error =
                    RpcError::new(ErrorCode::Storage, format!("nothing was accepted: {error}"));
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
                self.append(Entry::MessageAccepted {
                    message: offer.message,
                });
            }
            let _ = answer.send(Ok(result));
        }
    }

    async fn deliver(&mut self, delivering: Delivering) {
        let Delivering {
            id,
            text,
            attempt,
            receipt,
        } = delivering;
        let mut result = self.commit(Entry::MessageDelivering { id, text, attempt });
        if let (Ok(()), Some(receipt)) = (&result, receipt) {
            let stored = self
                .store
                .set_delivery(self.fence, id, DeliveryState::Delivering, &receipt)
                .await;
            result = stored.map_err(|error| error.to_string());
        }
        self.shared.tell(Command::Committed(id, result));
    }

    async fn record(&mut self, recording: Recording) {
        let Recording {
            receipt,
            state,
            leaves,
        } = recording;
        let entry = Entry::MessageReceipt {
            receipt: receipt.clone(),
        };
        if let Err(error) = self.commit(entry) {
            // The store still gets it; recovery believes a settled receipt there.
            tracing::error!(error, "cannot commit a receipt to the session log");
        }
        if let Some(state) = state {
            let stored = self
                .store
                .set_delivery(self.fence, receipt.id, state, &receipt)
                .await;
            if let Err(error) = stored
                && !matches!(error.kind(), StoreErrorKind::Settled { .. })
            {
                tracing::error!(%error, "cannot store a receipt");
            }
        }
        self.shared.receipts.publish(receipt);
        if leaves {
            self.shared.tell(Command::Left);
        }
    }
}
