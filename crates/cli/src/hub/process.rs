//! The hub of this machine as a process.

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use podfleet::{Dirs, Fleet, OpeningStore, Setup};
use podfleet_home::short_host_name;
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::host::{Listen, Options, Plan, Protection, Running, Standing, find, is_taken};
use podfleet_hub::hub::Grace;
use podfleet_hub::machine::{Fleets, Machine, fleet_fault, no_operator};
use podfleet_hub::server::{Limits, Settings};
use podfleet_pod::process::ProcessRef;
use podfleet_protocol::FleetName;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::version;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// How long a hub in the background may take until it answers, and a hub until it has ended.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long it is until it is looked again whether that is so.
const PAUSE: Duration = Duration::from_millis(20);

/// What the user wants of the hub.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) plain: bool,
    pub(crate) tls: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) allow: Vec<PathBuf>,
    pub(crate) roster: Option<PathBuf>,
    pub(crate) grace: Grace,
    /// All of it as options.
    pub(crate) options: Options,
}

/// Returns the directory of this user's hub.
pub(crate) fn directory(context: &Context) -> Result<PathBuf, Error> {
    Ok(context.dirs()?.state.join("hub"))
}

/// Opens the fleets of this machine as its command line does.
#[derive(Debug)]
struct OwnFleets {
    roster: Option<PathBuf>,
    dirs: Dirs,
}

impl OwnFleets {
    /// The roster is read anew each time: it may have been changed.
    fn setup(roster: Option<PathBuf>, fleet: Option<FleetName>) -> Result<Setup, Fault> {
        let setup = Context::for_hub(roster).quiet_setup(fleet);
        setup.map_err(|error| Fault::new(Code::AgentFailed, error.in_one_line()))
    }

    /// Opens a fleet once more with the roster that it was brought up from, where it was opened without:
    /// that says who is in it. Nothing where the roster cannot be used, or has other records by now.
    async fn with_own_roster(opened: &Fleet) -> Option<Fleet> {
        let roster = opened.unread_roster().filter(|roster| roster.exists())?;
        let fleet = opened.key().fleet.clone();
        let setup = Self::setup(Some(roster.to_owned()), Some(fleet)).ok()?;
        let again = Fleet::with_store(setup, Arc::clone(opened.store()))
            .await
            .ok()?;
        (again.key() == opened.key()).then_some(again)
    }
}

#[async_trait]
impl Fleets for OwnFleets {
    async fn open(&self, fleet: Option<FleetName>) -> Result<Fleet, Fault> {
        let opened = Fleet::open(Self::setup(self.roster.clone(), fleet)?).await;
        let opened = opened.map_err(|error| fleet_fault(&error))?;
        Ok(Self::with_own_roster(&opened).await.unwrap_or(opened))
    }

    async fn check_operator(&self, process: Option<u32>) -> Result<(), Fault> {
        // Nobody is a pod of a store that is not there, and looking makes none.
        let checked = async {
            if !self.dirs.has_store()? {
                return Ok(());
            }
            let store = OpeningStore::begin(&self.dirs).store().await?;
            podfleet::check_operators_process(&*store, &self.dirs, process).await
        };
        checked.await.map_err(|error| no_operator(&error))
    }
}

/// Runs the hub until a signal ends it.
pub(crate) fn run(wish: Wish, context: &mut Context) -> Outcome {
    let plan = plan(wish, context)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ends = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ];
        let running = Running::begin(plan).await?;
        tell(running.standing(), context)?;
        let [interrupt, terminate] = &mut ends;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        running.stop().await;
        Ok(Exit::Success)
    })
}

fn tell(standing: &Standing, context: &mut Context) -> Result<(), Error> {
    let output = &mut context.output;
    output.say(format_args!("hub at {}", standing.socket.display()))?;
    for (address, protection) in &standing.listen {
        let how = match protection {
            Protection::Tls => "TLS",
            Protection::Plain => "in the clear",
        };
        output.say(format_args!("and at {address} ({how})"))?;
    }
    if standing
        .listen
        .iter()
        .any(|(_, how)| *how == Protection::Tls)
    {
        output.say(format_args!("key {}", standing.pin))?;
    }
    Ok(())
}

fn plan(wish: Wish, context: &Context) -> Result<Plan, Error> {
    let dirs = context.dirs()?;
    let runtime = dirs
        .open_runtime()
        .map_err(|error| Error::new(Exit::Refused, error))?;
    let allowed = { wish.allow.iter() }
        .map(|path| real(path))
        .collect::<Result<_, _>>()?;
    let fleets = Arc::new(OwnFleets {
        roster: wish.roster,
        dirs: dirs.clone(),
    });
    // They may be below a directory that is served, such as the user's home.
    let state = &dirs.state;
    let mut private = std::fs::DirBuilder::new();
    let own = state.join("hub");
    private.recursive(true).mode(0o700).create(&own)?;
    // The hub's own by itself, too: it may be mounted elsewhere without what it is in.
    let closed = vec![real(state)?, real(&own)?, real(runtime.path())?];
    let shell = context.env.get("SHELL").unwrap_or("/bin/sh").to_owned();
    let listen = wish.listen.into_iter().map(|address| Listen {
        address,
        protection: match (wish.tls, wish.plain, address.ip().is_loopback()) {
            (true, _, _) | (_, false, false) => Protection::Tls,
            (_, true, _) | (_, _, true) => Protection::Plain,
        },
    });
    Ok(Plan {
        directory: own,
        runtime: runtime.path().to_owned(),
        machine: Machine::new(allowed, fleets, shell).closing(closed),
        host: short_host_name(),
        build: version::BUILD.to_owned(),
        listen: listen.collect(),
        settings: Settings { hosts: wish.hosts },
        limits: Limits::default(),
        grace: wish.grace,
        options: wish.options,
    })
}

fn real(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{} cannot be served", path.display()))
    })
}

/// Has a hub run in the background: the one that runs, or a new one with these arguments.
pub(crate) fn in_background(arguments: &[String], context: &Context) -> Result<Standing, Error> {
    let directory = directory(context)?;
    if let Some(standing) = find(&directory)?
        && reached(&standing)?
    {
        return Ok(standing);
    }
    // One that is there and open to others is refused by the hub itself.
    let mut private = std::fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(&directory)?;
    let log_path = directory.join("hub.log");
    let mut options = std::fs::OpenOptions::new();
    let log = options.write(true).create(true).truncate(true).mode(0o600);
    let log = log.open(&log_path)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["hub", "run"])
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Of no terminal that could end it.
        .process_group_of_its_own()
        .spawn()?;
    let begun = Instant::now();
    loop {
        let ended = child.try_wait()?;
        match (find(&directory)?, ended) {
            // If ours has ended, another one was faster.
            (Some(standing), ended)
                if (ended.is_some() || standing.pid == child.id()) && reached(&standing)? =>
            {
                return Ok(standing);
            }
            (None, Some(status)) if !is_taken(&directory) => {
                let said = std::fs::read_to_string(&log_path).unwrap_or_default();
                return Err(not_started(&said, status));
            }
            _ => {}
        }
        if begun.elapsed() > PATIENCE {
            let message = "the hub does not answer in time";
            return Err(Error::message(Exit::System, message)
                .hint(format!("{} has what it says", log_path.display())));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Waits until a hub that runs can be reached, whose socket may just be made anew; returns false if it
/// has ended meanwhile.
fn reached(standing: &Standing) -> Result<bool, Error> {
    let begun = Instant::now();
    loop {
        match check_reachable(standing) {
            Ok(()) => return Ok(true),
            Err(_) if standing.process().is_none() => return Ok(false),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Checks that a hub that runs can be reached by this user's commands.
pub(crate) fn check_reachable(standing: &Standing) -> Result<(), Error> {
    standing.check_reachable().map_err(|error| {
        let (pid, socket) = (standing.pid, standing.socket.display());
        let what = format!("the hub (pid {pid}) runs, but {socket} cannot be reached");
        Error::from(error).context(what).hint(
            "it makes its socket anew within seconds; if it does not, `fleet hub stop` ends it",
        )
    })
}

/// Ends the hub of this machine, and returns when it has ended: false if none ran.
///
/// One that is beginning is waited for, since only its record says which process it is.
pub(crate) fn end(context: &Context) -> Result<bool, Error> {
    let directory = directory(context)?;
    let begun = Instant::now();
    let mut asked: Option<ProcessRef> = None;
    let mut ran = false;
    while is_taken(&directory) {
        ran = true;
        let process = find(&directory)?.and_then(|standing| standing.process());
        match (asked, process) {
            (None, Some(process)) => {
                process.signal(Signal::TERM);
                asked = Some(process);
            }
            // Somebody began another one.
            (Some(asked), Some(process)) if asked != process => break,
            _ => {}
        }
        if begun.elapsed() > PATIENCE {
            return Err(not_ended(asked));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(ran)
}

fn not_ended(asked: Option<ProcessRef>) -> Error {
    let Some(ProcessRef { pid, .. }) = asked else {
        let message = "a hub has begun, and does not say which process it is";
        return Error::message(Exit::System, message)
            .hint("`fleet hub status` says when it serves");
    };
    let message = format!("the hub (pid {pid}) does not end");
    Error::message(Exit::System, message).hint(format!("`kill -KILL {pid}` ends it at once"))
}

/// Repeats what the hub said before it ended: its error, which it wrapped, and its hint.
fn not_started(said: &str, status: ExitStatus) -> Error {
    let paragraphs = said.split("\n\n");
    let mut paragraphs =
        paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let error = paragraphs.next().unwrap_or_default();
    let error = error.strip_prefix("error: ").unwrap_or(&error).to_owned();
    let message = format!("the hub did not start ({status})");
    let error = Error::new(Exit::System, anyhow::Error::msg(error)).context(message);
    match paragraphs.find_map(|text| text.strip_prefix("hint: ").map(str::to_owned)) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

trait OfItsOwn {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OfItsOwn for Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}
