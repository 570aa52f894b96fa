use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use podfleet::Fleet;
#[cfg(feature = "hub")]
use podfleet_hub::terminal::TerminalRef;
use podfleet_protocol::method::{AttachParams, AttachRole};
use rustix::termios::ttyname;

use crate::attach::{
    Client, End, FleetExecutor, Look, PrefixArgs, PrefixKey, Purpose, ScreenUse, Signals, Tty,
};
use crate::commands::far::{self, Far};
use crate::commands::scope::{OneAgent, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
#[cfg(feature = "hub")]
use crate::hub::agents::{self, Fate};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const KEYS: &str = "\
`ctrl-\\ d` detaches; `ctrl-\\ :` opens a line for commands about other pods, in
which `help` lists them; `ctrl-\\ ctrl-\\` types a `ctrl-\\`. Inside tmux, where
the agent's session is on the same server, it switches to that session.";

/// Take an agent's terminal: see it and type in it
#[derive(Debug, clap::Args)]
#[command(after_help = KEYS)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// Take control from another client, which is told
    #[arg(long)]
    take: bool,
    /// Only look until somebody types, and wait for a pod that is not there
    #[arg(long, conflicts_with = "take")]
    view: bool,
    #[command(flatten)]
    prefix: PrefixArgs,
    #[command(flatten)]
    through: ThroughHub,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    context.client = client_name(args.view);
    let prefix = args.prefix.key(context)?;
    block_on(async {
        #[cfg(feature = "hub")]
        if let Some(hub) = &args.through.hub {
            if args.view {
                let message = "`--view` is for the agents of this machine";
                return Err(Error::message(Exit::Usage, message)
                    .hint("`fleet watch --hub …` looks without a way to type"));
            }
            let client = crate::hub::connect::client(hub, context)?;
            let OneAgent { name, scope } = &args.agent;
            let wish = AttachWish {
                name,
                terminal: crate::hub::meant::terminal(hub, name, scope, context).await?,
                take: args.take,
                prefix,
            };
            return through_hub(&client, wish, context).await;
        }
        if args.view {
            return view(args, prefix, context).await;
        }
        let fleet = context
            .fleet(&args.agent.scope, RosterNeed::Helpful)
            .await?;
        let take = args.take;
        if let Some(ended) = far::run(&fleet, &args.agent.name, Far::Attach { take, prefix }) {
            return ended;
        }
        if !args.take && switch_session(&fleet, &args.agent.name, context).await? {
            return Ok(Exit::Success);
        }
        attach(&fleet, args, prefix, context).await
    })
}

/// Inside tmux, switches to the agent's session if it is on the same server; returns whether.
///
/// A terminal inside a terminal of the same server would only be a smaller one.
async fn switch_session(fleet: &Fleet, agent: &str, context: &Context) -> Result<bool, Error> {
    let (Some(tmux), Some(roster)) = (context.env.get("TMUX"), fleet.roster()) else {
        return Ok(false);
    };
    let socket = roster.tmux.socket_name.as_deref().unwrap_or("default");
    let server = Path::new(tmux.split(',').next().unwrap_or_default());
    if server.file_name() != Some(OsStr::new(socket)) {
        return Ok(false);
    }
    let rows = fleet.ps(&[agent.to_owned()]).await?;
    let Some(session) = rows.into_iter().find_map(|row| row.session) else {
        return Ok(false);
    };
    let target = format!("={session}");
    let switched = Command::new("tmux")
        .args(["switch-client", "-t", &target])
        .status();
    Ok(switched.is_ok_and(|status| status.success()))
}

/// Returns how pods call us to other clients.
fn client_name(view: bool) -> String {
    if view {
        return "the tmux view".to_owned();
    }
    match ttyname(std::io::stdin(), Vec::new()) {
        Ok(tty) => format!("fleet attach on {}", tty.to_string_lossy()),
        Err(_) => "fleet attach".to_owned(),
    }
}

/// Attaches with control until the user leaves or loses it.
async fn attach(fleet: &Fleet, args: &Args, prefix: PrefixKey, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    let tty = Tty::open(ScreenUse::Alternate)?;
    let mut signals = Signals::listen()?;
    let params = AttachParams {
        role: AttachRole::Controller,
        take: args.take,
        size: Some(tty.size()),
        from: None,
    };
    let attached = fleet.attach(name, params).await?;
    let screen = ScreenUse::Alternate;
    let executor = FleetExecutor::new(fleet, name);
    let client =
        Client::new(&tty, &mut signals, attached, Purpose::Attach, screen).with_prefix(prefix);
    let end = client.with_commands(&executor).run().await;
    // What follows is for the user's own screen.
    drop(tty);
    let gone = Gone {
        why: "its pod ended",
        hint: format!("`fleet ps {name}` says how it is"),
    };
    conclude(end?, name, gone, context)
}

/// What the user wants of a terminal that a hub reaches.
#[cfg(feature = "hub")]
pub(super) struct AttachWish<'a> {
    /// The agent or terminal.
    pub(super) name: &'a str,
    /// As the hub is asked for it.
    pub(super) terminal: TerminalRef,
    /// Whether control is taken from another client.
    pub(super) take: bool,
    /// The key that comes before ours.
    pub(super) prefix: PrefixKey,
}

/// Attaches by way of a hub, with control until the user leaves or loses it.
#[cfg(feature = "hub")]
pub(super) async fn through_hub(
    client: &podfleet_hub::client::HubClient,
    wish: AttachWish<'_>,
    context: &mut Context,
) -> Outcome {
    let AttachWish {
        name,
        mut terminal,
        take,
        prefix,
    } = wish;
    let tty = Tty::open(ScreenUse::Alternate)?;
    let mut signals = Signals::listen()?;
    let params = AttachParams {
        role: AttachRole::Controller,
        take,
        size: Some(tty.size()),
        from: None,
    };
    let attached = client.attach_to(&mut terminal, &params).await?;
    let screen = ScreenUse::Alternate;
    let shown =
        Client::new(&tty, &mut signals, attached, Purpose::Attach, screen).with_prefix(prefix);
    let end = shown.run().await;
    drop(tty);
    let end = end?;
    let gone = match end {
        End::PodGone(None) => Gone::through_hub(agents::fate(client, &terminal).await),
        _ => Gone::through_hub(Fate::Unknown),
    };
    conclude(end, name, gone, context)
}

/// What it means that a stream ended without a word.
struct Gone {
    why: &'static str,
    hint: String,
}

#[cfg(feature = "hub")]
impl Gone {
    fn through_hub(fate: Fate) -> Self {
        let (why, hint) = match fate {
            Fate::GoesOn => (
                "the way to it broke; it goes on where it is",
                "the same command attaches to it again",
            ),
            Fate::Ended => (
                "it has ended",
                "`fleet pty list` and `fleet ps --hub …` say what there is",
            ),
            Fate::Unknown => (
                "the way to it broke; whether it goes on is not known",
                "`fleet endpoint list` and `fleet hub status` say what became of it",
            ),
        };
        let hint = hint.to_owned();
        Self { why, hint }
    }
}

/// Says how the showing of a terminal ended.
fn conclude(end: End, name: &str, gone: Gone, context: &mut Context) -> Outcome {
    match end {
        End::Left | End::Next => {
            context.output.say(format_args!("detached from `{name}`"))?;
            Ok(Exit::Success)
        }
        End::Interrupted => Ok(Exit::Interrupted),
        End::ControlTaken(by) => Err(Error::message(
            Exit::No,
            format!("detached from `{name}`: {by} took control"),
        )
        .hint("`--take` takes it back; `fleet watch` only looks")),
        End::PodGone(why) => {
            let why = why.unwrap_or_else(|| gone.why.into());
            let error = Error::message(Exit::No, format!("detached from `{name}`: {why}"));
            Err(error.hint(gone.hint))
        }
    }
}

/// Shows the terminal in a tmux pane for as long as the pane is there.
async fn view(args: &Args, prefix: PrefixKey, context: &mut Context) -> Outcome {
    let tty = Tty::open(ScreenUse::Owned)?;
    let mut signals = Signals::listen()?;
    // Without a fleet there are no commands; the terminal is shown all the same.
    let fleet = context.fleet(&args.agent.scope, RosterNeed::Helpful).await;
    let fleet = fleet.ok();
    let mut look = Look {
        fleet: fleet.as_ref(),
        tty: &tty,
        signals: &mut signals,
        purpose: Purpose::View,
        screen: ScreenUse::Owned,
        prefix,
        through_hub: false,
        caption: None,
    };
    let pane = context.env.get("TMUX_PANE").map(str::to_owned);
    let scope = &args.agent.scope;
    // The fleet is opened anew each time: what is wrong with it may be mended meanwhile.
    let mut connect = async |name: &str, params: AttachParams| {
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        Ok::<_, Error>(fleet.attach(name, params).await?)
    };
    loop {
        match (look.at(&args.agent.name, &mut connect).await?, &pane) {
            (End::Interrupted, _) => return Ok(Exit::Interrupted),
            // Leaving a view means leaving its session; the view itself stays for the next look.
            (_, Some(pane)) => detach_session(pane),
            (_, None) => return Ok(Exit::Success),
        }
    }
}

/// Detaches whoever looks at the tmux session that a pane is in.
fn detach_session(pane: &str) {
    // If tmux is not there any more, neither is anybody to detach.
    let _ = Command::new("tmux")
        .args(["detach-client", "-s", pane])
        .status();
}
