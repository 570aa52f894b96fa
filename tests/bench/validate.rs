//! `fleet validate` beside validators that know the schema alone, as whole processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::sample::{Sample, ms, ratio, side_by_side, timed};
use crate::table::Row;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Agents of a roster, and how often it is validated.
const SIZES: [(usize, usize); 3] = [(10, 10), (1_000, 5), (10_000, 5)];
const SMALL: Duration = Duration::from_millis(10);
const HOSTILE: Duration = Duration::from_millis(50);
const MIB: f64 = 1024.0;

/// Another validator: its name, how it is called, and how many times faster we want to be.
struct Other {
    name: &'static str,
    program: PathBuf,
    arguments: fn(&Path) -> Vec<String>,
    times: f64,
}

pub(crate) fn rows() -> Vec<Row> {
    let directory = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    let mut grown: Vec<(f64, f64)> = Vec::new();
    for (agents, rounds) in SIZES {
        let file = directory.path().join(format!("{agents}.yaml"));
        fs::write(&file, roster(agents)).unwrap();
        let mut ours = None;
        for other in others() {
            let (theirs, fleet) = side_by_side(
                rounds,
                || timed(|| run(&other.program, &(other.arguments)(&file))),
                || timed(|| run(&fleet(), &validate(&file))),
            );
            rows.push(beside(&other, agents, &theirs, &fleet));
            ours = Some(fleet);
        }
        let memory = peak(&fleet(), &validate(&file));
        if let Some(time) = ours {
            rows.push(ours_alone(agents, &time, memory));
            grown.push((time.median().as_secs_f64(), memory));
        }
    }
    rows.extend(growth(&grown));
    rows.extend(hostile(directory.path()));
    rows
}

fn beside(other: &Other, agents: usize, theirs: &Sample, fleet: &Sample) -> Row {
    let faster = ratio(theirs, fleet);
    let what = format!("{}, {agents} agents; floor: `fleet validate`", other.name);
    Row::new(what, theirs).floor(fleet, faster).target(
        format!("at least {} times", other.times),
        faster >= other.times,
    )
}

fn ours_alone(agents: usize, time: &Sample, memory: f64) -> Row {
    let what = format!("`fleet validate`, {agents} agents: time, most memory");
    let row = Row::new(what, format!("{}, {memory:.0} MiB", ms(time.median())));
    if agents == SIZES[0].0 {
        row.target("under 10 ms", time.median() < SMALL)
    } else {
        row
    }
}

/// Compares the largest roster with one of a tenth: what grows faster than the size shows here.
fn growth(grown: &[(f64, f64)]) -> Option<Row> {
    let [.., (time, memory), (tenfold_time, tenfold_memory)] = grown else {
        return None;
    };
    let (time, memory) = (tenfold_time / time, tenfold_memory / memory);
    let row = Row::new(
        "`fleet validate`, ten times the agents: times the time, the memory",
        format!("{time:.1}, {memory:.1}"),
    );
    Some(row.target("at most 11, 11", time <= 11.0 && memory <= 11.0))
}

fn hostile(directory: &Path) -> Vec<Row> {
    let brackets = directory.join("brackets.yaml");
    fs::write(&brackets, "[".repeat(20_000)).unwrap();
    let bomb = Path::new(ROOT).join("tests/rosters/invalid/alias-bomb.yaml");
    let texts = [("an alias bomb", bomb), ("20,000 `[`", brackets)];
    let row = |(what, file): (&str, PathBuf)| {
        let times = (0..20).map(|_| timed(|| run(&fleet(), &validate(&file))));
        let time = Sample::from(times.collect::<Vec<_>>()).median();
        let memory = peak(&fleet(), &validate(&file));
        Row::new(
            format!("`fleet validate`, {what}: time, most memory"),
            format!("{}, {memory:.0} MiB", ms(time)),
        )
        .target("under 50 ms, 50 MB", time < HOSTILE && memory < 47.0)
    };
    texts.map(row).into()
}

/// The build for rosters alone where the script made one, else the whole `fleet`.
fn fleet() -> PathBuf {
    std::env::var_os("PODFLEET_VALIDATE_ONLY").map_or_else(
        || env!("CARGO_BIN_EXE_fleet-under-test").into(),
        PathBuf::from,
    )
}

fn validate(file: &Path) -> Vec<String> {
    let words = ["validate", "--isolated", "--quiet"].map(str::to_owned);
    words.into_iter().chain([shown(file)]).collect()
}

fn others() -> [Other; 2] {
    let root = Path::new(ROOT);
    [
        Other {
            name: "check-jsonschema",
            program: root.join(".tools/bin/check-jsonschema"),
            arguments: |file| {
                let schema = Path::new(ROOT).join("schemas/roster.schema.json");
                vec!["--schemafile".to_owned(), shown(&schema), shown(file)]
            },
            times: 20.0,
        },
        Other {
            name: "ajv-cli",
            program: root.join(".tools/node/node_modules/.bin/ajv"),
            arguments: |file| {
                let schema = Path::new(ROOT).join("schemas/roster.draft-07.schema.json");
                let words = [
                    "validate",
                    "--strict=false",
                    "-s",
                    &shown(&schema),
                    "-d",
                    &shown(file),
                ];
                words.map(str::to_owned).into()
            },
            times: 5.0,
        },
    ]
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn run(program: &Path, arguments: &[String]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(
        output.status.code().is_some_and(|code| code < 2),
        "{output:?}"
    );
}

/// Returns the most memory that a process had, in MiB, as it is seen by looking all the time.
fn peak(program: &Path, arguments: &[String]) -> f64 {
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
        most = most.max(kib.unwrap_or_default() / MIB);
    }
    most
}

/// A roster of a fleet with this many agents, that has no fault.
fn roster(agents: usize) -> String {
    let mut text =
        "version: 1\ntransport: tmux\ntmux:\n  socket_name: podfleet\nagents:\n".to_owned();
    for index in 0..agents {
        let class = ["orchestrator", "enhancer", "code"][index.min(2)];
        text.push_str(&format!(
            "  - name: agent{index}\n    runtime: claude\n    class: {class}\n    \
             working_directory: ~/src/app-{index}\n    model_hint: gpt-5.5:high\n    \
             env: {{LANG: C.UTF-8, INDEX: \"{index}\"}}\n"
        ));
    }
    text
}
