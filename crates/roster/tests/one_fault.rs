//! One fault is reported once: a typo anywhere in a sound roster has one finding.

use podfleet_roster::{Diagnostic, Known, Roster};

/// Names that others refer to are referred to once, so that a typo in one is one fault.
const SOUND: &str = "\
version: 1
transport: tmux
fleet: garden
tmux:
  socket_name: podfleet
defaults:
  working_directory: ~/src
runtimes:
  aider:
    harness: generic
    reset_command: /clear
agents:
- name: boss
  runtime: claude
  class: orchestrator
- name: gardener
  runtime: aider
  class: enhancer
  command: [aider, --yes]
  depends_on: [boss]
- name: shell
  runtime: generic
  class: worker
  command: [bash]
- name: far
  runtime: codex
  host: build-box
  ssh: me@build-box
  env: {LANG: C}
- name: fresh
  runtime: pi
  reset_between_tasks: true
  resume: never
";

fn findings(text: &str) -> Vec<Diagnostic> {
    Roster::parse(text, "roster.yaml", &Known::shipped()).1
}

/// Every text that a misspelt word makes: a letter too few, too many, another one, two swapped.
fn typos(text: &str) -> impl Iterator<Item = String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let letters = text.char_indices().filter(move |(_, c)| is_letter(*c));
    letters.flat_map(move |(at, c)| {
        let (before, behind) = (&text[..at], &text[at + 1..]);
        let instead = |new: &str| format!("{before}{new}{behind}");
        let mut typos = vec![instead(&format!("{c}{c}")), instead("x"), instead("Q")];
        if let Some(next) = behind.chars().next().filter(|next| is_letter(*next)) {
            typos.push(instead(""));
            typos.push(format!("{before}{next}{c}{}", &behind[1..]));
        }
        typos
    })
}

#[test]
fn a_misspelt_word_has_one_finding() {
    assert_eq!(findings(SOUND), []);
    let shown = |(text, found): (String, Vec<Diagnostic>)| {
        let mut lines = text.lines().zip(SOUND.lines());
        let changed = lines.find(|(new, old)| new != old);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        format!(
            "{:?}\n  {}",
            changed.map(|(new, _)| new),
            found.join("\n  ")
        )
    };
    let found = typos(SOUND).map(|text| (text.clone(), findings(&text)));
    let wrong: Vec<String> = found
        .filter(|(_, found)| found.len() > 1)
        .map(shown)
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
