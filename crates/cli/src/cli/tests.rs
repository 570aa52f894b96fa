use unicode_width::UnicodeWidthStr;

use super::*;

/// Returns what `--help` prints for every command, by its words; hidden ones too.
fn helps() -> Vec<(String, String)> {
    let mut commands = Vec::new();
    collect(&grammar(), &[], &mut commands);
    let help = |words: Vec<String>| {
        let line = words.iter().map(String::as_str).chain(["--help"]);
        let help = grammar().try_get_matches_from(line).unwrap_err();
        (words.join("-"), help.to_string())
    };
    commands.into_iter().map(help).collect()
}

fn collect(command: &clap::Command, before: &[String], commands: &mut Vec<Vec<String>>) {
    let words = [before, &[command.get_name().to_owned()]].concat();
    commands.push(words.clone());
    for inner in command.get_subcommands() {
        collect(inner, &words, commands);
    }
}

#[test]
fn the_grammar_is_sound() {
    grammar().debug_assert();
}

#[test]
fn every_visible_command_stands_below_a_heading_once() {
    let grammar = grammar();
    let mut visible: Vec<_> = grammar
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(clap::Command::get_name)
        .collect();
    let mut listed: Vec<_> = SECTIONS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    visible.sort_unstable();
    listed.sort_unstable();
    assert_eq!(visible, listed);
}

#[test]
fn no_help_is_wider_than_eighty_columns() {
    for (name, help) in helps() {
        for line in help.lines() {
            assert!(line.width() <= 80, "{name}: {line}");
        }
    }
}

#[test]
fn the_first_line_of_a_help_is_imperative_and_has_no_full_stop() {
    for (name, help) in helps() {
        let first = help.lines().next().unwrap();
        assert!(!first.ends_with('.'), "{name}: {first}");
        assert!(first.starts_with(char::is_uppercase), "{name}: {first}");
    }
}

#[test]
fn the_helps_read_well() {
    for (name, help) in helps() {
        insta::assert_snapshot!(name, help);
    }
}

#[test]
fn every_command_that_a_role_names_is_there() {
    let grammar = grammar();
    for role in podfleet_roster::Roles::shipped().iter() {
        for command in role.text().split("`fleet ").skip(1) {
            let name = command.split([' ', '`']).next().unwrap();
            let found = grammar.find_subcommand(name);
            assert!(found.is_some(), "{}: fleet {name}", role.class());
        }
    }
}
