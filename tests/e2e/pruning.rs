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
