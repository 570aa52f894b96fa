//! What a fleet does while no pod runs: over a real store in a directory of its own.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::{Path, PathBuf};

use podfleet::supervisor::SupervisorKind;
use podfleet::{
    Action, Dirs, DownOptions, Env, Fleet, FleetError, FleetErrorKind, Readiness, SendRequest,
    Setup, UpOptions, Via,
};
use podfleet_protocol::{HoldReason, MessageId, Outcome};
use podfleet_roster::{Known, Roster};
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

const ROSTER: &str = "
version: 1
transport: tmux
tmux: {socket_name: podfleet-test-without-pods}
agents:
  - {name: web, runtime: sim, depends_on: [db]}
  - {name: db, runtime: sim}
  - {name: far, runtime: sim, host: oak}
  - {name: typo, runtime: cluade}
";

struct World {
    root: TempDir,
    env: Env,
}

impl World {
    /// There is no program in its `PATH`, so also no tmux.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().to_string_lossy().into_owned();
        let env = [("HOME", home.as_str()), ("PATH", "/nonexistent")];
        Self {
            env: env.into_iter().collect(),
            root,
        }
    }

    /// Its tmux knows no more than its version, which is enough to bring agents up in vain.
    fn with_tmux() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let mut world = Self::new();
        let root = world.root.path();
        let tmux = root.join("tmux");
        std::fs::write(&tmux, "#!/bin/sh\ncase $* in *-V) echo tmux 3.4 ;; esac\n").unwrap();
        std::fs::set_permissions(&tmux, PermissionsExt::from_mode(0o755)).unwrap();
        let (home, run) = (root.to_string_lossy(), root.join("run"));
        world.env = [
            ("HOME", &*home),
            ("PATH", &*home),
            ("FLEET_RUNTIME_DIR", &*run.to_string_lossy()),
        ]
        .into_iter()
        .collect();
        world
    }

    /// Brings a fleet of one agent up; there is no program for its pod.
    async fn bring_up(&self, fleet: &str, path: &str) {
        let roster = format!(
            "version: 1\ntransport: tmux\nfleet: {fleet}\nagents: [{{name: db, runtime: sim}}]\n"
        );
        let fleet = self.open(&roster, path).await;
        let (events, _) = unbounded_channel();
        let report = fleet.up(&[], &UpOptions::default(), events).await.unwrap();
        assert_eq!(report.failed().count(), 1);
    }

    async fn open(&self, roster: &str, path: &str) -> Fleet {
        self.try_open(roster, path).await.unwrap()
    }

    async fn try_open(&self, roster: &str, path: &str) -> Result<Fleet, FleetError> {
        let parsed = Roster::parse(roster, path, &Known::shipped()).0;
        let setup = Setup {
            dirs: Dirs::resolve(&self.env, u32::MAX - 7).unwrap(),
            env: self.env.clone(),
            exe: PathBuf::from("/nonexistent/fleet"),
            host: "fern".into(),
            user: "ada".into(),
            build: "b1".into(),
            lost_roster: parsed.is_none().then(|| self.root.path().join(path)),
            roster: parsed.map(|roster| (roster, self.root.path().join(path))),
            fleet: None,
            client: "test".into(),
            connectors: podfleet_connectors::ConnectorRegistry::shipped(),
            supervisor: Some(SupervisorKind::Direct),
        };
        Fleet::open(setup).await
    }

    async fn fleet(&self) -> Fleet {
        self.open(ROSTER, "roster.yaml").await
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_fresh_fleet_is_planned_in_order_of_dependence() {
    let world = World::new();
    let plan = world.fleet().await.plan(&[]).await.unwrap();
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| format!("{} {}: {}", step.action.as_str(), step.agent, step.why))
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    start db: it is new
    start web: it is new
    impossible typo: unknown runtime `cluade`
    ");
    let home = world.root.path().display().to_string();
    insta::assert_snapshot!(plan.notes.join("\n").replace(&home, "~"), @r"
    the working directory ~/src will be created
    tmux is not installed: no `tmux` in PATH
    ");
}

#[tokio::test]
async fn without_tmux_nothing_is_started_and_nothing_is_written() {
    let world = World::new();
    let fleet = world.fleet().await;
    let (events, mut told) = unbounded_channel();
    let error = fleet
        .up(&[], &UpOptions::default(), events)
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), FleetErrorKind::TmuxMissing));
    assert!(error.hints()[0].contains("apt install tmux"));
    assert!(told.try_recv().is_err());
    assert!(!fleet.dirs().runtime.exists());
    let rows = fleet.ps(&names(&["db"])).await.unwrap();
    assert_eq!(rows[0].generation, None);
}

#[tokio::test]
async fn a_message_to_an_agent_that_was_never_started_waits_for_it() {
    let world = World::new();
    let fleet = world.fleet().await;
    let report = fleet.send(SendRequest::new("db", "a\u{7}b")).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Held);
    assert_eq!(report.receipt.hold.unwrap().reason, HoldReason::Stopped);
    assert_eq!(
        (report.via, report.stripped, report.position),
        (Via::Store, 1, 1)
    );
    let rows = fleet.ps(&names(&["db"])).await.unwrap();
    assert_eq!(rows[0].inbox, Some(1));
    assert_eq!(rows[0].readiness.as_str(), Readiness::Stopped.as_str());
}

#[tokio::test]
async fn the_same_id_is_accepted_once() {
    let world = World::new();
    let fleet = world.fleet().await;
    let request = SendRequest {
        id: Some(MessageId::generate()),
        ..SendRequest::new("db", "hello")
    };
    let first = fleet.send(request.clone()).await.unwrap();
    let second = fleet.send(request).await.unwrap();
    assert_eq!((first.duplicate, second.duplicate), (false, true));
    assert_eq!(first.receipt.id, second.receipt.id);
}

#[tokio::test]
async fn a_message_against_the_rules_is_refused_and_not_kept() {
    let world = World::new();
    let fleet = world.fleet().await;
    let mut raw = SendRequest::new("db", "/clear");
    raw.typing.raw = true;
    for request in [
        raw,
        SendRequest::new("db", "x".repeat((1 << 20) + 1)),
        SendRequest::new("db", " \n"),
    ] {
        let error = fleet.send(request).await.unwrap_err();
        assert!(
            matches!(error.kind(), FleetErrorKind::Refused { .. }),
            "{error}"
        );
    }
    assert_eq!(fleet.ps(&names(&["db"])).await.unwrap()[0].inbox, Some(0));
}

#[tokio::test]
async fn unknown_and_remote_agents_are_told_apart() {
    let world = World::new();
    let fleet = world.fleet().await;
    let error = fleet.send(SendRequest::new("wbe", "x")).await.unwrap_err();
    assert_eq!(error.to_string(), "fleet `default` has no agent `wbe`");
    assert_eq!(error.hints(), ["did you mean `web`?"]);
    let error = fleet.tail("far", 10, false).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `far` is on host `oak`, not here");
    let error = fleet.tail("db", 10, false).await.unwrap_err();
    assert_eq!(error.to_string(), "the pod of `db` does not run");
}

#[tokio::test]
async fn two_fleets_of_one_user_do_not_see_each_other() {
    let world = World::new();
    let alpha = world
        .open(
            &ROSTER.replace("version: 1", "version: 1\nfleet: alpha"),
            "a.yaml",
        )
        .await;
    let beta = world
        .open(
            &ROSTER.replace("version: 1", "version: 1\nfleet: beta"),
            "b.yaml",
        )
        .await;
    alpha
        .send(SendRequest::new("db", "for alpha"))
        .await
        .unwrap();
    let inbox = async |fleet: &Fleet| fleet.ps(&names(&["db"])).await.unwrap()[0].inbox;
    assert_eq!(inbox(&alpha).await, Some(1));
    assert_eq!(inbox(&beta).await, Some(0));
}

#[tokio::test]
async fn the_records_of_a_fleet_need_no_roster() {
    let world = World::new();
    let fleet = world.fleet().await;
    fleet.send(SendRequest::new("db", "kept")).await.unwrap();
    drop(fleet);
    let fleet = world.open("agents: broken", "roster.yaml").await;
    let rows = fleet.ps(&[]).await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.inbox))
        .collect();
    assert_eq!(shown, [("db", Some(1))]);
    let error = fleet.plan(&[]).await.unwrap_err();
    assert!(matches!(error.kind(), FleetErrorKind::NoRoster));
}

#[tokio::test]
async fn down_leaves_what_is_stopped_alone() {
    let world = World::new();
    let fleet = world.fleet().await;
    fleet.send(SendRequest::new("db", "kept")).await.unwrap();
    let (events, _) = unbounded_channel();
    let options = DownOptions {
        all: true,
        ..DownOptions::default()
    };
    let report = fleet.down(&[], &options, events).await.unwrap();
    let actions: Vec<_> = report.agents.iter().map(|agent| &agent.action).collect();
    assert_eq!(actions, [&Action::Leave]);
    assert!(report.succeeded());
}

#[tokio::test]
async fn explain_and_verify_name_what_is_not_there() {
    let world = World::new();
    let fleet = world.fleet().await;
    let explanation = fleet.explain("db").await.unwrap();
    assert_eq!(explanation.readiness, Readiness::Stopped);
    assert!(explanation.facts[0].decided);
    let verification = fleet.verify(&[]).await.unwrap();
    let misses: Vec<_> = verification
        .misses
        .iter()
        .map(|miss| format!("{}: {} -> {}", miss.agent, miss.what, miss.remedy))
        .collect();
    insta::assert_snapshot!(misses.join("\n"), @r"
    web: it is stopped -> fleet up web
    db: it is stopped -> fleet up db
    typo: it is stopped: unknown runtime `cluade` -> mend its entry in the roster
    ");
}

#[tokio::test]
async fn a_runtime_directory_open_to_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let fleet = world.fleet().await;
    let runtime: &Path = &fleet.dirs().runtime;
    std::fs::create_dir_all(runtime).unwrap();
    std::fs::set_permissions(runtime, PermissionsExt::from_mode(0o755)).unwrap();
    let roster_less = world.open("agents: broken", "roster.yaml").await;
    fleet
        .send(SendRequest::new("db", "so that it is recorded"))
        .await
        .unwrap();
    let (events, _) = unbounded_channel();
    let error = roster_less
        .restart(&names(&["db"]), &UpOptions::default(), events)
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), FleetErrorKind::RuntimeDir),
        "{error}"
    );
}

#[tokio::test]
async fn a_lost_roster_means_the_fleet_that_was_brought_up_from_it() {
    let world = World::with_tmux();
    world.bring_up("alpha", "a.yaml").await;
    let fleet = world.open("agents: broken", "a.yaml").await;
    assert_eq!(fleet.key().fleet.as_str(), "alpha");
    assert_eq!(fleet.ps(&[]).await.unwrap()[0].name, "db");
}

#[tokio::test]
async fn a_lost_roster_never_means_the_fleet_of_another_roster() {
    let world = World::with_tmux();
    let fleet = world.open("agents: broken", "new.yaml").await;
    assert_eq!(fleet.key().fleet.as_str(), "default");
    world.bring_up("default", "other.yaml").await;
    let error = world.try_open("agents: broken", "new.yaml").await;
    let error = error.unwrap_err();
    assert!(
        matches!(error.kind(), FleetErrorKind::LostRoster { .. }),
        "{error}"
    );
    assert_eq!(error.hints(), ["name the fleet with `--fleet NAME`"]);
}

#[tokio::test]
async fn what_is_stopped_does_not_drift() {
    let world = World::new();
    let fleet = world.fleet().await;
    fleet.send(SendRequest::new("db", "kept")).await.unwrap();
    let changed = ROSTER.replace("name: db,", "name: db, class: reviewer,");
    let fleet = world.open(&changed, "roster.yaml").await;
    let rows = fleet.ps(&names(&["db"])).await.unwrap();
    assert_eq!(rows[0].flags, []);
}
