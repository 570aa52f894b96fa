//! A world for one test: its own home, state, runtime directory and tmux server, gone at the end.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use podfleet_sim_agent::{Entry, Journal, Kind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr as _;

/// How long anything that ought to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The command under test.
pub(crate) const FLEET: &str = env!("CARGO_BIN_EXE_fleet-under-test");

/// Directories and environment of one test.
pub(crate) struct World {
    directory: TempDir,
    /// A process in whose network commands run; else in that of the test.
    network: Option<u32>,
    path: OsString,
}

/// What a command printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

impl Ran {
    /// Fails the test unless the command ended with `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Returns the row of an agent in what `ps --json` printed.
    #[track_caller]
    pub(crate) fn row(&self, agent: &str) -> Value {
        let rows = self.json();
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["name"] == agent);
        row.unwrap_or_else(|| panic!("no {agent} in {rows:#}"))
            .clone()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        // A short path: sockets live below it.
        let directory = tempfile::Builder::new()
            .prefix("pf")
            .tempdir_in("/tmp")
            .unwrap();
        let world = Self {
            directory,
            network: None,
            path: std::env::var_os("PATH").unwrap_or_default(),
        };
        for part in ["home", "tmux", "work"] {
            fs::create_dir(world.path(part)).unwrap();
        }
        world
    }

    /// A world with a roster of simulated agents: `(name, faults as JSON)`.
    pub(crate) fn with_agents(agents: &[(&str, &str)]) -> Self {
        let world = Self::new();
        world.write_roster("default", &world.agents(agents));
        world
    }

    /// Lets commands, and so pods, run in the network of a process.
    pub(crate) fn enter_network_of(&mut self, process: u32) {
        self.network = Some(process);
    }

    /// Puts a directory of programs in front of the others.
    pub(crate) fn extend_path(&mut self, directory: &Path) {
        self.path = [directory.as_os_str(), &self.path].join(OsStr::new(":"));
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    pub(crate) fn journal_path(&self, agent: &str) -> PathBuf {
        self.path("work").join(format!("{agent}.journal"))
    }

    /// Writes `roster.yaml` for a fleet of this name with these agents (YAML list items).
    pub(crate) fn write_roster(&self, fleet: &str, agents: &str) -> PathBuf {
        let path = self.path("work").join(format!("{fleet}.yaml"));
        let text = format!(
            "version: 1\ntransport: tmux\nfleet: {fleet}\ntmux:\n  socket_name: {fleet}\ndefaults:\n  working_directory: {}\nagents:\n{agents}",
            self.path("work").display()
        );
        fs::write(&path, text).unwrap();
        path
    }

    /// Returns roster entries of simulated agents.
    pub(crate) fn agents(&self, agents: &[(&str, &str)]) -> String {
        agents
            .iter()
            .map(|(name, faults)| self.entry(name, "sim", faults))
            .collect()
    }

    /// Returns the roster entry of a simulated agent, run by this harness.
    pub(crate) fn entry(&self, name: &str, runtime: &str, faults: &str) -> String {
        let mut faults: Value =
            serde_json::from_str(if faults.is_empty() { "{}" } else { faults }).unwrap();
        faults["journal"] = self.journal_path(name).to_str().unwrap().into();
        let command = match runtime {
            "sim" => String::new(),
            _ => format!("    command: [{FLEET}, sim-agent]\n"),
        };
        // Single quotes: the script has none, and YAML takes the rest as it is.
        format!(
            "  - name: {name}\n    runtime: {runtime}\n{command}    env:\n      FLEET_SIM_FAULTS: '{faults}'\n"
        )
    }

    /// Writes a harness of the user's own: the simulated agent with these faults. All agents that it
    /// runs share one journal.
    pub(crate) fn write_harness(&self, name: &str, faults: &str) {
        let mut faults: Value = serde_json::from_str(faults).unwrap();
        faults["journal"] = text(&self.journal_path(name)).into();
        let shipped = include_str!("../../crates/harness/data/sim.toml");
        let launch = "[launch]\nargv = [\"{fleet}\", \"sim-agent\"]\n";
        let ours = format!("{launch}env = {{ FLEET_SIM_FAULTS = '{faults}' }}\n");
        assert!(shipped.contains(launch));
        let directory = self.path("home/config/harnesses");
        fs::create_dir_all(&directory).unwrap();
        fs::write(
            directory.join(format!("{name}.toml")),
            shipped.replace(launch, &ours),
        )
        .unwrap();
    }

    /// Writes a harness that runs the simulated agent by a script, and returns the script.
    pub(crate) fn write_scripted_harness(&self, name: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        self.write_harness(name, "{}");
        let script = self.path("work").join(format!("{name}.sh"));
        fs::write(&script, format!("#!/bin/sh\nexec {FLEET} sim-agent\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let file = self
            .path("home/config/harnesses")
            .join(format!("{name}.toml"));
        let harness = fs::read_to_string(&file).unwrap();
        let by_itself = "[\"{fleet}\", \"sim-agent\"]";
        let by_script = format!("[\"{}\"]", text(&script));
        fs::write(&file, harness.replace(by_itself, &by_script)).unwrap();
        script
    }

    /// Returns the command with this world's environment and nothing else.
    pub(crate) fn command(&self, fleet: &str, arguments: &[&str]) -> Command {
        let mut command = match self.network {
            None => Command::new(FLEET),
            Some(process) => {
                let mut command = Command::new("nsenter");
                command.args(["--target", &process.to_string(), "--net", FLEET]);
                command
            }
        };
        command
            .args(arguments)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.path("home"))
            .env("USER", "tester")
            .env("LANG", "C.UTF-8")
            .env("FLEET_HOME", self.path("home/config"))
            .env("FLEET_STATE_DIR", self.path("state"))
            .env("FLEET_RUNTIME_DIR", self.path("run"))
            .env(
                "FLEET_ROSTER",
                self.path("work").join(format!("{fleet}.yaml")),
            )
            .env("TMUX_TMPDIR", self.path("tmux"))
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command on the fleet `default`.
    pub(crate) fn fleet(&self, arguments: &[&str]) -> Ran {
        self.fleet_of("default", arguments)
    }

    pub(crate) fn fleet_of(&self, fleet: &str, arguments: &[&str]) -> Ran {
        ran(&self.command(fleet, arguments).output().unwrap())
    }

    pub(crate) fn tmux(&self, fleet: &str, arguments: &[&str]) -> Ran {
        let output = Command::new("tmux")
            .args(["-u", "-L", fleet])
            .args(arguments)
            .env("TMUX_TMPDIR", self.path("tmux"))
            .output()
            .unwrap();
        ran(&output)
    }

    /// Returns the row of an agent in `ps --json`.
    pub(crate) fn row(&self, agent: &str) -> Value {
        self.fleet(&["ps", "--json"]).exits(0).row(agent)
    }

    /// Asks again and again until an agent's row is as wanted.
    #[track_caller]
    pub(crate) fn until_row(&self, agent: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until_value(|| self.row(agent), wanted)
    }

    pub(crate) fn pod_pid(&self, agent: &str) -> u32 {
        pid(&self.row(agent)["pod_pid"])
    }

    pub(crate) fn agent_pid(&self, agent: &str) -> u32 {
        pid(&self.row(agent)["agent_pid"])
    }

    /// Returns what an agent received, by its own record.
    pub(crate) fn journal(&self, agent: &str) -> Vec<Entry> {
        let path = self.journal_path(agent);
        if path.exists() {
            Journal::read(&path).unwrap()
        } else {
            Vec::new()
        }
    }

    /// Returns the texts that an agent recorded as this.
    pub(crate) fn received(&self, agent: &str, kind: Kind) -> Vec<String> {
        let entries = self.journal(agent).into_iter();
        entries
            .filter(|entry| entry.kind == kind)
            .map(|entry| entry.text)
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let rosters = fs::read_dir(self.path("work"))
            .into_iter()
            .flatten()
            .flatten();
        for roster in rosters
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some("yaml".as_ref()))
        {
            let fleet = roster.file_stem().unwrap().to_str().unwrap().to_owned();
            self.end_spawned(&fleet);
            let _ = self.command(&fleet, &["down", "--all"]).output();
            self.tmux(&fleet, &["kill-server"]);
        }
        // What was told to end may take a moment to be gone.
        let deadline = Instant::now() + PATIENCE / 2;
        let mut left = self.processes();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            left = self.processes();
        }
        for process in &left {
            signal(*process, Signal::KILL);
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "left running: {left:?}");
        }
    }
}

impl World {
    /// Ends pods that are in no roster, which `down` leaves alone.
    fn end_spawned(&self, fleet: &str) {
        let Ok(output) = self.command(fleet, &["ps", "--json"]).output() else {
            return;
        };
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let rows = rows.as_array().cloned().unwrap_or_default();
        let spawned = rows
            .iter()
            .filter(|row| row["class"] == "child" || row["class"] == "terminal");
        let names: Vec<_> = spawned.filter_map(|row| row["name"].as_str()).collect();
        if !names.is_empty() {
            let down = [&["down"][..], &names].concat();
            let _ = self.command(fleet, &down).output();
        }
    }

    /// Waits until nothing that was started in this world runs any more.
    #[track_caller]
    pub(crate) fn until_empty(&self) {
        until(|| match self.processes() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{left:?} run")),
        });
    }

    /// Returns the processes that were started in this world and still run.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("FLEET_STATE_DIR={}", self.path("state").display());
        let own = std::process::id();
        processes()
            .filter(|pid| *pid != own && !is_gone(*pid))
            .filter(|pid| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == mark.as_bytes())
            })
            .collect()
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn pid(value: &Value) -> u32 {
    let number = value
        .as_u64()
        .unwrap_or_else(|| panic!("no process id: {value}"));
    u32::try_from(number).unwrap()
}

/// Returns whether a process has ended; a zombie has.
pub(crate) fn is_gone(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let state = stat.rsplit_once(") ").map_or("X", |(_, rest)| rest);
    state.starts_with(['Z', 'X'])
}

/// Returns the parent of a process that runs.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// Returns the processes that a process has started, and theirs.
pub(crate) fn descendants_of(pid: u32) -> Vec<u32> {
    let all: Vec<_> = processes().map(|pid| (pid, parent_of(pid))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(
            all.iter()
                .filter(|(_, of)| *of == Some(parent))
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    found.split_off(1)
}

/// Stops a pod's process in a moment in which it does not write to the store: while it did, nobody else
/// could.
pub(crate) fn stop_between_writes(world: &World, pid: u32) {
    until(|| {
        signal(pid, Signal::STOP);
        until(|| match tasks_that_run(pid) {
            0 => Ok(()),
            running => Err(format!("{running} threads of {pid} run")),
        });
        let store = rusqlite::Connection::open(world.path("state/store.db")).unwrap();
        store.busy_timeout(Duration::ZERO).unwrap();
        store
            .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
            .map_err(|error| {
                signal(pid, Signal::CONT);
                error.to_string()
            })
    });
}

fn tasks_that_run(pid: u32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    let states = stats.filter_map(|stat| Some(stat.rsplit_once(") ")?.1.chars().next()));
    states.filter(|state| *state != Some('T')).count()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, signal);
}

/// Tries until it succeeds; fails the test with the last reason when patience ends.
#[track_caller]
pub(crate) fn until<T>(attempt: impl FnMut() -> Result<T, String>) -> T {
    until_within(PATIENCE, attempt)
}

/// Looks again and again until what is seen is as wanted.
#[track_caller]
pub(crate) fn until_value(look: impl Fn() -> Value, wanted: impl Fn(&Value) -> bool) -> Value {
    until(|| {
        let seen = look();
        if wanted(&seen) {
            Ok(seen)
        } else {
            Err(format!("{seen:#}"))
        }
    })
}

/// As [`until`], with a patience of its own.
#[track_caller]
pub(crate) fn until_within<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(why) if Instant::now() >= deadline => panic!("not within {patience:?}: {why}"),
            // Nothing to wait on: what is asked about lives in other processes.
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Returns whether all lines fit a terminal of 80 columns.
pub(crate) fn fits_80_columns(text: &str) -> bool {
    text.lines().all(|line| line.width() <= 80)
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
