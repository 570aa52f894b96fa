//! The one-line commands of an attached terminal: what they are, and how a line is read.
//!
//! Pure: a line and the names that are known go in, a command, an account of what is wrong, or a
//! completion comes out. A line that cannot be read sends nothing. A fuller interface can use the
//! same grammar.

use podfleet::near;
use podfleet_protocol::PodName;

/// A command of the attached pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Makes another pod a peer of it.
    Peer(PodName),
    /// Ends that.
    Unpeer(PodName),
    /// Lists the pods that it sees.
    Pods,
    /// Tells what the commands are, or how one is used.
    Help(Option<Verb>),
    /// Leaves the terminal.
    Detach,
}

/// The word that a command begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Peer,
    Unpeer,
    Pods,
    Help,
    Detach,
}

impl Verb {
    /// All, in the order in which help lists them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Peer,
        Self::Unpeer,
        Self::Pods,
        Self::Help,
        Self::Detach,
    ];

    /// Returns the word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Unpeer => "unpeer",
            Self::Pods => "pods",
            Self::Help => "help",
            Self::Detach => "detach",
        }
    }

    /// Returns how it is written.
    pub(crate) const fn usage(self) -> &'static str {
        match self {
            Self::Peer => "peer NAME",
            Self::Unpeer => "unpeer NAME",
            Self::Pods => "pods",
            Self::Help => "help [COMMAND]",
            Self::Detach => "detach",
        }
    }

    /// Returns what it does, in one line.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Peer => "let this pod and NAME see and notify each other",
            Self::Unpeer => "end that, for both at once",
            Self::Pods => "list the pods that this one sees, and why",
            Self::Help => "list the commands, or tell how one is used",
            Self::Detach => "leave the terminal; the agent goes on",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word() == word)
    }

    const fn argument(self) -> Argument {
        match self {
            Self::Peer | Self::Unpeer => Argument::Pod,
            Self::Help => Argument::Verb,
            Self::Pods | Self::Detach => Argument::None,
        }
    }
}

/// What may follow a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Pod,
    Verb,
}

/// Why a line is no command: a lowercase fragment that fits one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a line, given the pod that it is about; an empty one is nothing.
///
/// # Errors
/// Says what is wrong with the line; nothing of it was done.
pub(crate) fn parse(line: &str, own: &str) -> Result<Option<Command>, Fault> {
    let mut words = line.split_whitespace();
    let Some(word) = words.next() else {
        return Ok(None);
    };
    let Some(verb) = Verb::of(word) else {
        return Err(unknown(word));
    };
    let argument = words.next();
    let surplus = match verb.argument() {
        Argument::None => argument,
        Argument::Pod | Argument::Verb => words.next(),
    };
    if let Some(surplus) = surplus {
        return Err(Fault(format!(
            "`{surplus}` is too much; it is `{}`",
            verb.usage()
        )));
    }
    let command = match verb {
        Verb::Peer => Command::Peer(other_pod(verb, argument, own)?),
        Verb::Unpeer => Command::Unpeer(other_pod(verb, argument, own)?),
        Verb::Pods => Command::Pods,
        Verb::Help => Command::Help(match argument {
            None => None,
            Some(word) => Some(Verb::of(word).ok_or_else(|| unknown(word))?),
        }),
        Verb::Detach => Command::Detach,
    };
    Ok(Some(command))
}

fn other_pod(verb: Verb, argument: Option<&str>, own: &str) -> Result<PodName, Fault> {
    let Some(text) = argument else {
        return Err(Fault(format!(
            "the name of a pod is missing; it is `{}`",
            verb.usage()
        )));
    };
    let name = PodName::new(text).map_err(|error| Fault(error.to_string()))?;
    if name.as_str().eq_ignore_ascii_case(own) {
        return Err(Fault(format!("`{own}` is this pod; name another one")));
    }
    Ok(name)
}

fn unknown(word: &str) -> Fault {
    let known = Verb::ALL.map(|verb| verb.word().to_owned());
    Fault(match near(word, known).first() {
        Some(near) => format!("there is no command `{word}`; did you mean `{near}`?"),
        None => format!("there is no command `{word}`; `help` lists them"),
    })
}

/// Returns the lines that answer `help`.
pub(crate) fn help(verb: Option<Verb>) -> Vec<String> {
    let line = |verb: Verb| format!("{:<15} {}", verb.usage(), verb.about());
    match verb {
        Some(verb) => vec![line(verb)],
        None => Verb::ALL.into_iter().map(line).collect(),
    }
}

/// What a line can be completed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    /// The line, as far as all candidates agree.
    pub(crate) line: String,
    /// The words that its last one may become; empty if there is none.
    pub(crate) candidates: Vec<String>,
}

/// Completes the last word of a line: a command, then what that takes.
pub(crate) fn complete(line: &str, names: &[String]) -> Completion {
    let word = line.rsplit(char::is_whitespace).next().unwrap_or(line);
    let before = &line[..line.len() - word.len()];
    let mut earlier = before.split_whitespace();
    let words: Vec<String> = match (earlier.next().map(Verb::of), earlier.next()) {
        (None, _) => verbs(),
        (Some(Some(verb)), None) => match verb.argument() {
            Argument::Pod => names.to_vec(),
            Argument::Verb => verbs(),
            Argument::None => Vec::new(),
        },
        _ => Vec::new(),
    };
    let candidates: Vec<String> = words
        .into_iter()
        .filter(|candidate| candidate.starts_with(word))
        .collect();
    let agreed = match candidates.as_slice() {
        [] => word.to_owned(),
        [only] => format!("{only} "),
        [first, rest @ ..] => common_prefix(first, rest),
    };
    Completion {
        line: format!("{before}{agreed}"),
        candidates,
    }
}

fn verbs() -> Vec<String> {
    Verb::ALL.map(|verb| verb.word().to_owned()).to_vec()
}

fn common_prefix(first: &str, rest: &[String]) -> String {
    first
        .chars()
        .enumerate()
        .take_while(|(at, character)| {
            rest.iter()
                .all(|other| other.chars().nth(*at) == Some(*character))
        })
        .map(|(_, character)| character)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Command>, String> {
        parse(line, "coder").map_err(|fault| fault.to_string())
    }

    fn name(text: &str) -> PodName {
        PodName::new(text).unwrap()
    }

    #[test]
    fn each_command_is_read_with_any_white_space() {
        assert_eq!(
            read("  peer \t lead "),
            Ok(Some(Command::Peer(name("lead"))))
        );
        assert_eq!(read("unpeer lead"), Ok(Some(Command::Unpeer(name("lead")))));
        assert_eq!(read("pods"), Ok(Some(Command::Pods)));
        assert_eq!(read("help"), Ok(Some(Command::Help(None))));
        assert_eq!(read("help peer"), Ok(Some(Command::Help(Some(Verb::Peer)))));
        assert_eq!(read("detach"), Ok(Some(Command::Detach)));
        assert_eq!(read("  "), Ok(None));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told_in_one_line() {
        let lines = [
            "per lead",
            "frobnicate",
            "peer",
            "peer a b",
            "pods now",
            "peer coder",
            "peer CODER",
            "peer a/b",
            "peer operator",
            "help per",
        ];
        let told: Vec<String> = lines
            .iter()
            .map(|line| format!("{line}: {}", read(line).unwrap_err()))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        per lead: there is no command `per`; did you mean `peer`?
        frobnicate: there is no command `frobnicate`; `help` lists them
        peer: the name of a pod is missing; it is `peer NAME`
        peer a b: `b` is too much; it is `peer NAME`
        pods now: `now` is too much; it is `pods`
        peer coder: `coder` is this pod; name another one
        peer CODER: `coder` is this pod; name another one
        peer a/b: invalid pod name `a/b`: only ASCII letters, digits, `_`, `.` and `-` are allowed
        peer operator: invalid pod name `operator`: it is reserved
        help per: there is no command `per`; did you mean `peer`?
        ");
    }

    #[test]
    fn every_command_is_in_its_help() {
        insta::assert_snapshot!(help(None).join("\n"), @r"
        peer NAME       let this pod and NAME see and notify each other
        unpeer NAME     end that, for both at once
        pods            list the pods that this one sees, and why
        help [COMMAND]  list the commands, or tell how one is used
        detach          leave the terminal; the agent goes on
        ");
        assert_eq!(help(Some(Verb::Pods)).len(), 1);
    }

    #[test]
    fn a_word_is_completed_as_far_as_all_candidates_agree() {
        let names = ["coder0", "coder1", "lead"].map(str::to_owned);
        let complete = |line: &str| {
            let completion = complete(line, &names);
            (completion.line, completion.candidates.join(" "))
        };
        let pair = |line: &str, candidates: &str| (line.to_owned(), candidates.to_owned());
        assert_eq!(complete("u"), pair("unpeer ", "unpeer"));
        assert_eq!(complete("pe"), pair("peer ", "peer"));
        assert_eq!(complete("p"), pair("p", "peer pods"));
        assert_eq!(complete("peer c"), pair("peer coder", "coder0 coder1"));
        assert_eq!(complete("peer l"), pair("peer lead ", "lead"));
        assert_eq!(complete("help d"), pair("help detach ", "detach"));
        assert_eq!(complete("pods x"), pair("pods x", ""));
        assert_eq!(complete("peer a b"), pair("peer a b", ""));
        assert_eq!(complete("peer z"), pair("peer z", ""));
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_or_refused_and_completing_keeps_it(line in ".{0,40}") {
            let _ = read(&line);
            let completed = complete(&line, &["lead".to_owned()]);
            proptest::prop_assert!(completed.line.starts_with(&line));
        }
    }
}
