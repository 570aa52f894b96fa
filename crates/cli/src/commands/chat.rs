mod editor;
mod input;
mod seat;
mod show;

pub(super) use show::plain;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use podfleet_connectors::tmux::Say;
use podfleet_protocol::MessageId;

use crate::commands::scope::Scope;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const HOW: &str = "\
For a fleet whose chat is a terminal (`connector: {kind: tmux}` in the roster).
Every line that you enter goes to the orchestrator. What came while nobody was
here is shown first. `/help` lists what else can be entered; `ctrl-d` leaves.
Without a terminal, each line of standard input is said, and the command ends
once all of them are kept.";

/// Talk with the fleet's orchestrator in this terminal
#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(crate) struct Args {
    /// Say this, and end once it is kept
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<String>,
    /// With --message: the thread that it belongs to
    #[arg(long, value_name = "ID", requires = "message")]
    thread: Option<String>,
    /// With --message: a file that goes with it; may be given several times
    #[arg(long, value_name = "PATH", requires = "message", value_hint = clap::ValueHint::FilePath)]
    attach: Vec<PathBuf>,
    /// How many old entries to show, besides all that are unread
    #[arg(long, value_name = "N", default_value = "20")]
    last: u64,
    #[command(flatten)]
    scope: Scope,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let user = context.user_name();
    block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        if let Some(text) = &args.message {
            let files = args.attach.iter().map(std::path::absolute);
            let say = Say {
                id: MessageId::generate().to_string(),
                text: text.clone(),
                thread: args.thread.clone(),
                reply_to: None,
                files: files.collect::<Result<_, _>>()?,
            };
            seat::say_all(&fleet, &user, vec![say]).await?;
            return Ok(Exit::Success);
        }
        let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if !interactive {
            let lines = std::io::stdin().lines().collect::<Result<Vec<_>, _>>();
            let lines = lines.map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => {
                    Error::message(Exit::Usage, "standard input is no UTF-8 text")
                }
                _ => error.into(),
            })?;
            seat::say_all(&fleet, &user, input::said(&lines)).await?;
            return Ok(Exit::Success);
        }
        seat::sit(&fleet, &user, args.last, context).await?;
        Ok(Exit::Success)
    })
}
