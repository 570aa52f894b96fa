//! The proof that we run inside a pod.

use podfleet_home::Env;
use podfleet_protocol::method::Credential;

/// Reads `FLEET_POD_CREDENTIAL`: a pod's id and its secret, with a colon between them.
///
/// One that cannot be read counts as absent: the pod that is asked will see who we are by our
/// ancestry.
pub(crate) fn credential_of(env: &Env) -> Option<Credential> {
    let (pod, secret) = env.get("FLEET_POD_CREDENTIAL")?.split_once(':')?;
    Some(Credential {
        pod: pod.parse().ok()?,
        secret: secret.to_owned(),
    })
}
