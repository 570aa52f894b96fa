//! The one error of the hub: what went wrong, and on which machine.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an operation was not carried out, as it stands on the wire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What kind of error it is.
    pub code: Code,
    /// What went wrong: a lowercase fragment for people. No secret is ever in it.
    pub message: String,
    /// Which machine says so.
    pub origin: Origin,
    /// The name of the endpoint that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Which machine an error is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The hub that the client talks to.
    Home,
    /// The endpoint that was asked by it.
    Endpoint,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal, $status:literal;)*) => {
        /// The kinds of errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Code {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the word that stands for it on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Returns the status of an HTTP answer that carries it.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// There is no such file or directory.
    FsNotFound = "fs.not_found", 404;
    /// The operating system does not allow it.
    FsPermission = "fs.permission", 403;
    /// It is there already.
    FsExists = "fs.exists", 409;
    /// A part of the path is no directory.
    FsNotADirectory = "fs.not_a_directory", 409;
    /// It is a directory.
    FsIsADirectory = "fs.is_a_directory", 409;
    /// It is larger than what is taken.
    FsTooLarge = "fs.too_large", 413;
    /// It is not in the state that the caller expects: changed meanwhile, or not empty.
    FsConflict = "fs.conflict", 412;
    /// The disk failed or is full.
    FsIo = "fs.io", 507;
    /// The path leads out of the mount, or could be read so.
    PathOutsideRoot = "path.outside_root", 400;
    /// There is no such mount.
    MountNotFound = "mount.not_found", 404;
    /// A mount of that name, or of that endpoint and root, is there.
    MountExists = "mount.exists", 409;
    /// There is no such endpoint.
    EndpointNotFound = "endpoint.not_found", 404;
    /// An endpoint of that name or address is there.
    EndpointExists = "endpoint.exists", 409;
    /// It shows another key than the one that was given for it.
    EndpointKey = "endpoint.key", 409;
    /// Mounts or terminals depend on it.
    EndpointInUse = "endpoint.in_use", 409;
    /// It cannot be reached.
    EndpointOffline = "endpoint.offline", 502;
    /// It does not accept home's token.
    EndpointAuth = "endpoint.auth", 502;
    /// It speaks no version that home does, or is not what it was.
    EndpointIncompatible = "endpoint.incompatible", 502;
    /// There is no such agent or terminal.
    AgentNotFound = "agent.not_found", 404;
    /// There is no such message.
    MessageNotFound = "message.not_found", 404;
    /// Its pod does not run.
    AgentNotRunning = "agent.not_running", 409;
    /// It is another pod by now than the one that was meant.
    AgentGone = "agent.gone", 410;
    /// A rule refuses it.
    AgentRefused = "agent.refused", 409;
    /// The pod or the store failed.
    AgentFailed = "agent.failed", 500;
    /// Its program does not start, or ended at once.
    PtyNotStarted = "pty.not_started", 422;
    /// There is no valid token.
    AuthRequired = "auth.required", 401;
    /// The token does not give this right.
    AuthDenied = "auth.denied", 403;
    /// The request cannot be understood.
    RequestInvalid = "request.invalid", 400;
    /// There is no such operation.
    RequestUnknown = "request.unknown", 404;
    /// A limit is reached; later it may work.
    LimitExceeded = "limit.exceeded", 429;
    /// It took longer than the caller wants to wait.
    DeadlineExceeded = "deadline.exceeded", 408;
    /// The topology cannot be read or written.
    TopologyFailed = "topology.failed", 500;
    /// The hub's own files, socket or address cannot be used.
    HubFailed = "hub.failed", 500;
    /// A defect of the hub.
    Internal = "internal", 500;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Fault {
    /// Makes an error of the machine that this runs on.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            origin: Origin::Home,
            endpoint: None,
            hint: None,
        }
    }

    /// Adds what to do about it, as a sentence without its full stop.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which endpoint it is about.
    #[must_use]
    pub fn about(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Turns the error of a spoke into one that home passes on.
    ///
    /// What a spoke says of home's token is between the two: it is never shown as if the client's
    /// own token were bad.
    #[must_use]
    pub fn from_endpoint(self, endpoint: &str) -> Self {
        let code = match self.code {
            Code::AuthRequired | Code::AuthDenied => Code::EndpointAuth,
            code => code,
        };
        Self {
            code,
            origin: Origin::Endpoint,
            endpoint: Some(endpoint.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.endpoint, self.origin) {
            (Some(endpoint), Origin::Endpoint) => write!(f, "{endpoint}: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", self.code)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spokes_refusal_of_homes_token_is_not_shown_as_the_clients() {
        let refused = Fault::new(Code::AuthRequired, "there is no valid token");
        let passed_on = refused.from_endpoint("box");
        assert_eq!(passed_on.code, Code::EndpointAuth);
        assert_eq!(passed_on.code.http_status(), 502);
        assert_eq!(passed_on.to_string(), "box: there is no valid token");
    }

    #[test]
    fn every_code_is_read_back_from_its_word() {
        for code in Code::ALL {
            let word = serde_json::json!(code.as_str());
            assert_eq!(serde_json::json!(code), word);
            assert_eq!(serde_json::from_value::<Code>(word).unwrap(), *code);
        }
    }
}
