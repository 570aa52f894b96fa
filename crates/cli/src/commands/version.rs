use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;

/// The build of this program: its version and, where it is known, the commit.
pub(crate) const BUILD: &str = env!("FLEET_BUILD");

/// Print the version, and what it was built from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Version {
    version: &'static str,
    build: &'static str,
    #[serde(flatten)]
    protocol: Option<Protocol>,
    target: String,
}

/// The versions of the pod protocol that are spoken.
#[derive(Debug, Serialize)]
struct Protocol {
    #[serde(rename = "protocol")]
    newest: u32,
    #[serde(rename = "min_protocol")]
    oldest: u32,
}

#[cfg(feature = "fleet")]
const PROTOCOL: Option<Protocol> = Some(Protocol {
    newest: podfleet_protocol::method::PROTOCOL,
    oldest: podfleet_protocol::method::MIN_PROTOCOL,
});

/// A build for rosters alone speaks with no pod.
#[cfg(not(feature = "fleet"))]
const PROTOCOL: Option<Protocol> = None;

impl Version {
    fn of_this_program() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            build: BUILD,
            protocol: PROTOCOL,
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "fleet {}", self.version)?;
        writeln!(f, "build {}", self.build)?;
        match &self.protocol {
            None => writeln!(f, "for rosters alone, without pods")?,
            Some(Protocol { newest, oldest }) if newest == oldest => {
                writeln!(f, "pod protocol {newest}")?;
            }
            Some(Protocol { newest, oldest }) => {
                writeln!(f, "pod protocol {newest}, understands from {oldest} on")?;
            }
        }
        write!(f, "{}", self.target)
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let version = Version::of_this_program();
    if args.json {
        context.output.json(&version)?;
    } else {
        context.output.line(version)?;
    }
    Ok(Exit::Success)
}
