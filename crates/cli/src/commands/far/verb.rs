//! Verbs about agents of which some are elsewhere.

use podfleet::{Fleet, shell_word as quoted};

use super::{HAS_FLEET, by_fleet, over_ssh};
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// A verb of the fleet on another machine, and how it is asked for.
#[derive(Debug, Clone)]
pub(in crate::commands) struct FarVerb {
    options: Vec<String>,
    /// What follows the names.
    rest: Vec<String>,
    /// Whether its output is one document.
    json: bool,
}

impl FarVerb {
    pub(in crate::commands) fn new(verb: &str) -> Self {
        Self {
            options: vec![verb.to_owned()],
            rest: Vec::new(),
            json: false,
        }
    }

    /// Adds an option without a value, if it is wanted.
    pub(in crate::commands) fn flag(mut self, name: &str, wanted: bool) -> Self {
        self.options.extend(wanted.then(|| name.to_owned()));
        self
    }

    /// Adds an option with its value, if there is one.
    pub(in crate::commands) fn option(mut self, name: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.options.extend([name.to_owned(), value]);
        }
        self
    }

    /// Adds a word behind the names, if there is one.
    pub(in crate::commands) fn word(mut self, word: Option<&str>) -> Self {
        self.rest.extend(word.map(str::to_owned));
        self
    }

    pub(in crate::commands) fn json(self, wanted: bool) -> Self {
        Self {
            json: wanted,
            ..self.flag("--json", wanted)
        }
    }

    fn script(&self, names: &[String]) -> String {
        let words = |words: &[String]| {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        };
        let ours = [&self.options[..], &["--".to_owned()], names, &self.rest].concat();
        let missing = "echo 'error: there is no `fleet` on this machine' >&2; exit 4";
        by_fleet(HAS_FLEET, &words(&ours), missing)
    }
}

/// Agents that live on other machines, by how ssh reaches these.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Elsewhere {
    machines: Vec<(String, Vec<String>)>,
}

impl Elsewhere {
    /// Tells those that are elsewhere from those that are here, or unknown.
    pub(in crate::commands) fn split(fleet: &Fleet, names: &[String]) -> (Vec<String>, Self) {
        let machine = |name: &str| Some(fleet.session_elsewhere(name)?.ssh.unwrap_or_default());
        Self::by(names, machine)
    }

    /// Returns the one agent, if it is elsewhere.
    pub(in crate::commands) fn one(fleet: &Fleet, name: &str) -> Option<Self> {
        let (here, there) = Self::split(fleet, &[name.to_owned()]);
        here.is_empty().then_some(there)
    }

    fn by(names: &[String], machine: impl Fn(&str) -> Option<String>) -> (Vec<String>, Self) {
        let (mut here, mut machines) = (Vec::new(), Vec::<(String, Vec<String>)>::new());
        for name in names {
            let Some(machine) = machine(name) else {
                here.push(name.clone());
                continue;
            };
            match machines.iter_mut().find(|(known, _)| *known == machine) {
                Some((_, there)) => there.push(name.clone()),
                None => machines.push((machine, vec![name.clone()])),
            }
        }
        (here, Self { machines })
    }

    /// Refuses what would print several documents: of some agents that are here and of each machine.
    pub(in crate::commands) fn check(&self, here: &[String], verb: &FarVerb) -> Result<(), Error> {
        let places = self.machines.len() + usize::from(!here.is_empty());
        if !verb.json || places < 2 {
            return Ok(());
        }
        let message = "with `--json` there is one document, of the agents of one machine";
        Err(Error::message(Exit::Usage, message)
            .hint("name the agents of each machine in a command of their own"))
    }

    /// Runs the verb on each machine, one after the other; the first that fails tells the status.
    pub(in crate::commands) fn run(&self, verb: &FarVerb) -> Outcome {
        let mut exit = Exit::Success;
        for (machine, names) in &self.machines {
            exit = exit.and(over_ssh(machine, &verb.script(names), false)?);
        }
        Ok(exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_verb_is_asked_for_word_by_word() {
        let verb = FarVerb::new("answer")
            .option("--dialog", Some("7".into()))
            .flag("--dry-run", false)
            .word(Some("Yes, it's fine"))
            .json(true);
        insta::assert_snapshot!(
            verb.script(&names(&["far"])),
            @r"if command -v fleet >/dev/null 2>&1; then exec fleet 'answer' '--dialog' '7' '--json' '--' 'far' 'Yes, it'\''s fine'; else echo 'error: there is no `fleet` on this machine' >&2; exit 4; fi"
        );
    }

    #[test]
    fn agents_are_grouped_by_machine_and_one_document_is_of_one_machine() {
        let machine = |name: &str| name.split_once('@').map(|(_, machine)| machine.to_owned());
        let (here, there) = Elsewhere::by(&names(&["a", "b@oak", "c@elm", "d@oak"]), machine);
        assert_eq!(here, ["a"]);
        assert_eq!(
            there.machines,
            [
                ("oak".to_owned(), names(&["b@oak", "d@oak"])),
                ("elm".to_owned(), names(&["c@elm"]))
            ]
        );
        let verb = FarVerb::new("restart").json(true);
        assert!(there.check(&here, &verb).is_err());
        assert!(there.check(&here, &FarVerb::new("restart")).is_ok());
        let (here, there) = Elsewhere::by(&names(&["b@oak", "d@oak"]), machine);
        assert!(there.check(&here, &verb).is_ok());
    }
}
