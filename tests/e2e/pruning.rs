//! `fleet prune`: what was delivered goes by age, what waits stays.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::hosted::HostedPod;
use crate::world::{World, fits_80_columns, until};

/// Lets the files of a directory be last written so many days ago.
fn age(files: &[PathBuf], days: u64) {
    let at = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    for file in files {
        let file = File::options().append(true).open(file).unwrap();
        file.set_times(FileTimes::new().set_modified(at)).unwrap();
    }
}

/// Returns the log files below a directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect()
}

#[test]
fn old_sessions_and_delivered_messages_go_and_are_told_first() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world
        .fleet(&["send", "a", "-m", "hello", "--wait", "answered"])
        .exits(0);
    world.fleet(&["down", "a"]).exits(0);
    let logs = world.path("state/sessions");
    let over = files_below(&logs);
    age(&over, 31);
    world.fleet(&["up"]).exits(0);
    let both = files_below(&logs).len();
    assert!(both > over.len());

    let look = world.fleet(&["prune", "--dry-run"]).exits(0);
    assert!(fits_80_columns(&look.stdout), "{}", look.stdout);
    assert!(look.stdout.contains("LOG FILES"), "{}", look.stdout);
    let would = "0 messages and 1 log file would go";
    assert!(look.stderr.contains(would), "{}", look.stderr);
    assert_eq!(files_below(&logs).len(), both);

    let pruned = world.fleet(&["prune", "--json"]).exits(0).json();
    assert_eq!(pruned["agents"][0]["log_files"]["removed"], 1);
    assert_eq!(pruned["agents"][0]["messages"]["kept"], 1);
    assert!(over.iter().all(|file| !file.exists()));
    assert_eq!(files_below(&logs).len(), both - over.len());

    let again = world.fleet(&["prune", "a"]).exits(0);
    let nothing = "nothing is old or too large";
    assert!(again.stderr.contains(nothing), "{}", again.stderr);
    world.fleet(&["prune", "b"]).exits(2);
    world
        .fleet(&["send", "a", "-m", "still there", "--wait", "answered"])
        .exits(0);
}

#[test]
fn the_logs_of_a_forgotten_pod_go_once_they_are_old_and_a_failed_spawn_leaves_none() {
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let mine = |world: &World| {
        let below = |part: &str| std::fs::read_dir(world.path(part)).unwrap().count();
        ["state/sessions", "state/logs", "state/locks", "run"].map(below)
    };
    let before = mine(&world);
    world.write_harness("deaf", r#"{"never_ready":true}"#);
    let spawn = [
        "spawn",
        "c",
        "--runtime",
        "deaf",
        "--task",
        "t",
        "--timeout",
        "3",
    ];
    let failed = world.fleet(&spawn);
    assert_ne!(failed.code, 0, "{failed}");
    assert_eq!(mine(&world), before, "{failed}");

    world.fleet(&["down", "b"]).exits(0);
    let id = crate::store::Inbox::of(&world, "b").pod().to_string();
    let name = world.fleet(&["pod", "forget", &id]).exits(0).stdout;
    assert!(name.starts_with("`b` is forgotten"), "{name}");
    let logs = world.path("state/sessions").join(&id);
    let kept = world.fleet(&["prune"]).exits(0);
    assert!(
        logs.exists() && !kept.stderr.contains("without a record"),
        "{kept}"
    );
    let young = mine(&world);
    let soon = ["prune", "--older-than", "1s"];
    until(|| {
        let look = world.fleet(&[&soon[..], &["--dry-run"]].concat()).exits(0);
        let said = ["of 1 pod without a record:", "would go"];
        match said.iter().all(|said| look.stderr.contains(said)) {
            true => Ok(()),
            false => Err(look.to_string()),
        }
    });
    assert_eq!(mine(&world), young);
    let pruned = world.fleet(&[&soon[..], &["--json"]].concat());
    let pruned = pruned.exits(0).json();
    assert_eq!(pruned["without_record"]["pods"], 1, "{pruned:#}");
    assert!(!logs.exists());
    let [sessions, files, locks, _] = mine(&world);
    assert_eq!([sessions, files, locks], [1, young[1] - 1, young[2] - 1]);
    world
        .fleet(&["send", "a", "-m", "still there", "--wait", "answered"])
        .exits(0);
}

#[test]
fn a_pod_prunes_itself_at_a_quiet_time() {
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    world.fleet(&["down", "a"]).exits(0);
    let logs = world.path("state/sessions");
    let over = files_below(&logs);
    age(&over, 31);
    let soon = [("FLEET_PRUNE_AFTER", "0".to_owned())];
    let pod = HostedPod::start(&world, "a", &soon);
    until(|| match over.iter().find(|file| file.exists()) {
        None => Ok(()),
        Some(file) => Err(format!("{} is there", file.display())),
    });
    assert_eq!(files_below(&logs).len(), 1, "the present session stays");
    pod.end();
}
