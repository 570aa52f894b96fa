use std::ffi::OsString;
use std::io::Write as _;
use std::time::Duration;

use clap::Subcommand;
use podfleet_pod::{PodConfig, PodError, guard, heartbeat};
use podfleet_pod_store::FleetKey;
use podfleet_protocol::{FleetName, PodName, TenantId};
use tracing_subscriber::EnvFilter;

use super::version::BUILD;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// What supervisors and pods start; not for people
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArgs),
    /// Start an agent, report its end, and end what it leaves
    Guard(CommandLine),
    /// Become an agent
    Exec(CommandLine),
}

/// Host an agent until told to end
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The pod
    name: PodName,
    /// Its fleet
    #[arg(long, value_name = "NAME", default_value = FleetName::DEFAULT)]
    fleet: FleetName,
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

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    match args.command {
        Command::Run(args) => host(args, context),
        Command::Guard(line) => {
            guard::run(&std::env::current_exe()?, &line.argv)?;
            Ok(Exit::Success)
        }
        Command::Exec(line) => Err(guard::exec(&line.argv).into()),
    }
}

fn host(args: RunArgs, context: &Context) -> Outcome {
    log_to_stderr(context);
    let notify = args.notify;
    let ended = config(args, context).and_then(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let ready = || say(notify, "ready");
        runtime
            .block_on(podfleet_pod::run(config, ready))
            .map_err(pod_error)
    });
    match ended {
        Ok(()) => Ok(Exit::Success),
        Err(error) => {
            say(notify, &format!("error: {}", error.in_one_line()));
            Err(error)
        }
    }
}

fn config(args: RunArgs, context: &Context) -> Result<PodConfig, Error> {
    let tenant = context.env.get("FLEET_TENANT").map(str::to_owned);
    let tenant = TenantId::new(tenant.unwrap_or_else(|| context.user_name()));
    Ok(PodConfig {
        fleet: FleetKey::new(
            tenant.map_err(|error| Error::new(Exit::Usage, error))?,
            args.fleet,
        ),
        name: args.name,
        state_dir: context.dirs()?.state,
        exe: std::env::current_exe()?,
        build: BUILD.to_owned(),
        heartbeat_interval: heartbeat_interval(context)?,
    })
}

fn heartbeat_interval(context: &Context) -> Result<Duration, Error> {
    const VARIABLE: &str = "FLEET_HEARTBEAT_INTERVAL";
    let Some(text) = context.env.get(VARIABLE) else {
        return Ok(heartbeat::INTERVAL);
    };
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::message(
            Exit::Usage,
            format!("{VARIABLE} is no number of seconds from 1 to 3600: {text}"),
        )),
    }
}

/// Tells whoever started us, who may have gone away already.
fn say(notify: bool, line: &str) {
    if notify {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// The pod's own log goes to standard error, which its supervisor keeps.
fn log_to_stderr(context: &Context) {
    let filter = context.env.get("FLEET_LOG").unwrap_or("info");
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        // On a full disk its complaint about itself would fail too, and end the thread.
        .log_internal_errors(false)
        .try_init();
}

fn pod_error(error: PodError) -> Error {
    let exit = match &error {
        PodError::NoSuchPod { .. } | PodError::Harness(_) => Exit::Usage,
        PodError::AlreadyRunning(_) | PodError::Path(_) => Exit::Refused,
        _ => Exit::System,
    };
    Error::new(exit, error)
}
