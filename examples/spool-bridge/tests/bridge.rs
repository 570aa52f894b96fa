//! The program carries what a person says into the orchestrator's inbox, and what that says out.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use podfleet::{Dirs, Env, Fleet, SayRequest, Setup};
use podfleet_connectors::ConnectorRegistry;
use podfleet_pod_store::{FleetKey, InboxStore as _, Page, RecordStore as _, SqliteStore};
use podfleet_protocol::{FleetName, PodName, TenantId};
use podfleet_roster::{Known, Roster};

const PATIENCE: Duration = Duration::from_secs(30);

/// A fleet in directories of its own; nothing of it runs but the bridge.
struct World {
    directory: tempfile::TempDir,
    roster: String,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("spool");
        fs::create_dir_all(spool.join("in")).unwrap();
        let roster = format!(
            "version: 1\ntransport: tmux\nagents:\n  - {{name: lead, runtime: sim, class: orchestrator}}\n\
             connector:\n  kind: x-spool\n  settings: {{directory: {}}}\n",
            spool.display()
        );
        fs::write(directory.path().join("roster.yaml"), &roster).unwrap();
        Self { directory, roster }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    fn variables(&self) -> [(&'static str, String); 5] {
        let below = |part: &str| self.path(part).display().to_string();
        [
            ("HOME", below("home")),
            ("USER", "tester".to_owned()),
            ("FLEET_HOME", below("config")),
            ("FLEET_STATE_DIR", below("state")),
            ("FLEET_RUNTIME_DIR", below("run")),
        ]
    }

    /// Starts the program, and returns when the bridge is there.
    fn bridge(&self) -> Child {
        let mut bridge = Command::new(env!("CARGO_BIN_EXE_spool-bridge"))
            .arg(self.path("roster.yaml"))
            .env_clear()
            .envs(self.variables())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(bridge.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        bridge
    }

    /// The fleet as `fleet` itself has it, which knows nothing of this kind of connector.
    async fn fleet(&self) -> Fleet {
        let env: Env = self.variables().into_iter().collect();
        let roster = Roster::parse(&self.roster, "roster.yaml", &Known::shipped()).0;
        let setup = Setup {
            dirs: Dirs::resolve(&env, rustix::process::getuid().as_raw()).unwrap(),
            env,
            exe: "/nonexistent/fleet".into(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            user: "tester".to_owned(),
            build: "b1".to_owned(),
            roster: Some((roster.unwrap(), self.path("roster.yaml"))),
            lost_roster: None,
            fleet: None,
            client: "test".to_owned(),
            supervisor: None,
            connectors: ConnectorRegistry::shipped(),
        };
        Fleet::open(setup).await.unwrap()
    }

    /// Returns what waits for the orchestrator.
    async fn inbox(&self) -> Vec<String> {
        let store = SqliteStore::open(&self.path("state/store.db")).unwrap();
        let key = FleetKey::new(TenantId::new("tester").unwrap(), FleetName::default());
        let lead = PodName::new("lead").unwrap();
        let Some(lead) = store.find_pod(&key, &lead).await.unwrap() else {
            return Vec::new();
        };
        let listing = store
            .inbox(lead.identity.id, Page::first(100))
            .await
            .unwrap();
        let entries = listing.items.into_iter();
        entries.map(|entry| entry.message.body).collect()
    }
}

async fn until<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn end(mut bridge: Child) {
    let pid = rustix::process::Pid::from_child(&bridge);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(bridge.wait().unwrap().success());
}

#[tokio::test]
async fn what_a_person_puts_into_the_spool_is_in_the_inbox_and_what_is_said_comes_out() {
    let world = World::new();
    fs::write(world.path("spool/in/0000"), "of the past").unwrap();
    let bridge = world.bridge();
    fs::write(world.path("spool/in/.new"), "how far are you?").unwrap();
    fs::rename(world.path("spool/in/.new"), world.path("spool/in/0001")).unwrap();
    until(async || {
        world
            .inbox()
            .await
            .contains(&"how far are you?".to_owned())
            .then_some(())
    })
    .await;
    assert_eq!(world.inbox().await, ["how far are you?"]);

    let fleet = world.fleet().await;
    // A bridge that another program runs is left to it.
    assert!(!fleet.start_bridge().await.unwrap());
    let request = SayRequest {
        text: "half".to_owned(),
        ..SayRequest::default()
    };
    let said = fleet.say(request).await.unwrap();
    let out = world.path("spool/out").join(said.id.to_string());
    let text = until(async || fs::read_to_string(&out).ok()).await;
    assert_eq!(text, "half");
    end(bridge);

    let error = fleet.start_bridge().await.unwrap_err();
    assert!(
        error
            .hints()
            .iter()
            .any(|hint| hint.contains("another crate")),
        "{error:?}"
    );
}
