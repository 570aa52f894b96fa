//! `send`: a message to an agent, and what became of it.

use std::time::Duration;

pub(super) use podfleet_pod::post::is_gone as ended;
use podfleet_pod::post::{HandedIn, Post, PostError};
use podfleet_pod::reader::Reader;
use podfleet_pod_store::{PodRecord, Refusal, Sender};
use podfleet_protocol::client::PodClient;
use podfleet_protocol::limits::MAX_BODY;
use podfleet_protocol::method::AcceptedResult;
use podfleet_protocol::{
    Address, Class, Kind, MessageId, NewMessage, Outcome, Receipt, Typing, clean_body,
    may_be_command,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fleet;
use super::spawn::post_error;
use super::survey::Survey;
use crate::error::{FleetError, FleetErrorKind};

/// How long a send without a wish looks at what becomes of its message.
const LOOK: Duration = Duration::from_secs(10);
/// How long a wait for an outcome lasts unless the request says otherwise.
const WAIT: Duration = Duration::from_secs(60);
/// The same for the end of the turn that the message starts.
const WAIT_FOR_ANSWER: Duration = Duration::from_secs(600);

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The receiver.
    pub agent: String,
    /// What it is to read.
    pub body: String,
    /// Its identity; given again after a doubt, it is delivered once. Absent: a new one.
    pub id: Option<MessageId>,
    /// What it asks for.
    pub class: Class,
    /// The conversation it belongs to.
    pub thread: Option<String>,
    /// How it is to be typed.
    pub typing: Typing,
    /// Whether a pod sends it though it sent the same text to the same agent within a minute.
    pub again: bool,
    /// Waits for this outcome. Absent: looks for up to 10 s, inside a pod not at all.
    pub wait: Option<Outcome>,
    /// How long to wait or look at most.
    pub timeout: Option<Duration>,
}

impl SendRequest {
    /// Makes the request of an actionable message, without a wait.
    pub fn new(agent: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            body: body.into(),
            id: None,
            class: Class::default(),
            thread: None,
            typing: Typing::default(),
            again: false,
            wait: None,
            timeout: None,
        }
    }
}

/// What became of a message that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SendReport {
    /// The receiver.
    pub agent: String,
    /// How far it came, and how that is known.
    pub receipt: Receipt,
    /// Its place in the inbox when it was accepted, counted from 1.
    pub position: u32,
    /// Whether it had been accepted before, under the same id.
    pub duplicate: bool,
    /// How many characters were taken out of it: control characters, and blanks of no width.
    pub stripped: usize,
    /// Who accepted it.
    pub via: Via,
}

/// Who accepted a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Via {
    /// The receiver's pod.
    Socket,
    /// We did, in the receiver's place, because its pod does not run.
    Store,
    /// Nobody: it was typed into a tmux session that no pod hosts.
    Tmux,
    /// The fleet of the receiver's machine, over ssh.
    Ssh,
    /// Nobody: it was typed into a tmux session of another machine, over ssh.
    SshTmux,
    /// It was handed to the fleet of another machine, and the connection was lost before its receipt.
    Lost,
}

impl Via {
    /// Returns whether an inbox keeps the message, so that it outlives a failure.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        match self {
            Self::Socket | Self::Store | Self::Ssh => true,
            Self::Tmux | Self::SshTmux | Self::Lost => false,
        }
    }
}

impl SendReport {
    /// Makes the report of what an inbox has accepted.
    pub(super) fn of(
        request: &SendRequest,
        accepted: &AcceptedResult,
        receipt: Receipt,
        via: Via,
    ) -> Self {
        Self {
            agent: request.agent.clone(),
            receipt,
            position: accepted.position,
            duplicate: accepted.duplicate,
            stripped: accepted.stripped,
            via,
        }
    }

    /// Returns whether it came at least as far as `wanted`. What no inbox keeps was never accepted:
    /// it reached nothing before it was submitted.
    #[must_use]
    pub fn reached(&self, wanted: Outcome) -> bool {
        let outcome = self.receipt.outcome;
        outcome.reaches(wanted) && (self.via.is_kept() || outcome.reaches(Outcome::Submitted))
    }
}

impl Fleet {
    /// Sends a message. When this returns a report the message is durably in the receiver's inbox,
    /// and stays there whatever the report says.
    ///
    /// A pod that runs accepts it itself; for one that does not, it is accepted into the store and
    /// typed when the pod is up. A fleet mate on another machine is reached as by
    /// [`send_to_session`](Self::send_to_session).
    ///
    /// # Errors
    /// Fails when the message was not accepted: the receiver is unknown or out of reach, a rule
    /// refuses it, or it cannot be stored.
    pub async fn send(&self, request: SendRequest) -> Result<SendReport, FleetError> {
        self.check(&request)?;
        let pod = match self.receiver(&request.agent).await {
            Ok(pod) => pod,
            Err(error) => {
                return match self.session_elsewhere(&request.agent) {
                    Some(target) if is_remote(&error) => {
                        self.send_to_session(&target, &request).await
                    }
                    _ => Err(error),
                };
            }
        };
        let message = NewMessage {
            id: request.id.unwrap_or_else(MessageId::generate),
            body: request.body.clone(),
            class: request.class,
            thread: request.thread.clone(),
            typing: request.typing,
            chat: None,
            again: request.again,
        };
        let sender = self.sender_to(&pod).await?;
        let who = self.introduction();
        let post = Post {
            store: &*self.store,
            who: &who,
            sender: sender.proven,
            from: sender.address,
            kind: sender.kind,
        };
        match post.hand_in(&pod, message).await {
            Ok(HandedIn {
                accepted,
                client: Some(client),
            }) => Ok(self.follow(&pod, client, &request, accepted).await),
            Ok(HandedIn { accepted, .. }) => {
                let receipt = self.receipt_in_absence(&pod, accepted.id).await;
                Ok(SendReport::of(&request, &accepted, receipt, Via::Store))
            }
            Err(PostError::Refused(Refusal::NoSuchPod)) => Err(self.no_such(&request.agent).await),
            Err(error) => Err(post_error(&request.agent, error)),
        }
    }

    /// Says whether [`send`](Self::send) would find its receiver, and no rule of ours refuses the
    /// message; sends nothing.
    ///
    /// # Errors
    /// As `send`, save for what only the receiver's inbox can tell.
    pub async fn check_send(&self, request: &SendRequest) -> Result<(), FleetError> {
        self.check(request)?;
        match (
            self.record(&request.agent).await,
            self.session_elsewhere(&request.agent),
        ) {
            (Ok(Some(record)), _) => return fit(Reader::of(&record), request),
            (Ok(None), _) => {}
            (Err(error), Some(target)) if is_remote(&error) => {
                return self.check_session(&target, request).await;
            }
            (Err(error), _) => return Err(error),
        }
        let survey: Survey<'_> = self.survey().await?;
        match survey.desired(&request.agent) {
            Some(desired) => fit(Reader::of_spec(&desired.spec), request),
            None => Err(FleetError::new(FleetErrorKind::NotRunning {
                agent: request.agent.clone(),
            })),
        }
    }

    /// Checks what needs no receiver.
    pub(super) fn check(&self, request: &SendRequest) -> Result<(), FleetError> {
        let refuse = |rule: &str| {
            Err(FleetError::new(FleetErrorKind::Refused {
                agent: request.agent.clone(),
                rule: rule.to_owned(),
            }))
        };
        if request.body.len() > MAX_BODY {
            return refuse("the body is longer than 1 MiB");
        }
        if clean_body(&request.body).is_blank() {
            return refuse("the body is empty");
        }
        let Typing {
            raw, allow_command, ..
        } = request.typing;
        if raw && !allow_command && may_be_command(&request.body) {
            return refuse("a raw body that begins with `!`, `/` or `@` needs --allow-command");
        }
        Ok(())
    }

    /// Returns the receiver's record; makes one for an agent that was never started, so that its
    /// messages wait for it.
    pub(crate) async fn receiver(&self, agent: &str) -> Result<PodRecord, FleetError> {
        if let Some(record) = self.record(agent).await? {
            return Ok(record);
        }
        let survey: Survey<'_> = self.survey().await?;
        match survey.desired(agent) {
            Some(desired) => self.put(desired, None, false).await,
            None => Err(FleetError::new(FleetErrorKind::NotRunning {
                agent: agent.to_owned(),
            })),
        }
    }

    /// Connects; nothing if nobody listens.
    pub(crate) async fn client_of(&self, pod: &PodRecord) -> Result<Option<PodClient>, FleetError> {
        let Some(endpoint) = &pod.endpoint else {
            return Ok(None);
        };
        match PodClient::connect(&endpoint.socket, &self.introduction()).await {
            Ok(client) => Ok(Some(client)),
            Err(error) if ended(&error) => Ok(None),
            Err(error) => Err(FleetError::pod(pod.identity.name.as_str(), error)),
        }
    }

    /// How long a message without an inbox waits to be typed, and is then followed: the first look
    /// decides nothing, for only a second tells whether the screen rests.
    pub(super) fn patience_at_sight(&self, request: &SendRequest) -> Duration {
        match (request.timeout, self.patience(request)) {
            (None, patience) => patience.max(LOOK),
            (Some(timeout), _) => timeout,
        }
    }

    pub(super) fn patience(&self, request: &SendRequest) -> Duration {
        if let Some(timeout) = request.timeout {
            return timeout;
        }
        match request.wait {
            None if self.credential.is_some() => Duration::ZERO,
            None => LOOK,
            Some(Outcome::Accepted) => Duration::ZERO,
            Some(Outcome::Answered) => WAIT_FOR_ANSWER,
            Some(_) => WAIT,
        }
    }

    /// Who we are to a receiver. The fleet's lead and a pod's parent give orders, other pods notify.
    async fn sender_to(&self, to: &PodRecord) -> Result<Identified, FleetError> {
        let sender = self.sender().await?;
        let Sender::Pod(own) = sender.proven else {
            return Ok(sender);
        };
        let relation = self.store.relation(own, to.identity.id).await?;
        let orders = relation.may_send(Kind::Run);
        Ok(Identified {
            kind: if orders { Kind::Run } else { Kind::Notify },
            ..sender
        })
    }

    /// Who we are to the store.
    pub(super) async fn sender(&self) -> Result<Identified, FleetError> {
        Ok(match self.own_pod().await? {
            None => Identified {
                proven: Sender::Operator,
                address: Address::operator(&self.host),
                kind: Kind::Run,
            },
            Some(own) => Identified {
                proven: Sender::Pod(own.identity.id),
                address: Address::new(own.identity.host, own.identity.name.as_str()),
                kind: Kind::Notify,
            },
        })
    }
}

pub(super) struct Identified {
    proven: Sender,
    pub(super) address: Address,
    pub(super) kind: Kind,
}

/// Checks whether the receiver's program may be typed the message.
fn fit(to: Reader, request: &SendRequest) -> Result<(), FleetError> {
    let checked = to.check(&request.body, request.typing);
    checked.map_err(|refusal| post_error(&request.agent, refusal.into()))
}

fn is_remote(error: &FleetError) -> bool {
    matches!(error.kind(), FleetErrorKind::Remote { .. })
}
