//! Identifiers and counters: which pod, which message, which start, when.

use std::fmt;
use std::str::FromStr;

use data_encoding::{Encoding, Specification};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::name::{FleetName, TenantId};

macro_rules! time_ordered_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }

        impl $name {
            /// Makes a new identifier from the present time and 74 random bits.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Wraps an identifier that was made elsewhere.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Returns the identifier.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

time_ordered_id! {
    /// The identity of a pod (`UUIDv7`); its name is only a label.
    PodId
}
time_ordered_id! {
    /// The identity of a message (`UUIDv7`); sending it again under the same id is idempotent.
    MessageId
}
time_ordered_id! {
    /// The identity of a session: what one agent's conversation log belongs to (`UUIDv7`).
    SessionId
}

/// The namespace of what is derived from a chat's names.
const CHAT: Uuid = Uuid::from_u128(0x6d0f_7a52_1c39_4b8e_9a54_3f0e_8b71_d2c6);

impl MessageId {
    /// Returns the id of what was said in a chat (`UUIDv5`), from the kind of the carrier and its own
    /// id of it: heard again, it is the same message.
    #[must_use]
    pub fn of_chat(kind: &str, event: &str) -> Self {
        Self(Uuid::new_v5(&CHAT, format!("{kind}\n{event}").as_bytes()))
    }

    /// Returns the id that follows from a pod and a name (`UUIDv5`): whoever sends the same thing
    /// again sends it under the same id.
    #[must_use]
    pub fn derived(pod: PodId, name: &str) -> Self {
        Self(Uuid::new_v5(pod.as_uuid(), name.as_bytes()))
    }
}

/// RFC 4648 base32 in lower case without padding.
fn base32() -> Option<Encoding> {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().ok()
}

impl PodId {
    /// Returns the id by which the files of a fleet's bridge are named (`UUIDv5`), as if it were a
    /// pod; no pod has it.
    #[must_use]
    pub fn of_bridge(tenant: &TenantId, fleet: &FleetName) -> Self {
        Self(Uuid::new_v5(&CHAT, format!("{tenant}\n{fleet}").as_bytes()))
    }

    /// Returns the 12 characters that name this pod's socket and heartbeat file.
    ///
    /// They are base32 of the *last* 60 bits: the front of a `UUIDv7` is the time, and would be the
    /// same for pods that are made together.
    #[must_use]
    pub fn short(&self) -> ShortId {
        let bytes = self.0.as_bytes();
        // 60 bits are 7.5 bytes: the upper half of the first byte is shifted out below.
        let mut tail = [0_u8; 8];
        tail.copy_from_slice(&bytes[8..]);
        let bits = (u64::from_be_bytes(tail) << 4).to_be_bytes();
        let text = base32().map_or_else(String::new, |encoding| encoding.encode(&bits));
        ShortId(text.chars().take(12).collect())
    }
}

/// The short form of a [`PodId`], fit for a file name: 12 characters of `[a-z2-7]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortId(String);

impl ShortId {
    /// Returns the 12 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Counts the starts of a pod; grows durably before each start, the first is 1.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

/// Counts the starts of an agent within one generation of its pod; the first is 1, 0 is before it.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Run(pub u64);

impl Run {
    /// Returns the number of the following run.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_together_have_different_short_forms() {
        let ids: Vec<_> = (0..1000).map(|_| PodId::generate().short()).collect();
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 1000);
        assert!(ids.iter().all(|id| id.as_str().len() == 12));
    }

    #[test]
    fn the_short_form_is_the_last_sixty_bits_in_base32() {
        let id = PodId::from_uuid(Uuid::from_u128(0xffff_ffff_ffff_ffff_f000_0000_0000_0001));
        assert_eq!(id.short().as_str(), "aaaaaaaaaaab");
    }
}
