//! What a person sees who looks at agents' terminals.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::world::{World, until};

/// A person's terminal that is wider and lower than those of the agents.
pub(crate) struct Person<'a>(&'a World);

impl<'a> Person<'a> {
    /// Runs a command of ours in a session of its own.
    fn with(world: &'a World, arguments: &[&str]) -> Self {
        Self::running(world, &world.command("default", arguments))
    }

    /// Runs a command of this world in a session of its own.
    pub(crate) fn running(world: &'a World, command: &Command) -> Self {
        let mut line = [
            "new-session",
            "-d",
            "-s",
            "_me",
            "-x",
            "70",
            "-y",
            "20",
            "env",
        ]
        .map(str::to_owned)
        .to_vec();
        // Not by `-e`: tmux has a PATH of its own for that.
        for (name, value) in command.get_envs() {
            let value = value.unwrap_or_default();
            let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
            line.push(format!("{name}={value}"));
        }
        line.push(command.get_program().to_string_lossy().into_owned());
        let arguments = command.get_args();
        line.extend(arguments.map(|argument| argument.to_string_lossy().into_owned()));
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        // The server of an earlier session may be on its way out, and takes who knocks with it.
        until(|| match world.tmux("default", &line) {
            leaving if leaving.stderr.contains("server exited") => Err(leaving.to_string()),
            begun => {
                begun.exits(0);
                Ok(())
            }
        });
        Self(world)
    }

    pub(crate) fn keys(&self, keys: &[&str]) {
        let send = [&["send-keys", "-t", "=_me:"][..], keys].concat();
        self.0.tmux("default", &send).exits(0);
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn sees(&self, wanted: impl Fn(&str) -> bool) {
        until(|| {
            let pane = self
                .0
                .tmux("default", &["capture-pane", "-p", "-t", "=_me:"]);
            if wanted(&pane.stdout) {
                Ok(())
            } else {
                Err(pane.to_string())
            }
        });
    }

    /// Waits until the command has ended, and its session with it.
    pub(crate) fn is_gone(&self) {
        until(|| {
            let found = self.0.tmux("default", &["has-session", "-t", "=_me"]);
            if found.code == 0 {
                Err(found.to_string())
            } else {
                Ok(())
            }
        });
    }
}

#[test]
fn who_watches_several_agents_is_told_for_a_while_which_one_is_shown() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let person = Person::with(&world, &["watch", "a", "b"]);
    person.sees(|screen| screen.contains("a (1 of 2)"));
    person.keys(&["Tab"]);
    person.sees(|screen| screen.contains("b (2 of 2)") && screen.contains("for shortcuts"));
    person.sees(|screen| !screen.contains("2 of 2") && screen.contains("for shortcuts"));
    person.keys(&["q"]);
    person.is_gone();
}

#[test]
fn another_key_in_front_detaches_and_the_usual_one_is_the_agents() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let person = Person::with(&world, &["attach", "a", "--take", "--prefix", "ctrl-]"]);
    person.sees(|screen| screen.contains("for shortcuts"));
    person.keys(&["C-\\", "d"]);
    person.sees(|screen| screen.contains("❯ d"));
    person.keys(&["C-]", "d"]);
    person.is_gone();
}

#[test]
fn our_key_at_the_open_line_begins_the_next_command_also_behind_other_keys() {
    if podfleet_tests::require::tmux().is_none() {
        return;
    }
    let world = World::with_agents(&[("a", "")]);
    world.fleet(&["up"]).exits(0);
    let person = Person::with(&world, &["attach", "a", "--take", "--prefix", "ctrl-]"]);
    person.sees(|screen| screen.contains("for shortcuts"));
    person.keys(&["C-]", ":"]);
    person.sees(|screen| screen.lines().any(|line| line == ":"));
    person.keys(&["p", "o", "C-]"]);
    person.keys(&[":", "h", "e", "l", "p", "Enter"]);
    person.sees(|screen| screen.contains("any key goes on"));
    person.keys(&["x", "C-]"]);
    person.keys(&[":", "d", "e", "t", "a", "c", "h", "Enter"]);
    person.is_gone();
}

#[test]
fn a_watched_table_ages_by_itself_and_asks_only_when_something_changed() {
    let Some(tmux) = podfleet_tests::require::tmux() else {
        return;
    };
    let world = World::with_agents(&[("a", ""), ("b", "")]);
    world.fleet(&["up"]).exits(0);
    let counted = world.path("counted");
    fs::create_dir(&counted).unwrap();
    let (calls, counting) = (counted.join("calls"), counted.join("tmux"));
    let script = format!(
        "#!/bin/sh\necho >> '{}'\nexec '{}' \"$@\"\n",
        calls.display(),
        tmux.display()
    );
    fs::write(&counting, script).unwrap();
    fs::set_permissions(&counting, fs::Permissions::from_mode(0o755)).unwrap();
    let asked = || {
        fs::read_to_string(&calls)
            .unwrap_or_default()
            .lines()
            .count()
    };

    let mut watching = world.command("default", &["ps", "--watch"]);
    let path = std::env::var("PATH").unwrap();
    watching.env("PATH", format!("{}:{path}", counted.display()));
    let person = Person::running(&world, &watching);
    person.sees(|screen| screen.contains("available"));
    let before = asked();
    assert!(before > 0);
    let ages = RefCell::new(HashSet::new());
    person.sees(|screen| {
        ages.borrow_mut().insert(screen.to_owned());
        ages.borrow().len() > 6
    });
    // One heartbeat of each may have come.
    assert!(
        asked() - before <= 3,
        "asked {before} and {} times",
        asked()
    );
    world.fleet(&["down", "b"]).exits(0);
    person.sees(|screen| screen.contains("stopped"));
    world.fleet(&["pause", "a"]).exits(0);
    person.sees(|screen| screen.contains("PAUSED"));
    // What the roster says from now on counts from now on.
    world.fleet(&["add", "late", "--runtime", "sim"]).exits(0);
    person.sees(|screen| {
        let row = screen.lines().find(|row| row.starts_with("late"));
        row.is_some_and(|row| row.contains("available") && !row.contains("DRIFT"))
    });
    person.keys(&["q"]);
    person.is_gone();
}
