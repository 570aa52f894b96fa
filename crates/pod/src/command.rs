//! What the tasks of a pod tell its controller.

use podfleet_pod_store::{InboxEntry, StoreError};
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{
    AnswerParams, AnswerResult, AttachParams, AttachResult, DialogResult, DrainResult,
    InterruptResult, ResetResult, ScreenResult, ScrollbackParams, ScrollbackResult, ShutdownParams,
};
use podfleet_protocol::rpc::RpcError;
use podfleet_protocol::{MessageId, Paused, Size};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::attach::{ClientId, Outbox};
use crate::journal::{Attempt, NotCommitted};

/// An event for the controller, which takes them one by one.
#[derive(Debug)]
pub(crate) enum Command {
    /// The inbox grew; so many messages wait now.
    Accepted(u32),
    /// A message left the inbox.
    Left,
    /// The first message of the inbox, as the store has it now.
    Head(Box<Result<Option<InboxEntry>, StoreError>>),
    /// The text of a message is in the log and may be typed, or it cannot be.
    Committed(MessageId, Result<(), NotCommitted>),
    /// What the agent is to be told at its launch is in the log, or it cannot be.
    LaunchCommitted(Result<(), String>),
    /// The store is not where others look for it, with what to do; or it is there again.
    StoreLost(Option<String>),
    /// A person's typing is in the log.
    InputLogged,
    /// What has to run before the agent has run.
    Prepared(Result<(), String>),
    /// Delivery is paused, or goes on.
    Paused(Option<Paused>),
    /// A message was withdrawn before it was typed.
    Withdrawn(MessageId),
    /// Say that all that was told before is done, and can be seen in the status.
    CaughtUp(oneshot::Sender<()>),
    /// Begin no message for a while, and tell whether one is under way.
    Drain(oneshot::Sender<DrainResult>),
    /// Press the interrupt key, if the agent works.
    Interrupt(oneshot::Sender<InterruptResult>),
    /// Tell what dialog is on the screen.
    Dialog(oneshot::Sender<DialogResult>),
    /// Answer a dialog, if the very same one still stands.
    Answer(AnswerParams, Attempt, oneshot::Sender<AnswerResult>),
    /// Have the agent forget its conversation.
    Reset(oneshot::Sender<ResetResult>),
    /// A hook of the agent brought this.
    Reported(Value),
    /// Set the terminal's size, unless a controller does.
    Resize(Size, oneshot::Sender<Result<Size, RpcError>>),
    /// Give the screen.
    Screen(oneshot::Sender<ScreenResult>),
    /// Give the last lines.
    Scrollback(ScrollbackParams, oneshot::Sender<ScrollbackResult>),
    /// Take a client in.
    Attach(Box<NewClient>),
    /// A client sent a frame. It has a place among what it may have sent ahead until this is taken.
    Frame(ClientId, Frame, OwnedSemaphorePermit),
    /// A repaint was written out to a client.
    Painted(ClientId),
    /// A client is gone.
    Gone(ClientId),
    /// End the agent, then the pod.
    Shutdown(ShutdownParams, Option<oneshot::Sender<()>>),
}

/// A client that wants to attach.
#[derive(Debug)]
pub(crate) struct NewClient {
    pub(crate) name: String,
    pub(crate) params: AttachParams,
    pub(crate) frames: Outbox,
    pub(crate) answer: oneshot::Sender<Result<(ClientId, AttachResult), RpcError>>,
}
