//! Operations on agents, of this machine and of every endpoint.

use futures_util::future::join_all;
use podfleet::{InboxReport, SendReport};
use podfleet_protocol::method::ScrollbackResult;
use podfleet_protocol::{FleetName, Receipt};

use super::{Doer, Hub, Order};
use crate::fault::Fault;
use crate::op::{
    AgentRef, AgentRow, FleetInbox, FleetLog, FleetPs, FleetReceipt, FleetSend, FleetTail,
    InboxParams, LogParams, LogResult, Op, PsParams, PsResult, ReceiptParams, SendParams,
    TailParams,
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
        result.rows = self.answered(result.rows);
        Ok(result)
    }

    async fn agents_of(
        &self,
        machine: &MachineName,
        params: &PsParams,
        order: &Order,
    ) -> Result<Vec<AgentRow>, Fault> {
        match self.doer(machine)? {
            Doer::Here => {
                let fleet = params.fleet.clone();
                self.machine.agents(fleet, params.all_fleets).await
            }
            Doer::There(remote) => {
                // Only the endpoint's own agents: it may be home to others.
                let own = PsParams {
                    endpoint: Some(MachineName::Local),
                    ..params.clone()
                };
                let mut rows = remote.call_soon::<FleetPs>(own, order.deadline).await?.rows;
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
        let params = within_rights(params, order);
        self.where_it_is::<FleetSend, _>(params, order, |params| self.machine.send(params))
            .await
    }

    pub(super) async fn tail(
        &self,
        params: TailParams,
        order: &Order,
    ) -> Result<ScrollbackResult, Fault> {
        self.where_it_is::<FleetTail, _>(params, order, |params| self.machine.tail(params))
            .await
    }

    pub(super) async fn log(&self, params: LogParams, order: &Order) -> Result<LogResult, Fault> {
        self.where_it_is::<FleetLog, _>(params, order, |params| self.machine.log(params))
            .await
    }

    pub(super) async fn inbox(
        &self,
        params: InboxParams,
        order: &Order,
    ) -> Result<InboxReport, Fault> {
        self.where_it_is::<FleetInbox, _>(params, order, |params| self.machine.inbox(params))
            .await
    }

    pub(super) async fn receipt(
        &self,
        params: ReceiptParams,
        order: &Order,
    ) -> Result<Receipt, Fault> {
        self.where_it_is::<FleetReceipt, _>(params, order, |params| self.machine.receipt(params))
            .await
    }

    /// Has an operation on one agent carried out by the machine that the agent is on.
    async fn where_it_is<O: Op, F>(
        &self,
        mut params: O::Params,
        order: &Order,
        here: impl FnOnce(O::Params) -> F,
    ) -> Result<O::Result, Fault>
    where
        O::Params: OfAgent,
        F: Future<Output = Result<O::Result, Fault>>,
    {
        let (named, fleet) = (params.agent().clone(), params.fleet().take());
        let (agent, fleet) = self.whereabouts(named, fleet).await?;
        *params.fleet() = fleet;
        match self.doer(&agent.endpoint)? {
            Doer::Here => here(params).await,
            Doer::There(remote) => {
                *params.agent() = AgentRef::local(agent.agent);
                remote.call::<O>(params, order.deadline).await
            }
        }
    }
}

/// Whoever may not type in a terminal sends no message that would do so.
pub(super) fn within_rights(params: SendParams, order: &Order) -> SendParams {
    SendParams {
        words_only: params.words_only || !order.may_type,
        ..params
    }
}

/// Parameters of an operation on one agent.
trait OfAgent {
    fn agent(&mut self) -> &mut AgentRef;
    fn fleet(&mut self) -> &mut Option<FleetName>;
}

macro_rules! of_agent {
    ($($params:ty, $agent:ident;)*) => {
        $(impl OfAgent for $params {
            fn agent(&mut self) -> &mut AgentRef {
                &mut self.$agent
            }

            fn fleet(&mut self) -> &mut Option<FleetName> {
                &mut self.fleet
            }
        })*
    };
}

of_agent! {
    SendParams, to;
    TailParams, agent;
    LogParams, agent;
    InboxParams, agent;
    ReceiptParams, agent;
}
