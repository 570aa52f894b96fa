//! A homeserver of a test's own: Synapse on loopback, with SQLite in a directory that goes with it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::world::until_within;

/// The password of everybody.
pub(crate) const PASSWORD: &str = "made up for a test";

/// Loopback alone, no other servers, and no limits on how fast anybody speaks.
const CONFIG: &str = r#"
server_name: localhost
pid_file: DIR/pid
listeners:
  - {port: PORT, bind_addresses: ["127.0.0.1"], tls: false, type: http, resources: [{names: [client, media]}]}
database: {name: sqlite3, args: {database: DIR/db}}
log_config: DIR/log.yaml
media_store_path: DIR/media
signing_key_path: DIR/signing.key
registration_shared_secret: of-a-test
macaroon_secret_key: of-a-test-too
form_secret: of-a-test-as-well
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
url_preview_enabled: false
presence: {enabled: false}
bcrypt_rounds: 4
max_upload_size: 1M
rc_message: {per_second: 10000, burst_count: 10000}
rc_admin_redaction: {per_second: 10000, burst_count: 10000}
rc_login:
  address: {per_second: 10000, burst_count: 10000}
  account: {per_second: 10000, burst_count: 10000}
"#;

const LOG: &str = "\
version: 1
formatters: {plain: {format: '%(levelname)s %(name)s %(message)s'}}
handlers: {file: {class: logging.FileHandler, filename: DIR/log, formatter: plain}}
root: {level: WARNING, handlers: [file]}
disable_existing_loggers: false
";

/// The server. It may be killed and started again at any moment.
pub(crate) struct Homeserver {
    python: PathBuf,
    directory: TempDir,
    process: Option<Child>,
    port: u16,
}

impl Homeserver {
    /// Starts it with these users.
    pub(crate) fn start(python: PathBuf, users: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let own = |text: &str| {
            text.replace("DIR", directory.path().to_str().unwrap())
                .replace("PORT", &port.to_string())
        };
        fs::write(directory.path().join("homeserver.yaml"), own(CONFIG)).unwrap();
        fs::write(directory.path().join("log.yaml"), own(LOG)).unwrap();
        let mut homeserver = Self {
            python,
            directory,
            process: None,
            port,
        };
        let made = homeserver.synapse().arg("--generate-keys").status();
        assert!(made.unwrap().success());
        homeserver.run();
        for user in users {
            homeserver.register(user);
        }
        homeserver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the Python that has matrix-nio.
    pub(crate) fn python(&self) -> Command {
        Command::new(&self.python)
    }

    fn synapse(&self) -> Command {
        let mut synapse = self.python();
        synapse
            .args(["-m", "synapse.app.homeserver", "--config-path"])
            .arg(self.directory.path().join("homeserver.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        synapse
    }

    /// Starts it, and returns when it answers.
    pub(crate) fn run(&mut self) {
        self.process = Some(self.synapse().spawn().unwrap());
        until_within(Duration::from_secs(120), || {
            let connected = TcpStream::connect(("127.0.0.1", self.port));
            connected.map(drop).map_err(|error| {
                let log = fs::read_to_string(self.directory.path().join("log"));
                format!("{error}: {}", log.unwrap_or_default())
            })
        });
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Adds a user.
    pub(crate) fn register(&self, user: &str) {
        let tool = self.python.with_file_name("register_new_matrix_user");
        let registered = Command::new(tool)
            .args(["-u", user, "-p", PASSWORD, "--no-admin", "-c"])
            .arg(self.directory.path().join("homeserver.yaml"))
            .arg(self.url())
            .stdout(Stdio::null())
            .status();
        assert!(registered.unwrap().success());
    }
}

/// Returns a port of loopback that nobody listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        self.kill();
    }
}
