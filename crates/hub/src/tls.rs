//! TLS between hubs: a key that each makes for itself, and keys that are pinned.
//!
//! There is no authority that vouches for a hub. Whoever adds an endpoint confirms its key once, as
//! with ssh; a machine that shows another one is not spoken to.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64_NOPAD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::fault::{Code, Fault};
use crate::private_file;

/// What a key is known by: the SHA-256 of its `SubjectPublicKeyInfo`, shown as `sha256:` and base64
/// without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin([u8; 32]);

/// A text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pin is `sha256:` and 43 characters of base64")]
pub struct PinError;

impl Pin {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Self(Sha256::digest(&*key).into()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", BASE64_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let digits = text.strip_prefix("sha256:").ok_or(PinError)?;
        let bytes = BASE64_NOPAD.decode(digits.trim_end_matches('=').as_bytes());
        let bytes = bytes.map_err(|_| PinError)?;
        bytes.try_into().map(Self).map_err(|_| PinError)
    }
}

impl TryFrom<String> for Pin {
    type Error = PinError;

    fn try_from(text: String) -> Result<Self, PinError> {
        text.parse()
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.to_string()
    }
}

impl JsonSchema for Pin {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pin".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^sha256:[A-Za-z0-9+/]{43}$" })
    }
}

/// The key and certificate of this hub.
pub struct OwnKey {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pin: Pin,
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnKey")
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

impl OwnKey {
    /// Reads the key in a private directory, and makes it if there is none.
    ///
    /// # Errors
    /// Fails when the files are not ours alone, are no key, or the disk fails.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        let (certificate_file, key_file) = (directory.join("tls.crt"), directory.join("tls.key"));
        if !key_file.exists() {
            make(&certificate_file, &key_file)?;
        }
        let bad = |path: &Path, why: &dyn fmt::Display| {
            Fault::new(
                Code::HubFailed,
                format!("{} is no key to use: {why}", path.display()),
            )
        };
        let mode = fs::metadata(&key_file).map_err(|error| bad(&key_file, &error))?;
        if std::os::unix::fs::MetadataExt::mode(&mode) & 0o077 != 0 {
            return Err(bad(&key_file, &"others may read it").hint("`chmod 600` on it"));
        }
        let certificate = CertificateDer::from_pem_file(&certificate_file)
            .map_err(|error| bad(&certificate_file, &error))?;
        let key =
            PrivateKeyDer::from_pem_file(&key_file).map_err(|error| bad(&key_file, &error))?;
        let pin = Pin::of(&certificate).map_err(|error| bad(&certificate_file, &error))?;
        Ok(Self {
            certificate,
            key,
            pin,
        })
    }

    /// Returns what others pin.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// Returns how a server uses the key.
    ///
    /// # Errors
    /// Fails when key and certificate do not belong together.
    pub fn server(&self) -> Result<Arc<ServerConfig>, Fault> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let chain = vec![self.certificate.clone()];
                let builder = builder.with_no_client_auth();
                builder.with_single_cert(chain, self.key.clone_key())
            });
        let mut config = config.map_err(|error| {
            let message = format!("tls.key and tls.crt are no pair: {error}");
            Fault::new(Code::HubFailed, message)
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn make(certificate_file: &Path, key_file: &Path) -> Result<(), Fault> {
    let fault = |error: &dyn fmt::Display| {
        Fault::new(
            Code::HubFailed,
            format!("a key for TLS cannot be made: {error}"),
        )
    };
    let key = rcgen::KeyPair::generate().map_err(|error| fault(&error))?;
    let names = vec!["podfleet-hub".to_owned()];
    let parameters = rcgen::CertificateParams::new(names).map_err(|error| fault(&error))?;
    let certificate = parameters
        .self_signed(&key)
        .map_err(|error| fault(&error))?;
    // The key last: where it is, the certificate is.
    let write = |path, pem: String| private_file::replace(path, pem.as_bytes());
    write(certificate_file, certificate.pem()).map_err(|error| fault(&error))?;
    write(key_file, key.serialize_pem()).map_err(|error| fault(&error))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// How a client speaks to a machine: only if it has the key of the pin; without a pin not at all,
/// but [`PinCheck::seen`] tells which key it showed.
#[derive(Debug)]
pub struct PinCheck {
    wanted: Option<Pin>,
    seen: Mutex<Option<Pin>>,
    provider: Arc<CryptoProvider>,
}

impl PinCheck {
    /// Makes the check of one machine.
    #[must_use]
    pub fn new(wanted: Option<Pin>) -> Arc<Self> {
        Arc::new(Self {
            wanted,
            seen: Mutex::new(None),
            provider: provider(),
        })
    }

    /// Returns the key that the machine showed.
    #[must_use]
    pub fn seen(&self) -> Option<Pin> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how a client uses the check.
    ///
    /// # Errors
    /// Never, with the provider that this build has.
    pub fn client(self: &Arc<Self>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ServerCertVerifier for PinCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Pin::of(end_entity)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        if self.wanted == Some(shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let why = CertificateError::ApplicationVerificationFailure;
        Err(rustls::Error::InvalidCertificate(why))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let made = OwnKey::open(directory.path()).unwrap();
        let read = OwnKey::open(directory.path()).unwrap();
        assert_eq!(made.pin(), read.pin());
        assert_eq!(made.pin().to_string().parse(), Ok(made.pin()));
        made.server().unwrap();
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        OwnKey::open(directory.path()).unwrap();
        let key = directory.path().join("tls.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let fault = OwnKey::open(directory.path()).unwrap_err();
        assert!(fault.message.contains("others may read it"), "{fault}");
        assert_eq!(fault.code, Code::HubFailed);
    }
}
