//! The heartbeat file: what a pod says of itself to anybody who looks.
//!
//! One `key=value` a line, UTF-8; values have no newline; unknown keys are ignored. The file is
//! replaced as a whole, so a reader sees the old or the new one. After a crash it is stale, which is
//! what it is for.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use podfleet_protocol::{Generation, Run};
use rustix::fs::OFlags;

use crate::clock::BootMillis;
use crate::process::ProcessRef;

/// How often a pod writes its heartbeat when nothing changes.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// A heartbeat file longer than this is not read.
const MAX_FILE: u64 = 64 << 10;

/// The one word for people and schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing hinders the agent.
    Ok,
    /// It works.
    Busy,
    /// It waits for a person.
    Blocked,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Busy => "busy",
            Self::Blocked => "blocked",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::Busy, Self::Blocked]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What a pod says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// When it was written (RFC 3339), for people.
    pub ts: String,
    /// When it was written, for ages.
    pub boottime: BootMillis,
    /// The boot that `boottime` counts from.
    pub boot_id: String,
    /// How often it is written, in seconds.
    pub interval_s: u64,
    /// The pod's process.
    pub pid: u32,
    /// The agent's process, while it runs.
    pub agent_pid: Option<u32>,
    /// The guard's process and start time, for the next generation to clean up after this one.
    pub guard: Option<ProcessRef>,
    /// The one word.
    pub status: Status,
    /// The start of the pod.
    pub generation: Generation,
    /// The start of its agent.
    pub run: Run,
    /// What the agent does: `running`, `backing_off`, `ended`, `quarantined` or `idle`.
    pub phase: String,
    /// The screen state's word, such as `ready` or `blocked(permission)`.
    pub screen: String,
    /// The harness rule that decided it.
    pub rule: String,
    /// Since when the screen state holds.
    pub since: BootMillis,
    /// When the agent last wrote something.
    pub output: Option<BootMillis>,
    /// The model, for people.
    pub model: Option<String>,
    /// More about a status that is not `ok`, or about an agent that does not run.
    pub detail: Option<String>,
    /// Why the first undelivered message waits, or why none could be delivered.
    pub hold: Option<String>,
    /// The build of the pod.
    pub build: String,
}

/// A heartbeat file cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("the heartbeat has no valid `{key}`")]
pub struct HeartbeatError {
    key: &'static str,
}

impl Heartbeat {
    /// Writes the file: a temporary file beside it, renamed over it, mode 0600.
    ///
    /// # Errors
    /// Fails when the directory cannot be written; the old file is still there then.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".hb-")
            .tempfile_in(directory)?;
        file.write_all(self.to_text().as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Reads the file of a pod.
    ///
    /// # Errors
    /// Fails when it is missing, too long, or lacks what every heartbeat has.
    pub fn read(path: &Path) -> io::Result<Self> {
        let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
        // A named pipe in its place would be waited for.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(invalid("the heartbeat is no file"));
        }
        let mut text = String::new();
        file.take(MAX_FILE + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_FILE {
            return Err(invalid("the heartbeat is longer than 64 KiB"));
        }
        Self::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Returns the file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(512);
        let mut line = |key: &str, value: &str| {
            text.push_str(key);
            text.push('=');
            text.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
            text.push('\n');
        };
        line("ts", &self.ts);
        line("pid", &self.pid.to_string());
        line("status", self.status.as_str());
        line("generation", &self.generation.to_string());
        line("run", &self.run.to_string());
        line("boot_id", &self.boot_id);
        line("boottime", &self.boottime.0.to_string());
        line("interval", &self.interval_s.to_string());
        line("phase", &self.phase);
        line("screen", &self.screen);
        line("rule", &self.rule);
        line("since", &self.since.0.to_string());
        line("build", &self.build);
        let mut optional = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                line(key, &value);
            }
        };
        optional("agent_pid", self.agent_pid.map(|pid| pid.to_string()));
        optional("guard_pid", self.guard.map(|guard| guard.pid.to_string()));
        optional(
            "guard_start",
            self.guard.map(|guard| guard.start.to_string()),
        );
        optional("output", self.output.map(|at| at.0.to_string()));
        optional("model", self.model.clone());
        optional("detail", self.detail.clone());
        optional("hold", self.hold.clone());
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Fails when a key that every heartbeat has is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, HeartbeatError> {
        let fields = Fields(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .collect(),
        );
        Ok(Self {
            ts: fields.text("ts")?,
            boottime: BootMillis(fields.number("boottime")?),
            boot_id: fields.text("boot_id")?,
            interval_s: fields.number("interval")?,
            pid: fields.number("pid")?,
            agent_pid: fields.number("agent_pid").ok(),
            guard: match (fields.number("guard_pid"), fields.number("guard_start")) {
                (Ok(pid), Ok(start)) => Some(ProcessRef { pid, start }),
                _ => None,
            },
            status: Status::parse(&fields.text("status")?)
                .ok_or(HeartbeatError { key: "status" })?,
            generation: Generation(fields.number("generation")?),
            run: Run(fields.number("run")?),
            phase: fields.text("phase")?,
            screen: fields.text("screen")?,
            rule: fields.text("rule")?,
            since: BootMillis(fields.number("since")?),
            output: fields.number("output").ok().map(BootMillis),
            model: fields.text("model").ok(),
            detail: fields.text("detail").ok(),
            hold: fields.text("hold").ok(),
            build: fields.text("build")?,
        })
    }
}

struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl Fields<'_> {
    fn text(&self, key: &'static str) -> Result<String, HeartbeatError> {
        let value = self.0.get(key).ok_or(HeartbeatError { key })?;
        Ok((*value).to_owned())
    }

    fn number<T: std::str::FromStr>(&self, key: &'static str) -> Result<T, HeartbeatError> {
        let value = self.0.get(key).ok_or(HeartbeatError { key })?;
        value.parse().map_err(|_| HeartbeatError { key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Heartbeat {
        Heartbeat {
            ts: "2026-01-02T03:04:05Z".into(),
            boottime: BootMillis(5000),
            boot_id: "b".into(),
            interval_s: 15,
            pid: 7,
            agent_pid: Some(9),
            guard: Some(ProcessRef { pid: 8, start: 44 }),
            status: Status::Blocked,
            generation: Generation(2),
            run: Run(1),
            phase: "running".into(),
            screen: "blocked(permission)".into(),
            rule: "permission".into(),
            since: BootMillis(4000),
            output: Some(BootMillis(4500)),
            model: None,
            detail: Some("Do you want to proceed?".into()),
            hold: None,
            build: "0.1.0".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.hb");
        sample().write(&path).unwrap();
        assert_eq!(Heartbeat::read(&path).unwrap(), sample());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_or_too_long_in_its_place_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("endless")).unwrap();
        std::fs::write(at("long"), "a=b\n".repeat(20_000)).unwrap();
        for (name, why) in [
            ("pipe", "no file"),
            ("endless", "no file"),
            ("long", "longer"),
        ] {
            let error = Heartbeat::read(&at(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored_and_missing_ones_named() {
        let text = format!("colour=blue\n{}", sample().to_text());
        assert_eq!(Heartbeat::parse(&text).unwrap(), sample());
        let error = Heartbeat::parse("pid=1\n").unwrap_err();
        assert_eq!(error.to_string(), "the heartbeat has no valid `ts`");
    }

    proptest! {
        #[test]
        fn no_value_can_forge_another_line(detail in any::<String>()) {
            let heartbeat = Heartbeat { detail: Some(detail), ..sample() };
            let read = Heartbeat::parse(&heartbeat.to_text()).unwrap();
            prop_assert_eq!(Heartbeat { detail: None, ..read }, Heartbeat { detail: None, ..sample() });
        }
    }
}
