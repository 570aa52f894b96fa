//! What a program does with what it reads.

use serde::Deserialize;

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

/// Options of shells whose value is a word of its own.
const VALUED: &[&str] = &["--rcfile", "--init-file", "-o", "+o", "-O", "+O"];
/// Options behind which stands what the program runs instead of what it reads.
const GIVEN: &[&str] = &[
    "-c", "-e", "-m", "-p", "--eval", "--print", "-Command", "-File",
];

/// Returns whether a command line starts one of `interpreters` without anything to run, so that it
/// runs what it reads, also by way of programs that start another in their place. A version behind
/// the program's name does not count.
pub(crate) fn starts_one_of(interpreters: &[String], argv: &[String]) -> bool {
    let argv = unwrapped(argv);
    let Some((program, arguments)) = argv.split_first() else {
        return false;
    };
    is_one_of(interpreters, base_name(program)) && reads_on(arguments)
}

/// Returns whether a program of this name is one of `interpreters`, of whatever version.
fn is_one_of(interpreters: &[String], name: &str) -> bool {
    // A login shell is called so.
    let name = name.strip_prefix('-').unwrap_or(name);
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = |name: &str| interpreters.iter().any(|known| known == name);
    known(name) || known(unversioned)
}

/// Returns the name of the program that a command line runs: behind the programs that start another in
/// their place, and of the script where one of `interpreters` runs one.
pub(crate) fn program_of(interpreters: &[String], argv: &[String]) -> Option<String> {
    let argv = unwrapped(argv);
    let (program, arguments) = argv.split_first()?;
    let name = base_name(program);
    let script = arguments.iter().find(|word| !word.starts_with('-'));
    match script {
        Some(script) if is_one_of(interpreters, name) => {
            let name = base_name(script);
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            Some(stem.to_owned())
        }
        _ => Some(name.to_owned()),
    }
}

/// Returns the name of a program, which may be given by its path.
pub(crate) fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

/// Returns whether an interpreter with these arguments runs what it reads.
fn reads_on(arguments: &[String]) -> bool {
    let mut has_script = false;
    let mut asked = false;
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if GIVEN.contains(&word) {
            return false;
        }
        match word.strip_prefix(['-', '+']) {
            _ if VALUED.contains(&word) => drop(words.next()),
            None => {
                // What follows is the script's.
                has_script = true;
                break;
            }
            Some(long) if long.starts_with('-') => asked |= word == "--interactive",
            Some(short) => {
                if short.contains('c') {
                    return false;
                }
                asked |= word.starts_with('-') && short.contains('i');
            }
        }
    }
    asked || !has_script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(line: &str) -> bool {
        let interpreters = ["bash", "python", "ksh"].map(str::to_owned);
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
        ] {
            let argv: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(program_of(&interpreters, &argv).unwrap(), program, "{line}");
        }
    }

    #[test]
    fn one_with_a_script_or_a_command_of_its_own_is_the_program_that_it_runs() {
        for line in [
            "bash agent.sh",
            "bash agent.sh -i",
            "bash -c agent",
            "bash -lc agent",
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
