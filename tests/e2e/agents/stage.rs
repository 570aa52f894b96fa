//! One real agent on stage: its pod, its home, its model, and no network but loopback.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use podfleet_stub_model::{Record, Rule};
use serde_json::Value;

use super::program::{Program, claude_settings};
use crate::world::{Ran, World, text, until, until_within};

/// How long a program may take to be ready, on a machine that is busy with others.
const START: Duration = Duration::from_secs(90);

/// A fleet of one real agent, named as its program.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) program: Program,
    model: Model,
}

/// The model's process, which also keeps the network that the agent sees.
struct Model {
    process: Child,
    record: PathBuf,
    url: String,
}

impl Model {
    /// Starts it in a network of its own.
    fn start(world: &World, script: &[Rule]) -> Self {
        let (file, record) = (world.path("script.json"), world.path("record.jsonl"));
        fs::write(&file, serde_json::to_vec(script).unwrap()).unwrap();
        let stub = env!("CARGO_BIN_EXE_stub-model");
        let mut process = Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .args(["ip link set lo up && exec \"$@\"", "sh", stub])
            .args([&file, &record])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Self {
            process,
            record,
            url,
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // It ends with its input, too; whoever waits for an answer of it is gone by now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Stage {
    /// Prepares everything, nothing started; `None` if a component is missing.
    pub(crate) fn set(program: Program, script: &[Rule]) -> Option<Self> {
        Self::set_with(program, script, "")
    }

    /// The same, with further lines for the agent in the roster, indented by four.
    pub(crate) fn set_with(program: Program, script: &[Rule], lines: &str) -> Option<Self> {
        podfleet_tests::require::own_network()?;
        let programs = program.directory()?;
        let mut world = World::new();
        let model = Model::start(&world, script);
        world.enter_network_of(model.process.id());
        world.extend_path(&programs);
        let stage = Self {
            world,
            program,
            model,
        };
        fs::create_dir_all(stage.work()).unwrap();
        program.settle(&stage.home(), &stage.work(), &stage.model.url);
        stage.write_variables();
        stage.write_roster(lines);
        Some(stage)
    }

    /// Gives the model another script, before it was asked anything.
    pub(crate) fn with_script(self, script: &[Rule]) -> Self {
        let mut stage = self;
        stage.model = Model::start(&stage.world, script);
        stage.world.enter_network_of(stage.model.process.id());
        stage
            .program
            .settle(&stage.home(), &stage.work(), &stage.model.url);
        stage.write_variables();
        stage
    }

    /// As [`set`](Self::set), and brings the agent up.
    pub(crate) fn up(program: Program, script: &[Rule]) -> Option<Self> {
        let stage = Self::set(program, script)?;
        stage.bring_up();
        Some(stage)
    }

    pub(crate) fn bring_up(&self) {
        self.world.fleet(&["up"]).exits(0);
        if self.program == Program::Opencode {
            // Its role is its first message, and the turn of that comes first.
            until_within(START, || {
                let told = self.recorded().iter().any(is_role);
                told.then_some(()).ok_or_else(|| self.tail().to_string())
            });
        }
        self.until_state("available");
    }

    fn write_variables(&self) {
        let variables = self.program.variables(&self.home(), &self.model.url);
        let mut lines: String = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        // What a program leaves there at each start goes with the world.
        let temporary = self.world.path("temporary");
        fs::create_dir_all(&temporary).unwrap();
        lines.push_str(&format!("TMPDIR={}\n", text(&temporary)));
        let directory = self.world.path("home/config/agents");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{}.env", self.name())), lines).unwrap();
    }

    /// Writes a roster of this one agent, with further lines for it, indented by four.
    pub(crate) fn write_roster(&self, lines: &str) {
        let (name, model) = (self.name(), self.program.model());
        let work = self.work();
        let entry = format!(
            "  - name: {name}\n    runtime: {name}\n    model_hint: {model}\n    working_directory: {}\n{lines}",
            text(&work)
        );
        self.world.write_roster("default", &entry);
    }

    /// Adds a simulated agent named `mate` to the fleet.
    pub(crate) fn with_mate(&self) {
        let path = self.world.path("work/default.yaml");
        let mut roster = fs::read_to_string(&path).unwrap();
        roster.push_str(&self.world.entry("mate", "sim", ""));
        fs::write(path, roster).unwrap();
    }

    /// Makes the agent's directory a repository of git: in any other Codex asks for no trust.
    pub(crate) fn make_repository(&self) {
        let made = Command::new("git")
            .args(["init", "--quiet"])
            .arg(self.work())
            .status();
        assert!(made.unwrap().success());
    }

    /// Lets the program ask whether its directory is trusted.
    pub(crate) fn forget_trust(&self) {
        match self.program {
            Program::Claude => {
                let settings = claude_settings(None).to_string();
                fs::write(self.home().join(".claude.json"), settings).unwrap();
            }
            Program::Codex => {
                let path = self.home().join(".codex/config.toml");
                let settings = fs::read_to_string(&path).unwrap();
                let trust = format!(
                    "[projects.\"{}\"]\ntrust_level = \"trusted\"\n",
                    text(&self.work())
                );
                assert!(settings.contains(&trust), "{settings}");
                fs::write(path, settings.replace(&trust, "")).unwrap();
            }
            Program::Opencode | Program::Pi => {}
        }
    }

    /// Types as a person at the agent's terminal does, in its tmux view.
    pub(crate) fn types(&self, words: &str) {
        self.world
            .tmux("default", &["send-keys", "-t", self.name(), "-l", words])
            .exits(0);
        self.until_shown(words);
    }

    /// Presses a key, as tmux names it, at the agent's terminal.
    pub(crate) fn presses(&self, key: &str) {
        self.world
            .tmux("default", &["send-keys", "-t", self.name(), key])
            .exits(0);
    }

    /// Waits until the terminal shows a text.
    #[track_caller]
    pub(crate) fn until_shown(&self, words: &str) {
        until(|| {
            let tail = self.tail();
            let shown = tail.stdout.contains(words);
            shown.then_some(()).ok_or_else(|| tail.to_string())
        });
    }

    /// Waits until the session log has a text.
    #[track_caller]
    pub(crate) fn until_logged(&self, part: &str) {
        until(|| {
            let log = self.world.fleet(&["log", self.name(), "--json"]);
            let logged = log.stdout.contains(part);
            logged
                .then_some(())
                .ok_or_else(|| format!("{log}\n{}", self.tail()))
        });
    }

    /// Returns how many messages have a receipt of an outcome in the session log.
    pub(crate) fn logged(&self, outcome: &str) -> usize {
        let log = self.world.fleet(&["log", self.name(), "--json"]).exits(0);
        let receipt = format!("\"outcome\":\"{outcome}\"");
        log.stdout.matches(&receipt).count()
    }

    /// Answers each dialog with its first choice until something holds.
    #[track_caller]
    pub(crate) fn approve_until(&self, holds: impl Fn() -> bool) {
        until_within(START, || {
            if holds() {
                return Ok(());
            }
            let shown = self.world.fleet(&["answer", self.name(), "1"]);
            Err(format!("{shown}\n{}", self.tail()))
        });
    }

    /// Waits until the model was asked something that contains a text.
    #[track_caller]
    pub(crate) fn until_asked(&self, part: &str) -> Record {
        until_within(START, || {
            let asked = self.asked();
            let found = asked.iter().rfind(|record| record.user.contains(part));
            found
                .cloned()
                .ok_or_else(|| format!("{}\n{}", texts(&asked), self.tail()))
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.program.name()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.world.path("agent")
    }

    /// Where the agent works.
    pub(crate) fn work(&self) -> PathBuf {
        self.world.path("work/project")
    }

    /// Sends a message and returns what `fleet send --json` says.
    #[track_caller]
    pub(crate) fn send(&self, body: &str, options: &[&str]) -> Value {
        let arguments = [&["send", self.name(), "-m", body, "--json"], options].concat();
        let ran = self.world.fleet(&arguments);
        assert!(ran.code == 0 || ran.code == 1, "{ran}\n{}", self.tail());
        ran.json()
    }

    /// Sends a message, and returns its receipt once it is answered.
    #[track_caller]
    pub(crate) fn ask(&self, body: &str) -> Value {
        let sent = self.send(body, &["--wait", "answered", "--timeout", "60"]);
        let receipt = sent["receipt"].clone();
        assert_eq!(
            receipt["outcome"],
            "answered",
            "{receipt:#}\n{}",
            self.tail()
        );
        receipt
    }

    #[track_caller]
    pub(crate) fn until_state(&self, state: &str) -> Value {
        until_within(START, || {
            let row = self.world.row(self.name());
            if row["readiness"] == state {
                Ok(row)
            } else {
                Err(format!("{row:#}\n{}", self.tail()))
            }
        })
    }

    /// What stands on the agent's terminal.
    pub(crate) fn tail(&self) -> Ran {
        self.world.fleet(&["tail", self.name(), "-n", "60"])
    }

    /// What the model was asked, but for requests on the side and the role that some programs are
    /// told by a message.
    pub(crate) fn asked(&self) -> Vec<Record> {
        let recorded = self.recorded().into_iter();
        recorded
            .filter(|record| !record.is_aside() && !is_role(record))
            .collect()
    }

    fn recorded(&self) -> Vec<Record> {
        let recorded = fs::read_to_string(&self.model.record).unwrap_or_default();
        let lines = recorded.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn is_role(record: &Record) -> bool {
    record.user.contains("] # Worker")
}

/// Returns the outcome of what `fleet send --json` says, with the reason of a hold.
pub(crate) fn outcome_of(sent: &Value) -> String {
    let receipt = &sent["receipt"];
    let outcome = receipt["outcome"].as_str().unwrap_or_default();
    match receipt["hold"]["reason"].as_str() {
        Some(reason) => format!("{outcome}{{{reason}}}"),
        None => outcome.to_owned(),
    }
}

/// What the user said in each request, for people.
pub(crate) fn texts(asked: &[Record]) -> String {
    let line = |record: &Record| record.user.chars().take(100).collect::<String>();
    let lines: Vec<_> = asked.iter().map(line).collect();
    format!("{lines:#?}")
}
