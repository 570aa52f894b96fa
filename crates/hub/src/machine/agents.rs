//! Agents of this machine.

use std::time::Duration;

use podfleet::{InboxReport, SendReport, SendRequest, SessionTarget};
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::method::{AttachParams, ScrollbackResult};
use podfleet_protocol::{FleetName, PodName, Receipt};
use serde_json::Value;

use super::{Machine, fleet_fault};
use crate::fault::{Code, Fault};
use crate::op::{
    AgentRow, InboxParams, LogParams, LogResult, ReceiptParams, SendParams, TailParams,
};
use crate::preview::{Change, Effect, Preview, Thing};
use crate::terminal::{Attached, TerminalRef};

/// How many records a log is read for at most.
const MAX_RECORDS: u32 = 1000;
/// How many lines of a terminal are given at most.
const MAX_LINES: u32 = 10_000;

async fn rows_of(fleet: &podfleet::Fleet) -> Result<Vec<AgentRow>, Fault> {
    let rows = fleet.ps(&[]).await.map_err(|error| fleet_fault(&error))?;
    let row = |row| AgentRow::local(row, &fleet.key().fleet);
    Ok(rows.into_iter().map(row).collect())
}

/// Which of them is meant is nothing to guess: a message would go to another one in silence.
fn in_several(agent: &PodName, fleets: &[FleetName]) -> Fault {
    let names: Vec<&str> = fleets.iter().map(FleetName::as_str).collect();
    let message = format!(
        "several fleets there have a `{agent}`: {}",
        names.join(", ")
    );
    let hint = format!(
        "say which, such as by `--fleet {}`; with it an agent of another machine is NAME@ENDPOINT",
        names[0]
    );
    Fault::new(Code::AgentRefused, message).hint(hint)
}

/// Refuses a message that would be typed into a shell, where it is to be words alone.
async fn refuse_shell(fleet: &podfleet::Fleet, params: &SendParams) -> Result<(), Fault> {
    if !params.words_only {
        return Ok(());
    }
    let agent = params.to.agent.as_str();
    let is_shell = fleet.is_shell(agent).await;
    let why = if is_shell.map_err(|error| fleet_fault(&error))? {
        format!("`{agent}` may run what is sent to it as a command")
    } else if params.typing.allow_command {
        "a message that may be a command of the agent is typing".to_owned()
    } else {
        return Ok(());
    };
    let message = format!("{why}, which needs the right `pty`");
    Err(Fault::new(Code::AgentRefused, message))
}

fn request(params: SendParams) -> SendRequest {
    SendRequest {
        id: params.id,
        class: params.class,
        typing: params.typing,
        wait: params.wait,
        timeout: params.timeout_ms.map(Duration::from_millis),
        ..SendRequest::new(params.to.agent.as_str(), params.body)
    }
}

impl Machine {
    pub(crate) async fn fleet(&self, fleet: Option<FleetName>) -> Result<podfleet::Fleet, Fault> {
        self.fleets.open(fleet).await
    }

    /// Opens the fleet that an agent is in: the one that is named, else the only one that has an agent
    /// of this name, else the one that the machine's own commands mean.
    ///
    /// # Errors
    /// Fails when several fleets have one, and when the store cannot be read.
    pub(crate) async fn fleet_of(
        &self,
        agent: &PodName,
        fleet: Option<FleetName>,
    ) -> Result<podfleet::Fleet, Fault> {
        if fleet.is_some() {
            return self.fleet(fleet).await;
        }
        let meant = self.fleet(None).await;
        let having = match &meant {
            Ok(meant) => meant.fleets_with(agent).await,
            Err(_) => self.any_fleet().await?.fleets_with(agent).await,
        };
        let having = having.map_err(|error| fleet_fault(&error))?;
        match having.as_slice() {
            [] => meant,
            [one] => self.fleet(Some(one.clone())).await,
            several => Err(in_several(agent, several)),
        }
    }

    /// Returns where an agent is that a roster of this machine has elsewhere: that of the fleet that the
    /// machine's own commands mean, else, where no fleet has such an agent here, that of the only fleet
    /// whose roster does.
    ///
    /// # Errors
    /// Fails when the rosters of several fleets do, and when the store cannot be read.
    pub(crate) async fn elsewhere(&self, agent: &PodName) -> Result<Option<SessionTarget>, Fault> {
        let target_of = |fleet: &podfleet::Fleet| fleet.session_elsewhere(agent.as_str());
        let meant = match self.fleet(None).await {
            Ok(meant) => match target_of(&meant) {
                Some(target) => return Ok(Some(target)),
                None => meant,
            },
            Err(_) => self.any_fleet().await?,
        };
        let fault = |error| fleet_fault(&error);
        if !meant.fleets_with(agent).await.map_err(fault)?.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for name in meant.fleets().await.map_err(fault)? {
            let fleet = self.fleet(Some(name.clone())).await?;
            found.extend(target_of(&fleet).map(|target| (name, target)));
        }
        if found.len() > 1 {
            let fleets: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
            return Err(in_several(agent, &fleets));
        }
        Ok(found.pop().map(|(_, target)| target))
    }

    /// Opens a fleet to find others by, where nothing says which one is meant.
    async fn any_fleet(&self) -> Result<podfleet::Fleet, Fault> {
        self.fleet(Some(FleetName::default())).await
    }

    /// Lists the agents, of all fleets if that is wanted and none is named.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn agents(
        &self,
        fleet: Option<FleetName>,
        of_all: bool,
    ) -> Result<Vec<AgentRow>, Fault> {
        let of_all = of_all && fleet.is_none();
        let meant = match self.fleet(fleet).await {
            Err(_) if of_all => self.any_fleet().await?,
            meant => meant?,
        };
        let mut rows = rows_of(&meant).await?;
        if of_all {
            let fleets = meant.fleets().await;
            let fleets = fleets.map_err(|error| fleet_fault(&error))?;
            for other in fleets.into_iter().skip(1) {
                rows.extend(rows_of(&self.fleet(Some(other)).await?).await?);
            }
        }
        Ok(rows)
    }

    /// Sends a message to an agent, and tells what became of it.
    ///
    /// # Errors
    /// Fails when the message was not accepted.
    pub async fn send(&self, params: SendParams) -> Result<SendReport, Fault> {
        let fleet = self
            .fleet_of(&params.to.agent, params.fleet.clone())
            .await?;
        refuse_shell(&fleet, &params).await?;
        let sent = fleet.send(request(params)).await;
        sent.map_err(|error| fleet_fault(&error))
    }

    /// Says whether [`send`](Self::send) would find its receiver, and no rule refuses the message.
    ///
    /// # Errors
    /// As it, save for what only the receiver's inbox can tell.
    pub async fn preview_send(&self, params: SendParams) -> Result<Preview, Fault> {
        let fleet = self
            .fleet_of(&params.to.agent, params.fleet.clone())
            .await?;
        refuse_shell(&fleet, &params).await?;
        let told = Effect::new(Thing::Agent, &params.to.agent, Change::Told);
        let checked = fleet.check_send(&request(params)).await;
        checked.map_err(|error| fleet_fault(&error))?;
        Ok(told.into())
    }

    /// Gives the last lines of an agent's terminal.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when its pod does not answer.
    pub async fn tail(&self, params: TailParams) -> Result<ScrollbackResult, Fault> {
        let fleet = self.fleet_of(&params.agent.agent, params.fleet).await?;
        let lines = params.lines.min(MAX_LINES);
        let tail = fleet
            .tail(params.agent.agent.as_str(), lines, params.ansi)
            .await;
        tail.map_err(|error| fleet_fault(&error))
    }

    /// Gives the last records of an agent's session log.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when the log cannot be read.
    pub async fn log(&self, params: LogParams) -> Result<LogResult, Fault> {
        let fleet = self.fleet_of(&params.agent.agent, params.fleet).await?;
        let last = params.last.min(MAX_RECORDS);
        let records = fleet.last_records(params.agent.agent.as_str(), last).await;
        let records = records.map_err(|error| fleet_fault(&error))?;
        let object = |record| match serde_json::to_value(record) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Fault::new(Code::Internal, "a record is no object")),
        };
        let records = records.iter().map(object).collect::<Result<_, _>>()?;
        Ok(LogResult { records })
    }

    /// Lists the messages that wait for an agent.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when neither its pod nor the store can be asked.
    pub async fn inbox(&self, params: InboxParams) -> Result<InboxReport, Fault> {
        let fleet = self.fleet_of(&params.agent.agent, params.fleet).await?;
        let inbox = fleet.inbox(params.agent.agent.as_str()).await;
        inbox.map_err(|error| fleet_fault(&error))
    }

    /// Tells what became of a message.
    ///
    /// # Errors
    /// Fails for an unknown agent or message, and when neither pod nor store can be asked.
    pub async fn receipt(&self, params: ReceiptParams) -> Result<Receipt, Fault> {
        let fleet = self.fleet_of(&params.agent.agent, params.fleet).await?;
        let receipt = fleet.receipt(params.agent.agent.as_str(), params.id).await;
        receipt.map_err(|error| fleet_fault(&error))
    }

    /// Attaches to a terminal of an agent of this machine.
    ///
    /// # Errors
    /// Fails for an unknown agent, when its pod does not answer or is another one than is meant, and
    /// when another client has control.
    pub async fn attach(
        &self,
        terminal: &TerminalRef,
        params: AttachParams,
    ) -> Result<(Attached, AttachStream), Fault> {
        let name = &terminal.agent.agent;
        let fleet = self.fleet_of(name, terminal.fleet.clone()).await?;
        let attaching = fleet.attach_to(terminal.agent.agent.as_str(), terminal.pod, params);
        let (pod, result, stream) = attaching.await.map_err(|error| fleet_fault(&error))?;
        let pod = Some(pod);
        Ok((Attached { pod, result }, stream))
    }
}
