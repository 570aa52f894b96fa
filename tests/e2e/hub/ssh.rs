//! An endpoint over ssh: a real sshd on loopback, keys and configuration of the test's own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use podfleet_tests::require;
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, is_gone, signal, until};

/// An sshd of this test, whose commands run as if on the other machine.
struct Sshd {
    child: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{program}: {ran:?}");
}

/// Starts sshd for `far`, and writes an `ssh` into `near` that knows it as the host `far`.
fn sshd(sshd: &Path, near: &World, far: &World) -> Sshd {
    let directory = near.path("ssh");
    fs::create_dir_all(&directory).unwrap();
    fs::create_dir_all(far.path("bin")).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_fleet-under-test"),
        far.path("bin/fleet"),
    )
    .unwrap();
    let file = |name: &str| directory.join(name);
    for key in ["host", "id"] {
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", text(&file(key))],
        );
    }
    let public = |key: &str| fs::read_to_string(file(&format!("{key}.pub"))).unwrap();
    let environment: String = [
        ("HOME", far.path("home")),
        ("FLEET_HOME", far.path("home/config")),
        ("FLEET_STATE_DIR", far.path("state")),
        ("FLEET_RUNTIME_DIR", far.path("run")),
        ("FLEET_ROSTER", far.path("work/default.yaml")),
        ("TMUX_TMPDIR", far.path("tmux")),
        (
            "PATH",
            PathBuf::from(format!("{}:/usr/bin:/bin", far.path("bin").display())),
        ),
    ]
    .iter()
    .map(|(name, value)| format!(" {name}={}", value.display()))
    .collect();
    let forced = format!(
        "command=\"export{environment}; sh -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {}",
        public("id")
    );
    fs::write(file("authorized"), forced).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n",
        file("host").display(),
        file("authorized").display()
    );
    fs::write(file("sshd_config"), server).unwrap();
    let host_key: Vec<_> = public("host")
        .split(' ')
        .take(2)
        .map(str::to_owned)
        .collect();
    fs::write(
        file("known"),
        format!("[127.0.0.1]:{port} {}\n", host_key.join(" ")),
    )
    .unwrap();
    let client = format!(
        "Host far\nHostName 127.0.0.1\nPort {port}\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n",
        file("id").display(),
        file("known").display()
    );
    fs::write(file("config"), client).unwrap();
    let wrapper = near.path("ssh/ssh");
    fs::write(
        &wrapper,
        format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
            file("config").display()
        ),
    )
    .unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    // Only root's sshd wants it, and only root can make it.
    let _ = fs::create_dir("/run/sshd");
    let child = Command::new(sshd)
        .args(["-D", "-e", "-f", text(&file("sshd_config"))])
        .stdin(Stdio::null())
        .stderr(fs::File::create(file("log")).unwrap())
        .spawn()
        .unwrap();
    until(|| std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string()));
    Sshd { child }
}

/// Runs a command at home, whose `ssh` is the test's.
fn at_home(home: &World, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap();
    let mut command = home.command("default", arguments);
    command.env("PATH", format!("{}:{path}", home.path("ssh").display()));
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn state(home: &World) -> String {
    let view = json(&at_home(home, &["endpoint", "status", "far", "--json"]));
    view["status"]["state"].as_str().unwrap().to_owned()
}

#[track_caller]
fn until_state(home: &World, wanted: &str) {
    until(|| match state(home) {
        found if found == wanted => Ok(()),
        found => Err(found),
    });
}

/// A hub that is ended when the test is done with it.
struct Hub(u32);

impl Hub {
    fn of(world: &World) -> Self {
        let status = world.fleet(&["hub", "status", "--json"]).json();
        Self(u32::try_from(status["pid"].as_u64().unwrap()).unwrap())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        signal(self.0, Signal::TERM);
        until(|| {
            if is_gone(self.0) {
                Ok(())
            } else {
                Err("the hub runs".into())
            }
        });
    }
}

#[test]
fn a_machine_is_reached_by_ssh_and_its_hub_is_started_there() {
    let Some(program) = require::sshd() else {
        return;
    };
    let (home, far) = (
        World::with_agents(&[("lead", "")]),
        World::with_agents(&[("coder", "")]),
    );
    let _sshd = sshd(&program, &home, &far);
    let started = at_home(&home, &["hub", "run", "--background", "--json"]);
    assert!(started.status.success(), "{started:?}");
    let _home_hub = Hub::of(&home);
    let added = at_home(&home, &["endpoint", "add", "far", "--ssh", "far"]);
    assert!(
        String::from_utf8_lossy(&added.stdout).contains("connected"),
        "{added:?}"
    );
    let far_hub = Hub::of(&far);
    let root = far.path("work");
    let mounted = at_home(
        &home,
        &[
            "mount",
            "add",
            "--name",
            "m",
            "--endpoint",
            "far",
            text(&root),
        ],
    );
    // It serves the home directory of that user and nothing else.
    assert!(!mounted.status.success(), "{mounted:?}");
    let root = far.path("home");
    let mounted = at_home(
        &home,
        &[
            "mount",
            "add",
            "--name",
            "m",
            "--endpoint",
            "far",
            text(&root),
        ],
    );
    assert!(mounted.status.success(), "{mounted:?}");
    fs::write(far.path("home/file"), "over ssh").unwrap();
    assert_eq!(at_home(&home, &["fs", "cat", "m:file"]).stdout, b"over ssh");

    // A hub that is gone is started again, on a way that is made anew.
    let before = far_hub.0;
    drop(far_hub);
    let far_hub = until(|| {
        let status = far.fleet(&["hub", "status", "--json"]);
        if status.code == 0 {
            Ok(Hub::of(&far))
        } else {
            Err(status.to_string())
        }
    });
    assert_ne!(far_hub.0, before);
    until_state(&home, "connected");

    fs::rename(far.path("bin/fleet"), far.path("bin/elsewhere")).unwrap();
    drop(far_hub);
    until_state(&home, "not_installed");
    fs::rename(far.path("bin/elsewhere"), far.path("bin/fleet")).unwrap();
    let again = at_home(&home, &["endpoint", "status", "far", "--retry"]);
    assert!(again.status.success(), "{again:?}");
    drop(Hub::of(&far));
    at_home(&home, &["endpoint", "remove", "far", "--cascade"]);
    // One that was being started meanwhile.
    if far.fleet(&["hub", "status"]).code == 0 {
        drop(Hub::of(&far));
    }
}
