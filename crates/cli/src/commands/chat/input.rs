//! What a person enters: something to say, or something about the chat itself.

use std::path::{Path, PathBuf};

use podfleet_connectors::tmux::Say;
use podfleet_protocol::MessageId;

/// What can be entered besides text.
pub(super) const HELP: &str = "\
/attach PATH [TEXT]  a file goes with it; a PATH with blanks in quotes
/thread N            go on in the thread of entry N; /thread alone: in none
/reply N TEXT        an answer to entry N
/quit                leave; also ctrl-d
//TEXT               a text that begins with a slash
!help                what the fleet itself can be told";

/// What was entered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    Nothing,
    Text(String),
    Attach(PathBuf, String),
    /// The thread of an entry from now on, or none.
    Thread(Option<u64>),
    Reply(u64, String),
    Help,
    Quit,
    Wrong(&'static str),
}

pub(super) fn entered(line: &str, home: Option<&Path>) -> Entered {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return match line {
            "" => Entered::Nothing,
            text => Entered::Text(text.to_owned()),
        };
    };
    if command.starts_with('/') {
        return Entered::Text(command.to_owned());
    }
    let (word, rest) = split(command);
    let number = |text: &str| text.trim_start_matches('#').parse().ok();
    match (word, rest) {
        ("help", _) => Entered::Help,
        ("quit" | "exit", _) => Entered::Quit,
        ("attach", "") => Entered::Wrong("/attach needs the path of a file"),
        ("attach", rest) => match first_path(rest) {
            Some((path, text)) => Entered::Attach(expanded(&path, home), text.trim().to_owned()),
            None => Entered::Wrong("a quote around the path is not closed"),
        },
        ("thread", "") => Entered::Thread(None),
        ("thread", rest) => match number(rest) {
            Some(number) => Entered::Thread(Some(number)),
            None => Entered::Wrong("/thread needs the number of an entry"),
        },
        ("reply", rest) => match split(rest) {
            (_, "") => Entered::Wrong("/reply needs the number of an entry and a text"),
            (entry, text) => match number(entry) {
                Some(number) => Entered::Reply(number, text.to_owned()),
                None => Entered::Wrong("/reply needs the number of an entry and a text"),
            },
        },
        _ => Entered::Wrong("/help lists what can be entered; // begins a text with a slash"),
    }
}

fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// Takes the path off a text, quoted as in a shell; nothing if a quote is not closed.
fn first_path(text: &str) -> Option<(String, &str)> {
    let mut path = String::new();
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, character) if character.is_whitespace() => return Some((path, &text[at..])),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            (None | Some('"'), '\\') => path.extend(characters.next().map(|(_, next)| next)),
            (_, character) => path.push(character),
        }
    }
    quote.is_none().then_some((path, ""))
}

fn expanded(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(below), Some(home)) => home.join(below),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.into()),
    }
}

/// Makes what each line of a file says; empty lines say nothing.
pub(super) fn said(lines: &[String]) -> Vec<Say> {
    let lines = lines.iter().filter(|line| !line.trim().is_empty());
    lines.map(|line| say(line.clone())).collect()
}

pub(super) fn say(text: String) -> Say {
    Say {
        id: MessageId::generate().to_string(),
        text,
        thread: None,
        reply_to: None,
        files: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_a_terminal() {
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn lines_are_text_unless_they_begin_with_one_slash() {
        let home = Some(Path::new("/home/a"));
        let cases = [
            (" hello ", Entered::Text("hello".to_owned())),
            ("//etc", Entered::Text("/etc".to_owned())),
            ("!ps", Entered::Text("!ps".to_owned())),
            ("", Entered::Nothing),
            ("/thread 12", Entered::Thread(Some(12))),
            ("/thread #12", Entered::Thread(Some(12))),
            ("/thread", Entered::Thread(None)),
            ("/reply 3 yes, do", Entered::Reply(3, "yes, do".to_owned())),
            (
                "/attach ~/a.png look",
                Entered::Attach("/home/a/a.png".into(), "look".to_owned()),
            ),
            (
                "/attach '/a b.txt' look",
                Entered::Attach("/a b.txt".into(), "look".to_owned()),
            ),
            (
                r#"/attach /a\ "b 'c"/d"#,
                Entered::Attach("/a b 'c/d".into(), String::new()),
            ),
            ("/quit", Entered::Quit),
        ];
        for (line, expected) in cases {
            assert_eq!(entered(line, home), expected, "{line}");
        }
        for wrong in [
            "/thread x",
            "/reply 3",
            "/attach",
            "/attach 'a b",
            "/etc/passwd",
        ] {
            assert!(matches!(entered(wrong, home), Entered::Wrong(_)), "{wrong}");
        }
    }
}
