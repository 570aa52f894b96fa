//! Operations on endpoints.

use super::{Hub, now};
use crate::address::Reach;
use crate::client::probe;
use crate::endpoint::Status;
use crate::fault::{Code, Fault};
use crate::op::{
    EndpointAddParams, EndpointListResult, EndpointParams, EndpointRemoveParams,
    EndpointRemoveResult, EndpointRenameParams, EndpointUpdateParams, EndpointView, ProbeParams,
    ProbeResult,
};
use crate::secret::Entrusted;
use crate::topology::{Endpoint, MachineName, Topology};

impl Hub {
    pub(super) fn list_endpoints(&self) -> Result<EndpointListResult, Fault> {
        let mut endpoints = vec![EndpointView {
            name: MachineName::Local,
            endpoint: None,
            status: self.own_status(),
            action: None,
            dependents: self.topology.own_dependents()?,
        }];
        for endpoint in self.topology.endpoints()? {
            endpoints.push(self.view(endpoint)?);
        }
        Ok(EndpointListResult { endpoints })
    }

    pub(super) async fn probe(&self, params: &ProbeParams) -> Result<ProbeResult, Fault> {
        let address = params.address.to_string();
        let pin = probe(&params.address)
            .await
            .map_err(|error| error.about(&address))?;
        Ok(ProbeResult { pin })
    }

    pub(super) async fn add_endpoint(
        &self,
        params: EndpointAddParams,
    ) -> Result<EndpointView, Fault> {
        let added = self.added_in(&self.topology, params).await?;
        self.endpoints.add(added.clone());
        self.view(added)
    }

    /// Adds an endpoint to a topology, which may be a rehearsal, after all that is to be asked.
    pub(super) async fn added_in(
        &self,
        topology: &Topology,
        params: EndpointAddParams,
    ) -> Result<Endpoint, Fault> {
        let by_ssh = matches!(params.reach, Reach::Ssh { .. });
        let token = params.token.map(Entrusted::given).transpose()?;
        match (&token, by_ssh) {
            (Some(_), true) => {
                let message = "an endpoint over ssh needs no token: the login proves who asks";
                return Err(Fault::new(Code::RequestInvalid, message));
            }
            (None, false) => {
                let message = "an endpoint needs a token of the hub there";
                return Err(Fault::new(Code::RequestInvalid, message)
                    .hint("`fleet hub token create` there makes one"));
            }
            _ => {}
        }
        let (name, reach) = (params.name, params.reach);
        refuse_other_key(&reach).await?;
        topology.add_endpoint(name, reach, None, token.as_ref(), now())
    }

    pub(super) async fn update_endpoint(
        &self,
        params: EndpointUpdateParams,
    ) -> Result<EndpointView, Fault> {
        let accepts_hub = params.pin.is_none() && params.token.is_none();
        let updated = self.updated_in(&self.topology, params).await?;
        if accepts_hub {
            self.endpoints.note(&updated);
            return self.try_again(updated);
        }
        // What goes by the old key or token ends; it is connected anew.
        self.endpoints.remove(updated.endpoint_id);
        self.endpoints.add(updated.clone());
        self.view(updated)
    }

    /// Changes an endpoint of a topology, which may be a rehearsal, after all that is to be asked.
    pub(super) async fn updated_in(
        &self,
        topology: &Topology,
        params: EndpointUpdateParams,
    ) -> Result<Endpoint, Fault> {
        let token = params.token.map(Entrusted::given).transpose()?;
        let known = topology.endpoint(&params.name)?;
        if let (Some(pin), Reach::Tls { address, .. }) = (params.pin, known.reach) {
            refuse_other_key(&Reach::Tls { address, pin }).await?;
        }
        topology.update_endpoint(&params.name, params.pin, token.as_ref(), now())
    }

    pub(super) fn rename_endpoint(
        &self,
        params: &EndpointRenameParams,
    ) -> Result<EndpointView, Fault> {
        let renamed = self
            .topology
            .rename_endpoint(&params.name, &params.new, now())?;
        self.endpoints.note(&renamed);
        self.view(renamed)
    }

    pub(super) fn remove_endpoint(
        &self,
        params: &EndpointRemoveParams,
    ) -> Result<EndpointRemoveResult, Fault> {
        let expected = params.expected();
        let (endpoint, removed) = self.topology.remove_endpoint(&params.name, expected)?;
        self.endpoints.remove(endpoint.endpoint_id);
        Ok(EndpointRemoveResult { endpoint, removed })
    }

    pub(super) fn retry_endpoint(&self, params: &EndpointParams) -> Result<EndpointView, Fault> {
        self.try_again(self.topology.endpoint(&params.name)?)
    }

    fn try_again(&self, endpoint: Endpoint) -> Result<EndpointView, Fault> {
        if let Some(remote) = self.endpoints.get(endpoint.endpoint_id) {
            remote.retry();
        }
        self.view(endpoint)
    }

    /// This machine is always there.
    pub(super) fn own_status(&self) -> Status {
        Status::Connected {
            host: self.info.host.clone(),
            build: self.info.build.clone(),
        }
    }

    pub(super) fn status_of(&self, machine: &MachineName) -> Result<Status, Fault> {
        match machine {
            MachineName::Local => Ok(self.own_status()),
            MachineName::Endpoint(name) => {
                let endpoint = self.topology.endpoint(name)?;
                let remote = self.endpoints.get(endpoint.endpoint_id);
                Ok(remote.map_or(Status::Connecting, |remote| remote.status()))
            }
        }
    }

    fn view(&self, endpoint: Endpoint) -> Result<EndpointView, Fault> {
        let remote = self.endpoints.get(endpoint.endpoint_id);
        let status = remote.map_or(Status::Connecting, |remote| remote.status());
        Ok(EndpointView {
            name: MachineName::Endpoint(endpoint.name.clone()),
            action: status.action(&endpoint),
            status,
            dependents: self.topology.dependents(&endpoint.name)?,
            endpoint: Some(endpoint),
        })
    }
}

/// Refuses a machine that shows another key than the one that is to be pinned. One that shows none,
/// because it cannot be reached now, is taken: its key is compared whenever it is connected.
async fn refuse_other_key(reach: &Reach) -> Result<(), Fault> {
    let Reach::Tls { address, pin } = reach else {
        return Ok(());
    };
    match probe(address).await {
        Ok(shown) if shown != *pin => {
            let message = format!("{address} shows the key {shown}, and not {pin}");
            Err(Fault::new(Code::EndpointKey, message)
                .hint("nothing was changed; `fleet hub status` there prints its key"))
        }
        _ => Ok(()),
    }
}
