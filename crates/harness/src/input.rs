//! What a program does with what it reads.

use serde::Deserialize;

use crate::command_line::first_reader;
use crate::wrapper::unwrapped;

/// What a program does with what it reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// It reads a message, and knows by the line head who speaks.
    #[default]
    Messages,
    /// It runs it, so that a line head would be run too.
    Commands,
}

/// What the options of a family of interpreters mean.
struct Options {
    /// Those whose value is a word of its own.
    valued: &'static [&'static str],
    /// Those behind which stands what is run instead of what is read.
    given: &'static [&'static str],
    /// The letters of short ones that have it read on all the same.
    reading: &'static str,
    /// Whether what is behind `-c` is a command line, which may start another interpreter.
    runs_commands: bool,
}

const OF_SHELLS: Options = Options {
    valued: &["--rcfile", "--init-file", "-o", "+o", "-O", "+O"],
    given: &["-c", "-Command", "-File"],
    reading: "is",
    runs_commands: true,
};
const OF_PYTHON: Options = Options {
    valued: &["-W", "-X", "--check-hash-based-pycs"],
    given: &["-c", "-m"],
    reading: "i",
    runs_commands: false,
};
const OF_OTHERS: Options = Options {
    valued: &[
        "-r",
        "--require",
        "--import",
        "--loader",
        "--title",
        "-C",
        "--conditions",
        "-I",
    ],
    given: &["-c", "-e", "-m", "-p", "--eval", "--print"],
    reading: "i",
    runs_commands: false,
};
/// Modules that read on where Python runs them by `-m`.
const READING_MODULES: &[&str] = &["code", "asyncio", "pdb", "IPython", "ptpython", "bpython"];

/// Returns whether a command line starts one of `interpreters` without anything to run, so that it
/// runs what it reads, also by way of programs that start another in their place. A version behind
/// the program's name does not count.
pub(crate) fn starts_one_of(interpreters: &[String], argv: &[String]) -> bool {
    let argv = unwrapped(argv);
    let Some((program, arguments)) = argv.split_first() else {
        return false;
    };
    let name = base_name(program);
    is_one_of(interpreters, name) && Options::of(name).read_on(interpreters, arguments)
}

/// Returns whether a program of this name is one of `interpreters`, of whatever version.
fn is_one_of(interpreters: &[String], name: &str) -> bool {
    let known = |name: &str| interpreters.iter().any(|known| known == name);
    known(name.trim_start_matches('-')) || known(unversioned(name))
}

fn unversioned(name: &str) -> &str {
    // A login shell is called with a `-`.
    let name = name.strip_prefix('-').unwrap_or(name);
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Returns the name of the program that a command line runs: behind the programs that start another in
/// their place, and of the script where one of `interpreters` runs one.
pub(crate) fn program_of(interpreters: &[String], argv: &[String]) -> Option<String> {
    let argv = unwrapped(argv);
    let (program, arguments) = argv.split_first()?;
    let name = base_name(program);
    if !is_one_of(interpreters, name) {
        return Some(name.to_owned());
    }
    let options = Options::of(name);
    let script = match options.read(arguments).runs {
        Runs::Nothing => return Some(name.to_owned()),
        Runs::Given(line) if options.runs_commands => {
            return program_of(interpreters, &first_reader(line));
        }
        Runs::Given(script) | Runs::Script(script) => base_name(script),
    };
    let stem = script.rsplit_once('.').map_or(script, |(stem, _)| stem);
    Some(stem.to_owned())
}

/// Returns the name of a program, which may be given by its path.
pub(crate) fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

impl Options {
    fn of(name: &str) -> &'static Self {
        match unversioned(name) {
            name if name.contains("python") || name.contains("pypy") => &OF_PYTHON,
            name if name.ends_with("sh") || name == "nu" => &OF_SHELLS,
            _ => &OF_OTHERS,
        }
    }

    /// Reads the arguments of an interpreter, as far as those are that are not its script's.
    fn read<'a>(&self, arguments: &'a [String]) -> Started<'a> {
        let mut asked = false;
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let letters = self.letters(word);
            asked |= word == "--interactive" || letters.contains(|c| self.reading.contains(c));
            if self.given.contains(&word) || letters.contains('c') {
                let runs = Runs::Given(words.next().unwrap_or_default());
                return Started { asked, runs };
            }
            if self.valued.contains(&word) {
                words.next();
            } else if !word.starts_with(['-', '+']) {
                let runs = Runs::Script(word);
                return Started { asked, runs };
            }
        }
        let runs = Runs::Nothing;
        Started { asked, runs }
    }

    /// Returns the letters of short options in one word. What is behind one that has a value is that.
    fn letters<'a>(&self, word: &'a str) -> &'a str {
        let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
            return "";
        };
        let has_value = |letter| {
            let valued = self
                .valued
                .iter()
                .filter_map(|valued| valued.strip_prefix('-'));
            { valued }.any(|valued| valued.chars().eq([letter]))
        };
        letters.split(has_value).next().unwrap_or_default()
    }

    /// Returns whether an interpreter with these arguments runs what it reads.
    fn read_on(&self, interpreters: &[String], arguments: &[String]) -> bool {
        let Started { asked, runs } = self.read(arguments);
        match runs {
            Runs::Nothing => true,
            Runs::Script(_) => asked,
            // A shell ends with its command, whatever it was asked.
            Runs::Given(line) if self.runs_commands => {
                starts_one_of(interpreters, &first_reader(line))
            }
            Runs::Given(module) => asked || READING_MODULES.contains(&module),
        }
    }
}

/// What an interpreter was started to do.
struct Started<'a> {
    /// Whether it was asked to read on all the same.
    asked: bool,
    runs: Runs<'a>,
}

enum Runs<'a> {
    /// A command line, a text or a module.
    Given(&'a str),
    /// A file.
    Script(&'a str),
    /// What it reads.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(line: &str) -> bool {
        let interpreters = ["bash", "python", "ksh", "node", "sh"].map(str::to_owned);
        let argv: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        starts_one_of(&interpreters, &argv)
    }

    #[test]
    fn an_interpreter_without_anything_to_run_runs_what_it_reads() {
        for line in [
            "bash",
            "/bin/bash --norc",
            "-bash",
            "bash --rcfile rc",
            "bash --rcfile rc -i",
            "bash -o vi",
            "bash +O extglob -l",
            "ksh93",
            "python3 -q -i",
            "python3.11",
            "python3 -i script.py",
            "env bash",
            "nice -n 5 bash --norc",
            "nohup env -u X VAR=1 setsid -c /bin/bash",
            "bash -s agent.sh",
            "python3 -i -c 1",
            "python3 -ic 1",
            "python3 -W ignore",
            "python3 -Wignore",
            "python3 -X utf8 -q",
            "python3 -m code",
            "node --title agent",
            "node -r ./hooks.js",
            "script -q -c bash /dev/null",
            "script -qc bash",
            "flock /tmp/lock bash",
            "unshare -r bash",
            "setpriv --reuid 1000 bash",
            "script typescript",
            "unshare -r",
            "chroot /srv",
            "sudo -i",
        ] {
            assert!(runs(line), "{line}");
        }
    }

    #[test]
    fn the_program_of_a_command_line_is_what_its_wrappers_and_interpreters_run() {
        let interpreters = ["bash", "node"].map(str::to_owned);
        for (line, program) in [
            ("codex --yolo", "codex"),
            ("/usr/bin/node --no-warnings /opt/bin/codex resume", "codex"),
            ("env A=1 node cli.js", "cli"),
            ("node", "node"),
            ("node22 cli.mjs", "cli"),
            ("claude codex", "claude"),
            ("node -r ./hooks.js codex.js", "codex"),
            ("bash -lc codex", "codex"),
        ] {
            let argv: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(program_of(&interpreters, &argv).unwrap(), program, "{line}");
        }
    }

    #[test]
    fn a_shell_whose_command_starts_an_interpreter_runs_what_that_reads() {
        let interpreters = ["bash", "python", "sh"].map(str::to_owned);
        for (command, runs) in [
            ("exec bash --norc", true),
            ("bash", true),
            ("cd /work && exec 'bash'", true),
            ("bash; true", true),
            ("VAR=1 exec python3 -q", true),
            ("python3 agent.py", false),
            ("exec agent --shell bash", false),
            ("agent | bash", false),
            ("agent; exec bash", false),
            ("agent 'x; bash'", false),
            ("(bash)", true),
            ("exec bash 2>>log", true),
            ("exec $SHELL", true),
        ] {
            for option in ["-c", "-lc"] {
                let argv = ["bash", option, command].map(str::to_owned);
                assert_eq!(starts_one_of(&interpreters, &argv), runs, "{command}");
            }
        }
    }

    #[test]
    fn one_with_a_script_or_a_command_of_its_own_is_the_program_that_it_runs() {
        for line in [
            "bash agent.sh",
            "bash agent.sh -i",
            "bash -c agent",
            "bash -lc agent",
            "bash -r agent.sh",
            "python3 -W ignore agent.py",
            "python3 -s agent.py",
            "python3 -Wignore agent.py",
            "script -q typescript -- agent",
            "unshare --map-users auto agent",
            "node --title agent agent.js",
            "script -q -c agent /dev/null",
            "flock /tmp/lock bash agent.sh",
            "python3 agent.py",
            "python3 -m agent",
            "python3 -u agent.py",
            "my-agent --shell bash",
            "bashful",
            "env bash agent.sh",
            "nice -n 5 my-agent bash",
            "env",
            "",
        ] {
            assert!(!runs(line), "{line}");
        }
    }
}
