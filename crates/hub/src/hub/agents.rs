//! Operations on agents, of this machine and of every endpoint.

use futures_util::future::join_all;
use podfleet::SendReport;
use podfleet_protocol::method::ScrollbackResult;

use super::{Doer, Hub, Order};
use crate::fault::Fault;
use crate::op::{
    AgentRef, AgentRow, FleetLog, FleetPs, FleetSend, FleetTail, LogParams, LogResult, PsParams,
    PsResult, SendParams, TailParams,
};
use crate::topology::MachineName;

impl Hub {
    pub(super) async fn agents(&self, params: PsParams, order: &Order) -> Result<PsResult, Fault> {
        if let Some(machine) = &params.endpoint {
            let rows = self.agents_of(machine, &params, order).await?;
            let missing = Vec::new();
            return Ok(PsResult { rows, missing });
        }
        let mut machines = vec![MachineName::Local];
        let endpoints = self.topology.endpoints()?.into_iter();
        machines.extend(endpoints.map(|endpoint| MachineName::Endpoint(endpoint.name)));
        let asked = machines
            .iter()
            .map(|machine| self.agents_of(machine, &params, order));
        let mut result = PsResult {
            rows: Vec::new(),
            missing: Vec::new(),
        };
        for (answer, machine) in join_all(asked).await.into_iter().zip(&machines) {
            match answer {
                Ok(rows) => result.rows.extend(rows),
                Err(fault) if fault.endpoint.is_some() => result.missing.push(fault),
                Err(fault) => result.missing.push(fault.about(machine.as_str())),
            }
        }
        Ok(result)
    }

    async fn agents_of(
        &self,
        machine: &MachineName,
        params: &PsParams,
        order: &Order,
    ) -> Result<Vec<AgentRow>, Fault> {
        match self.doer(machine)? {
            Doer::Here => self.machine.agents(params.fleet.clone()).await,
            Doer::There(remote) => {
                // Only the endpoint's own agents: it may be home to others.
                let own = PsParams {
                    endpoint: Some(MachineName::Local),
                    fleet: params.fleet.clone(),
                };
                let mut rows = remote.call::<FleetPs>(own, order.deadline).await?.rows;
                for row in &mut rows {
                    row.endpoint = machine.clone();
                }
                Ok(rows)
            }
        }
    }

    pub(super) async fn send(
        &self,
        params: SendParams,
        order: &Order,
    ) -> Result<SendReport, Fault> {
        match self.doer(&params.to.endpoint)? {
            Doer::Here => self.machine.send(params).await,
            Doer::There(remote) => {
                let to = AgentRef::local(params.to.agent.clone());
                let params = SendParams { to, ..params };
                remote.call::<FleetSend>(params, order.deadline).await
            }
        }
    }

    pub(super) async fn tail(
        &self,
        params: TailParams,
        order: &Order,
    ) -> Result<ScrollbackResult, Fault> {
        match self.doer(&params.agent.endpoint)? {
            Doer::Here => self.machine.tail(params).await,
            Doer::There(remote) => {
                let agent = AgentRef::local(params.agent.agent.clone());
                let params = TailParams { agent, ..params };
                remote.call::<FleetTail>(params, order.deadline).await
            }
        }
    }

    pub(super) async fn log(&self, params: LogParams, order: &Order) -> Result<LogResult, Fault> {
        match self.doer(&params.agent.endpoint)? {
            Doer::Here => self.machine.log(params).await,
            Doer::There(remote) => {
                let agent = AgentRef::local(params.agent.agent.clone());
                let params = LogParams { agent, ..params };
                remote.call::<FleetLog>(params, order.deadline).await
            }
        }
    }
}
