mod appearing;
mod following;

use clap::builder::TypedValueParser as _;
use podfleet::Fleet;
use podfleet_protocol::method::{AttachParams, AttachRole, Position, ScrollbackResult};

use self::following::follow;
use crate::attach::Attached;
use crate::change::reader_gone;
use crate::commands::far::{self, Far};
use crate::commands::scope::{JsonFlag, OneAgent, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::runtime::block_on;

/// How many lines are compared with those of the look before.
const WINDOW: usize = 2000;
const WINDOW_LINES: u32 = 2000;
/// More than any pod keeps: whoever asks for all of it asks for this at most.
const MOST_LINES: u64 = 100_000;

const FOLLOWING: &str = "\
With -f, lines are printed as they appear. An agent that redraws a line, such
as a spinner, makes it appear anew; `fleet watch` shows the terminal itself.
Through a hub, a way that breaks is tried again until it is there.";

/// Print the last lines of an agent's terminal
#[derive(Debug, clap::Args)]
#[command(after_help = FOLLOWING)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// How many lines
    #[arg(short = 'n', long, value_name = "N", default_value = "40", allow_negative_numbers = true, value_parser = super::number::within(0..=MOST_LINES).try_map(u32::try_from))]
    lines: u32,
    /// Go on with the lines that appear
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
    /// Keep the colours
    #[arg(long)]
    ansi: bool,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    block_on(async {
        // What appears is judged by all that is there, not only by what is printed.
        let lines = if args.follow {
            WINDOW_LINES
        } else {
            args.lines
        };
        let mut source = Source::of(args, context).await?;
        if let Source::Here(fleet, name) = &source {
            let there = Far::Tail {
                lines: args.lines,
                follow: args.follow,
                ansi: args.ansi,
            };
            if let Some(ended) = far::run(fleet, name, there) {
                return ended;
            }
        }
        let found = source.tail(lines, args.ansi).await?;
        if args.json.json {
            context.output.json(&found)?;
            return Ok(Exit::Success);
        }
        let wanted = usize::try_from(args.lines).unwrap_or(usize::MAX);
        let first = found.lines.len().saturating_sub(wanted);
        for line in &found.lines[first..] {
            context.output.line(line)?;
        }
        if args.follow {
            let output = &mut context.output;
            return tokio::select! {
                ended = follow(&mut source, args.ansi, found.lines, output) => ended,
                gone = reader_gone() => Err(gone),
            };
        }
        Ok(Exit::Success)
    })
}

/// Where the terminal is: an agent of this machine's fleet, or one that a hub reaches.
enum Source {
    Here(Box<Fleet>, String),
    #[cfg(feature = "hub")]
    ThroughHub(
        Box<podfleet_hub::client::HubClient>,
        podfleet_hub::terminal::TerminalRef,
    ),
}

impl Source {
    async fn of(args: &Args, context: &mut Context) -> Result<Self, Error> {
        let scope = &args.agent.scope;
        let name = &args.agent.name;
        #[cfg(feature = "hub")]
        if let Some(hub) = &args.through.hub {
            let client = crate::hub::connect::client(hub, context)?;
            let terminal = crate::hub::meant::terminal(hub, name, scope, context).await?;
            return Ok(Self::ThroughHub(Box::new(client), terminal));
        }
        let fleet = context.fleet_to_see(scope).await?;
        Ok(Self::Here(Box::new(fleet), name.clone()))
    }

    async fn tail(&self, lines: u32, ansi: bool) -> Result<ScrollbackResult, Error> {
        match self {
            Self::Here(fleet, name) => Ok(fleet.tail(name, lines, ansi).await?),
            #[cfg(feature = "hub")]
            Self::ThroughHub(client, terminal) => {
                let params = podfleet_hub::op::TailParams {
                    agent: terminal.agent.clone(),
                    fleet: terminal.fleet.clone(),
                    lines,
                    ansi,
                };
                Ok(client.call::<podfleet_hub::op::FleetTail>(params).await?)
            }
        }
    }

    /// Returns the agent as it was named.
    fn agent(&self) -> String {
        match self {
            Self::Here(_, name) => name.clone(),
            #[cfg(feature = "hub")]
            Self::ThroughHub(_, terminal) => terminal.agent.to_string(),
        }
    }

    /// Looks at the terminal from a place on; once it was seen, at that one alone.
    async fn attach(&mut self, from: Option<Position>) -> Result<Attached, Missed> {
        let params = AttachParams {
            role: AttachRole::Viewer,
            take: false,
            size: None,
            from,
        };
        match self {
            Self::Here(fleet, name) => {
                let attached = fleet.attach(name, params).await;
                attached.map_err(|error| Missed::For(error.into()))
            }
            #[cfg(feature = "hub")]
            Self::ThroughHub(client, terminal) => {
                let attached = client.attach_to(terminal, &params).await;
                attached.map_err(Missed::of)
            }
        }
    }
}

/// Why a terminal is not seen.
#[cfg_attr(
    not(feature = "hub"),
    expect(
        dead_code,
        reason = "only a way through a hub is mended, or outlives an agent"
    )
)]
enum Missed {
    /// The way to it is broken, and it may go on behind that.
    Yet(Error),
    /// The pod does not answer as it should: it may just be ending.
    Perhaps(Error),
    /// There is no such agent, or none any more.
    Gone(Error),
    /// It will not be seen by trying again.
    For(Error),
}

impl From<Missed> for Error {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Yet(error)
            | Missed::Perhaps(error)
            | Missed::Gone(error)
            | Missed::For(error) => error,
        }
    }
}

#[cfg(feature = "hub")]
impl Missed {
    fn of(error: podfleet_hub::client::ClientError) -> Self {
        use podfleet_hub::client::{ClientError, Unreachable};
        use podfleet_hub::fault::Code;
        let missed = match &error {
            ClientError::Unreachable(Unreachable::Tls, _) | ClientError::NoHub(_) => Self::For,
            ClientError::Unreachable(..) => Self::Yet,
            ClientError::Answer(fault) => match fault.code {
                Code::EndpointOffline | Code::DeadlineExceeded => Self::Yet,
                Code::AgentFailed => Self::Perhaps,
                Code::AgentNotFound | Code::AgentNotRunning | Code::AgentGone => Self::Gone,
                _ => Self::For,
            },
        };
        missed(error.into())
    }
}
