use std::ffi::OsString;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use podfleet::supervisor::{Instance, NoInstance};
use podfleet::{Fleet, PodHost};
use podfleet_pod::paths::PathFault;
use podfleet_pod::{Keeper, PodConfig, PodError, guard, heartbeat, pruning};
use podfleet_pod_store::FleetKey;
use podfleet_pod_store::session_log::DEFAULT_SEGMENT_BYTES;
use podfleet_protocol::method::Restored;
use podfleet_protocol::{Availability, FleetName, PodName, TenantId};
use sd_notify::NotifyState;

use super::progress::follow;
use super::scope::{DryRun, JsonFlag, OneAgent, Scope};
use super::service;
use super::version::BUILD;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::pods;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// How long the pod may take to listen to a hook of its agent.
const REPORT_LIMIT: Duration = Duration::from_secs(2);
/// The longest JSON that a hook is given and we pass on, in bytes.
const MAX_REPORT: u64 = 2 << 20;

/// Look at one pod, start it again, or forget it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell what is recorded of a pod
    Show(ShowArgs),
    /// Start a stopped pod in its own place, and wait for its agent
    Restore(RestoreArgs),
    /// Remove a pod's records, and free its name
    Forget(ForgetArgs),
    #[command(hide = true)]
    Run(RunArgs),
    /// Start an agent, report its end, and end what it leaves
    #[command(hide = true)]
    Guard(CommandLine),
    /// Become an agent
    #[command(hide = true)]
    Exec(CommandLine),
    /// Tell the pod around us what its agent's hook was given: JSON, as an argument or on standard
    /// input
    #[command(hide = true)]
    Report {
        /// The JSON
        payload: Option<String>,
    },
    /// Make the tmux views of the agents that use a socket, and with them its server
    #[command(hide = true)]
    Views {
        /// The name of the socket
        socket: String,
    },
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    pod: OneAgent,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct RestoreArgs {
    #[command(flatten)]
    pod: OneAgent,
    /// How long its agent may take until it is ready, in seconds
    #[arg(long, value_name = "S", default_value = "60", allow_negative_numbers = true, value_parser = super::number::within(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct ForgetArgs {
    #[command(flatten)]
    pod: OneAgent,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// Host an agent until told to end
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The pod: FLEET.NAME as its unit has it, or with `--fleet` its name alone
    pod: String,
    /// Its fleet
    #[arg(long, value_name = "NAME")]
    fleet: Option<FleetName>,
    /// Say `ready`, or `error: …`, in one line on standard output
    #[arg(long)]
    notify: bool,
}

/// The command line of an agent.
#[derive(Debug, clap::Args)]
struct CommandLine {
    /// Program and arguments
    #[arg(last = true, required = true, value_name = "ARGV")]
    argv: Vec<OsString>,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    match args.command {
        Command::Show(args) => show(&args, context),
        Command::Restore(args) => restore(&args, context),
        Command::Forget(args) => forget(&args, context),
        Command::Run(args) => host(&args, context),
        Command::Guard(line) => {
            guard::run(&std::env::current_exe()?, &line.argv)?;
            Ok(Exit::Success)
        }
        Command::Exec(line) => Err(guard::exec(&line.argv).into()),
        Command::Report { payload } => Ok(report(payload.as_deref(), context)),
        Command::Views { socket } => block_on(views(&socket, context)),
    }
}

/// A hook must never hold up or disturb its agent: whatever fails here, the screen still tells.
fn report(payload: Option<&str>, context: &mut Context) -> Exit {
    let payload = match payload {
        Some(payload) => serde_json::from_str(payload).ok(),
        None => serde_json::from_reader(std::io::stdin().lock().take(MAX_REPORT)).ok(),
    };
    let Some(payload) = payload else {
        return Exit::Success;
    };
    let told = block_on(async {
        let telling = podfleet::report_to_own_pod(&context.env, payload);
        Ok(tokio::time::timeout(REPORT_LIMIT, telling).await)
    });
    if let Ok(Ok(Err(error))) = told {
        // Nobody reads it but who looks for it.
        let _ = context.output.explain(error);
    }
    Exit::Success
}

async fn views(socket: &str, context: &mut Context) -> Outcome {
    for fleet in Fleet::on_socket(&context.dirs()?, socket) {
        let scope = Scope { fleet: Some(fleet) };
        let fleet = context.fleet(&scope, RosterNeed::Helpful).await?;
        for note in fleet.make_views().await? {
            context.output.say(note)?;
        }
    }
    Ok(Exit::Success)
}

fn show(args: &ShowArgs, context: &mut Context) -> Outcome {
    let shown = block_on(async {
        let fleet = context.fleet_to_see(&args.pod.scope).await?;
        Ok(fleet.pod_show(&args.pod.name).await?)
    })?;
    if args.json.json {
        context.output.json(&shown)?;
    } else {
        context.output.data(pods::inspected(&shown))?;
    }
    Ok(Exit::Success)
}

fn restore(args: &RestoreArgs, context: &mut Context) -> Outcome {
    let name = &args.pod.name;
    if args.dry_run.dry_run {
        return look_at_restore(args, context);
    }
    let restored = block_on(async {
        let fleet = context.fleet(&args.pod.scope, RosterNeed::Helpful).await?;
        let timeout = Duration::from_secs(args.timeout);
        let start = |events| fleet.restore(name, timeout, events);
        follow(start, &mut context.output).await
    })?;
    if args.json.json {
        context.output.json(&restored)?;
        return Ok(Exit::Success);
    }
    let what = match restored.outcome {
        Restored::AlreadyLive => "is live; nothing was done",
        Restored::Restored if restored.resumed => "is restored, and its conversation goes on",
        Restored::Restored => "is restored, with a new conversation",
    };
    let generation = restored.generation;
    context
        .output
        .say(format_args!("`{name}` {what} (generation {generation})"))?;
    Ok(Exit::Success)
}

/// Says whether a restore would begin.
fn look_at_restore(args: &RestoreArgs, context: &mut Context) -> Outcome {
    let name = &args.pod.name;
    let row = block_on(async {
        let fleet = context.fleet(&args.pod.scope, RosterNeed::Helpful).await?;
        Ok(fleet.pod_show(name).await?.pod)
    })?;
    if args.json.json {
        context.output.json(&row)?;
        return Ok(Exit::Success);
    }
    let would = match row.availability {
        _ if row.restorable.possible => format!("`{name}` would be started in its own place"),
        Availability::Live => format!("`{name}` is live; nothing would be done"),
        _ => {
            let text = format!("`{name}` cannot be restored: {}", row.restorable.why);
            return Err(Error::message(Exit::Refused, text));
        }
    };
    context.output.say(would)?;
    Ok(Exit::Success)
}

fn forget(args: &ForgetArgs, context: &mut Context) -> Outcome {
    let report = block_on(async {
        let fleet = context.fleet(&args.pod.scope, RosterNeed::Helpful).await?;
        Ok(fleet.forget(&args.pod.name, args.dry_run.dry_run).await?)
    })?;
    if args.json.json {
        context.output.json(&report)?;
    } else {
        context.output.data(pods::forgotten(&report))?;
    }
    Ok(Exit::Success)
}

fn host(args: &RunArgs, context: &Context) -> Outcome {
    service::detach(args.notify);
    service::log_to_stderr(context);
    let notify = args.notify;
    let ended = config(args, context).and_then(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let keeper = Box::new(Starter { line: notify });
        runtime
            .block_on(podfleet_pod::run(config, keeper))
            .map_err(pod_error)
    });
    match ended {
        Ok(()) => Ok(Exit::Success),
        Err(error) => {
            service::complain(notify, &error);
            Err(error)
        }
    }
}

/// Whoever started the pod: systemd, if its variables are there, and the reader of our standard
/// output, if `line` says so.
#[derive(Debug)]
struct Starter {
    line: bool,
}

impl Keeper for Starter {
    fn ready(&mut self) {
        service::ready(self.line);
    }

    fn alive(&mut self) {
        service::tell_systemd(NotifyState::Watchdog);
    }

    fn watchdog(&self) -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }
}

/// Which pod is meant.
fn instance(args: &RunArgs) -> Result<Instance, Error> {
    let fleet = match (&args.fleet, args.pod.contains('.')) {
        (Some(fleet), _) => fleet.clone(),
        (None, false) => FleetName::default(),
        (None, true) => {
            let instance = args.pod.parse();
            return instance.map_err(|error: NoInstance| Error::new(Exit::Usage, error));
        }
    };
    let name = PodName::new(args.pod.as_str()).map_err(|error| Error::new(Exit::Usage, error))?;
    Ok(Instance::new(fleet, name))
}

fn config(args: &RunArgs, context: &Context) -> Result<PodConfig, Error> {
    let tenant = context.env.get("FLEET_TENANT").map(str::to_owned);
    let tenant = TenantId::new(tenant.unwrap_or_else(|| context.user_name()));
    let instance = instance(args)?;
    // The pod's own fleet counts, and whatever roster that was brought up from.
    let setup = context.setup(context.dirs()?, None, None, None)?;
    Ok(PodConfig {
        host: Some(Arc::new(PodHost::new(setup))),
        fleet: FleetKey::new(
            tenant.map_err(|error| Error::new(Exit::Usage, error))?,
            instance.fleet().clone(),
        ),
        name: instance.name().clone(),
        state_dir: context.dirs()?.state,
        exe: std::env::current_exe()?,
        build: BUILD.to_owned(),
        segment_bytes: number(
            context,
            "FLEET_LOG_SEGMENT_BYTES",
            "bytes",
            1..=DEFAULT_SEGMENT_BYTES,
            DEFAULT_SEGMENT_BYTES,
        )?,
        heartbeat_interval: Duration::from_secs(number(
            context,
            "FLEET_HEARTBEAT_INTERVAL",
            "seconds",
            1..=3600,
            heartbeat::INTERVAL.as_secs(),
        )?),
        prune_after: Duration::from_secs(number(
            context,
            "FLEET_PRUNE_AFTER",
            "seconds",
            0..=86_400,
            pruning::AFTER_START.as_secs(),
        )?),
    })
}

/// Reads a number out of the environment.
fn number(
    context: &Context,
    variable: &str,
    unit: &str,
    range: RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Error> {
    let Some(text) = context.env.get(variable) else {
        return Ok(default);
    };
    let (least, most) = (range.start(), range.end());
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        Error::message(
            Exit::Usage,
            format!("{variable} is no number of {unit} from {least} to {most}: {text}"),
        )
    })
}

fn pod_error(error: PodError) -> Error {
    let exit = match &error {
        PodError::NoSuchPod { .. } | PodError::Harness(_) => Exit::Usage,
        PodError::Path(error) if error.fault() == PathFault::Full => Exit::System,
        PodError::AlreadyRunning(_)
        | PodError::UnknownToStore { .. }
        | PodError::SocketTaken { .. }
        | PodError::Path(_) => Exit::Refused,
        _ => Exit::System,
    };
    Error::new(exit, error)
}
