//! Which terminal somebody attaches to, and what that gives.

use podfleet_protocol::method::AttachResult;
use podfleet_protocol::{FleetName, PodId};
use serde::{Deserialize, Serialize};

use crate::op::AgentRef;

/// A terminal that is meant: by its name, and once it was seen by its pod, too.
///
/// Names are given again. Whoever goes on with a terminal says its pod, so that the bytes of another
/// one are never taken for the rest of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TerminalRef {
    /// The agent whose terminal it is.
    pub agent: AgentRef,
    /// The agent's fleet; absent: the one that its machine's own commands mean.
    pub fleet: Option<FleetName>,
    /// Its pod; absent: whichever has that name.
    pub pod: Option<PodId>,
}

impl From<AgentRef> for TerminalRef {
    fn from(agent: AgentRef) -> Self {
        Self {
            agent,
            fleet: None,
            pod: None,
        }
    }
}

/// What an attach gives: the first message of its socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The pod whose terminal it is; absent where a hub of an older build is on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// What the pod answered.
    #[serde(flatten)]
    pub result: AttachResult,
}
