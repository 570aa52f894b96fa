//! Putting texts into unit files and environment files (systemd.syntax(7), systemd.exec(5)).

use std::collections::BTreeMap;
use std::path::Path;

/// Returns a text of `ExecStart=` as one word that means exactly this text.
pub(super) fn word(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' | '$' => quoted.extend([character, character]),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a path as the value of a setting that takes a path and no words.
pub(super) fn path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%")
}

/// Returns the text of an environment file. A value may be anything but hold a NUL.
pub(super) fn environment(variables: &BTreeMap<String, String>) -> String {
    variables
        .iter()
        .map(|(name, value)| format!("{name}={}\n", value_in_quotes(value)))
        .collect()
}

fn value_in_quotes(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_quotes_specifiers_and_variables() {
        assert_eq!(word("/usr/bin/fleet"), r#""/usr/bin/fleet""#);
        assert_eq!(word("/a b/100%/$HOME\"\\"), r#""/a b/100%%/$$HOME\"\\""#);
        assert_eq!(path(Path::new("/a b/%i")), "/a b/%%i");
    }

    #[test]
    fn a_value_of_the_environment_is_in_quotes() {
        let variables = [("A", "plain"), ("B", "a \"b\" $c \\ `d` #e\nf")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        insta::assert_snapshot!(environment(&variables.into()), @r##"
        A="plain"
        B="a \"b\" \$c \\ \`d\` #e
        f"
        "##);
    }
}
