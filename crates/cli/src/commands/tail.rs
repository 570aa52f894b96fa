mod appearing;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use podfleet::Fleet;
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole};
use tokio::time::{Instant, sleep_until};

use self::appearing::appeared;
use crate::change::reader_gone;
use crate::commands::far::{self, Far};
use crate::commands::scope::{JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// How many lines are compared with those of the look before.
const WINDOW: usize = 2000;
const WINDOW_LINES: u32 = 2000;
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
    #[arg(short = 'n', long, value_name = "N", default_value = "40")]
    lines: u32,
    /// Go on with the lines that appear
    #[arg(short, long, conflicts_with = "json")]
    follow: bool,
    /// Keep the colours
    #[arg(long)]
    ansi: bool,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        let name = &args.agent.name;
        let there = Far::Tail {
            lines: args.lines,
            follow: args.follow,
            ansi: args.ansi,
        };
        if let Some(ended) = far::run(&fleet, name, there) {
            return ended;
        }
        // What appears is judged by all that is there, not only by what is printed.
        let lines = if args.follow {
            WINDOW_LINES
        } else {
            args.lines
        };
        let found = fleet.tail(name, lines, args.ansi).await?;
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
                ended = follow(&fleet, name, args.ansi, found.lines, output) => ended,
                gone = reader_gone() => Err(gone),
            };
        }
        Ok(Exit::Success)
    })
}

/// Prints lines as they appear, until the pod ends.
async fn follow(
    fleet: &Fleet,
    agent: &str,
    ansi: bool,
    mut seen: Vec<String>,
    output: &mut Output,
) -> Outcome {
    let params = AttachParams {
        role: AttachRole::Viewer,
        take: false,
        size: None,
        from: None,
    };
    let (result, mut stream) = fleet.attach(agent, params).await?;
    let mut terminal = Terminal::new(result.size, WINDOW);
    let mut look_at: Option<(Instant, Instant)> = None;
    loop {
        let due = look_at.map(|(quiet, latest)| quiet.min(latest));
        tokio::select! {
            frame = stream.next() => {
                let Some(Ok(frame)) = frame else {
                    let ended = format!("the pod of `{agent}` ended");
                    return Err(Error::message(Exit::No, ended));
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
