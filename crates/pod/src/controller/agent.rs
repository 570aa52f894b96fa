//! The agent's runs: starting, ending, starting again, and ending for good.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use podfleet_pod_store::PodState;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::{Hold, HoldReason, RunEnd, Typing};
use tokio::io::AsyncReadExt;
use tokio::process::Command as Program;
use tokio::sync::oneshot;

use super::{Controller, READ, SCROLLBACK, not_started};
use crate::agent_process::{AgentProcess, GuardReport, Launch, find_program};
use crate::clock::{self, Moment};
use crate::command::Command;
use crate::guard::Order;
use crate::process::descendants;
use crate::restart::Decision;
use crate::terminal::{Terminal, ViewStream};

/// How long the last output of a run is waited for after its end was reported.
const DRAIN: Duration = Duration::from_millis(200);
/// When which order follows if an agent does not end, counted from the first.
const TERMINATE_AFTER: Duration = Duration::from_secs(1);
const KILL_AFTER: Duration = Duration::from_secs(3);
/// How much of what a failed preparation printed is kept, in characters.
const PREPARE_TAIL: usize = 200;

/// What the agent does.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    Running,
    BackingOff {
        last: RunEnd,
        at: Instant,
        until: podfleet_protocol::UnixMillis,
        ends: u32,
    },
    Ended(RunEnd),
    Quarantined(String),
}

impl Phase {
    /// Returns the word that stands for it in the heartbeat.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::BackingOff { .. } => "backing_off",
            Self::Ended(_) => "ended",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// Returns when the agent is to be started.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::BackingOff { at, .. } => Some(*at),
            _ => None,
        }
    }
}

/// An agent that is being ended for good.
#[derive(Debug)]
pub(super) struct Stopping {
    since: Instant,
    pub(super) due: Instant,
}

impl Controller {
    /// Begins a run: prepares, then starts the agent.
    pub(super) async fn begin(&mut self) {
        if let Some(account) = self.setup.quarantined.take() {
            self.remember_quarantine(&account).await;
            self.phase = Phase::Quarantined(account);
            return;
        }
        self.phase = Phase::Idle;
        let spec = &self.setup.spec;
        let shared = Arc::clone(&self.setup.shared);
        if spec.prepare.is_empty() {
            shared.tell(Command::Prepared(Ok(())));
            return;
        }
        let (argv, env) = (spec.prepare.clone(), self.environment());
        let directory = spec.working_directory.clone();
        tokio::spawn(async move {
            shared.tell(Command::Prepared(prepare(&argv, &env, &directory).await));
        });
    }

    pub(super) async fn prepared(&mut self, result: Result<(), String>) {
        if self.stopping.is_some() {
            return;
        }
        if let Err(why) = result.and_then(|()| self.start()) {
            self.ended(RunEnd::NotStarted(why)).await;
        }
    }

    fn start(&mut self) -> Result<(), String> {
        let env = self.environment();
        let spec = &self.setup.spec;
        let directory = &spec.working_directory;
        if !directory.is_dir() {
            return Err(format!(
                "the working directory {} is no directory",
                directory.display()
            ));
        }
        let (program, arguments) = spec.argv.split_first().ok_or("no command is given")?;
        let program = find_program(program, env.get("PATH").map(String::as_str), directory)?;
        let mut argv = vec![program.to_string_lossy().into_owned()];
        argv.extend_from_slice(arguments);
        self.setup.shared.journal.note(Entry::Launch {
            run: self.live.run.next(),
            argv: argv.clone(),
            env_names: env.keys().cloned().collect(),
            told: spec.told.clone(),
        });
        let size = self.live.terminal.size();
        let launch = Launch {
            exe: &self.setup.exe,
            argv: &argv,
            env: &env,
            directory,
            size,
        };
        let (process, terminal) = AgentProcess::start(&launch)
            .map_err(|error| format!("cannot start the guard: {error}"))?;
        self.new_run(size);
        self.process = Some(process);
        self.terminal = Some(terminal);
        self.phase = Phase::Running;
        Ok(())
    }

    fn new_run(&mut self, size: podfleet_protocol::Size) {
        let live = &mut self.live;
        live.run = live.run.next();
        live.terminal = Terminal::new(size, SCROLLBACK);
        live.view = ViewStream::new();
        live.clients.begin_run(live.run);
        live.keys.clear();
        live.outgoing.clear();
        live.classification = not_started();
        live.since = Moment::now();
        live.started = Instant::now();
        live.started_at = Moment::now();
        live.last_output = None;
        live.output_at = None;
        if let Some(kickstart) = self.setup.spec.kickstart.clone() {
            let kickstart = self.own_message(kickstart, Typing::default());
            self.first(kickstart);
        }
        self.dirty = true;
    }

    /// Returns the agent's environment: recorded, then the operator's file, then the pod's own.
    fn environment(&self) -> BTreeMap<String, String> {
        let spec = &self.setup.spec;
        let mut env = spec.env.clone();
        if let Some(path) = &spec.env_file
            && let Ok(text) = std::fs::read_to_string(path)
        {
            env.extend(parse_env(&text));
        }
        env.extend(self.setup.pod_env.iter().cloned());
        env
    }

    pub(super) async fn reported(&mut self, report: GuardReport) {
        match report {
            GuardReport::Started(pid) => self.agent_pid = Some(pid),
            GuardReport::Ended(end) => {
                self.drain().await;
                if let Some(process) = self.process.take() {
                    if end == RunEnd::Lost {
                        end_orphans();
                    }
                    process.wait().await;
                }
                self.terminal = None;
                self.ended(end).await;
            }
        }
    }

    /// Takes in what the agent wrote last.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + DRAIN;
        let mut output = BytesMut::with_capacity(READ);
        while let Some(terminal) = &mut self.terminal {
            let reading = terminal.output.read_buf(&mut output);
            match tokio::time::timeout_at(deadline, reading).await {
                Ok(Ok(length)) if length > 0 => self.output(&mut output),
                _ => return,
            }
        }
    }

    /// Draws the conclusions from the end of a run, or from a start that failed.
    async fn ended(&mut self, end: RunEnd) {
        self.agent_pid = None;
        self.live.outgoing.clear();
        let actions = self.live.delivery.agent_ended(&end);
        self.act(actions);
        self.live.clients.end_run(&end);
        tracing::warn!(%end, run = %self.live.run, "the agent ended");
        self.setup.shared.journal.note(Entry::Exit {
            run: self.live.run,
            end: end.clone(),
        });
        self.dirty = true;
        if self.stopping.is_some() {
            self.phase = Phase::Ended(end);
            return;
        }
        let now = Instant::now();
        self.phase = match self.restarts.ended(now, &end) {
            Decision::Leave => Phase::Ended(end),
            Decision::Again { after, ends } => {
                let millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                Phase::BackingOff {
                    last: end,
                    at: now + after,
                    until: podfleet_protocol::UnixMillis(clock::wall().0.saturating_add(millis)),
                    ends,
                }
            }
            Decision::Quarantine { account } => {
                tracing::warn!(account, "the agent is quarantined");
                self.remember_quarantine(&account).await;
                Phase::Quarantined(account)
            }
        };
    }

    async fn remember_quarantine(&self, account: &str) {
        let shared = &self.setup.shared;
        let state = PodState::Quarantined {
            account: account.to_owned(),
        };
        if let Err(error) = shared
            .store
            .set_pod_state(shared.fence, state, clock::wall())
            .await
        {
            tracing::error!(%error, "cannot record the quarantine");
        }
    }

    /// Begins to end agent and pod. The agent is asked as a closed terminal asks, then terminated,
    /// then killed.
    pub(super) fn shut_down(&mut self, reason: &str, answer: Option<oneshot::Sender<()>>) {
        self.shutdown_answers.extend(answer);
        if self.stopping.is_some() {
            return;
        }
        tracing::info!(reason, "shutting down");
        let now = Instant::now();
        self.stopping = Some(Stopping {
            since: now,
            due: now,
        });
    }

    /// Gives the order that is due.
    pub(super) async fn press_stop(&mut self, now: Instant) {
        let Some(stopping) = &mut self.stopping else {
            return;
        };
        let waited = now.saturating_duration_since(stopping.since);
        let (order, next) = if waited >= KILL_AFTER {
            (Order::Kill, KILL_AFTER)
        } else if waited >= TERMINATE_AFTER {
            (Order::Terminate, KILL_AFTER - waited)
        } else {
            (Order::Hangup, TERMINATE_AFTER - waited)
        };
        stopping.due = now + next;
        if let Some(process) = &mut self.process {
            process.order(order).await;
        }
    }

    /// Returns whether the pod has nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        self.stopping.is_some() && self.process.is_none()
    }

    /// Writes the last things, and answers who asked for the end.
    pub(super) async fn farewell(mut self) {
        self.put_back(Hold {
            reason: HoldReason::Stopped,
            detail: String::new(),
        });
        let shared = &self.setup.shared;
        shared.journal.flush().await;
        if !matches!(self.phase, Phase::Quarantined(_)) {
            let stopped =
                shared
                    .store
                    .set_pod_state(shared.fence, PodState::Stopped, clock::wall());
            if let Err(error) = stopped.await {
                tracing::error!(%error, "cannot record the end");
            }
        }
        for answer in self.shutdown_answers.drain(..) {
            let _ = answer.send(());
        }
    }
}

/// Runs the preparation of a start.
async fn prepare(
    argv: &[String],
    env: &BTreeMap<String, String>,
    directory: &Path,
) -> Result<(), String> {
    let (program, arguments) = argv.split_first().ok_or("`prepare` is empty")?;
    let path: PathBuf = find_program(program, env.get("PATH").map(String::as_str), directory)?;
    let output = Program::new(path)
        .args(arguments)
        .env_clear()
        .envs(env)
        .current_dir(directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("prepare: cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().last().unwrap_or_default();
    let last: String = last.chars().take(PREPARE_TAIL).collect();
    Err(format!("prepare: {program}: {}: {last}", output.status))
}

/// Reads `NAME=value` lines; empty lines and those that begin with `#` are skipped.
fn parse_env(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
}

/// Ends what a lost guard left behind, and returns when it is gone: this process adopts the
/// guard's children, so they are among its own, and the next run must not meet them.
fn end_orphans() {
    for process in descendants(std::process::id()) {
        process.signal(rustix::process::Signal::KILL);
        process.reap();
    }
}
