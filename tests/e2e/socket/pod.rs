//! Pods without a roster and without views: nobody but the test is connected.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use podfleet_pod::paths::{RuntimeDir, RuntimePaths, StatePaths};
use podfleet_pod::spec::{HarnessRef, PodSpec, RestartPolicy};
use podfleet_pod_store::session_log::{Record, SessionFiles, SessionReader};
use podfleet_pod_store::{NewPod, RecordStore as _, SpecText, SqliteStore};
use podfleet_protocol::method::{
    AttachRole, Credential, Position, Scrollback, ScrollbackParams, ScrollbackResult, Status,
    StatusParams, StatusUntil,
};
use podfleet_protocol::{
    FleetName, Identity, MessageId, NewMessage, PodId, PodName, PodStatus, SessionId, Size,
    TenantId, UnixMillis,
};
use podfleet_sim_agent::Kind;
use rustix::process::Signal;

use super::client::{Attached, Client, attach_as};
use crate::world::{World, is_gone, signal, until};

/// The program under test.
const FLEET: &str = env!("CARGO_BIN_EXE_fleet-under-test");

const TENANT: &str = "tester";

/// A world in which pods are started by hand.
pub(super) struct Pods {
    pub(super) world: World,
    running: Vec<Child>,
}

/// A pod that runs.
pub(super) struct Pod {
    pub(super) id: PodId,
    pub(super) pid: u32,
    pub(super) files: RuntimePaths,
}

impl Pods {
    pub(super) fn new() -> Self {
        Self {
            world: World::new(),
            running: Vec::new(),
        }
    }

    /// Starts the only pod of a world, `a`, with a simulated agent.
    pub(super) fn one(faults: &str) -> (Self, Pod) {
        let mut pods = Self::new();
        let pod = pods.start("a", faults);
        (pods, pod)
    }

    /// Starts a pod with a simulated agent that has these faults (JSON).
    pub(super) fn start(&mut self, name: &str, faults: &str) -> Pod {
        let mut faults: serde_json::Value = serde_json::from_str(faults).unwrap();
        faults["journal"] = self.world.journal_path(name).to_str().unwrap().into();
        let env = BTreeMap::from([("FLEET_SIM_FAULTS".to_owned(), faults.to_string())]);
        self.start_with(name, "sim", &[FLEET, "sim-agent"], env)
    }

    /// Starts a pod whose agent is a shell script.
    pub(super) fn start_script(&mut self, name: &str, script: &str) -> Pod {
        let path = std::env::var("PATH").unwrap();
        let env = BTreeMap::from([("PATH".to_owned(), path)]);
        self.start_with(name, "generic", &["sh", "-c", script], env)
    }

    /// Starts a pod whose terminal is full of colours: 2,050 lines of 55 cells in two of their own
    /// each, which is more than one line of the protocol may hold.
    pub(super) fn start_coloured(&mut self, name: &str) -> Pod {
        let script = r#"i=0; line=; while [ $i -lt 55 ]; do
            line="$line$(printf '\033[38;2;%s;100;200;48;2;7;%s;222m#' $((100 + i)) $((100 + i)))"
            i=$((i + 1)); done
            i=0; while [ $i -lt 2050 ]; do printf '%s\033[m\r\n' "$line"; i=$((i + 1)); done
            printf done; sleep 1000"#;
        let pod = self.start_script(name, script);
        until(|| {
            let last = pod.last_line();
            if last == "done" { Ok(()) } else { Err(last) }
        });
        pod
    }

    fn start_with(
        &mut self,
        name: &str,
        harness: &str,
        argv: &[&str],
        env: BTreeMap<String, String>,
    ) -> Pod {
        let spec = PodSpec {
            harness: HarnessRef {
                name: harness.to_owned(),
                file: None,
            },
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            env,
            env_file: None,
            working_directory: self.world.path("work"),
            prepare: Vec::new(),
            told: String::new(),
            conversation: None,
            first_message: None,
            kickstart: None,
            restart: RestartPolicy::default(),
            size: Size::DEFAULT,
            reset_between_tasks: false,
            model: None,
            resources: podfleet_pod::spec::Resources::default(),
        };
        let id = self.record(name, harness, &spec);
        self.run(name, id)
    }

    /// Starts a pod that has ended, as it is recorded.
    pub(super) fn start_again(&mut self, name: &str, pod: &Pod) -> Pod {
        until(|| {
            if is_gone(pod.pid) {
                Ok(())
            } else {
                Err("it runs".to_owned())
            }
        });
        self.run(name, pod.id)
    }

    /// Returns the session log of a pod, as far as it is written.
    pub(super) fn log(&self, pod: &Pod) -> Vec<Record> {
        let state = self.world.path("state");
        let directory = state.join("sessions").join(pod.id.to_string());
        let files = fs::read_dir(directory).unwrap();
        let sessions = files.filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".jsonl")?.parse::<SessionId>().ok()
        });
        sessions
            .flat_map(|session| {
                SessionReader::open(SessionFiles::new(&state, pod.id, session)).unwrap()
            })
            .map(|found| found.unwrap().record)
            .collect()
    }

    fn run(&mut self, name: &str, id: PodId) -> Pod {
        let mut child = self
            .world
            .command("default", &["pod", "run", name, "--notify"])
            .env("FLEET_TENANT", TENANT)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.world.path(&format!("{name}.log"))).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let pid = child.id();
        self.running.push(child);
        assert_eq!(line, "ready\n");
        let files = RuntimeDir::open(&self.world.path("run")).unwrap().pod(id);
        Pod { id, pid, files }
    }

    fn record(&self, name: &str, harness: &str, spec: &PodSpec) -> PodId {
        let new = NewPod {
            identity: Identity {
                id: PodId::generate(),
                name: PodName::new(name).unwrap(),
                fleet: FleetName::default(),
                tenant_id: TenantId::new(TENANT).unwrap(),
                host: "fern".to_owned(),
            },
            class: "worker".to_owned(),
            alias: None,
            runtime: harness.to_owned(),
            spec: SpecText::of(&spec).unwrap(),
            runtime_dir: self.world.path("run"),
            at: UnixMillis(0),
        };
        let state = StatePaths::new(self.world.path("state"));
        fs::create_dir_all(state.root()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(&state.store()).unwrap();
            store.put_pod(new).await.unwrap().identity.id
        })
    }

    /// Returns the texts that an agent recorded as this.
    pub(super) fn received(&self, name: &str, kind: Kind) -> Vec<String> {
        self.world.received(name, kind)
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        for pod in &self.running {
            signal(pod.id(), Signal::TERM);
        }
        for pod in &mut self.running {
            let _ = pod.wait();
        }
    }
}

impl Pod {
    /// Connects and says hello as the operator.
    pub(super) fn connect(&self) -> Client {
        let mut client = self.open();
        client.greet("test", None).unwrap();
        client
    }

    /// Connects and says nothing.
    pub(super) fn open(&self) -> Client {
        Client::connect(&self.files.socket)
    }

    /// Returns what its agent would show to be it.
    pub(super) fn credential(&self) -> Credential {
        Credential {
            pod: self.id,
            secret: fs::read_to_string(&self.files.credential)
                .unwrap()
                .trim()
                .to_owned(),
        }
    }

    /// Waits until its agent takes input, waits for a person, or ended.
    pub(super) fn settled(&self) -> PodStatus {
        let params = StatusParams {
            until: Some(StatusUntil::Settled),
            timeout_ms: 20_000,
        };
        self.connect().call::<Status>(params).unwrap()
    }

    /// Attaches a client that looks on.
    pub(super) fn view(&self) -> Attached {
        let viewer = attach_as(AttachRole::Viewer);
        self.connect().attach(viewer).unwrap().1
    }

    /// Returns the end of the view stream.
    pub(super) fn end(&self) -> Position {
        self.tail().position
    }

    /// Returns the last line of its terminal.
    pub(super) fn last_line(&self) -> String {
        self.tail().lines.pop().unwrap_or_default()
    }

    fn tail(&self) -> ScrollbackResult {
        let params = ScrollbackParams {
            lines: 1,
            ansi: false,
            before: None,
        };
        self.connect().call::<Scrollback>(params).unwrap()
    }

    /// Gives its agent an order.
    pub(super) fn order(&self, text: &str) -> MessageId {
        let message = NewMessage::new(text);
        let id = message.id;
        self.connect().run(message).unwrap();
        id
    }

    /// Fails the test unless it answers a new client.
    #[track_caller]
    pub(super) fn answers(&self) {
        self.connect().ping();
    }

    /// Returns how many descriptors its process has open.
    pub(super) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid))
            .unwrap()
            .count()
    }

    /// Returns the anonymous memory of its process in KiB.
    pub(super) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }
}

/// Returns the permissions of a file.
pub(super) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
