//! Processes by pid and start time, and the trees that they make.

use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessRef {
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot, as `/proc/PID/stat` says.
    pub start: u64,
}

/// The fields of `/proc/PID/stat` (proc(5)) that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: u8,
    parent: u32,
    group: u32,
    start: u64,
}

/// Reads a `stat` line. The command name may hold blanks and brackets, so counting begins after
/// the last `)`.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    // `state` is field 3 of the line and `starttime` field 22.
    let start = fields.nth(16)?.parse().ok()?;
    Some(Stat {
        state,
        parent,
        group,
        start,
    })
}

/// The terminal that a process has, and who has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// The process group of the process itself.
    pub(crate) group: u32,
    /// The process group that has the terminal now.
    pub(crate) foreground: u32,
    /// The terminal's device number.
    pub(crate) device: u64,
}

impl Terminal {
    /// Returns the terminal of a process, if it has one.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        parse_terminal(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// Reads the fields `pgrp`, `tty_nr` and `tpgid`, the fifth, seventh and eighth of a `stat` line.
fn parse_terminal(line: &str) -> Option<Terminal> {
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(2);
    let group = fields.next()?.parse().ok()?;
    let device: i64 = fields.nth(1)?.parse().ok()?;
    // Without a terminal there is no foreground, and the number is negative.
    let foreground = fields.next()?.parse().ok()?;
    // The kernel tells it in 32 bits, which may look negative.
    let device = u64::from(u32::try_from(device & 0xffff_ffff).ok()?);
    (device != 0).then_some(Terminal {
        group,
        foreground,
        device,
    })
}

/// Returns the command line of the program that has the terminal of a process now, if it has one and
/// that program can be seen.
#[must_use]
pub fn foreground_command(pid: u32) -> Option<Vec<String>> {
    command_line(Terminal::of(pid)?.foreground)
}

/// Returns the command line of a process, if it has one that can be seen. It proves nothing: a process
/// may call itself as it likes.
pub(crate) fn command_line(pid: u32) -> Option<Vec<String>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(line.strip_suffix(&[0])?).into_owned();
    Some(line.split('\0').map(str::to_owned).collect())
}

/// Returns the process group of a process.
pub(crate) fn group_of(pid: u32) -> Option<u32> {
    stat(pid).map(|stat| stat.group)
}

/// Returns the process group of this process.
pub(crate) fn own_group() -> u32 {
    rustix::process::getpgrp()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

impl ProcessRef {
    /// Returns the process that has this pid now.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        stat(pid).map(|stat| Self {
            pid,
            start: stat.start,
        })
    }

    /// Returns whether it still runs; a zombie does not.
    #[must_use]
    pub fn is_running(self) -> bool {
        stat(self.pid)
            .is_some_and(|stat| stat.start == self.start && !matches!(stat.state, b'Z' | b'X'))
    }

    /// Sends a signal if it still runs. Between look and signal the pid could in theory be given
    /// to another process; a tree of ours cannot be torn down without that risk.
    pub fn signal(self, signal: Signal) {
        if self.is_running()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // It may have ended meanwhile, which is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
}

impl ProcessRef {
    /// Waits for the end of a child and takes its status; nothing happens if it is none.
    pub(crate) fn reap(self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// Returns a process and its ancestors, nearest first; init is not among them.
pub(crate) fn ancestors(process: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(process), |process| {
        stat(*process).map(|stat| stat.parent)
    })
    .take_while(|process| *process > 1)
    // A pid that was given anew meanwhile must not lead round in circles.
    .take(1024)
}

/// Returns all descendants of a process that run now, parents before children.
#[must_use]
pub fn descendants(root: u32) -> Vec<ProcessRef> {
    descendants_without(root, |_| false)
}

/// Returns the number of every process that there is.
pub(crate) fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Returns the descendants of a process that run now, without those that `apart` is true for and
/// without what is below them.
pub(crate) fn descendants_without(root: u32, apart: impl Fn(u32) -> bool) -> Vec<ProcessRef> {
    let mut all: Vec<(u32, Stat)> = all()
        .filter_map(|pid| stat(pid).map(|stat| (pid, stat)))
        .collect();
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        all.retain(|(pid, stat)| {
            let child = stat.parent == parent && *pid != parent;
            if child && !apart(*pid) {
                parents.push(*pid);
                found.push((*pid, *stat));
            }
            !child
        });
    }
    found
        .into_iter()
        .filter(|(_, stat)| !matches!(stat.state, b'Z' | b'X'))
        .map(|(pid, stat)| ProcessRef {
            pid,
            start: stat.start,
        })
        .collect()
}

/// Returns the children of a process that have ended and that nobody has waited for.
pub(crate) fn zombies_of(parent: u32) -> Vec<ProcessRef> {
    let ended = children_of(parent).into_iter().filter_map(|pid| {
        let stat = stat(pid).filter(|stat| stat.parent == parent && stat.state == b'Z')?;
        let start = stat.start;
        Some(ProcessRef { pid, start })
    });
    ended.collect()
}

/// Returns the children of a process; where the kernel does not list them (`CONFIG_PROC_CHILDREN`), every
/// process, of which some may be.
fn children_of(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task"));
    let lists = threads
        .into_iter()
        .flatten()
        .map(|thread| fs::read_to_string(thread?.path().join("children")));
    match lists.collect::<Result<Vec<_>, _>>() {
        Ok(lists) => {
            let pids = lists.iter().flat_map(|list| list.split_whitespace());
            pids.flat_map(str::parse).collect()
        }
        Err(_) => all().collect(),
    }
}

/// What a process has adopted and nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct Adopted {
    ended: Vec<ProcessRef>,
}

impl Adopted {
    /// Waits for what has ended before the last call already: whoever had started it would have done so
    /// since.
    pub(crate) fn reap(&mut self) {
        let ended = zombies_of(std::process::id());
        let left = ended.iter().filter(|process| self.ended.contains(process));
        left.for_each(|process| process.reap());
        self.ended = ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_brackets_and_blanks_does_not_confuse_the_fields() {
        let line = "42 (a) R 7 (b) S 9 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.start), (b'S', 9, 12345));
    }

    #[test]
    fn a_process_with_the_same_pid_but_another_start_is_another_process() {
        let own = ProcessRef::of(std::process::id()).unwrap();
        assert!(own.is_running());
        assert!(
            !ProcessRef {
                start: own.start + 1,
                ..own
            }
            .is_running()
        );
    }

    #[test]
    fn a_signal_to_a_process_that_is_gone_does_not_reach_who_has_its_pid_now() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let now = ProcessRef::of(child.id()).unwrap();
        let gone = ProcessRef {
            start: now.start - 1,
            ..now
        };
        gone.signal(Signal::KILL);
        // Ends by the end of its input, unless the signal was faster.
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_child_is_found_and_a_zombie_is_not() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let found = |pid| {
            descendants(std::process::id())
                .iter()
                .any(|process| process.pid == pid)
        };
        assert!(found(child.id()));
        child.kill().unwrap();
        let process = ProcessRef::of(child.id());
        child.wait().unwrap();
        assert!(!found(child.id()));
        assert!(process.is_none_or(|process| !process.is_running()));
    }

    #[test]
    fn what_nobody_has_waited_for_since_the_last_look_is_reaped() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = ProcessRef::of(child.id()).unwrap();
        let is_left = || zombies_of(std::process::id()).contains(&process);
        let mut adopted = Adopted::default();
        adopted.reap();
        child.kill().unwrap();
        while process.is_running() {}
        adopted.reap();
        assert!(is_left(), "who has started it had no time to wait for it");
        adopted.reap();
        assert!(!is_left());
        assert!(child.wait().is_err());
    }
}
