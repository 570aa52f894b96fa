//! Who we are, and what we may: as the pods would answer it themselves.
//!
//! Where a pod runs, it decides. What we do in the place of one that does not run, and what we do
//! beside the pods, is decided here, by the same records and the same rules.

use std::collections::HashSet;

use podfleet_home::Env;
use podfleet_pod::identity::{Unidentified, identify};
use podfleet_pod::rights::{self, Seat};
use podfleet_pod_store::{FleetKey, InboxEntry, Page, PodRecord, PodStore};
use podfleet_protocol::PodId;
use podfleet_protocol::client::PodClient;
use podfleet_protocol::method::{Call, Credential, LogParams, ShutdownParams};
use podfleet_protocol::rpc::ErrorCode;

use super::Fleet;
use super::survey::Survey;
use crate::credential::credential_of;
use crate::dirs::Dirs;
use crate::error::FleetError;
use crate::ps::PsRow;

/// What we are to a pod.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The pod in whose agent we run; `None` for the operator.
    own: Option<PodId>,
    seat: Seat,
}

impl Standing {
    /// Returns whether a message in the pod's inbox is our business.
    pub(super) fn may_see(self, entry: &InboxEntry) -> bool {
        self.seat.is_trusted() || self.has_sent(entry)
    }

    /// Returns whose messages of the pod's inbox alone are our business, if not all are. Whoever is no
    /// pod is the operator, who may see all.
    pub(super) fn sees_only(self) -> Option<PodId> {
        self.own.filter(|_| !self.seat.is_trusted())
    }

    /// Returns whether we may withdraw any message from the pod's inbox, whoever has sent it.
    pub(super) fn may_withdraw_all(self) -> bool {
        self.seat.commands()
    }

    /// Returns whether all that concerns the pod is our business.
    pub(super) fn is_trusted(self) -> bool {
        self.seat.is_trusted()
    }

    /// Returns whether a message is ours.
    pub(super) fn has_sent(self, entry: &InboxEntry) -> bool {
        self.own.is_some() && entry.sender == self.own
    }
}

/// What of a fleet may be seen.
#[derive(Debug)]
pub(super) enum Horizon {
    /// All of it: we are the operator.
    Everything,
    /// What a pod sees.
    OfPod {
        /// The pods of the fleet that it sees.
        names: HashSet<String>,
        /// Whether the fleet's roster is its own: it sees who is in it.
        mates: bool,
        /// Whether it is the fleet's lead: it sees the sessions that no pod hosts.
        lead: bool,
    },
}

impl Horizon {
    /// Leaves of a survey what is within it. Of a damaged record nobody can tell whom it concerns.
    pub(super) fn narrow(&self, survey: &mut Survey<'_>) {
        if let Self::OfPod { names, .. } = self {
            survey.sightings.retain(|name, _| names.contains(name));
            survey.damaged.clear();
        }
    }

    /// Returns whether a row of `ps` is within it.
    pub(super) fn has(&self, row: &PsRow) -> bool {
        match self {
            Self::Everything => true,
            Self::OfPod { lead, .. } if !row.managed => *lead,
            // An agent of the roster that has no pod, or none that can be read, is a mate.
            Self::OfPod { mates, .. } if row.generation.is_none() => *mates && row.class.is_some(),
            Self::OfPod { names, .. } => names.contains(&row.name),
        }
    }
}

/// Checks that we are the operator, for what is done to the store of all fleets.
///
/// # Errors
/// Fails when we are a pod, and when it cannot be told who we are.
pub async fn check_operator(
    store: &dyn PodStore,
    dirs: &Dirs,
    env: &Env,
) -> Result<(), FleetError> {
    be_operator(own_pod(store, dirs, credential_of(env).as_ref()).await?)
}

/// Checks that a process which calls us is the operator's, and runs in no pod's agent. One that the
/// system does not tell is the operator's.
///
/// # Errors
/// Fails when it is a pod's, and when it cannot be told whose it is.
pub async fn check_operators_process(
    store: &dyn PodStore,
    dirs: &Dirs,
    process: Option<u32>,
) -> Result<(), FleetError> {
    be_operator(acting_pod(store, dirs, process, None).await?)
}

fn be_operator(own: Option<PodRecord>) -> Result<(), FleetError> {
    match own {
        None => Ok(()),
        Some(own) => {
            let name = own.identity.name.as_str();
            Err(FleetError::not_allowed(name, "only the operator does that"))
        }
    }
}

async fn own_pod(
    store: &dyn PodStore,
    dirs: &Dirs,
    credential: Option<&Credential>,
) -> Result<Option<PodRecord>, FleetError> {
    acting_pod(store, dirs, Some(std::process::id()), credential).await
}

async fn acting_pod(
    store: &dyn PodStore,
    dirs: &Dirs,
    process: Option<u32>,
    credential: Option<&Credential>,
) -> Result<Option<PodRecord>, FleetError> {
    let found = identify(store, &dirs.state_paths(), process, credential).await;
    found.map_err(|error| match error {
        Unidentified::Store(error) => error.into(),
        Unidentified::Credential => {
            let refused = FleetError::not_allowed("this process", error.to_string());
            refused.hint(
                "`FLEET_POD_CREDENTIAL` is of an earlier start of its pod, or of a pod of \
                 another state directory",
            )
        }
        _ => FleetError::not_allowed("this process", error.to_string()),
    })
}

impl Fleet {
    /// Returns the pod in whose agent we run, if we do: by its credential, else by our ancestry.
    /// `None` means that we are the operator.
    ///
    /// # Errors
    /// Fails when that cannot be told, as with a credential that is not a pod's present one, and
    /// when the store cannot be read.
    pub async fn own_pod(&self) -> Result<Option<PodRecord>, FleetError> {
        own_pod(&*self.store, &self.dirs, self.credential.as_ref()).await
    }

    /// Connects to the pod in whose agent we run, if we do.
    pub(crate) async fn own_client(&self) -> Result<Option<PodClient>, FleetError> {
        match self.own_pod().await? {
            Some(own) => Ok(Some(self.connect(&own).await?)),
            None => Ok(None),
        }
    }

    /// Returns what we are to a pod.
    pub(super) async fn standing(&self, pod: PodId) -> Result<Standing, FleetError> {
        let Some(own) = self.own_pod().await? else {
            return Ok(Standing {
                own: None,
                seat: Seat::Operator,
            });
        };
        let relation = self.store.relation(own.identity.id, pod).await?;
        Ok(Standing {
            own: Some(own.identity.id),
            seat: Seat::of_pod(relation, &own.class),
        })
    }

    /// Checks whether we may call a method of a pod, as it would itself.
    ///
    /// # Errors
    /// Fails when we may not; a pod that we do not see is an unknown one.
    pub(super) async fn check_right(&self, pod: &PodRecord, call: &Call) -> Result<(), FleetError> {
        let Standing { seat, .. } = self.standing(pod.identity.id).await?;
        let name = pod.identity.name.as_str();
        match rights::check(seat, call) {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.code == ErrorCode::NoSuchPod => Err(self.no_such(name).await),
            Err(refusal) => Err(FleetError::not_allowed(name, refusal.message)),
        }
    }

    /// Checks whether we may end a pod.
    pub(super) async fn check_may_end(&self, pod: &PodRecord) -> Result<(), FleetError> {
        let call = Call::Shutdown(Box::<ShutdownParams>::default());
        self.check_right(pod, &call).await
    }

    /// Checks whether we may read a pod's logs.
    pub(super) async fn check_may_read(&self, pod: &PodRecord) -> Result<(), FleetError> {
        let call = Call::ReadLog(Box::<LogParams>::default());
        self.check_right(pod, &call).await
    }

    /// Checks whether the fleet as a whole is ours to change: whether we are the operator, or its
    /// lead.
    ///
    /// # Errors
    /// Fails when we are not, and when it cannot be told who we are.
    pub async fn check_leads(&self) -> Result<(), FleetError> {
        self.leading_pod().await.map(drop)
    }

    /// Returns the pod in whose agent we run, if we do, which may change the fleet as a whole.
    ///
    /// # Errors
    /// As [`check_leads`](Self::check_leads).
    pub(super) async fn leading_pod(&self) -> Result<Option<PodId>, FleetError> {
        let Some(own) = self.own_pod().await? else {
            return Ok(None);
        };
        if self.is_led_by(&own) {
            return Ok(Some(own.identity.id));
        }
        let rule = "only the operator and the fleet's lead do that";
        Err(FleetError::not_allowed(own.identity.name.as_str(), rule))
    }

    fn is_led_by(&self, pod: &PodRecord) -> bool {
        let lead = pod.member && pod.class == PodRecord::ORCHESTRATOR;
        lead && FleetKey::of(&pod.identity) == self.key
    }

    /// Returns whether we may give orders to all of the fleet: whether we are the operator or its lead.
    pub(super) async fn may_give_orders(&self) -> Result<bool, FleetError> {
        let own = self.own_pod().await?;
        Ok(own.is_none_or(|own| self.is_led_by(&own)))
    }

    /// Returns what we may see of the fleet.
    pub(super) async fn horizon(&self) -> Result<Horizon, FleetError> {
        let Some(own) = self.own_pod().await? else {
            return Ok(Horizon::Everything);
        };
        let seen = self
            .store
            .visible_pods(own.identity.id, Page::all())
            .await?;
        let names = seen
            .items
            .into_iter()
            .map(|pod| pod.summary.record.identity);
        let names = names.filter(|pod| FleetKey::of(pod) == self.key);
        Ok(Horizon::OfPod {
            names: names.map(|pod| pod.name.to_string()).collect(),
            mates: own.member && FleetKey::of(&own.identity) == self.key,
            lead: self.is_led_by(&own),
        })
    }

    /// Checks that we are the operator.
    ///
    /// # Errors
    /// Fails when we are a pod, and when it cannot be told who we are.
    pub async fn check_operator(&self) -> Result<(), FleetError> {
        be_operator(self.own_pod().await?)
    }

    /// Returns a pod's record, unless we are a pod that has no relation to it: to us it does not
    /// exist.
    pub(super) async fn unless_hidden(&self, record: PodRecord) -> Result<PodRecord, FleetError> {
        let own = self.own_pod().await?.map(|own| own.identity.id);
        match self.is_hidden(own, record.identity.id).await? {
            true => Err(self.no_such(record.identity.name.as_str()).await),
            false => Ok(record),
        }
    }

    /// Returns whether a pod is hidden from us, who are this pod or, without one, the operator.
    pub(super) async fn is_hidden(
        &self,
        own: Option<PodId>,
        pod: PodId,
    ) -> Result<bool, FleetError> {
        Ok(match own {
            Some(own) => self.store.relation(own, pod).await?.is_none(),
            None => false,
        })
    }

    /// Returns the names that we may be told of: a pod learns nothing of pods that it does not see.
    pub(super) async fn known_names(&self) -> Vec<String> {
        // They are for an error about a name; a failure besides would only hide it.
        match self.own_pod().await {
            Ok(None) => {
                let listed = self.roster().into_iter().flat_map(|roster| &roster.agents);
                let listed = listed.map(|agent| agent.name.to_string());
                let recorded = self.summaries().await.unwrap_or_default().into_iter();
                let recorded = recorded.map(|summary| summary.record.identity.name.to_string());
                listed.chain(recorded).collect()
            }
            Ok(Some(own)) => {
                let seen = self.store.visible_pods(own.identity.id, Page::all()).await;
                let seen = seen.map(|listing| listing.items).unwrap_or_default();
                let names = seen.into_iter().map(|pod| pod.summary.record.identity.name);
                names.map(|name| name.to_string()).collect()
            }
            Err(_) => Vec::new(),
        }
    }
}
