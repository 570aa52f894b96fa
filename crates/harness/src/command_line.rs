//! What a shell does with a line that it is given to run, as far as it matters who reads the terminal
//! then: words, commands one after the other, and what stands before a command's name.

/// What is set or looked up before the program that the line is there for is started.
const IN_PASSING: &[&str] = &[
    ".", ":", "[", "cd", "clear", "echo", "export", "mkdir", "printf", "set", "shopt", "sleep",
    "source", "stty", "test", "trap", "true", "ulimit", "umask", "unset",
];
/// Words of a shell before a command's name.
const BEFORE: &[&str] = &[
    "!", "builtin", "command", "do", "elif", "else", "eval", "if", "then", "until", "while", "{",
];

/// Returns the command that reads the terminal first while a shell runs a line: the first that is more
/// than set-up. It is empty where all are that.
pub(crate) fn first_reader(line: &str) -> Vec<String> {
    let in_passing = |program: &String| IN_PASSING.contains(&program.as_str());
    let mut commands = commands(line).into_iter().map(named);
    let reader = commands.find(|argv| argv.first().is_some_and(|program| !in_passing(program)));
    reader.unwrap_or_default()
}

/// Leaves out what stands before the name, and redirections.
fn named(words: Vec<String>) -> Vec<String> {
    let is_before = |word: &String| BEFORE.contains(&word.as_str()) || word.contains('=');
    let mut words = words.into_iter().skip_while(is_before);
    let mut argv = Vec::new();
    while let Some(word) = words.next() {
        let redirection = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        if redirection.starts_with(['<', '>']) {
            if redirection.ends_with(['<', '>', '&']) {
                words.next();
            }
            continue;
        }
        argv.push(match word.as_str() {
            "$SHELL" | "${SHELL}" => "sh".to_owned(),
            _ => word,
        });
    }
    argv
}

/// Splits a line into commands, and those into words without their quotes. Of a pipeline the first one
/// counts: only that reads the terminal.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let (mut word, mut quote, mut piped) = (None::<String>, None, false);
    let mut characters = line.chars().chain(['\n']).peekable();
    while let Some(c) = characters.next() {
        match c {
            c if quote == Some(c) => quote = None,
            '\\' if quote != Some('\'') => {
                word.get_or_insert_default().extend(characters.next());
            }
            c if quote.is_some() => word.get_or_insert_default().push(c),
            '\'' | '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            // A part of a redirection.
            '&' if word.as_ref().is_some_and(|word| word.ends_with(['<', '>']))
                || characters.peek() == Some(&'>') =>
            {
                word.get_or_insert_default().push(c);
            }
            c if c.is_whitespace() || "();&|".contains(c) => {
                if let (Some(word), false, Some(last)) = (word.take(), piped, commands.last_mut()) {
                    last.push(word);
                }
                let doubled = characters.next_if_eq(&c).is_some();
                match c {
                    '|' if !doubled => piped = true,
                    ' ' | '\t' | '\r' => {}
                    _ => {
                        piped = false;
                        commands.push(Vec::new());
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_reader_of_a_line_stands_behind_set_up_and_before_what_follows() {
        for (line, reader) in [
            ("exec bash --norc", "exec bash --norc"),
            ("cd /work && exec 'bash'", "exec bash"),
            ("my-agent; exec bash", "my-agent"),
            ("my-agent 'x; bash'", "my-agent x; bash"),
            ("VAR=\"a b\" X=1 my\\ agent", "my agent"),
            ("exec bash 2>>log </dev/tty", "exec bash"),
            ("bash 2> log -l", "bash -l"),
            ("bash 2>&1", "bash"),
            ("bash &>log", "bash"),
            ("(cd x; bash)", "bash"),
            ("{ bash; }", "bash"),
            ("true || command bash", "bash"),
            ("if test -f x; then bash; fi", "bash"),
            ("exec \"$SHELL\" -l", "exec sh -l"),
            ("my-agent | bash", "my-agent"),
            ("export A=1\nset -e\n./agent", "./agent"),
            ("cd /work", ""),
            ("", ""),
            ("'", ""),
        ] {
            assert_eq!(first_reader(line).join(" "), reader, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_has_a_first_reader_or_none(line in "\\PC{0,80}") {
            prop_assert!(first_reader(&line).len() <= line.len() + 1);
        }
    }
}
