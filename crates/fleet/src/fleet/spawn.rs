//! Spawning a pod outside the roster: a child of another pod, or one of the operator's own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use podfleet_pod::client::PodClient;
use podfleet_pod::clock;
use podfleet_pod::inspect::{scope_of, spec_of};
use podfleet_pod::post::{HandedIn, Post, PostError};
use podfleet_pod_store::{NewChild, NewPod, PodRecord, Sender, StoreErrorKind, Writer};
use podfleet_protocol::method::{GetReceipt, ReceiptParams, SpawnParams, SpawnPod, SpawnResult};
use podfleet_protocol::{
    Address, Identity, Kind, MessageId, NewMessage, Outcome, PodId, Receipt, Scope,
};

use super::settle::account;
use super::stop::StopTimeouts;
use super::{Events, Fleet};
use crate::agent_env;
use crate::desired::child::{ChildRecipe, Wish};
use crate::error::{FleetError, FleetErrorKind};
use crate::report::{AgentResult, Failure};
use crate::told::told_child;

/// How long a spawn may take unless its asker says otherwise.
pub(super) const SPAWN_PATIENCE: Duration = Duration::from_secs(60);
/// The class of a spawned pod.
const CLASS: &str = "child";

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
        self.new_child(&spawner, params, &scope)?;
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
        let scope = self.scope(&spawner, &params)?;
        let new = self.new_child(&spawner, &params, &scope)?;
        self.dirs.open_runtime()?;
        let reserved = self.store.reserve_child(spawner.writer, new).await;
        let child = match reserved {
            Ok(child) => child,
            Err(error) if matches!(error.kind(), StoreErrorKind::NameTaken { .. }) => {
                return self.spawned_before(&params, scope, error.into()).await;
            }
            Err(error) => return Err(error.into()),
        };
        match self
            .begin_child(&spawner, child, &params, deadline, events)
            .await
        {
            Ok((child, task)) => {
                let id = child.identity.id;
                self.store
                    .confirm_child(spawner.writer, id, clock::wall())
                    .await?;
                Ok(SpawnResult {
                    id,
                    name: params.name,
                    generation: child.generation,
                    scope,
                    task,
                })
            }
            Err((child, failure)) => {
                let left = self.undo(&spawner, &child).await;
                let error = FleetError::start_failed(params.name.as_str(), failure);
                Err(match left {
                    Ok(()) => error,
                    Err(why) => error.hint(format!("what was made of it is left: {why}")),
                })
            }
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
        })
    }

    /// Returns what the child may change: no more than its parent, and nothing that nobody can.
    fn scope(&self, spawner: &Spawner, params: &SpawnParams) -> Result<Scope, FleetError> {
        let own = spawner.parent.as_ref().map_or(Scope::UNLIMITED, scope_of);
        let name = params.name.as_str();
        let scope = own.delegate(params.scope.clone()).map_err(|error| {
            FleetError::new(FleetErrorKind::NotYours {
                pod: name.to_owned(),
                rule: error.to_string(),
            })
        })?;
        let paths = params
            .scope
            .iter()
            .filter_map(|scope| scope.writable.as_ref());
        for path in paths.flatten() {
            if let Some(why) = not_writable(path.as_path()) {
                return Err(FleetError::new(FleetErrorKind::NotWritable {
                    pod: name.to_owned(),
                    rule: why,
                }));
            }
        }
        Ok(scope)
    }

    fn new_child(
        &self,
        spawner: &Spawner,
        params: &SpawnParams,
        scope: &Scope,
    ) -> Result<NewChild, FleetError> {
        let name = params.name.as_str();
        let refused = |rule: String| FleetError::not_allowed(name, rule);
        if params.task.trim().is_empty() {
            return Err(refused("a spawned pod needs a task".to_owned()));
        }
        let parent = spawner.parent.as_ref();
        let own = Address::new(&self.host, name);
        let parent_address =
            parent.map(|parent| Address::new(&self.host, parent.identity.name.as_str()));
        let recipe = ChildRecipe {
            dirs: &self.dirs,
            env: &self.env,
            exe: &self.exe,
            location: agent_env::location(
                &self.dirs,
                self.roster.as_ref().map(|(_, path)| path.as_path()),
                self.key.tenant.as_str(),
            ),
        };
        let spec = recipe
            .spec(Wish {
                runtime: &params.runtime,
                model: params.model.as_deref(),
                working_directory: self.child_directory(parent, params)?,
                told: told_child(&own, parent_address.as_ref(), params.role.as_deref(), scope),
            })
            .map_err(|fault| refused(fault.to_string()))?;
        let internal =
            |error: serde_json::Error| FleetError::new(FleetErrorKind::Internal).caused_by(error);
        Ok(NewChild {
            pod: NewPod {
                identity: Identity {
                    id: params.id.unwrap_or_else(PodId::generate),
                    name: params.name.clone(),
                    fleet: self.key.fleet.clone(),
                    tenant_id: self.key.tenant.clone(),
                    host: self.host.clone(),
                },
                class: CLASS.to_owned(),
                alias: None,
                runtime: params.runtime.clone(),
                spec: serde_json::to_value(spec).map_err(internal)?,
                runtime_dir: self.dirs.runtime.clone(),
                at: clock::wall(),
            },
            parent: parent.map(|parent| parent.identity.id),
            scope: serde_json::to_value(scope).map_err(internal)?,
        })
    }

    /// Returns where the child runs: as asked for, else where its parent does.
    fn child_directory(
        &self,
        parent: Option<&PodRecord>,
        params: &SpawnParams,
    ) -> Result<PathBuf, FleetError> {
        let of_parent = || parent.and_then(spec_of).map(|spec| spec.working_directory);
        let directory = params.working_directory.clone().or_else(of_parent);
        let rule = match directory {
            Some(directory) if directory.is_absolute() => return Ok(directory),
            Some(directory) => format!(
                "its working directory {} is not absolute",
                directory.display()
            ),
            None => "it has no parent whose working directory it could share; name one".to_owned(),
        };
        Err(FleetError::not_allowed(params.name.as_str(), rule))
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
    async fn undo(&self, spawner: &Spawner, child: &PodRecord) -> Result<(), String> {
        let timeouts = StopTimeouts {
            ask: Duration::from_secs(5),
            signal: Duration::from_secs(2),
        };
        let stopped = self.stop(child, "its spawning failed", timeouts).await;
        stopped.map_err(|failure| failure.message)?;
        let withdrawn = self
            .store
            .withdraw_child(spawner.writer, child.identity.id, clock::wall());
        withdrawn.await.map_err(|error| account(&error))?;
        Ok(())
    }
}

async fn submitted(
    client: &mut PodClient,
    id: MessageId,
    patience: Duration,
) -> Result<Receipt, podfleet_pod::client::ClientError> {
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
        PostError::Pod(error) => FleetError::pod(agent, error),
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

/// Returns why nobody could write at a path, if that is so. What is not there yet can be made where
/// the directory above can be written.
fn not_writable(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|path| path.exists())?;
    match rustix::fs::access(existing, rustix::fs::Access::WRITE_OK) {
        Ok(()) => None,
        Err(error) => {
            let error = std::io::Error::from(error);
            Some(format!("{} cannot be written: {error}", existing.display()))
        }
    }
}
