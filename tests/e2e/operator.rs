//! Who runs a fleet with a chat, and knows where the token of its connector is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::world::{Ran, World, ran, text};

/// A fleet whose orchestrator, `lead`, speaks with people elsewhere.
pub(crate) struct Operator {
    pub(crate) world: World,
    pub(crate) token: Token,
    /// How much the fleet's processes log; `trace` is all that they and their libraries have to say.
    pub(crate) log: &'static str,
}

/// The secret of a connector.
pub(crate) struct Token {
    /// The variable that would hold it; it is in a file.
    pub(crate) variable: &'static str,
    pub(crate) secret: String,
}

impl Operator {
    /// Makes the roster, with this block of a connector, but starts nothing.
    pub(crate) fn new(connector: &str, token: Token) -> Self {
        let world = World::new();
        let lead = world.entry("lead", "sim", r#"{"turn_ms": 30}"#);
        let lead = lead.replace("runtime: sim\n", "runtime: sim\n    class: orchestrator\n");
        let lasting = "    restart: {policy: always, max_restarts: 1000, window: 1s}\n";
        world.write_roster("default", &format!("{lead}{lasting}{connector}"));
        let operator = Self {
            world,
            token,
            log: "info",
        };
        let file = operator.token_file();
        fs::write(&file, format!("{}\n", operator.token.secret)).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        operator
    }

    /// Returns the only file that has the token.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.world.path("home/token")
    }

    /// Returns a command of a person who has the token in its file.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command("default", arguments);
        let file = format!("{}_FILE", self.token.variable);
        command.env(file, self.token_file());
        command.env("FLEET_LOG", self.log);
        command
    }

    /// Runs a command.
    #[track_caller]
    pub(crate) fn fleet(&self, arguments: &[&str]) -> Ran {
        let ran = ran(&self.command(arguments).output().unwrap());
        let shown = ran.to_string().contains(&self.token.secret);
        assert!(!shown, "the token is shown by {arguments:?}");
        ran
    }

    /// Says something to the human.
    #[track_caller]
    pub(crate) fn say(&self, arguments: &[&str]) {
        let all = [&["say", "--timeout", "0"], arguments].concat();
        self.fleet(&all).exits(0);
    }

    /// Returns what the bridge says of itself.
    pub(crate) fn bridge(&self) -> Value {
        self.fleet(&["bridge", "status", "--json"]).json()
    }

    /// Returns the process of the bridge, if it runs.
    pub(crate) fn bridge_pid(&self) -> Option<u32> {
        let bridge = self.bridge();
        let pid = bridge["status"]["pid"].as_u64();
        let pid = pid.filter(|_| bridge["runs"] == true)?;
        u32::try_from(pid).ok()
    }

    /// Fails if the token is anywhere but in its file: in whatever the fleet wrote, on a screen, or in
    /// the arguments or variables of a process.
    #[track_caller]
    pub(crate) fn hides_its_token(&self) {
        let (root, secret) = (self.world.path("."), self.token.secret.as_str());
        let found = Command::new("grep")
            .args([
                "--recursive",
                "--text",
                "--files-with-matches",
                "--fixed-strings",
            ])
            .args(["--devices=skip", secret, text(&root)])
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        let found: Vec<_> = found.lines().collect();
        assert_eq!(found, [text(&root.join("home/token"))], "and nowhere else");
        let screen = ["capture-pane", "-p", "-S", "-", "-t", "=lead:"];
        let screen = self.world.tmux("default", &screen).stdout;
        assert!(!screen.contains(secret));
        let processes = self.world.processes();
        assert!(!processes.is_empty());
        for process in processes {
            for part in ["cmdline", "environ"] {
                let bytes = fs::read(format!("/proc/{process}/{part}")).unwrap_or_default();
                let bytes = String::from_utf8_lossy(&bytes).into_owned();
                assert!(!bytes.contains(secret), "{part} of {process}");
            }
        }
    }
}
