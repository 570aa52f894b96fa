use clap::Subcommand;
use jiff::Timestamp;
use podfleet::BridgePhase;
use podfleet::supervisor::BridgeProcess;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::scope::{JsonFlag, Scope};
use crate::commands::service;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::bridge::describe;
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::{block_on, block_on_to_the_end};

/// Look at the bridge between chat and orchestrator, or start it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The bridge carries what people say in the chat to the orchestrator, and what
that says (`fleet say`) to the chat. `fleet up` starts it if the roster has a
`connector` and an orchestrator, `fleet down --all` ends it.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell whether it runs and how it is
    Status(StatusArgs),
    /// Start it, and return when it holds its place
    Start(StartArgs),
    /// End it; what is said meanwhile waits
    Stop(ScopeArgs),
    /// Be the bridge, in the foreground, until told to end
    Run(RunArgs),
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct StartArgs {
    #[command(flatten)]
    scope: Scope,
    /// Listen from now on; what was said since it last listened is not heard
    #[arg(long)]
    from_now: bool,
}

#[derive(Debug, clap::Args)]
struct ScopeArgs {
    #[command(flatten)]
    scope: Scope,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    scope: Scope,
    /// The fleet, as the instance of its unit has it
    #[arg(long, hide = true, value_name = "INSTANCE", conflicts_with = "fleet")]
    unit: Option<String>,
    /// Say `ready`, or `error: …`, in one line on standard output
    #[arg(long, hide = true)]
    notify: bool,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::Status(args) => status(args, context),
        Command::Start(args) => start(args, context),
        Command::Stop(args) => stop(args, context),
        Command::Run(args) => {
            service::detach(args.notify);
            service::log_to_stderr(context);
            let ended = be(args, context);
            if let Err(error) = &ended {
                service::complain(args.notify, error);
            }
            ended
        }
    }
}

fn be(args: &RunArgs, context: &mut Context) -> Outcome {
    let scope = match &args.unit {
        None => args.scope.clone(),
        Some(instance) => Scope {
            fleet: Some(
                BridgeProcess::fleet_of(instance)
                    .map_err(|error| Error::new(Exit::Usage, error))?,
            ),
        },
    };
    block_on_to_the_end(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let fleet = context.fleet(&scope, RosterNeed::Helpful).await?;
        let end = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        fleet
            .run_bridge(|| service::ready(args.notify), end)
            .await?;
        Ok(Exit::Success)
    })
}

fn start(args: &StartArgs, context: &mut Context) -> Outcome {
    // What the caller's shell left open is not for a process that lives longer.
    close_fds::set_fds_cloexec(3, &[]);
    let (started, wanted) = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Sound).await?;
        let started = match args.from_now {
            true => fleet.start_bridge_from_now().await.map(|()| true)?,
            false => fleet.start_bridge().await?,
        };
        Ok((started, fleet.wants_bridge()))
    })?;
    context.output.say(match started {
        true => "the bridge runs",
        false => "the bridge runs already",
    })?;
    if !wanted {
        let note = "note: the roster wants no bridge here, so that `fleet up` ends it; it takes a \
                    `connector` and an orchestrator on this host";
        context.output.say(wrap(note, 0, "  "))?;
    }
    Ok(Exit::Success)
}

fn stop(args: &ScopeArgs, context: &mut Context) -> Outcome {
    let stopped = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.stop_bridge().await?)
    })?;
    context.output.say(match stopped {
        true => "the bridge is ended",
        false => "no bridge runs",
    })?;
    Ok(Exit::Success)
}

fn status(args: &StatusArgs, context: &mut Context) -> Outcome {
    let (status, wanted, unsent) = block_on(async {
        let fleet = context.fleet_to_see(&args.scope).await?;
        let unsent = fleet.unsent().await?;
        Ok((fleet.bridge_status(), fleet.wants_bridge(), unsent))
    })?;
    let runs = status.as_ref().is_some_and(|(_, runs)| *runs);
    if args.json.json {
        let said = status.as_ref().map(|(status, _)| status);
        context
            .output
            .json(&json!({ "runs": runs, "wanted": wanted, "unsent": unsent, "status": said }))?;
    } else {
        let now = Timestamp::now();
        let text = match &status {
            None => "no bridge was ever started\n".to_owned(),
            Some((status, runs)) => describe(status, *runs, now),
        };
        context.output.data(text)?;
        if unsent > 0 {
            context.output.line(format_args!("unsent   {unsent}"))?;
        }
        if !runs && wanted {
            context.output.say("hint: `fleet bridge start` starts it")?;
        }
    }
    let well = status.is_some_and(|(status, runs)| runs && status.phase == BridgePhase::Connected);
    Ok(Exit::answer(well))
}
