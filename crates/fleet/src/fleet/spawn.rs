//! Spawning a pod outside the roster: a child of another pod, or one of the operator's own.

mod cut_off;
mod wish;

pub(super) use wish::Unrostered;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use podfleet_pod::clock;
use podfleet_pod::inspect::spec_of;
use podfleet_pod::post::{HandedIn, Post, PostError};
use podfleet_pod::reader::Reader;
use podfleet_pod::remains::Remains;
use podfleet_pod_store::{CrashPoint, NewChild, PodRecord, Sender, StoreErrorKind, Writer};
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{GetReceipt, ReceiptParams, SpawnParams, SpawnPod, SpawnResult};
use podfleet_protocol::{
    Address, Kind, MessageId, NewMessage, Outcome, PodId, Receipt, Scope, clean_body,
};

use super::settle::account;
use super::stop::StopTimeouts;
use super::{Events, Fleet};
use crate::error::{FleetError, FleetErrorKind};
use crate::report::{AgentResult, Failure};
use cut_off::Settled;

/// How long a spawn may take unless its asker says otherwise.
pub(super) const SPAWN_PATIENCE: Duration = Duration::from_secs(60);
/// In whose name a pod is spawned.
#[derive(Debug, Clone)]
pub(crate) struct Spawner {
    /// Who writes the records.
    pub(crate) writer: Writer,
    /// Who gives the task.
    pub(crate) sender: Sender,
    /// What the child is told of that.
    pub(crate) from: Address,
    /// The parent; nothing for a pod of the operator's own.
    pub(crate) parent: Option<PodRecord>,
}

impl Fleet {
    /// Makes a pod outside the roster, and returns when its agent has its task. If that fails,
    /// nothing of it is left.
    ///
    /// Inside a pod the child is that pod's. Elsewhere it is `parent`'s, or nobody's.
    ///
    /// # Errors
    /// Fails when what is asked for cannot be, and with the cause and the end of its log when the
    /// child does not start or its task is not submitted in time.
    pub async fn spawn(
        &self,
        parent: Option<&str>,
        params: SpawnParams,
        events: Events,
    ) -> Result<SpawnResult, FleetError> {
        let name = params.name.to_string();
        if let Some(own) = self.own_pod().await? {
            let own_name = own.identity.name.as_str();
            if parent.is_some_and(|parent| parent != own_name) {
                let rule = format!("a pod spawns children of its own; this one is `{own_name}`");
                return Err(FleetError::not_allowed(&name, rule));
            }
            let mut own = self.connect(&own).await?;
            let answer = own.call::<SpawnPod>(params).await;
            return answer.map_err(|error| FleetError::pod(&name, error));
        }
        let parent = match parent {
            Some(parent) => Some(self.pod_record(parent).await?),
            None => None,
        };
        let spawner = Spawner {
            writer: Writer::Operator,
            sender: Sender::Operator,
            from: Address::operator(&self.host),
            parent,
        };
        self.spawn_child(spawner, params, &events).await
    }

    /// Says whether [`spawn`](Self::spawn) could begin; starts and changes nothing.
    ///
    /// # Errors
    /// Fails as `spawn` does before it starts anything.
    pub async fn check_spawn(
        &self,
        parent: Option<&str>,
        params: &SpawnParams,
    ) -> Result<(), FleetError> {
        let parent = match (self.own_pod().await?, parent) {
            (Some(own), _) => Some(own),
            (None, Some(parent)) => Some(self.pod_record(parent).await?),
            (None, None) => None,
        };
        let spawner = Spawner {
            writer: Writer::Operator,
            sender: Sender::Operator,
            from: Address::operator(&self.host),
            parent,
        };
        let scope = self.scope(&spawner, params)?;
        let id = params.id.unwrap_or_else(PodId::generate);
        self.new_child(&spawner, params, id, &scope)?;
        match self.store.find_pod(&self.key, &params.name).await? {
            Some(taken) => Err(FleetError::new(FleetErrorKind::NameTaken {
                existing: taken.identity.name.to_string(),
            })),
            None => Ok(()),
        }
    }

    pub(crate) async fn spawn_child(
        &self,
        spawner: Spawner,
        params: SpawnParams,
        events: &Events,
    ) -> Result<SpawnResult, FleetError> {
        let deadline = Instant::now() + patience(&params);
        let stripped = clean_body(&params.task).stripped;
        let scope = self.scope(&spawner, &params)?;
        let id = params.id.unwrap_or_else(PodId::generate);
        let new = self.new_child(&spawner, &params, id, &scope)?;
        self.dirs.open_runtime()?;
        let Some(_claim) = self.claim_spawn(id)? else {
            let rule = "another process is spawning it at this moment";
            return Err(FleetError::not_allowed(params.name.as_str(), rule));
        };
        let child = match self.reserve(&spawner, new).await {
            Ok(child) => child,
            Err(error) if matches!(error.kind(), FleetErrorKind::NameTaken { .. }) => {
                return self.spawned_before(&params, scope, error).await;
            }
            Err(error) => return Err(error),
        };
        CrashPoint::SpawnReserved.reach();
        let missing = missing_directories(&child);
        match self
            .begin_child(&spawner, child, &params, deadline, events)
            .await
        {
            Ok((child, task)) => {
                CrashPoint::SpawnTasked.reach();
                self.store
                    .confirm_child(spawner.writer, id, clock::wall())
                    .await?;
                CrashPoint::SpawnConfirmed.reach();
                Ok(SpawnResult {
                    id,
                    name: params.name,
                    generation: child.generation,
                    scope,
                    task,
                    stripped,
                })
            }
            Err((child, failure)) => {
                let left = self.undo(spawner.writer, &child).await;
                remove_empty(&missing);
                let error = FleetError::start_failed(params.name.as_str(), failure);
                Err(match left {
                    Ok(()) => error,
                    Err(why) => error.hint(format!("what was made of it is left: {why}")),
                })
            }
        }
    }

    /// Reserves a child's name, also where a spawn that was cut off has it.
    async fn reserve(&self, spawner: &Spawner, new: NewChild) -> Result<PodRecord, FleetError> {
        let id = new.pod.identity.id;
        let taken = match self.store.reserve_child(spawner.writer, new.clone()).await {
            Ok(child) => return Ok(child),
            Err(error) => error,
        };
        let StoreErrorKind::NameTaken { existing } = taken.kind() else {
            return Err(taken.into());
        };
        let Some(holder) = self.store.find_pod(&self.key, existing).await? else {
            return Err(taken.into());
        };
        // Under the id that we hold ourselves nobody else is at work.
        let settled = if holder.identity.id == id {
            self.settle_spawn(spawner.writer, &holder).await?
        } else {
            self.settle_cut_off(spawner.writer, &holder).await?
        };
        match settled {
            Some(Settled::Undone) => Ok(self.store.reserve_child(spawner.writer, new).await?),
            _ => Err(taken.into()),
        }
    }

    /// The same spawn again, under the id that its asker chose, is answered and not done twice.
    async fn spawned_before(
        &self,
        params: &SpawnParams,
        scope: Scope,
        taken: FleetError,
    ) -> Result<SpawnResult, FleetError> {
        let Some(record) = self.store.find_pod(&self.key, &params.name).await? else {
            return Err(taken);
        };
        let id = record.identity.id;
        let confirmed = record
            .spawned
            .as_ref()
            .is_some_and(|spawned| spawned.confirmed);
        if params.id != Some(id) || !confirmed {
            return Err(taken);
        }
        let task = task_id(id);
        let entry = self.store.message(id, task).await?;
        Ok(SpawnResult {
            id,
            name: params.name.clone(),
            generation: record.generation,
            scope,
            task: entry.map_or_else(
                || Receipt::accepted(task, clock::wall()),
                |entry| entry.receipt,
            ),
            stripped: clean_body(&params.task).stripped,
        })
    }

    /// Starts a reserved child and gives it its task.
    async fn begin_child(
        &self,
        spawner: &Spawner,
        child: PodRecord,
        params: &SpawnParams,
        deadline: Instant,
        events: &Events,
    ) -> Result<(PodRecord, Receipt), (PodRecord, Failure)> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let id = child.identity.id;
        let result = self.start(child.clone(), left(), events, |_| ()).await;
        let child = match self.store.pod(id).await {
            Ok(Some(child)) => child,
            _ => child,
        };
        let failure = match result {
            AgentResult::Failed(failure) => Some(failure),
            AgentResult::Blocked { reason } => {
                let message = format!("its agent waits for a person: {reason}");
                Some(Failure::new(message))
            }
            _ => None,
        };
        if let Some(failure) = failure {
            let failure = self.with_log(&child, failure).await;
            return Err((child, failure));
        }
        CrashPoint::SpawnReady.reach();
        match self.give_task(spawner, &child, &params.task, left()).await {
            Ok(receipt) if receipt.outcome.reaches(Outcome::Submitted) => Ok((child, receipt)),
            Ok(receipt) => {
                let why = receipt
                    .reason
                    .clone()
                    .or_else(|| receipt.hold.as_ref().map(|hold| format!("held: {hold}")));
                let outcome = receipt.outcome.as_str();
                let message = match why {
                    Some(why) => format!("its task was not submitted in time ({outcome}: {why})"),
                    None => format!("its task was not submitted in time ({outcome})"),
                };
                let failure = self.with_log(&child, Failure::new(message)).await;
                Err((child, failure))
            }
            Err(error) => {
                let message = format!("its task could not be given: {}", account(&error));
                let failure = self.with_log(&child, Failure::new(message)).await;
                Err((child, failure))
            }
        }
    }

    async fn give_task(
        &self,
        spawner: &Spawner,
        child: &PodRecord,
        task: &str,
        patience: Duration,
    ) -> Result<Receipt, FleetError> {
        let name = child.identity.name.as_str();
        let who = self.introduction();
        let post = Post {
            store: &*self.store,
            who: &who,
            sender: spawner.sender,
            from: spawner.from.clone(),
            kind: Kind::Run,
        };
        let id = task_id(child.identity.id);
        let message = NewMessage {
            id,
            typing: Reader::of(child).typing(),
            ..NewMessage::new(task)
        };
        let handed_in = post.hand_in(child, message).await;
        let HandedIn { client, .. } = handed_in.map_err(|error| post_error(name, error))?;
        let Some(mut client) = client else {
            return Err(FleetError::new(FleetErrorKind::NotRunning {
                agent: name.to_owned(),
            }));
        };
        submitted(&mut client, id, patience)
            .await
            .map_err(|error| FleetError::pod(name, error))
    }

    /// Ends what was started of a child, and removes its records.
    pub(super) async fn undo(&self, writer: Writer, child: &PodRecord) -> Result<(), String> {
        let timeouts = StopTimeouts {
            ask: Duration::from_secs(5),
            signal: Duration::from_secs(2),
        };
        let stopped = self.end(child, "its spawning failed", timeouts).await;
        stopped.map_err(|failure| failure.message)?;
        CrashPoint::SpawnEnded.reach();
        // While it is on record: whoever dies now lets the next one do the rest. What cannot be removed is
        // left to `prune`.
        let _ = Remains::of(&self.dirs.state_paths(), child.identity.id).remove();
        let withdrawn = self
            .store
            .withdraw_child(writer, child.identity.id, clock::wall());
        withdrawn.await.map_err(|error| account(&error))?;
        CrashPoint::SpawnWithdrawn.reach();
        Ok(())
    }
}

/// Returns which directories have to be made for a child to work in its own, the innermost first.
fn missing_directories(child: &PodRecord) -> Vec<PathBuf> {
    let spec = spec_of(child);
    let path = spec.as_ref().map(|spec| spec.working_directory.as_path());
    let all = path.into_iter().flat_map(Path::ancestors);
    all.take_while(|path| !path.exists())
        .map(Path::to_owned)
        .collect()
}

/// Removes directories, the innermost first, up to one that somebody has put something into.
fn remove_empty(directories: &[PathBuf]) {
    let mut directories = directories.iter();
    while directories
        .next()
        .is_some_and(|path| std::fs::remove_dir(path).is_ok())
    {}
}

async fn submitted(
    client: &mut PodClient,
    id: MessageId,
    patience: Duration,
) -> Result<Receipt, podfleet_protocol::client::ClientError> {
    let params = ReceiptParams {
        id,
        until: Some(Outcome::Submitted),
        or_held: false,
        timeout_ms: super::pods::millis(patience),
    };
    client.call::<GetReceipt>(params).await
}

fn patience(params: &SpawnParams) -> Duration {
    match params.timeout_ms {
        0 => SPAWN_PATIENCE,
        some => Duration::from_millis(some),
    }
}

/// Returns the id of a child's task, which is the same however often the spawn is tried.
fn task_id(child: PodId) -> MessageId {
    MessageId::derived(child, "task")
}

pub(super) fn post_error(agent: &str, error: PostError) -> FleetError {
    match error {
        PostError::Pod(error) => FleetError::pod(agent, error).of_message(),
        PostError::Refused(refusal) => FleetError::new(FleetErrorKind::Refused {
            agent: agent.to_owned(),
            rule: refusal.to_string(),
        }),
        PostError::Store(error) => FleetError::new(FleetErrorKind::Storage {
            agent: agent.to_owned(),
        })
        .caused_by(error),
        _ => FleetError::new(FleetErrorKind::Internal),
    }
}
