//! Which fleet is meant: by the roster, by the pod that we run in, or by what was last brought up.

use std::path::Path;

use podfleet_pod_store::FleetKey;
use podfleet_protocol::{FleetName, Identity, TenantId};
use podfleet_roster::Roster;

use crate::error::{FleetError, FleetErrorKind, bad_name};
use crate::origin::Origin;

/// The roster's tenant counts, then that of the pod that we run in, then the caller's.
pub(super) fn fleet_key(
    roster: Option<&Roster>,
    meant: Option<FleetName>,
    own: Option<&Identity>,
    user: &str,
) -> Result<FleetKey, FleetError> {
    let tenant = match (roster.and_then(|roster| roster.tenant_id.as_ref()), own) {
        (Some(tenant), _) => TenantId::new(tenant.as_str()),
        (None, Some(own)) => Ok(own.tenant_id.clone()),
        (None, None) => TenantId::new(user),
    };
    let fleet = match (meant, roster, own) {
        (Some(meant), _, _) => Ok(meant),
        (None, Some(roster), _) => FleetName::new(roster.fleet.as_str()),
        (None, None, Some(own)) => Ok(own.fleet.clone()),
        (None, None, None) => Ok(FleetName::default()),
    };
    Ok(FleetKey::new(
        tenant.map_err(bad_name("the tenant"))?,
        fleet.map_err(bad_name("the fleet"))?,
    ))
}

/// Returns the fleet that was last brought up from a roster that is broken or gone.
///
/// Where none is known, `fallback` is meant only if it is not another roster's: nobody's `down`
/// may end a fleet that it does not mean.
pub(super) fn key_of_lost(
    lost: &Path,
    fallback: FleetKey,
    state: &Path,
) -> Result<FleetKey, FleetError> {
    let unclear = || {
        FleetError::new(FleetErrorKind::LostRoster {
            path: lost.to_owned(),
        })
    };
    match Origin::of_roster(state, lost).as_slice() {
        [origin] => Ok(origin.key()),
        [] if Origin::of_fleet(state, &fallback).is_none() => Ok(fallback),
        _ => Err(unclear()),
    }
}
