//! A host for one test: an ordinary user of its own with a real service manager.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use podfleet_tests::require;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::another_build;
use crate::world::{Ran, is_gone, ran, signal, until, until_value};

/// Starts the manager; what it does is said there.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/user-systemd.sh");

/// A user with a home, a runtime directory and a service manager.
pub(crate) struct Host {
    directory: TempDir,
    /// No listed user, and another in each test's process.
    uid: u32,
    manager: Option<Child>,
}

impl Host {
    /// Starts the manager of a new user; nothing where that cannot be done.
    pub(crate) fn start() -> Option<Self> {
        require::user_systemd()?;
        let directory = tempfile::Builder::new()
            .prefix("pfs")
            .tempdir_in("/tmp")
            .unwrap();
        let mut host = Self {
            directory,
            uid: 100_000 + std::process::id(),
            manager: None,
        };
        for part in ["", "work", "tmux", ".config", ".config/systemd", "run"] {
            let path = host.path(part);
            fs::create_dir_all(&path).unwrap();
            host.own(&path);
        }
        // The user may not enter where the tests were built.
        fs::copy(env!("CARGO_BIN_EXE_fleet-under-test"), host.exe()).unwrap();
        host.boot();
        Some(host)
    }

    /// Starts the manager, with all that is enabled.
    pub(crate) fn boot(&mut self) {
        let manager = Command::new(SCRIPT)
            .arg(self.uid.to_string())
            .arg(self.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.manager = Some(manager);
        until(|| {
            // `is-system-running` looks whether the whole machine was booted by systemd.
            let running = self.systemctl(&["show", "--property", "SystemState", "--value"]);
            match running.stdout.trim() {
                "running" | "degraded" => Ok(()),
                _ => Err(running.to_string()),
            }
        });
    }

    /// Ends the manager and all that it keeps, and what a restart of the machine would take.
    pub(crate) fn shut_down(&mut self) {
        self.systemctl(&["exit"]);
        if let Some(mut manager) = self.manager.take() {
            until(|| match manager.try_wait().unwrap() {
                Some(_) => Ok(()),
                None => Err("the service manager runs".to_owned()),
            });
        }
        let run = self.path("run");
        fs::remove_dir_all(&run).unwrap();
        fs::create_dir(&run).unwrap();
        self.own(&run);
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.uid), Some(self.uid)).unwrap();
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    /// The program as its user has it.
    pub(crate) fn exe(&self) -> PathBuf {
        self.path("fleet")
    }

    /// Where the user's units are.
    pub(crate) fn units(&self) -> PathBuf {
        self.path(".config/systemd/user")
    }

    /// Puts a program in the place of ours that differs in nothing but its build.
    pub(crate) fn replace_program_by_another_build(&self) {
        let version = self.fleet(&["version", "--json"]).exits(0).json();
        another_build::write(&self.exe(), version["build"].as_str().unwrap(), &self.exe());
    }

    /// Writes a file as the user.
    pub(crate) fn write(&self, part: &str, text: &str) {
        let path = self.path(part);
        let directory = path.parent().unwrap();
        if !directory.exists() {
            fs::create_dir_all(directory).unwrap();
            for owned in directory
                .ancestors()
                .take_while(|at| *at != self.directory.path())
            {
                self.own(owned);
            }
        }
        fs::write(&path, text).unwrap();
        self.own(&path);
    }

    /// Writes the roster with these agents (YAML list items).
    pub(crate) fn write_roster(&self, agents: &str) {
        let work = self.path("work").display().to_string();
        self.write(
            "work/roster.yaml",
            &format!(
                "version: 1\ntransport: tmux\nfleet: web.v2\ntmux:\n  socket_name: web\ndefaults:\n  working_directory: {work}\nagents:\n{agents}"
            ),
        );
    }

    pub(crate) fn change_roster(&self, from: &str, to: &str) {
        let path = self.path("work/roster.yaml");
        let roster = fs::read_to_string(&path).unwrap();
        self.write("work/roster.yaml", &roster.replace(from, to));
    }

    /// A program of the user, with the user's environment.
    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let uid = self.uid;
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={uid}"), format!("--regid={uid}")])
            .args(["--clear-groups", "--"])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path(""))
            .env("USER", "tester")
            .env("LOGNAME", "tester")
            .env("LANG", "C.UTF-8")
            .env("SHELL", "/bin/bash")
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TMUX_TMPDIR", self.path("tmux"))
            .env("FLEET_ROSTER", self.path("work/roster.yaml"))
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn fleet(&self, arguments: &[&str]) -> Ran {
        ran(&self.command(&self.exe(), arguments).output().unwrap())
    }

    /// Runs a command of ours as the agent of a pod would.
    pub(crate) fn fleet_in(&self, agent: &str, arguments: &[&str]) -> Ran {
        let pid = self.row(agent)["agent_pid"].as_u64().unwrap();
        let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        let variables = environment
            .split('\0')
            .filter_map(|line| line.split_once('='));
        let mut command = self.command(&self.exe(), arguments);
        ran(&command.env_clear().envs(variables).output().unwrap())
    }

    pub(crate) fn systemctl(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(Path::new("systemctl"), &["--user", "--no-pager"]);
        ran(&command.args(arguments).output().unwrap())
    }

    pub(crate) fn tmux(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(Path::new("tmux"), &["-u", "-L", "web"]);
        ran(&command.args(arguments).output().unwrap())
    }

    /// Returns a property of a unit.
    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        let shown = self.systemctl(&["show", "--property", name, "--value", unit]);
        shown.exits(0).stdout.trim().to_owned()
    }

    pub(crate) fn main_pid(&self, unit: &str) -> u32 {
        self.property(unit, "MainPID").parse().unwrap()
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

    /// The processes of the user.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let uid = self.uid.to_string();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let status = fs::read_to_string(format!("/proc/{pid}/status"));
                let status = status.unwrap_or_default();
                let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
                line.and_then(|line| line.split_whitespace().next()) == Some(&uid)
            })
            .filter(|pid| !is_gone(*pid))
            .collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What no unit holds ends by this.
        self.fleet(&["down", "--all"]);
        self.tmux(&["kill-server"]);
        self.systemctl(&["exit"]);
        let panicking = std::thread::panicking();
        if !panicking {
            until(|| match self.processes() {
                left if left.is_empty() => Ok(()),
                left => Err(format!("{left:?} run")),
            });
        }
        for process in self.processes() {
            signal(process, Signal::KILL);
        }
        if let Some(manager) = &mut self.manager {
            let _ = manager.wait();
        }
        for hierarchy in ["", "systemd", "unified"] {
            let path = format!("/sys/fs/cgroup/{hierarchy}/podfleet-test-{}", self.uid);
            remove_cgroup(Path::new(&path));
        }
    }
}

/// A cgroup is removed from its leaves on.
fn remove_cgroup(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}
