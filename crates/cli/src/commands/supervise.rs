//! `fleet supervise`: what keeps a fleet where there is no service manager.

mod init;
mod revivals;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use podfleet::supervisor::SupervisorKind;
use podfleet::{DownOptions, Fleet, Supervision, UpOptions};
use podfleet_protocol::FleetName;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::change::Changes;
use crate::commands::progress::{conclude, follow};
use crate::commands::scope::Scope;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on_to_the_end;
use revivals::Revivals;

/// The bridge among those that are started again; no agent has a name of this form.
const BRIDGE: &str = "(bridge)";

/// How soon pods that ended are looked after again, where that failed.
const AGAIN: Duration = Duration::from_secs(5);

/// Keep the fleet in the foreground, as containers want it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For containers and hosts without systemd. A change of the roster is carried out \
                  at once, a pod or bridge that dies is started again, and SIGTERM or ctrl-c \
                  ends all agents in order. One process supervises a fleet: a second one is refused. \
                  As process 1 it also reaps what others leave."
)]
pub(crate) struct Args {
    /// How long an agent may take until its terminal is ready, in seconds
    #[arg(long, value_name = "S", default_value = "60", allow_negative_numbers = true, value_parser = super::number::within(1..=3600))]
    timeout: u64,
    #[command(flatten)]
    scope: Scope,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    if std::process::id() == 1 {
        return init::run();
    }
    context.keep_pods_by(SupervisorKind::Direct);
    block_on_to_the_end(async {
        let mut wakes = Wakes::listen(context)?;
        let mut supervisor = Supervisor {
            options: UpOptions {
                timeout: Duration::from_secs(args.timeout),
                ..UpOptions::default()
            },
            scope: args.scope.clone(),
            revivals: Revivals::default(),
            kept: Vec::new(),
            down: BTreeSet::new(),
        };
        supervisor.converge(&[], &mut wakes, context).await?;
        // Why pods that ended could not be looked after.
        let mut missed: Option<String> = None;
        loop {
            let wake = match missed {
                None => wakes.next().await?,
                Some(_) => wakes.next_within(AGAIN).await?,
            };
            let outcome = match wake {
                Wake::Stop => break,
                Wake::Roster => supervisor.converge(&[], &mut wakes, context).await,
                Wake::Child => supervisor.revive(&mut wakes, context).await,
            };
            // What is wrong with the roster now was not yet when it was read last.
            let said = outcome.err().map(|error| error.render());
            if let Some(said) = said.as_ref().filter(|said| missed.as_ref() != Some(said)) {
                context.output.complain(said)?;
            }
            if wake == Wake::Child {
                missed = said;
            }
            if wakes.stopping {
                break;
            }
        }
        supervisor.end(context).await
    })
}

struct Supervisor {
    options: UpOptions,
    scope: Scope,
    revivals: Revivals,
    /// The fleets that are ours to keep: more than one where the roster was given another name.
    kept: Vec<(FleetName, Supervision)>,
    /// The agents that somebody brought down, as far as that is said.
    down: BTreeSet<String>,
}

impl Supervisor {
    /// Brings agents to what the roster says, all for none; gives up when it is told to stop. That
    /// one of them fails is said and no error.
    async fn converge(
        &mut self,
        agents: &[String],
        wakes: &mut Wakes,
        context: &mut Context,
    ) -> Result<(), Error> {
        let fleet = context.fleet(&self.scope, RosterNeed::Sound).await?;
        self.keep(&fleet).await?;
        if agents.is_empty() {
            self.down.clear();
        }
        let bringing_up = async {
            let up = |events| fleet.up(agents, &self.options, events);
            let report = follow(up, &mut context.output).await?;
            conclude(&report, false, &mut context.output)
        };
        tokio::select! {
            done = bringing_up => done.map(drop),
            () = wakes.stop() => Ok(()),
        }
    }

    /// Makes a fleet ours to keep, if nobody else keeps it.
    async fn keep(&mut self, fleet: &Fleet) -> Result<(), Error> {
        let name = &fleet.key().fleet;
        if !self.kept.iter().any(|(kept, _)| kept == name) {
            self.kept.push((name.clone(), fleet.supervise().await?));
        }
        Ok(())
    }

    /// Starts again what ought to be up and is gone, the bridge too, and says what somebody brought
    /// down.
    async fn revive(&mut self, wakes: &mut Wakes, context: &mut Context) -> Result<(), Error> {
        let fleet = context.fleet(&self.scope, RosterNeed::Helpful).await?;
        let found = fleet.fallen().await?;
        let down = BTreeSet::from_iter(found.down);
        for agent in down.difference(&self.down) {
            context.output.say(format_args!(
                "{agent}: somebody brought it down and it is left; `fleet up {agent}` starts it"
            ))?;
        }
        self.down = down;
        let mut fallen = found.fallen;
        let now = Instant::now();
        for agent in fallen.extract_if(.., |agent| !self.revivals.allow(agent, now)) {
            context.output.say(format_args!(
                "{agent}: its pod died too often and is left; `fleet up {agent}` starts it"
            ))?;
        }
        if !fallen.is_empty() {
            self.converge(&fallen, wakes, context).await?;
        }
        if fleet.bridge_fell() {
            return self.revive_bridge(&fleet, now, context).await;
        }
        Ok(())
    }

    async fn revive_bridge(
        &mut self,
        fleet: &Fleet,
        now: Instant,
        context: &mut Context,
    ) -> Result<(), Error> {
        if !self.revivals.allow(BRIDGE, now) {
            let said = "the bridge died too often and is left; `fleet bridge start` starts it";
            return Ok(context.output.say(said)?);
        }
        if fleet.start_bridge().await? {
            context.output.say("the bridge of the chat runs again")?;
        }
        Ok(())
    }

    async fn end(&self, context: &mut Context) -> Outcome {
        let options = DownOptions {
            all: true,
            ..DownOptions::default()
        };
        let mut succeeded = true;
        for (name, _) in &self.kept {
            let scope = Scope {
                fleet: Some(name.clone()),
            };
            let fleet = context.fleet(&scope, RosterNeed::Helpful).await?;
            let down = |events| fleet.down(&[], &options, events);
            let report = follow(down, &mut context.output).await?;
            conclude(&report, false, &mut context.output)?;
            succeeded &= report.succeeded();
        }
        Ok(Exit::answer(succeeded))
    }
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    /// To end.
    Stop,
    /// The roster is another one.
    Roster,
    /// A process of ours ended.
    Child,
}

/// What a supervisor waits for.
struct Wakes {
    terminate: Signal,
    interrupt: Signal,
    child: Signal,
    changes: Changes,
    roster: PathBuf,
    text: Option<Vec<u8>>,
    stopping: bool,
}

impl Wakes {
    fn listen(context: &mut Context) -> Result<Self, Error> {
        let roster = std::path::absolute(context.roster_path()?)?;
        let directory = roster.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
            // Editors replace files, so what is watched is the directory.
            changes: Changes::of_directories(&[directory])?,
            text: std::fs::read(&roster).ok(),
            roster,
            stopping: false,
        })
    }

    /// Waits for the next thing to do.
    async fn next(&mut self) -> Result<Wake, Error> {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Ok(Wake::Stop),
                _ = self.interrupt.recv() => return Ok(Wake::Stop),
                _ = self.child.recv() => return Ok(Wake::Child),
                changed = self.changes.next() => changed?,
            }
            let text = std::fs::read(&self.roster).ok();
            // One that is gone may be on its way.
            if text.is_some() && text != self.text {
                self.text = text;
                return Ok(Wake::Roster);
            }
        }
    }

    /// The same; when nothing came meanwhile, children are to be looked after.
    async fn next_within(&mut self, pause: Duration) -> Result<Wake, Error> {
        let waited = tokio::time::timeout(pause, self.next()).await;
        waited.unwrap_or(Ok(Wake::Child))
    }

    /// Waits until there is nothing left to do but to end.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        self.stopping = true;
    }
}
