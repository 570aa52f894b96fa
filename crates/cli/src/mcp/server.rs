//! The server: it answers the agent of one pod, with that pod's rights.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use podfleet::{Events, Fleet, RestartOptions, SayRequest, SendRequest};
use podfleet_pod_store::PodRecord;
use podfleet_protocol::method::SpawnParams;
use podfleet_protocol::{NewMessage, PodName, Scope, ScopePath};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{RwLock, mpsc};

use super::arguments as args;
use super::editing::{Edited, Editing};
use super::tool::Tool;
use crate::commands::body::check_length;
use crate::commands::version::BUILD;
use crate::error::Error;
use crate::exit::Exit;

/// How long a start may take unless the caller says.
const START_PATIENCE: u64 = 60;
/// How much of the end of something is shown unless the caller says.
const LAST: u32 = 50;

/// The tools of the agent of one pod.
pub(super) struct Server {
    /// As it was when we began, or since the last edit of ours.
    fleet: RwLock<Arc<Fleet>>,
    editing: Editing,
    own: PodRecord,
}

impl Server {
    pub(super) fn new(fleet: Fleet, editing: Editing, own: PodRecord) -> Self {
        Self {
            fleet: RwLock::new(Arc::new(fleet)),
            editing,
            own,
        }
    }

    fn tools(&self) -> impl Iterator<Item = Tool> {
        Tool::of_class(&self.own.class)
    }

    fn own_name(&self) -> &str {
        self.own.identity.name.as_str()
    }

    async fn call(&self, tool: Tool, given: Value) -> Result<Value, Error> {
        let fleet = Arc::clone(&*self.fleet.read().await);
        match tool {
            Tool::Status => {
                read::<args::Nothing>(given)?;
                json_of(fleet.own_status().await?)
            }
            Tool::Inbox => {
                read::<args::Nothing>(given)?;
                json_of(fleet.own_inbox().await?)
            }
            Tool::ListPods => {
                read::<args::Nothing>(given)?;
                Ok(json!({ "pods": json_of(fleet.pods().await?)? }))
            }
            Tool::FleetPs => {
                read::<args::Nothing>(given)?;
                Ok(json!({ "agents": json_of(fleet.ps(&[]).await?)? }))
            }
            Tool::SendToPeer => {
                let send: args::Send = read(given)?;
                let (name, message) = message(send)?;
                if fleet.session_elsewhere(&name).is_some() {
                    return json_of(fleet.send(letter(&name, message)).await?);
                }
                let sent = fleet.peer_send(self.own_name(), &name, message);
                json_of(sent.await?)
            }
            Tool::SendToPod => {
                let (name, message) = message(read(given)?)?;
                json_of(fleet.order(&name, message).await?)
            }
            Tool::RegisterPeer => {
                let args::Pod { name } = read(given)?;
                json_of(fleet.peer_add(self.own_name(), &name, false).await?)
            }
            Tool::UnregisterPeer => {
                let args::Pod { name } = read(given)?;
                json_of(fleet.peer_remove(self.own_name(), &name, false).await?)
            }
            Tool::RestorePod => {
                let args::Restore { name, timeout_s } = read(given)?;
                let patience = Duration::from_secs(timeout(timeout_s)?);
                json_of(fleet.restore(&name, patience, nobody()).await?)
            }
            Tool::SpawnPod => {
                let params = spawn(read(given)?)?;
                json_of(fleet.spawn(None, params, nobody()).await?)
            }
            Tool::ReadPodOutput => {
                let args::ReadOutput { name, cursor } = read(given)?;
                json_of(fleet.read_output(&name, cursor.as_deref()).await?)
            }
            Tool::StopPod => {
                let args::Stop { name, reason } = read(given)?;
                json_of(fleet.stop_pod(&name, &reason).await?)
            }
            Tool::Tail => {
                let args::Last { agent, lines } = read(given)?;
                let tail = fleet.tail(&agent, last(lines)?, false).await?;
                Ok(json!({ "lines": tail.lines }))
            }
            Tool::Log => {
                let args::Last { agent, lines } = read(given)?;
                let log = fleet.last_records(&agent, last(lines)?).await?;
                Ok(json!({ "records": json_of(log)? }))
            }
            Tool::Restart => {
                let args::Agent { agent } = read(given)?;
                let options = RestartOptions::default();
                json_of(fleet.restart(&[agent], &options, nobody()).await?)
            }
            Tool::Add => self.follow(self.editing.add(read(given)?).await?).await,
            Tool::Remove => {
                let remove: args::Remove = read(given)?;
                self.check_other(&remove.agent)?;
                self.follow(self.editing.remove(remove).await?).await
            }
            Tool::Say => json_of(fleet.say(saying(read(given)?)).await?),
        }
    }

    /// Goes on with the fleet as an edit has made it.
    async fn follow(&self, edited: Edited) -> Result<Value, Error> {
        *self.fleet.write().await = Arc::new(edited.fleet);
        Ok(edited.value)
    }

    /// Whoever ends its own pod ends with it, halfway.
    fn check_other(&self, agent: &str) -> Result<(), Error> {
        if agent != self.own_name() {
            return Ok(());
        }
        let message = "an agent does not remove itself";
        Err(Error::message(Exit::Refused, message)
            .hint(format!("your human does: `fleet remove {agent}`")))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("fleet", BUILD))
            .with_instructions(format!(
                "You are the agent of the pod `{}`. These tools reach other agents. What you send \
                 is kept and typed to its receiver when that is idle; what others send comes to you \
                 by itself.",
                self.own_name()
            ))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools().map(Tool::describe);
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.tools().find(|tool| tool.name() == request.name) else {
            let names: Vec<_> = self.tools().map(Tool::name).collect();
            let message = format!(
                "there is no tool `{}`; there are {}",
                request.name,
                names.join(", ")
            );
            return Err(ErrorData::invalid_params(message, None));
        };
        let given = Value::Object(request.arguments.unwrap_or_default());
        let result = match self.call(tool, given).await {
            Ok(value) => CallToolResult::structured(value),
            // As a result, not as an error of the protocol: the agent is to read it.
            Err(error) => CallToolResult::error(vec![ContentBlock::text(error.for_agents())]),
        };
        Ok(result.into())
    }
}

fn read<T: DeserializeOwned>(given: Value) -> Result<T, Error> {
    serde_json::from_value(given)
        .map_err(|error| Error::message(Exit::Usage, format!("the arguments do not fit: {error}")))
}

fn json_of(value: impl Serialize) -> Result<Value, Error> {
    Ok(serde_json::to_value(value)?)
}

/// Nobody follows how far a call is; its answer comes at the end.
fn nobody() -> Events {
    mpsc::unbounded_channel().0
}

fn message(send: args::Send) -> Result<(String, NewMessage), Error> {
    let args::Send { name, message, id } = send;
    if message.trim().is_empty() {
        return Err(Error::message(Exit::Usage, "the message is empty"));
    }
    check_length(&message)?;
    let mut new = NewMessage::new(message);
    if let Some(id) = id {
        new.id = id
            .parse()
            .map_err(|_| Error::message(Exit::Usage, "`id` is no UUID; leave it out"))?;
    }
    Ok((name, new))
}

/// A fleet mate on another machine is no pod of ours.
fn letter(name: &str, message: NewMessage) -> SendRequest {
    SendRequest {
        id: Some(message.id),
        class: message.class,
        thread: message.thread,
        typing: message.typing,
        ..SendRequest::new(name, message.body)
    }
}

fn saying(say: args::Say) -> SayRequest {
    SayRequest {
        text: say.text,
        thread: say.thread,
        reply_to: say.reply_to,
        attachments: say.attachments.into_iter().map(Into::into).collect(),
        ..SayRequest::default()
    }
}

/// Returns how long a start may take, in seconds.
fn timeout(seconds: Option<u64>) -> Result<u64, Error> {
    within("timeout_s", seconds.unwrap_or(START_PATIENCE), 1..=3600)
}

/// Returns how much of the end of something is looked at.
fn last(lines: Option<u32>) -> Result<u32, Error> {
    within("lines", lines.unwrap_or(LAST), 1..=2000)
}

/// Holds what was given against what the tool's schema says.
fn within<T>(what: &str, given: T, range: RangeInclusive<T>) -> Result<T, Error>
where
    T: PartialOrd + Copy + std::fmt::Display,
{
    if range.contains(&given) {
        return Ok(given);
    }
    let (least, most) = (range.start(), range.end());
    let message = format!("`{what}` is {given}, and may be {least} to {most}");
    Err(Error::message(Exit::Usage, message))
}

fn spawn(spawn: args::Spawn) -> Result<SpawnParams, Error> {
    let usage = |error: &dyn std::fmt::Display| Error::message(Exit::Usage, error.to_string());
    check_length(&spawn.task)?;
    let scope = match spawn.scope {
        None => None,
        Some(paths) => {
            let paths = paths.into_iter().map(ScopePath::new);
            let paths = paths.collect::<Result<_, _>>();
            Some(Scope {
                writable: Some(paths.map_err(|error| usage(&error))?),
            })
        }
    };
    Ok(SpawnParams {
        name: PodName::new(spawn.name.as_str()).map_err(|error| usage(&error))?,
        id: None,
        runtime: spawn.runtime,
        task: spawn.task,
        working_directory: spawn.working_directory,
        scope,
        model: spawn.model,
        role: spawn.role,
        timeout_ms: timeout(spawn.timeout_s)? * 1000,
    })
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::limits::MAX_BODY;

    use super::*;

    #[test]
    fn what_no_inbox_takes_is_refused_before_anybody_is_asked() {
        let sent = |bytes| {
            let given = json!({ "name": "tester", "message": "x".repeat(bytes) });
            message(read(given).unwrap())
        };
        assert!(sent(MAX_BODY).is_ok());
        let refused = sent(MAX_BODY + 1).unwrap_err().for_agents();
        assert!(refused.contains("longer than 1 MiB"), "{refused}");
        assert!(refused.contains("file"), "{refused}");
        let task = "x".repeat(MAX_BODY + 1);
        let given = json!({ "name": "helper", "runtime": "sim", "task": task });
        assert!(spawn(read(given).unwrap()).is_err());
    }
}
