//! Another machine: an sshd on loopback, behind which is a world of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use podfleet_tests::require;

use crate::world::{FLEET, Ran, World, ran, text, until};

/// A world that is reached from another one by `ssh oak`, and by nothing else.
pub(crate) struct FarHost {
    pub(crate) world: World,
    sshd: Child,
}

impl FarHost {
    /// Starts a machine that `near` reaches. Whether it has `fleet` in its PATH is `with_fleet`.
    pub(crate) fn reached_from(near: &World, with_fleet: bool) -> Option<Self> {
        let program = require::sshd()?;
        let ssh = require::program("ssh", "apt install openssh-client")?;
        let world = World::new();
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for directory in ["ssh", "bin"] {
            fs::create_dir(world.path(directory)).unwrap();
        }
        if with_fleet {
            symlink(FLEET, world.path("bin/fleet")).unwrap();
        }
        for name in ["host_key", "id"] {
            let key = world.path("ssh").join(name);
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", text(&key)]);
            assert!(keygen.status().unwrap().success());
        }
        let (sshd, port) = until(|| start(&program, &world));
        let far = Self { world, sshd };
        far.tell(near, &ssh, port);
        // The command by its own name, as agents call it.
        let fleet = near.path("bin/fleet");
        if !fleet.exists() {
            symlink(FLEET, fleet).unwrap();
        }
        Some(far)
    }

    /// Makes `ssh oak` mean this machine in the other world.
    fn tell(&self, near: &World, ssh: &Path, port: u16) {
        let path = |name: &str| self.world.path("ssh").join(name);
        let key = fs::read_to_string(path("host_key.pub")).unwrap();
        let known = format!("[127.0.0.1]:{port} {key}");
        fs::write(path("known_hosts"), known).unwrap();
        let config = format!(
            "Host oak\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n",
            path("id").display(),
            path("known_hosts").display(),
        );
        fs::write(path("config"), config).unwrap();
        let bin = near.path("bin");
        fs::create_dir_all(&bin).unwrap();
        let script = bin.join("ssh");
        let line = format!(
            "exec {} -F {} \"$@\"",
            ssh.display(),
            path("config").display()
        );
        fs::write(&script, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Adds to what `ssh oak` is configured with.
    pub(crate) fn configure(&self, more: &str) {
        let path = self.world.path("ssh/config");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{config}  {more}\n")).unwrap();
    }

    /// Ends the connections that there are, as a network that goes away does.
    pub(crate) fn cut_connections(&self) {
        for pid in crate::world::descendants_of(self.sshd.id()) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if name.starts_with("sshd") {
                crate::world::signal(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Ends the machine's sshd and every connection to it.
    pub(crate) fn cut_off(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }

    /// Runs tmux there, on a socket of its own.
    pub(crate) fn tmux(&self, arguments: &[&str]) -> Ran {
        self.world.tmux("default", arguments)
    }
}

impl Drop for FarHost {
    fn drop(&mut self) {
        self.cut_off();
        self.tmux(&["kill-server"]);
    }
}

/// Starts an sshd on a free port; another process may take it in between.
fn start(program: &Path, world: &World) -> Result<(Child, u16), String> {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let path = |name: &str| world.path("ssh").join(name);
    let inherited = std::env::var("PATH").unwrap_or_default();
    // A machine with a PATH of its own: that of a login, and what it has of ours.
    let set = [
        (
            "PATH",
            format!("{}:{inherited}", world.path("bin").display()),
        ),
        ("HOME", path_text(world.path("home"))),
        ("FLEET_HOME", path_text(world.path("home/config"))),
        ("FLEET_STATE_DIR", path_text(world.path("state"))),
        ("FLEET_RUNTIME_DIR", path_text(world.path("run"))),
        ("FLEET_ROSTER", path_text(world.path("work/default.yaml"))),
        ("TMUX_TMPDIR", path_text(world.path("tmux"))),
        ("USER", "tester".into()),
    ];
    let set: Vec<_> = set
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nMaxSessions 100\nMaxStartups 100:30:200\n\
         LogLevel ERROR\nSetEnv {}\n",
        path("host_key").display(),
        path("id.pub").display(),
        set.join(" "),
    );
    let file = path("sshd_config");
    fs::write(&file, config).unwrap();
    let log = fs::File::create(path("log")).unwrap();
    let mut sshd = Command::new(program)
        .args(["-D", "-e", "-f", text(&file)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    until(|| {
        if let Some(status) = sshd.try_wait().unwrap() {
            return Ok(Err(format!(
                "{status}: {}",
                fs::read_to_string(path("log")).unwrap()
            )));
        }
        match std::net::TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => Ok(Ok(())),
            Err(error) => Err(error.to_string()),
        }
    })?;
    Ok((sshd, port))
}

fn path_text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

impl World {
    /// Runs a command of this world's fleet with `ssh oak` and `fleet` in the PATH.
    pub(crate) fn fleet_by_ssh(&self, arguments: &[&str]) -> Ran {
        ran(&self.command_by_ssh(arguments).output().unwrap())
    }

    pub(crate) fn command_by_ssh(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("default", arguments);
        let inherited = std::env::var("PATH").unwrap_or_default();
        command.env(
            "PATH",
            format!("{}:{inherited}", self.path("bin").display()),
        );
        command
    }
}
