//! How an endpoint is, and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::client::Unreachable;
use crate::topology::Endpoint;

/// How an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// It answers.
    Connected {
        /// The short name of its machine.
        host: String,
        /// The build of its hub.
        build: String,
    },
    /// It is tried for the first time, or again at the user's wish.
    Connecting,
    /// It does not answer; it is tried again.
    Offline {
        /// Why.
        why: Unreachable,
        /// What was tried, and what came of it.
        detail: String,
    },
    /// It does not accept home's token, is not the machine that it was, or the token cannot be read.
    AuthFailed {
        /// What it says.
        detail: String,
        /// What to do about it, where it is not the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// It speaks no version that home does, is no hub, or refuses what is no matter of the token.
    Incompatible {
        /// What it speaks, or says.
        detail: String,
        /// What to do about it, where it is not the versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// `ssh` does not get there; it is tried again.
    TunnelFailed {
        /// What `ssh` says.
        detail: String,
    },
    /// There is no `fleet` on the machine.
    NotInstalled {
        /// What was tried.
        detail: String,
    },
}

impl Status {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Connecting => "connecting",
            Self::Offline { .. } => "offline",
            Self::AuthFailed { .. } => "auth_failed",
            Self::Incompatible { .. } => "incompatible",
            Self::TunnelFailed { .. } => "tunnel_failed",
            Self::NotInstalled { .. } => "not_installed",
        }
    }

    /// Returns what is wrong, if something is.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Connected { .. } | Self::Connecting => None,
            Self::Offline { detail, .. }
            | Self::AuthFailed { detail, .. }
            | Self::Incompatible { detail, .. }
            | Self::TunnelFailed { detail }
            | Self::NotInstalled { detail } => Some(detail),
        }
    }

    /// Returns whether it is tried again by itself.
    #[must_use]
    pub const fn mends_itself(&self) -> bool {
        matches!(
            self,
            Self::Offline { .. } | Self::TunnelFailed { .. } | Self::Connecting
        )
    }

    /// Returns the one thing to do about it.
    #[must_use]
    pub fn action(&self, endpoint: &Endpoint) -> Option<String> {
        let name = &endpoint.name;
        let place = endpoint.reach.place();
        match self {
            Self::Connected { .. } | Self::Connecting => None,
            Self::Offline { why, .. } => Some(match why {
                Unreachable::Dns => format!("check the name in {place}"),
                Unreachable::Refused => "start its hub there: `fleet hub run`".to_owned(),
                Unreachable::Timeout => format!("check that {place} lets this machine in"),
                Unreachable::Tls => format!(
                    "compare its key with `fleet hub status` there; if it is new: `fleet endpoint update {name} --pin PIN`"
                ),
                Unreachable::Reset => "look at the output of its `fleet hub run`".to_owned(),
            }),
            Self::AuthFailed { hint, .. } => Some(hint.clone().unwrap_or_else(|| {
                format!(
                    "make a token there (`fleet hub token create`), and give it: `fleet endpoint update {name} --token`"
                )
            })),
            Self::Incompatible { hint, .. } => Some(
                hint.clone()
                    .unwrap_or_else(|| "bring both machines to the same build".to_owned()),
            ),
            Self::TunnelFailed { .. } => Some(format!("try `{place}` by hand")),
            Self::NotInstalled { .. } => {
                let there = place.strip_prefix("ssh ").unwrap_or(&place);
                Some(format!(
                    "install it there: `{place} mkdir -p .local/bin && \
                     scp \"$(command -v fleet)\" {there}:.local/bin/`"
                ))
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline { why, .. } => write!(f, "offline ({})", why.as_str()),
            status => f.pad(status.as_str()),
        }
    }
}
