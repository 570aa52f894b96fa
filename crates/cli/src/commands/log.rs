use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet::{Fleet, FleetErrorKind};
use podfleet_pod_store::session_log::{
    LogError, LogErrorKind, Record, SessionFiles, SessionReader,
};
use podfleet_protocol::{PodId, SessionId, UnixMillis};
use podfleet_roster::Timespan;
use tokio::time::sleep;

use crate::change::{Changes, reader_gone};
use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::scope::{JsonFlag, OneAgent, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::log_record;
use crate::runtime::block_on;

/// How often it is asked whether the pod is still there: to forget it leaves its files as they are.
const LOOK: Duration = Duration::from_secs(5);

const WHAT: &str = "\
A session begins with each start of the pod. Without --since the present one is
printed, or the last. Texts are cut to their first line, on a terminal to its
width; JSON has them whole.
`fleet logs` prints what the pod itself has to say.";

/// Print an agent's session log: what happened, and what it was told
#[derive(Debug, clap::Args)]
#[command(after_help = WHAT)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// Go on with what happens
    #[arg(short, long)]
    follow: bool,
    /// From this time on, of all sessions: an age such as 90s, 10m, 2h or 3d, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<UnixMillis>,
    /// Leave damaged records out instead of failing at them
    #[arg(long)]
    skip_corrupt: bool,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

impl Args {
    /// Returns the same for an agent of another machine.
    fn far(&self) -> FarVerb {
        let since = self.since.and_then(|since| {
            let at = Timestamp::from_millisecond(since.0).ok()?;
            Some(at.to_string())
        });
        FarVerb::new("log")
            .flag("--follow", self.follow)
            .option("--since", since)
            .flag("--skip-corrupt", self.skip_corrupt)
            .json(self.json.json)
    }
}

fn since(text: &str) -> Result<UnixMillis, String> {
    if let Ok(age) = text.parse::<Timespan>() {
        let age = i64::try_from(age.duration().as_millis()).unwrap_or(i64::MAX);
        let now = Timestamp::now().as_millisecond();
        return Ok(UnixMillis(now.saturating_sub(age)));
    }
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(UnixMillis(at.as_millisecond())),
        Err(_) => Err("it is an age such as 10m, or a time such as 2026-01-02T03:04:05Z".into()),
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    #[cfg(feature = "hub")]
    if let Some(hub) = &args.through.hub {
        return block_on(through_hub(hub, args, context));
    }
    block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet_to_see(scope).await?;
        if let Some(there) = Elsewhere::one(&fleet, &args.agent.name) {
            return there.run(&args.far());
        }
        let mut log = Log::find(&fleet, &args.agent.name).await?;
        let mut printer = Printer {
            args,
            zone: TimeZone::system(),
            output: &mut context.output,
        };
        let mut reader = None;
        for session in log.sessions(args.since.is_some())? {
            reader = Some(printer.print_session(log.files(session))?);
        }
        if !args.follow {
            if reader.is_none() {
                let name = &args.agent.name;
                printer
                    .output
                    .say(format_args!("note: `{name}` never ran"))?;
            }
            return Ok(Exit::Success);
        }
        follow(&mut log, &fleet, reader, &mut printer).await
    })
}

/// Prints what happens, until the pod is forgotten or nobody reads any more.
async fn follow(
    log: &mut Log,
    fleet: &Fleet,
    mut reader: Option<SessionReader>,
    printer: &mut Printer<'_>,
) -> Outcome {
    let mut changes = Changes::of_directories(&[log.directory()])?;
    let gone = reader_gone();
    tokio::pin!(gone);
    loop {
        // What was written between the last read and the beginning of the watch is read here.
        if let Some(reader) = &mut reader {
            printer.print_rest(reader)?;
        }
        match log.moved_on(fleet).await? {
            Moved::No => {}
            Moved::On => {
                for session in log.sessions(false)? {
                    reader = Some(printer.print_session(log.files(session))?);
                }
            }
            Moved::Away => {
                let name = &log.agent;
                let what = format_args!("note: `{name}` was forgotten; nothing more comes");
                printer.output.say(what)?;
                return Ok(Exit::Success);
            }
        }
        tokio::select! {
            changed = changes.next() => changed?,
            gone = &mut gone => return Err(gone),
            () = sleep(LOOK) => {}
        }
    }
}

/// Prints the last records of an agent of whatever machine.
#[cfg(feature = "hub")]
async fn through_hub(hub: &str, args: &Args, context: &mut Context) -> Outcome {
    use crate::hub::{connect, meant};
    use podfleet_hub::op::{FleetLog, LogParams};

    if args.follow {
        let message = "`-f` is for the agents of this machine";
        return Err(Error::message(Exit::Usage, message)
            .hint("`fleet tail -f --hub …` follows the terminal of any"));
    }
    let client = connect::client(hub, context)?;
    let OneAgent { name, scope } = &args.agent;
    let meant = meant::terminal(hub, name, scope, context).await?;
    let params = LogParams {
        agent: meant.agent,
        fleet: meant.fleet,
        last: 1000,
    };
    let result = client.call::<FleetLog>(params).await?;
    let mut printer = Printer {
        args,
        zone: TimeZone::system(),
        output: &mut context.output,
    };
    for record in result.records {
        let record = Record::from_object(record).map_err(|error| {
            Error::message(Exit::System, error).context("the hub sent no record")
        })?;
        if args.since.is_none_or(|since| record.ts >= since) {
            printer.print(&record)?;
        }
    }
    Ok(Exit::Success)
}

/// What became of the log that is followed.
enum Moved {
    No,
    /// Another session has begun.
    On,
    /// Its pod was forgotten.
    Away,
}

/// Where an agent's sessions are.
struct Log {
    agent: String,
    state: std::path::PathBuf,
    pod: PodId,
    session: Option<SessionId>,
}

impl Log {
    async fn find(fleet: &Fleet, agent: &str) -> Result<Self, Error> {
        let found = fleet.session_log(agent).await?;
        let name = found.directory.file_name().and_then(|name| name.to_str());
        let pod = name.and_then(|name| name.parse().ok());
        Ok(Self {
            agent: agent.to_owned(),
            state: fleet.dirs().state.clone(),
            pod: pod.ok_or_else(|| Error::message(Exit::Defect, "a session log has no pod"))?,
            session: found.session,
        })
    }

    fn files(&self, session: SessionId) -> SessionFiles {
        SessionFiles::new(&self.state, self.pod, session)
    }

    fn directory(&self) -> std::path::PathBuf {
        self.state.join("sessions").join(self.pod.to_string())
    }

    /// Takes note of a new session, which a new start of the pod begins.
    async fn moved_on(&mut self, fleet: &Fleet) -> Result<Moved, Error> {
        let found = match fleet.session_log(&self.agent).await {
            Ok(found) => found,
            Err(error) => {
                return match error.kind() {
                    FleetErrorKind::NoSuchAgent { .. } | FleetErrorKind::NotRunning { .. } => {
                        Ok(Moved::Away)
                    }
                    _ => Err(error.into()),
                };
            }
        };
        // Another pod may have the name by now.
        if found.directory != self.directory() {
            return Ok(Moved::Away);
        }
        let session = found.session;
        let news = std::mem::replace(&mut self.session, session) != session;
        Ok(if news { Moved::On } else { Moved::No })
    }

    /// Returns the present session, or all of them, in order of their starts.
    fn sessions(&self, all: bool) -> Result<Vec<SessionId>, Error> {
        if !all {
            return Ok(self.session.into_iter().collect());
        }
        let entries = match std::fs::read_dir(self.directory()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            entries => Some(entries?),
        };
        // Ids begin with the time of their making. The present one is never pruned: its log has to be there.
        let sessions: BTreeSet<SessionId> = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok())
            .chain(self.session)
            .collect();
        Ok(sessions.into_iter().collect())
    }
}

/// Prints records.
struct Printer<'a> {
    args: &'a Args,
    zone: TimeZone,
    output: &'a mut Output,
}

impl Printer<'_> {
    fn print_session(&mut self, files: SessionFiles) -> Result<SessionReader, Error> {
        let reader = SessionReader::open(files).map_err(log_error)?;
        let mut reader = reader.skip_corrupt(self.args.skip_corrupt);
        self.print_rest(&mut reader)?;
        Ok(reader)
    }

    /// Prints all records that are there now.
    fn print_rest(&mut self, reader: &mut SessionReader) -> Result<(), Error> {
        for located in reader.by_ref() {
            let record = located.map_err(log_error)?.record;
            if self.args.since.is_none_or(|since| record.ts >= since) {
                self.print(&record)?;
            }
        }
        Ok(())
    }

    fn print(&mut self, record: &Record) -> std::io::Result<()> {
        if self.args.json.json {
            return self.output.json_line(record);
        }
        // Whoever looks for something in it must find all of a line.
        let width = if self.output.data_is_terminal() {
            self.output.width()
        } else {
            usize::MAX
        };
        self.output
            .line(log_record::render(record, &self.zone, width))
    }
}

fn log_error(error: LogError) -> Error {
    let damaged = matches!(error.kind(), LogErrorKind::Damaged { .. });
    let error = Error::new(Exit::System, error);
    if damaged {
        error.hint("`--skip-corrupt` prints the rest")
    } else {
        error
    }
}
