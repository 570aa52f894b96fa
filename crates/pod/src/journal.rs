//! The pod's durable writes, in order: session log first, then store, then everybody else.
//!
//! They have a thread of their own, so that neither a slow disk nor a full one can stop the
//! controller. What was asked for in one order is written in that order.

mod attempt;
mod writer;

use podfleet_pod_store::session_log::Entry;
use podfleet_pod_store::{Accepted, DeliveryState, Offer, Refusal, StoreError};
use podfleet_protocol::method::PauseResult;
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use podfleet_protocol::{Address, MessageId, Paused, Receipt, Run};
use tokio::sync::{mpsc, oneshot};

use crate::conversation::Conversation;
use crate::delivery::Words;
pub(crate) use attempt::Attempt;
pub(crate) use writer::Writer;

type Acceptance = Result<Result<Accepted, Refusal>, RpcError>;

#[derive(Debug)]
enum Job {
    Accept(Box<Offer>, oneshot::Sender<Acceptance>),
    Deliver(Box<Delivering>),
    Launch(Box<Entry>),
    Record(Box<Recording>),
    Note(Box<Entry>),
    Input(Box<Entry>),
    Order(Box<Entry>, oneshot::Sender<Result<(), String>>),
    Pause(
        Box<Pausing>,
        oneshot::Sender<Result<PauseResult, StoreError>>,
    ),
    Cancel(MessageId, oneshot::Sender<Result<Receipt, StoreError>>),
    Conversation(Option<Conversation>),
    CopyOutbox,
    LookAfterChildren,
    Flush(oneshot::Sender<()>),
}

/// A change of the brake.
#[derive(Debug)]
struct Pausing {
    wanted: Option<Paused>,
    by: Address,
}

/// A message whose exact text is about to be typed.
#[derive(Debug)]
pub(crate) struct Delivering {
    pub(crate) id: MessageId,
    pub(crate) text: String,
    pub(crate) attempt: u32,
    /// The receipt to write to the store with it; nothing for what is not in the store.
    pub(crate) receipt: Option<Receipt>,
    /// What else the log says of it, in front.
    pub(crate) item: Option<Entry>,
}

/// A receipt that is to be durable, then published.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) receipt: Receipt,
    /// What the store is to say of the delivery; nothing for what is not in the store.
    pub(crate) state: Option<DeliveryState>,
    /// Whether the message leaves the inbox with it.
    pub(crate) leaves: bool,
    /// The agent's last words of the turn that has ended, and the run that they come from.
    pub(crate) answer: Option<(Run, Words)>,
}

/// Why a text may not be typed.
#[derive(Debug)]
pub(crate) enum NotCommitted {
    /// The message left the inbox by another hand.
    Withdrawn,
    /// The log or the store failed with this account; it may be tried again.
    Failed(String),
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
        self.ask(|answer| Job::Accept(Box::new(offer), answer))
            .await
            .and_then(std::convert::identity)
    }

    /// Puts a job that is answered.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, RpcError> {
        let (answer, answered) = oneshot::channel();
        self.put(job(answer));
        answered
            .await
            .map_err(|_| RpcError::new(ErrorCode::ShuttingDown, "the pod is ending"))
    }

    /// Commits the entry of an order that is to be carried out after it.
    ///
    /// # Errors
    /// Fails when the log cannot be written; then it must not be carried out.
    pub(crate) async fn order(&self, entry: Entry) -> Result<(), RpcError> {
        let committed = self.ask(|answer| Job::Order(Box::new(entry), answer));
        committed
            .await?
            .map_err(|error| RpcError::new(ErrorCode::Storage, error))
    }

    /// Sets or lifts the brake durably, and tells the controller.
    ///
    /// # Errors
    /// Fails when the store cannot be written; then nothing has changed.
    pub(crate) async fn pause(
        &self,
        wanted: Option<Paused>,
        by: &Address,
    ) -> Result<PauseResult, RpcError> {
        let by = by.clone();
        let pausing = Box::new(Pausing { wanted, by });
        let stored = self.ask(|answer| Job::Pause(pausing, answer)).await?;
        stored.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))
    }

    /// Withdraws a message that is not yet on its way into the terminal, and returns the receipt
    /// that holds afterwards.
    pub(crate) async fn cancel(
        &self,
        id: MessageId,
    ) -> Result<Result<Receipt, StoreError>, RpcError> {
        self.ask(|answer| Job::Cancel(id, answer)).await
    }

    /// Commits a text that is to be typed; the controller is told when it may be.
    pub(crate) fn deliver(&self, delivering: Delivering) {
        self.put(Job::Deliver(Box::new(delivering)));
    }

    /// Commits the entry of a launch; the controller is told when the agent may be started.
    pub(crate) fn launch(&self, entry: Entry) {
        self.put(Job::Launch(Box::new(entry)));
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

    /// Keeps the agent's conversation for later starts, or forgets it.
    pub(crate) fn keep_conversation(&self, kept: Option<Conversation>) {
        self.put(Job::Conversation(kept));
    }

    /// Copies what the store did to this pod's relations into the log.
    pub(crate) fn copy_outbox(&self) {
        self.put(Job::CopyOutbox);
    }

    /// Finds out whose pod was killed, among the pod's children, and takes that in.
    pub(crate) fn look_after_children(&self) {
        self.put(Job::LookAfterChildren);
    }

    /// Waits until all that was asked for is written.
    pub(crate) async fn flush(&self) {
        let (done, waiting) = oneshot::channel();
        self.put(Job::Flush(done));
        let _ = waiting.await;
    }
}
