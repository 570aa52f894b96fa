//! Secrets: they are compared and sent, never shown.

use std::fmt;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::fault::{Code, Fault};

/// A token. It has neither `Debug`, `Display` nor `Serialize`, so that no output can have it by
/// accident; it is wiped from memory when it is dropped.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "nothing may print it")]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret over; surrounding white space is no part of it.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text.trim()))
    }

    /// Returns the text, for the one place that sends or keeps it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Shows a new secret to the person who asked for it, which is done once.
    #[must_use]
    pub fn reveal_once(self) -> String {
        self.expose().to_owned()
    }

    /// Returns what is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.expose().as_bytes()).into())
    }

    /// Returns whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

/// Requests may bring one along; answers never have one.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// What is known of a secret that is not kept: its SHA-256.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nothing may print it")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes over a digest that was stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in a time that does not depend on where the two differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A secret on its way to the hub that is to keep it: in requests, the only values that have one, it
/// is written out. `Debug` says only that it is there.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Entrusted(#[schemars(with = "String")] Secret);

impl From<Secret> for Entrusted {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl Entrusted {
    /// Returns the secret, for who tries it before it is handed on.
    pub(crate) fn copy(&self) -> Secret {
        self.0.clone()
    }

    /// Returns the secret.
    ///
    /// # Errors
    /// Fails when there is no text in it: whoever sends one means to give one.
    pub(crate) fn given(self) -> Result<Secret, Fault> {
        if self.0.is_empty() {
            let fault = Fault::new(Code::RequestInvalid, "the token is empty");
            return Err(fault.hint("`fleet hub token create` there makes one"));
        }
        Ok(self.0)
    }
}

impl fmt::Debug for Entrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Entrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}
