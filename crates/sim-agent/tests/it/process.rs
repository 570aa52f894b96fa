//! The real process in a real pseudo-terminal, through the crate's example.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;

use podfleet_sim_agent::{Journal, Kind};
use pty_process::blocking::{Command, Pty, open};
use rustix::process::Signal;
use tempfile::TempDir;

struct Process {
    pty: Pty,
    child: Child,
    seen: String,
    directory: TempDir,
}

impl Process {
    fn start(faults: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(24, 80)).unwrap();
        let child = Command::new(example())
            .arg(faults)
            .arg(directory.path().join("journal"))
            .current_dir("/")
            .spawn(pts)
            .unwrap();
        Self {
            pty,
            child,
            seen: String::new(),
            directory,
        }
    }

    /// Reads until the output since the last call holds `text`; the test's own limit ends a wait
    /// that is in vain.
    fn expect(&mut self, text: &str) -> &mut Self {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return self;
            }
            let length = self.pty.read(&mut buffer).unwrap_or(0);
            assert!(
                length > 0,
                "the terminal closed without {text:?} after {:?}",
                self.seen
            );
            self.seen
                .push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }

    fn send(&mut self, bytes: &str) -> &mut Self {
        self.pty.write_all(bytes.as_bytes()).unwrap();
        self
    }

    /// Hangs up, as a terminal that is closed does.
    fn close_terminal(&mut self) {
        let (other, _) = open().unwrap();
        drop(std::mem::replace(&mut self.pty, other));
    }

    fn journal(&self) -> Vec<(Kind, String)> {
        let entries = Journal::read(&self.directory.path().join("journal")).unwrap();
        entries
            .into_iter()
            .map(|entry| (entry.kind, entry.text))
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example stands beside the directory of the test programs.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .with_file_name("examples")
        .join("sim")
}

#[test]
fn a_message_is_journaled_answered_and_the_terminal_restored() {
    let mut process = Process::start(r#"{"turn_ms": 20}"#);
    process
        .expect("\x1b[?2004h\x1b[?1004h")
        .expect("\x1b]2;✳ sim\x07")
        .expect("? for shortcuts");
    process
        .send("\x1b[200~[h:a -> h:b] hello\x1b[201~")
        .expect("❯ [h:a -> h:b] hello");
    process
        .send("\r")
        .expect("> [h:a -> h:b] hello")
        .expect("● echo: hello");
    process.send("/exit\r").expect("\x1b[?2004l\x1b[?1004l");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    let message = "[h:a -> h:b] hello".to_owned();
    let expected = [
        (Kind::Start, "/".to_owned()),
        (Kind::Ready, String::new()),
        (Kind::Paste, message.clone()),
        (Kind::Submit, message),
        (Kind::Answer, "echo: hello".to_owned()),
        (Kind::Command, "/exit".to_owned()),
        (Kind::Exit, "code 0".to_owned()),
    ];
    assert_eq!(process.journal(), expected);
}

#[test]
fn it_waits_for_the_terminals_answers() {
    let mut process = Process::start(r#"{"query_terminal": true}"#);
    process
        .expect("\x1b[c\x1b[6n\x1b]10;?\x1b\\\x1b]11;?\x1b\\")
        .expect("sim-agent starting…");
    process.send("\x1b[?6c\x1b[1;1R\x1b]10;rgb:f/f/f\x1b\\\x1b]11;rgb:0/0/0\x1b\\");
    process.expect("? for shortcuts");
}

#[test]
fn a_new_size_is_drawn() {
    let mut process = Process::start("{}");
    process.expect("? for shortcuts");
    process.pty.resize(pty_process::Size::new(10, 30)).unwrap();
    process
        .expect("\x1b[H\x1b[J")
        .expect(&format!("{}\x1b[22m\r\n", "─".repeat(30)));
}

#[test]
fn a_lone_escape_interrupts_without_more_input() {
    let mut process = Process::start(r#"{"stuck_busy": true}"#);
    process
        .expect("? for shortcuts")
        .send("hello\r")
        .expect("esc to interrupt");
    process.send("\x1b").expect("interrupted");
}

#[test]
fn canonical_mode_is_a_prompt_with_the_kernels_echo() {
    let mut process = Process::start(r#"{"canonical": true, "turn_ms": 1}"#);
    process
        .expect("> ")
        .send("helo\x7flo\n")
        .expect("\r\n● echo: hello\r\n> ")
        .send("\x04");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
    let mut silent = Process::start(r#"{"canonical": true, "no_echo": true, "turn_ms": 1}"#);
    silent
        .expect("> ")
        .send("hello\n")
        .expect("● echo: hello\r\n> ");
    assert!(!silent.seen.contains("hello"));
}

#[test]
fn it_dies_by_the_signal_of_its_script() {
    let faults = r#"{"turn_ms": 1, "crash_after_turns": {"turns": 1, "signal": 9}}"#;
    let mut process = Process::start(faults);
    process
        .expect("? for shortcuts")
        .send("hi\r")
        .expect("● echo: hi");
    assert_eq!(process.child.wait().unwrap().signal(), Some(9));
}

#[test]
fn a_stubborn_agent_outlives_its_terminal_and_sigterm() {
    let mut process = Process::start(r#"{"ignore_sigterm": true}"#);
    process.expect("? for shortcuts");
    process.close_terminal();
    let pid = rustix::process::Pid::from_child(&process.child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let wanted = [
        (Kind::Signal, "SIGHUP".to_owned()),
        (Kind::Signal, "SIGTERM".to_owned()),
        (Kind::Hangup, String::new()),
    ];
    while !wanted.iter().all(|entry| process.journal().contains(entry)) {
        std::thread::yield_now();
    }
    assert_eq!(process.child.try_wait().unwrap(), None);
}

#[test]
fn a_stubborn_child_outlives_its_agent_and_sigterm() {
    let mut process = Process::start(r#"{"stubborn_child": true}"#);
    process.expect("? for shortcuts").send("\x04");
    process.child.wait().unwrap();
    let journal = process.journal();
    let (_, pid) = journal
        .iter()
        .find(|(kind, _)| *kind == Kind::Child)
        .unwrap();
    let state = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    // The shell sets its traps before it becomes `sleep`.
    while state("comm") != "sleep\n" {
        std::thread::yield_now();
    }
    let child = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    for signal in [Signal::TERM, Signal::HUP] {
        rustix::process::kill_process(child, signal).unwrap();
    }
    let ignored = state("status");
    let mask = ignored
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:\t"))
        .unwrap();
    let mask = u64::from_str_radix(mask, 16).unwrap();
    rustix::process::kill_process(child, Signal::KILL).unwrap();
    let bit = |signal: Signal| 1 << (signal.as_raw() - 1);
    assert_eq!(
        mask & (bit(Signal::TERM) | bit(Signal::HUP)),
        bit(Signal::TERM) | bit(Signal::HUP)
    );
}
