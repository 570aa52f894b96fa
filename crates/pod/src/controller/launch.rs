//! The start of a run: preparation, the launch into the session log, then the agent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use podfleet_pod_store::CrashPoint;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::{Run, RunEnd};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command as Program;

use super::agent::Phase;
use super::prompt::Prompt;
use super::{Controller, SCROLLBACK, not_started};
use crate::agent_process::{AgentProcess, Launch, find_program};
use crate::clock::Moment;
use crate::command::Command;
use crate::inspect::spec_of;
use crate::terminal::Terminal;

/// How long a preparation may take.
const PREPARE_LIMIT: Duration = Duration::from_secs(600);
/// How long the record of the pod may take to be read: the agent's terminal waits meanwhile.
const RECORD: Duration = Duration::from_millis(500);
/// How much of what a failed preparation printed is kept, in characters.
const PREPARE_TAIL: usize = 200;

impl Controller {
    /// Begins a run: prepares, has the launch logged, then starts the agent.
    pub(super) async fn begin(&mut self) {
        if let Some(account) = self.setup.quarantined.take() {
            self.remember_quarantine(&account).await;
            self.phase = Phase::Quarantined(account);
            return;
        }
        self.phase = Phase::Idle;
        let spec = &self.setup.spec;
        let shared = Arc::clone(&self.setup.shared);
        if let Some(fault) = spec.read_env_file().fault {
            shared.tell(Command::Prepared(Err(fault.to_string())));
            return;
        }
        if spec.prepare.is_empty() {
            shared.tell(Command::Prepared(Ok(())));
            return;
        }
        let (argv, env) = (spec.prepare.clone(), self.environment());
        let directory = spec.working_directory.clone();
        tokio::spawn(async move {
            let prepared = prepare(&argv, &env, &directory, PREPARE_LIMIT).await;
            shared.tell(Command::Prepared(prepared));
        });
    }

    /// Takes up what was recorded of this pod since its start and needs no restart: it counts from the
    /// moment when it is next asked for.
    pub(super) async fn take_up_changes(&mut self) {
        let shared = &self.setup.shared;
        let read = shared.store.pod(shared.fence.pod);
        let recorded = match tokio::time::timeout(RECORD, read).await {
            Ok(Ok(record)) => record.as_ref().and_then(spec_of),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot read what is recorded of this pod");
                None
            }
            Err(_) => {
                tracing::warn!("what is recorded of this pod takes too long to read");
                None
            }
        };
        if let Some(recorded) = recorded {
            self.setup.spec.take_up(recorded);
            self.restarts.follow(self.setup.spec.restart);
        }
    }

    pub(super) async fn prepared(&mut self, result: Result<(), String>) {
        if self.stopping.is_some() {
            return;
        }
        let launch = result.and_then(|()| self.launch());
        match launch {
            Ok(launch) => self.log_launch(launch),
            Err(why) => self.ended(RunEnd::NotStarted(why)).await,
        }
    }

    fn launch(&mut self) -> Result<Launch, String> {
        let env = self.environment();
        let spec = &self.setup.spec;
        let directory = &spec.working_directory;
        if !directory.is_dir() {
            return Err(format!(
                "the working directory {} is no directory",
                directory.display()
            ));
        }
        let (argv, talk) = self.command_line();
        let (program, arguments) = argv.split_first().ok_or("no command is given")?;
        let program = find_program(program, env.get("PATH").map(String::as_str), directory)?;
        let mut argv = vec![program.to_string_lossy().into_owned()];
        argv.extend_from_slice(arguments);
        let launch = Launch {
            exe: self.setup.exe.clone(),
            argv,
            env,
            directory: directory.clone(),
        };
        self.talk = talk;
        Ok(launch)
    }

    /// Sends what the agent will be told to the log; nothing of it reaches the agent before.
    fn log_launch(&mut self, launch: Launch) {
        self.setup.shared.journal.launch(Entry::Launch {
            run: self.live.run.next(),
            argv: launch.argv.clone(),
            env_names: launch.env.keys().cloned().collect(),
            told: self.setup.spec.told.clone(),
        });
        self.phase = Phase::Launching(Box::new(launch));
    }

    /// Takes notice of what became of a launch on its way to the log.
    pub(super) async fn launch_committed(&mut self, result: Result<(), String>) {
        if self.stopping.is_some() {
            return;
        }
        let Phase::Launching(launch) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return;
        };
        if let Err(error) = result {
            return self.put_off(&error);
        }
        self.restarts.launched();
        let run = self.live.run.next();
        self.new_run(run);
        CrashPoint::LaunchStarting.reach();
        match AgentProcess::start(&launch, self.live.terminal.size()) {
            Ok((process, terminal)) => {
                CrashPoint::LaunchStarted.reach();
                self.process = Some(process);
                self.terminal = Some(terminal);
                self.phase = Phase::Running;
            }
            Err(error) => {
                let why = format!("cannot start the guard: {error}");
                self.ended(RunEnd::NotStarted(why)).await;
            }
        }
    }

    /// Puts a start off that the log could not take. Nothing ended, so it is no exit of the agent,
    /// neither for the log nor for the restart policy.
    fn put_off(&mut self, error: &str) {
        tracing::error!(
            error,
            "cannot commit the launch to the log, so it is put off"
        );
        let why = format!("its launch cannot be logged: {error}");
        let after = self.restarts.put_off();
        let (now, ends) = (Instant::now(), self.restarts.ends());
        self.phase = Phase::backing_off(RunEnd::NotStarted(why), now, after, ends);
        self.dirty = true;
    }

    /// Says in the log that a launch which may be there already was not followed by a start.
    pub(super) fn abandon_launch(&self) {
        if matches!(self.phase, Phase::Launching(_)) {
            self.setup.shared.journal.note(Entry::Exit {
                run: self.live.run.next(),
                end: RunEnd::NotStarted("the pod was ended before".into()),
            });
        }
    }

    fn new_run(&mut self, run: Run) {
        self.settle_typing(None);
        let live = &mut self.live;
        live.run = run;
        live.terminal = Terminal::new(live.terminal.size(), SCROLLBACK);
        live.clients.begin_run(run);
        live.keys.clear();
        live.prompt = Prompt::default();
        live.outgoing.clear();
        live.classification = not_started();
        live.since = Moment::now();
        live.started = Instant::now();
        live.started_at = Moment::now();
        live.last_output = None;
        live.last_input = None;
        live.output_at = None;
        self.chronicle.begin_run();
        self.follow_transcripts();
        self.greet();
        self.dirty = true;
    }

    /// Returns the agent's environment: recorded, then the operator's file, then the pod's own. What
    /// the harness adds for the pod's files yields to what the operator has set.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let mut env = self.setup.spec.environment();
        let bodies = self.setup.bodies.to_string_lossy();
        for (name, value) in self.setup.harness.launch().bodies.env(&bodies) {
            env.entry(name).or_insert(value);
        }
        env.extend(self.setup.pod_env.iter().cloned());
        env
    }
}

/// Runs the preparation of a start; what outlasts the limit is ended, with its process group.
async fn prepare(
    argv: &[String],
    env: &BTreeMap<String, String>,
    directory: &Path,
    limit: Duration,
) -> Result<(), String> {
    let (program, arguments) = argv.split_first().ok_or("`prepare` is empty")?;
    let path = find_program(program, env.get("PATH").map(String::as_str), directory)?;
    let cannot_run = |error| format!("prepare: cannot run {program}: {error}");
    let child = Program::new(path)
        .args(arguments)
        .env_clear()
        .envs(env)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot_run)?;
    let group = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let Ok(output) = tokio::time::timeout(limit, child.wait_with_output()).await else {
        if let Some(group) = group {
            // A group that ended meanwhile needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
        return Err(format!(
            "prepare: {program}: not done in {} s",
            limit.as_secs()
        ));
    };
    let output = output.map_err(cannot_run)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().last().unwrap_or_default();
    let last: String = last.chars().take(PREPARE_TAIL).collect();
    Err(format!("prepare: {program}: {}: {last}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_preparation_that_does_not_end_is_ended_with_what_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let script = "sleep 1000 & echo $! > pid; wait";
        let argv = ["sh", "-c", script].map(str::to_owned);
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let limit = Duration::from_secs(1);
        let error = prepare(&argv, &env, directory.path(), limit).await;
        assert_eq!(error, Err("prepare: sh: not done in 1 s".to_owned()));
        let pid = std::fs::read_to_string(directory.path().join("pid")).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    }
}
