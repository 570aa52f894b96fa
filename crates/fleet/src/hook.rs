//! What an agent's hook tells the pod around it.

use std::path::Path;

use podfleet_home::Env;
use podfleet_protocol::client::{ClientError, Introduction, PodClient};
use podfleet_protocol::method::{Report, ReportParams};
use serde_json::Value;

use crate::credential::credential_of;

/// Tells the pod around this process what a hook of its agent was given. Outside of a pod nothing is
/// done.
///
/// # Errors
/// Fails when the pod does not listen, or refuses.
pub async fn report_to_own_pod(env: &Env, payload: Value) -> Result<(), ClientError> {
    let (Some(socket), Some(credential)) = (env.get("FLEET_POD_SOCKET"), credential_of(env)) else {
        return Ok(());
    };
    let who = Introduction {
        client: "hook".to_owned(),
        credential: Some(credential),
    };
    let mut client = PodClient::connect(Path::new(socket), &who).await?;
    client.call::<Report>(ReportParams { payload }).await?;
    Ok(())
}
