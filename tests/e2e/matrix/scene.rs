//! A fleet, a room, and who is in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use podfleet_tests::require;
use serde_json::{Value, json};

use super::homeserver::Homeserver;
use super::human::{Human, full};
use crate::world::{Ran, World, ran, text};

/// A fleet whose orchestrator, `lead`, speaks with Ada in a room.
pub(crate) struct Chat {
    // In the order in which they end.
    pub(crate) operator: Operator,
    pub(crate) ada: Human,
    pub(crate) homeserver: Homeserver,
    pub(crate) room: String,
}

/// Who runs the fleet, and knows where the token is.
pub(crate) struct Operator {
    pub(crate) world: World,
    pub(crate) token: String,
}

impl Chat {
    /// Makes all of it but does not start the fleet; nothing where Synapse is missing.
    pub(crate) fn new() -> Option<Self> {
        let homeserver = Homeserver::start(require::synapse()?, &["ada", "fleet"]);
        let mut ada = Human::log_in(&homeserver, "ada");
        let room = ada.make_room(&["fleet"]);
        let token = ada.token_of("fleet");
        let operator = Operator::new(&homeserver, &room, token);
        Some(Self {
            operator,
            ada,
            homeserver,
            room,
        })
    }

    /// Lets another person into the room.
    pub(crate) fn join(&mut self, user: &str) -> Human {
        self.homeserver.register(user);
        self.ada.order(&json!({"do": "invite", "user": full(user)}));
        let mut joined = Human::log_in(&self.homeserver, user);
        joined.order(&json!({"do": "enter", "room": self.room}));
        joined
    }
}

impl Operator {
    fn new(homeserver: &Homeserver, room: &str, token: String) -> Self {
        let world = World::new();
        let lead = world.entry("lead", "sim", r#"{"turn_ms": 30}"#);
        let lead = lead.replace("runtime: sim\n", "runtime: sim\n    class: orchestrator\n");
        let lasting = "    restart: {policy: always, max_restarts: 1000, window: 1s}\n";
        let connector = format!(
            "connector:\n  kind: matrix\n  matrix:\n    homeserver_url: {}\n    user_id: '{}'\n    \
             room_id: '{room}'\n  operators: ['{}']\n",
            homeserver.url(),
            full("fleet"),
            full("ada"),
        );
        world.write_roster("default", &format!("{lead}{lasting}{connector}"));
        let operator = Self { world, token };
        let file = operator.token_file();
        fs::write(&file, format!("{}\n", operator.token)).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        operator
    }

    fn token_file(&self) -> PathBuf {
        self.world.path("home/token")
    }

    /// Runs a command.
    #[track_caller]
    pub(crate) fn fleet(&self, arguments: &[&str]) -> Ran {
        let mut command = self.world.command("default", arguments);
        command.env("MATRIX_ACCESS_TOKEN_FILE", self.token_file());
        let ran = ran(&command.output().unwrap());
        assert!(!ran.to_string().contains(&self.token), "the token is shown");
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

    /// Fails if the token is anywhere but in its file: in whatever the fleet wrote, on a screen, or in
    /// the arguments or variables of a process.
    #[track_caller]
    pub(crate) fn hides_its_token(&self) {
        let root = self.world.path(".");
        let found = Command::new("grep")
            .args([
                "--recursive",
                "--text",
                "--files-with-matches",
                "--fixed-strings",
            ])
            .args([
                "--devices=skip",
                "--exclude=token",
                &self.token,
                text(&root),
            ])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
        let screen = ["capture-pane", "-p", "-S", "-", "-t", "=lead:"];
        let screen = self.world.tmux("default", &screen).stdout;
        assert!(!screen.contains(&self.token));
        let processes = self.world.processes();
        assert!(!processes.is_empty());
        for process in processes {
            for part in ["cmdline", "environ"] {
                let bytes = fs::read(format!("/proc/{process}/{part}")).unwrap_or_default();
                let bytes = String::from_utf8_lossy(&bytes).into_owned();
                assert!(!bytes.contains(&self.token), "{part} of {process}");
            }
        }
    }
}
