//! The machine that was measured on.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// Returns the machine and what it was busy with, in one line.
pub(crate) fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = available_parallelism().map_or(1, usize::from);
    let kernel = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let tmux = Command::new("tmux").arg("-V").output().unwrap();
    let tmux = String::from_utf8_lossy(&tmux.stdout).trim().to_owned();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} cores of {model}, Linux {kernel}, {tmux}; load at the start {load}")
}
