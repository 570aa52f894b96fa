//! Where a hub is reached.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use podfleet_protocol::Shown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tls::Pin;

/// The port of a hub where none is named.
pub const DEFAULT_PORT: u16 = 7717;

/// A host and a port; no user, path or query.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// A text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no address of a hub: {why}", Shown(text))]
pub struct AddressError {
    text: String,
    why: &'static str,
}

impl Address {
    /// Returns the host as a connection or a certificate needs it, without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// Returns the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether what is sent there stays on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::Ip(ip) => write!(f, "{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fault = |why| AddressError {
            text: text.chars().take(80).collect(),
            why,
        };
        if text.contains("://") {
            return Err(fault("it is a host and a port, without a scheme"));
        }
        if text.contains('@') {
            return Err(fault("it has no user; a token is given apart"));
        }
        if text.contains(['/', '?', '#']) {
            return Err(fault("it has no path or query"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest
                    .split_once(']')
                    .ok_or_else(|| fault("a `]` is missing"))?;
                let ip: Ipv6Addr = host.parse().map_err(|_| fault("it has no IPv6 address"))?;
                let port = match port {
                    "" => None,
                    port => Some(
                        port.strip_prefix(':')
                            .ok_or_else(|| fault("`:` is missing"))?,
                    ),
                };
                (Host::Ip(ip.into()), port)
            }
            None if text.matches(':').count() > 1 => {
                return Err(fault("an IPv6 address stands in brackets"));
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                (
                    named(host).ok_or_else(|| fault("the host is no name and no IP"))?,
                    port,
                )
            }
        };
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                let port = port.parse().ok().filter(|port| *port != 0);
                port.ok_or_else(|| fault("the port is not between 1 and 65535"))?
            }
            Some(_) => return Err(fault("the port is no number")),
        };
        Ok(Self { host, port })
    }
}

/// Reads an IPv4 address or a host name, in lower case.
fn named(text: &str) -> Option<Host> {
    if let Ok(ip) = text.parse() {
        return Some(Host::Ip(IpAddr::V4(ip)));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let fits = text.len() <= 253 && text.split('.').all(label);
    // What ends in a number is a mistyped address, not a name.
    let numeric = text.rsplit('.').next()?.bytes().all(|b| b.is_ascii_digit());
    (fits && !numeric).then(|| Host::Name(text.to_ascii_lowercase()))
}

/// What `ssh` is told to connect to: a host of the user's configuration, or `user@host`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshDestination(String);

impl SshDestination {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SshDestination {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fault = |why| AddressError {
            text: text.chars().take(80).collect(),
            why,
        };
        let part = |part: &str| {
            // A leading hyphen could be taken for an option.
            !part.is_empty() && !part.starts_with('-') && part.len() <= 253
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:@[]%+".contains(&b);
        if !text.bytes().all(plain) {
            return Err(fault("an ssh destination is `host` or `user@host`"));
        }
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        if !part(host) || !user.is_none_or(part) {
            return Err(fault(
                "neither user nor host may be empty or begin with `-`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SshDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Lets a checked text be read and written as such, with a schema that says no more.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": 300 })
            }
        }
    )*};
}

as_text!(Address, SshDestination);

/// How an endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// By TLS, to the machine that has this key.
    Tls {
        /// Where it is.
        address: Address,
        /// Its key.
        pin: Pin,
    },
    /// In the clear, because somebody asked for exactly that.
    Plain {
        /// Where it is.
        address: Address,
    },
    /// Through the system's `ssh`, with the user's own configuration.
    Ssh {
        /// What `ssh` connects to.
        destination: SshDestination,
    },
}

impl Reach {
    /// Returns what two endpoints may not have in common.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Tls { address, .. } | Self::Plain { address } => address.to_string(),
            Self::Ssh { destination } => format!("ssh {destination}"),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { address, .. } => write!(f, "{address} (TLS)"),
            Self::Plain { address } => write!(f, "{address} (in the clear)"),
            Self::Ssh { destination } => write!(f, "ssh {destination}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("10.0.0.7:80", "10.0.0.7:80"; "ipv4")]
    #[test_case("[::1]:7000", "[::1]:7000"; "ipv6")]
    #[test_case("[2001:DB8:0::1]", "[2001:db8::1]:7717"; "ipv6 without a port")]
    #[test_case("Box.Example", "box.example:7717"; "name")]
    #[test_case("localhost:1", "localhost:1"; "localhost")]
    fn is_an_address(text: &str, shown: &str) {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
    }

    #[test_case("http://box"; "scheme")]
    #[test_case("me@box"; "user")]
    #[test_case("me:secret@box"; "password")]
    #[test_case("box/path"; "path")]
    #[test_case("box?x"; "query")]
    #[test_case("::1"; "ipv6 without brackets")]
    #[test_case("[::1"; "no bracket")]
    #[test_case("[::1]7"; "no colon")]
    #[test_case("[fe80::1%eth0]:1"; "zone")]
    #[test_case("box:0"; "port zero")]
    #[test_case("box:65536"; "port too large")]
    #[test_case("box:+1"; "port with a sign")]
    #[test_case(""; "nothing")]
    #[test_case("10.0.0"; "half an ip")]
    #[test_case("-box"; "hyphen")]
    #[test_case("a b"; "blank")]
    fn is_no_address(text: &str) {
        text.parse::<Address>().unwrap_err();
    }

    #[test]
    fn an_ssh_destination_is_never_an_option() {
        for text in [
            "-oProxyCommand=x",
            "me@-x",
            "-me@x",
            "",
            "a b",
            "a;b",
            "$(x)",
            "me@",
        ] {
            assert!(text.parse::<SshDestination>().is_err(), "{text}");
        }
        for text in ["box", "me@box", "me@10.0.0.1", "me@[::1]"] {
            assert_eq!(text.parse::<SshDestination>().unwrap().as_str(), text);
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_from_what_is_shown(text in "\\PC{0,40}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
