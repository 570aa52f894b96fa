//! The operator's file of an agent's variables: the one place for its secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What a file of `NAME=value` lines says, and what is wrong with it.
///
/// Empty lines and those that begin with `#` say nothing. `export` may stand before a name, and one
/// pair of quotes around a value; nothing else in a value means anything but itself.
#[derive(Default)]
pub struct EnvFile {
    /// The variables, by name.
    pub variables: BTreeMap<String, String>,
    /// What is wrong first, if anything is.
    pub fault: Option<EnvFileFault>,
}

/// What is wrong with a file of variables. It never carries a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct EnvFileFault {
    path: PathBuf,
    /// Counted from 1.
    line: Option<usize>,
    reason: String,
}

impl EnvFile {
    /// Reads a file; one that is not there has no variables.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self {
                variables: BTreeMap::new(),
                fault: Some(EnvFileFault {
                    path: path.to_owned(),
                    line: None,
                    reason: format!("cannot be read: {error}"),
                }),
            },
        }
    }

    fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match variable(line) {
                Ok((name, value)) => {
                    file.variables.insert(name.to_owned(), value.to_owned());
                }
                Err(reason) => {
                    file.fault.get_or_insert_with(|| EnvFileFault {
                        path: path.to_owned(),
                        line: Some(index + 1),
                        reason: reason.to_owned(),
                    });
                }
            }
        }
        file
    }
}

/// Values may be secrets, so only names are shown.
impl std::fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvFile")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("fault", &self.fault)
            .finish()
    }
}

fn variable(line: &str) -> Result<(&str, &str), &'static str> {
    let exported = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']));
    let line = exported.unwrap_or(line).trim_start();
    let (name, value) = line
        .split_once('=')
        .ok_or("a line has the form NAME=value")?;
    if !is_name(name) {
        return Err("a name has letters, digits and `_`, no digit first, and no blank around it");
    }
    if value.contains('\0') {
        return Err("a value has no NUL byte");
    }
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote);
            return Ok((
                name,
                inner.ok_or("a quote is opened and not closed at the end")?,
            ));
        }
    }
    Ok((name, value))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let begins = bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> EnvFile {
        EnvFile::parse(Path::new("/c/agents/a.env"), text)
    }

    #[test]
    fn variables_are_written_as_in_a_file_that_a_shell_reads() {
        let text = "\u{feff}# a key\n\nexport KEY=\"sk 1\"\r\nQ='x \"y\"'\n  A_1=b=c # d\nEMPTY=\n";
        let file = parse(text);
        assert_eq!(file.fault, None);
        let expected = [
            ("A_1", "b=c # d"),
            ("EMPTY", ""),
            ("KEY", "sk 1"),
            ("Q", "x \"y\""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(file.variables, BTreeMap::from(expected));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_the_secret() {
        let fault = |line: &str| {
            let file = parse(&format!("OK=1\n{line}\nALSO=2"));
            assert_eq!(file.variables.len(), 2, "{file:?}");
            file.fault.unwrap().to_string()
        };
        for line in [
            "sk-secret",
            "=sk-secret",
            "1X=sk-secret",
            "A B=sk-secret",
            "exportA B=sk-secret",
            "K=\"sk-secret",
            "A =sk-secret",
        ] {
            let fault = fault(line);
            assert!(fault.starts_with("/c/agents/a.env, line 2: "), "{fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
        assert!(!format!("{:?}", parse("K=secret")).contains("secret"));
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing_and_one_that_is_no_text_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.env");
        let file = EnvFile::read(&path);
        assert!(file.fault.is_none() && file.variables.is_empty());
        std::fs::write(&path, b"K=\xff").unwrap();
        let fault = EnvFile::read(&path).fault.unwrap().to_string();
        assert!(fault.contains("a.env: cannot be read: "), "{fault}");
    }

    proptest! {
        #[test]
        fn any_value_of_one_line_is_read_back(value in "[^\\r\\n\\x00]*") {
            let file = parse(&format!("K=\"{value}\""));
            prop_assert_eq!(file.fault, None);
            prop_assert_eq!(&file.variables["K"], &value);
        }
    }
}
