mod appearing;

use std::time::Duration;

use clap::builder::TypedValueParser as _;
use futures_util::{SinkExt, StreamExt};
use podfleet::Fleet;
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole, ScrollbackResult};
use tokio::time::{Instant, sleep_until};

use self::appearing::appeared;
use crate::attach::Attached;
use crate::change::reader_gone;
use crate::commands::far::{self, Far};
use crate::commands::scope::{JsonFlag, OneAgent, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// How many lines are compared with those of the look before.
const WINDOW: usize = 2000;
const WINDOW_LINES: u32 = 2000;
/// More than any pod keeps: whoever asks for all of it asks for this at most.
const MOST_LINES: u64 = 100_000;
/// The screen is looked at when nothing came for this long …
const QUIET: Duration = Duration::from_millis(150);
/// … and at least this often while something comes.
const LONGEST: Duration = Duration::from_secs(1);

const FOLLOWING: &str = "\
With -f, lines are printed as they appear. An agent that redraws a line, such
as a spinner, makes it appear anew; `fleet watch` shows the terminal itself.";

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
        let source = Source::of(args, context).await?;
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
            let attached = source.attach().await?;
            let output = &mut context.output;
            let lost = source.lost();
            return tokio::select! {
                ended = follow(attached, lost, args.ansi, found.lines, output) => ended,
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
        podfleet_hub::op::AgentRef,
        Option<podfleet_protocol::FleetName>,
    ),
}

impl Source {
    async fn of(args: &Args, context: &mut Context) -> Result<Self, Error> {
        let scope = &args.agent.scope;
        let name = &args.agent.name;
        #[cfg(feature = "hub")]
        if let Some(hub) = &args.through.hub {
            let client = crate::hub::connect::client(hub, context)?;
            let agent = crate::hub::agents::agent(name)?;
            return Ok(Self::ThroughHub(
                Box::new(client),
                agent,
                scope.fleet.clone(),
            ));
        }
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        Ok(Self::Here(Box::new(fleet), name.clone()))
    }

    async fn tail(&self, lines: u32, ansi: bool) -> Result<ScrollbackResult, Error> {
        match self {
            Self::Here(fleet, name) => Ok(fleet.tail(name, lines, ansi).await?),
            #[cfg(feature = "hub")]
            Self::ThroughHub(client, agent, fleet) => {
                let params = podfleet_hub::op::TailParams {
                    agent: agent.clone(),
                    fleet: fleet.clone(),
                    lines,
                    ansi,
                };
                Ok(client.call::<podfleet_hub::op::FleetTail>(params).await?)
            }
        }
    }

    /// Says what it means that a stream ended without a word.
    fn lost(&self) -> String {
        match self {
            Self::Here(_, name) => format!("the pod of `{name}` ended"),
            #[cfg(feature = "hub")]
            Self::ThroughHub(_, agent, _) => {
                format!("the way to `{agent}` broke, or its pod ended")
            }
        }
    }

    async fn attach(&self) -> Result<Attached, Error> {
        let params = AttachParams {
            role: AttachRole::Viewer,
            take: false,
            size: None,
            from: None,
        };
        match self {
            Self::Here(fleet, name) => Ok(fleet.attach(name, params).await?),
            #[cfg(feature = "hub")]
            Self::ThroughHub(client, agent, fleet) => {
                Ok(client.attach_in(agent, fleet.as_ref(), &params).await?)
            }
        }
    }
}

/// Prints lines as they appear, until the pod ends.
async fn follow(
    (result, mut stream): Attached,
    lost: String,
    ansi: bool,
    mut seen: Vec<String>,
    output: &mut Output,
) -> Outcome {
    let mut terminal = Terminal::new(result.size, WINDOW);
    let mut look_at: Option<(Instant, Instant)> = None;
    loop {
        let due = look_at.map(|(quiet, latest)| quiet.min(latest));
        tokio::select! {
            frame = stream.next() => {
                let Some(Ok(frame)) = frame else {
                    return Err(Error::message(Exit::No, lost));
                };
                if let Some(offset) = read(frame, &mut terminal) {
                    // A pod that is gone is noticed at the next frame.
                    let _ = stream.send(Frame::Ack(offset)).await;
                }
                let now = Instant::now();
                let latest = look_at.map_or(now + LONGEST, |(_, latest)| latest);
                look_at = Some((now + QUIET, latest));
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                look_at = None;
                let lines = terminal.tail(WINDOW, ansi);
                for line in appeared(&seen, &lines) {
                    output.line(line)?;
                }
                seen = lines;
            }
        }
    }
}

/// Reads a frame into the model; returns the offset up to which the stream was read.
fn read(frame: Frame, terminal: &mut Terminal) -> Option<u64> {
    match frame {
        Frame::Output { offset, bytes } => {
            terminal.feed(&bytes);
            Some(offset + bytes.len() as u64)
        }
        Frame::Reset { size, bytes, .. } => {
            *terminal = Terminal::new(size, WINDOW);
            terminal.feed(&bytes);
            None
        }
        Frame::ResetPart { bytes, .. } => {
            terminal.feed(&bytes);
            None
        }
        _ => None,
    }
}
