//! What the tasks of a pod share: who it is, its store, and what was last published.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use podfleet_pod_store::{Fence, PodStore};
use podfleet_protocol::client::Introduction;
use podfleet_protocol::method::Credential;
use podfleet_protocol::{
    AgentPhase, Generation, Identity, MessageId, PodStatus, Receipt, Run, ScreenStatus, SessionId,
    Size,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::command::Command;
use crate::echoes::Echoes;
use crate::events::Events;
use crate::host::{Asker, Host};
use crate::journal::Journal;
use crate::paths::RuntimePaths;
use crate::reader::Reader;
use crate::server::{LongLines, Pages};

/// The parts of a pod that every connection may use without the controller.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) fence: Fence,
    pub(crate) build: String,
    pub(crate) paths: RuntimePaths,
    pub(crate) store: Arc<dyn PodStore>,
    pub(crate) journal: Journal,
    /// What the agent does with a message.
    pub(crate) reader: Reader,
    /// What shows other pods who this one is.
    pub(crate) credential: Credential,
    /// Whoever starts and ends other pods for this one.
    pub(crate) host: Option<Arc<dyn Host>>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) status: watch::Sender<PodStatus>,
    /// Told of each heartbeat: whoever has something to look at now and then does it with those, and
    /// wakes the pod for nothing.
    pub(crate) beats: Notify,
    pub(crate) receipts: Receipts,
    pub(crate) echoes: Echoes,
    pub(crate) events: Events,
    pub(crate) pages: Pages,
    pub(crate) long_lines: LongLines,
    /// The file that keeps the agent's conversation.
    pub(crate) conversation: PathBuf,
    /// The directory of logs, and the session whose log is written.
    pub(crate) state_dir: PathBuf,
    pub(crate) session: SessionId,
    /// Cancelled when the pod ends: connections finish what they answer, and close.
    pub(crate) ending: CancellationToken,
}

/// Returns what a pod says of itself before its controller runs.
pub(crate) fn first_status(identity: Identity, generation: Generation, build: &str) -> PodStatus {
    PodStatus {
        identity,
        generation,
        run: Run(0),
        pod_pid: std::process::id(),
        build: build.to_owned(),
        agent: AgentPhase::Idle,
        screen: ScreenStatus {
            state: "starting".into(),
            rule: "not-started".into(),
            line: None,
            since: clock::wall(),
        },
        says: None,
        last_output: None,
        inbox: 0,
        hold: None,
        paused: None,
        resumed: false,
        size: Size::DEFAULT,
        controller: None,
        viewers: 0,
    }
}

impl Shared {
    /// Returns who this pod is, for its host.
    pub(crate) fn asker(&self) -> Asker {
        Asker {
            identity: self.identity.clone(),
            fence: self.fence,
            credential: self.credential.clone(),
            store: Arc::clone(&self.store),
        }
    }

    /// Returns how this pod introduces itself to others.
    pub(crate) fn introduction(&self) -> Introduction {
        Introduction {
            client: format!("the pod {}", self.identity.name),
            credential: Some(self.credential.clone()),
        }
    }

    /// Tells the controller something. A controller that is gone ends the process anyway.
    pub(crate) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// Publishes a receipt that is durable, and the record of the log that says so.
    pub(crate) fn publish(&self, receipt: Receipt, log_seq: Option<u64>) {
        self.publish_with_answer(receipt, log_seq, None);
    }

    /// Makes a message of the pod's own known, which the store never has.
    pub(crate) fn expect_own(&self, receipt: Receipt) {
        self.receipts.publish(receipt);
    }

    /// Publishes a receipt that is durable, with the agent's last words if its turn has ended.
    pub(crate) fn publish_with_answer(
        &self,
        receipt: Receipt,
        log_seq: Option<u64>,
        answer: Option<String>,
    ) {
        self.events.receipt(receipt.clone(), log_seq, answer);
        self.receipts.publish(receipt);
    }
}

/// The receipts of this generation, newest findings first known here.
#[derive(Debug)]
pub(crate) struct Receipts {
    latest: Mutex<HashMap<MessageId, Receipt>>,
    changes: watch::Sender<u64>,
}

/// How many settled receipts are kept in memory; all are in the store.
const KEPT: usize = 256;

impl Receipts {
    pub(crate) fn new() -> Self {
        Self {
            latest: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<MessageId, Receipt>> {
        // A map of plain values cannot be left half-changed by a panic.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a receipt that is durable.
    fn publish(&self, receipt: Receipt) {
        let mut latest = self.latest();
        if latest.len() >= KEPT {
            latest.retain(|_, receipt| !receipt.settled);
        }
        latest.insert(receipt.id, receipt);
        drop(latest);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns the newest receipt published for a message.
    pub(crate) fn get(&self, id: MessageId) -> Option<Receipt> {
        self.latest().get(&id).cloned()
    }

    /// Returns a receiver that is told of every publication.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
