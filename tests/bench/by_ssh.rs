//! The same flood by `ssh -tt` through a server of our own on loopback: what a terminal of another
//! machine costs without us.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::timeout;

use crate::bare::Bare;
use crate::flood;

/// A server whose key and whose only user's key are of this measurement.
struct Server {
    process: Child,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts it; nothing where there is none.
    fn start() -> Option<Self> {
        let program = podfleet_tests::require::sshd()?;
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name).display().to_string();
        for key in ["host", "id"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &file(key)])
                .status()
                .unwrap();
            assert!(made.success());
        }
        fs::copy(file("id.pub"), file("authorized")).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(file("authorized"), private).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n",
            file("host"),
            file("authorized")
        );
        fs::write(file("sshd_config"), server).unwrap();
        let client = format!(
            "Host far\nHostName 127.0.0.1\nPort {port}\nIdentityFile {}\nIdentitiesOnly yes\n\
             UserKnownHostsFile {}\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n",
            file("id"),
            file("known")
        );
        fs::write(file("config"), client).unwrap();
        // Only root's server wants it, and only root can make it.
        let _ = fs::create_dir("/run/sshd");
        let process = Command::new(program)
            .args(["-D", "-e", "-f", &file("sshd_config")])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "sshd does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { process, directory })
    }

    fn config(&self) -> &Path {
        self.directory.path()
    }
}

/// Returns how long each of some floods takes; none where there is no server.
pub(crate) async fn floods(rounds: usize) -> Vec<Duration> {
    let Some(server) = Server::start() else {
        return Vec::new();
    };
    let config = server.config().join("config");
    let program = format!("exec sh -c '{}'", flood::program().replace('\'', "'\\''"));
    let argv = [
        "ssh",
        "-tt",
        "-F",
        config.to_str().unwrap(),
        "far",
        &program,
    ];
    let mut bare = Bare::start(&argv);
    let ready = timeout(Duration::from_secs(20), bare.until(b"ready")).await;
    ready.expect("ssh opens no terminal");
    let mut took = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        bare.write(b"\n").await;
        let mut last = Vec::new();
        while !flood::ends(&mut last, &bare.take().await) {}
        took.push(start.elapsed());
    }
    took
}
