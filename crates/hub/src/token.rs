//! Tokens: who may do what at a hub.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use podfleet_protocol::UnixMillis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::{Digest, Secret};

/// What the text of a token begins with, so that scanners find one that leaked.
const PREFIX: &str = "flt_";

/// A right.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Scope {
    /// To see: topology, agents, screens, logs.
    #[serde(rename = "observe")]
    Observe,
    /// To read files of mounts.
    #[serde(rename = "files:read")]
    FilesRead,
    /// To change files of mounts.
    #[serde(rename = "files:write")]
    FilesWrite,
    /// To open terminals and to type in them.
    #[serde(rename = "pty")]
    Pty,
    /// To send messages to agents.
    #[serde(rename = "message")]
    Message,
    /// To change the topology.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every right.
    pub const ALL: [Self; 6] = [
        Self::Observe,
        Self::FilesRead,
        Self::FilesWrite,
        Self::Pty,
        Self::Message,
        Self::Admin,
    ];

    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::FilesRead => "files:read",
            Self::FilesWrite => "files:write",
            Self::Pty => "pty",
            Self::Message => "message",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no scope `{text}`; there are {all}")
        })
    }
}

/// What a token is, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenRecord {
    /// Names it; the first part of its text.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it gives the right to.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created: UnixMillis,
    /// When it ends; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<UnixMillis>,
}

impl TokenRecord {
    /// Returns whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|expires| expires.0 <= now.0)
    }
}

/// A token that was just made: the only moment in which its text is known.
pub struct NewToken {
    /// The text.
    pub secret: Secret,
    /// What is stored of it.
    pub digest: Digest,
    /// The part of the text that names it.
    pub id: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl NewToken {
    /// Makes one of 256 random bits.
    ///
    /// # Errors
    /// Fails when the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        let id = Uuid::now_v7().simple().to_string();
        let random = BASE32_NOPAD.encode(&bytes).to_lowercase();
        let secret = Secret::new(&format!("{PREFIX}{id}_{random}"));
        Ok(Self {
            digest: secret.digest(),
            secret,
            id,
        })
    }
}

/// Returns which record a presented token claims to be of. It is no proof.
pub(crate) fn claimed_id(token: &Secret) -> Option<String> {
    let rest = token.expose().strip_prefix(PREFIX)?;
    let (id, _) = rest.split_once('_')?;
    let fits = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| id.to_owned())
}

/// Who a request is from, and what they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name; of a local user, theirs.
    pub name: String,
    /// The rights.
    pub scopes: BTreeSet<Scope>,
    /// What names the token that was shown; absent where the system itself says who asks.
    pub token: Option<String>,
}

impl Caller {
    /// Returns who shows a token.
    pub(crate) fn of(token: TokenRecord) -> Self {
        Self {
            name: token.name,
            scopes: token.scopes,
            token: Some(token.id),
        }
    }

    /// The user whose hub this is, on its own socket: all rights.
    #[must_use]
    pub fn owner() -> Self {
        Self {
            name: "the owner".to_owned(),
            scopes: Scope::ALL.into_iter().collect(),
            token: None,
        }
    }

    /// Returns whether a right is among theirs. Who may change the topology may all.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_record_and_is_known_by_its_digest_alone() {
        let token = NewToken::generate().unwrap();
        assert_eq!(claimed_id(&token.secret), Some(token.id.clone()));
        let other = NewToken::generate().unwrap();
        assert!(!token.digest.is(&other.digest));
        let text = token.secret.clone().reveal_once();
        assert!(token.digest.is(&Secret::new(&text).digest()));
        assert!(!format!("{token:?}").contains(&text));
        for nonsense in ["", "flt_", "flt_x_y", "xyz", "flt_é_"] {
            assert_eq!(claimed_id(&Secret::new(nonsense)), None);
        }
    }

    #[test]
    fn a_scope_is_read_back_from_its_word() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::json!(scope), scope.as_str());
        }
        assert!("root".parse::<Scope>().unwrap_err().contains("files:read"));
    }
}
