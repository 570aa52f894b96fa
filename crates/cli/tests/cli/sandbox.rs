//! A home directory of its own for the command.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use unicode_width::UnicodeWidthStr;

/// A home directory in which the command runs, with nothing else in its environment.
pub(crate) struct Sandbox {
    home: tempfile::TempDir,
}

/// What the command printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        // Lines break by the length of paths, so this one has the same length everywhere.
        Self {
            home: tempfile::tempdir_in("/tmp").unwrap(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs a command line whose arguments have no blanks in them.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_in(line, &[])
    }

    /// Runs a command line with more in its environment.
    pub(crate) fn run_in(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.run_with(&arguments, variables, "")
    }

    /// Runs a command line that reads `input`.
    pub(crate) fn pipe(&self, line: &str, input: &str) -> Ran {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.run_with(&arguments, &[], input)
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .envs(variables.iter().copied())
            .current_dir(self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read it may be gone already.
        let _ = command.stdin.take().unwrap().write_all(input.as_bytes());
        let output = command.wait_with_output().unwrap();
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.home().to_str().unwrap(), "[HOME]")
        };
        Ran {
            status: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ran {
    /// Returns everything in one text, and checks that a terminal of 80 columns shows it.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in stream.lines() {
                assert!(line.width() <= 80, "too wide: {line}");
            }
            if !stream.is_empty() {
                let _ = writeln!(text, "--- {name}\n{}", stream.trim_end());
            }
        }
        let _ = write!(text, "--- exit {}", self.status);
        text
    }
}
