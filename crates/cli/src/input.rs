//! Rosters as a command line names them: files, patterns of names, standard input.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use podfleet_home::{ReadFileError, ReadFileErrorKind};
use podfleet_roster::MAX_BYTES;

use crate::error::Error;
use crate::exit::Exit;

/// Where a roster's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

/// Makes inputs of the words of a command line. `-` is standard input; a word that is no file and
/// has `*`, `?` or `[…]` in it is a pattern, for shells that do not expand them (or not `**`).
///
/// What is named twice, such as by two patterns, comes once. A pattern that matches nothing is an
/// error of its own: a check of nothing finds nothing.
pub(crate) fn named(words: &[PathBuf]) -> Vec<Result<Input, Error>> {
    let mut inputs = Vec::new();
    for word in words {
        match word.to_str() {
            Some("-") => inputs.push(Ok(Input::Stdin)),
            Some(text) if is_pattern(text) && fs::symlink_metadata(word).is_err() => {
                inputs.extend(matching(text));
            }
            _ => inputs.push(Ok(Input::File(word.clone()))),
        }
    }
    let mut seen = HashSet::new();
    inputs.retain(|input| match input {
        Ok(Input::File(path)) => seen.insert(Input::File(plain(path))),
        Ok(input) => seen.insert(input.clone()),
        Err(_) => true,
    });
    inputs
}

/// The path without the parts that say nothing: `./a.yaml` is `a.yaml`.
fn plain(path: &Path) -> PathBuf {
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// Returns the files that a pattern matches, in alphabetical order.
fn matching(pattern: &str) -> Vec<Result<Input, Error>> {
    let options = glob::MatchOptions {
        require_literal_separator: true,
        // Its own way of leaving hidden files out ends the program at a name that is no UTF-8.
        require_literal_leading_dot: false,
        ..glob::MatchOptions::default()
    };
    // As in a shell: names that begin with a dot must be asked for.
    let asked_for = hidden_parts(Path::new(pattern));
    let hidden = |path: &Path| hidden_parts(path) > asked_for;
    let paths = match glob::glob_with(pattern, options) {
        Ok(paths) => paths,
        Err(error) => {
            let error = Error::message(
                Exit::Usage,
                format!("the pattern `{pattern}` is wrong: {}", error.msg),
            );
            return vec![Err(error)];
        }
    };
    let mut inputs: Vec<_> = paths
        .filter_map(|found| match found {
            Ok(path) if path.is_dir() || hidden(&path) => None,
            Ok(path) => Some(Ok(Input::File(path))),
            Err(error) if hidden(error.path()) => None,
            Err(error) => {
                let what = format!("{} cannot be read", error.path().display());
                Some(Err(
                    Error::new(Exit::Usage, io::Error::from(error)).context(what)
                ))
            }
        })
        .collect();
    if inputs.is_empty() {
        let error = Error::message(Exit::Usage, format!("no file matches `{pattern}`"));
        inputs.push(Err(error));
    }
    inputs
}

/// Returns how many names in a path begin with a dot, other than `.` and `..`.
fn hidden_parts(path: &Path) -> usize {
    let hidden = |part: &Component<'_>| match part {
        Component::Normal(name) => name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    path.components().filter(hidden).count()
}

impl Input {
    /// Returns what findings call the text.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::File(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Fails as [`read_file`] does.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Stdin => bounded(io::stdin()).map_err(|error| {
                Error::new(Exit::Usage, error).context("standard input cannot be read")
            }),
            Self::File(path) => read_named(path),
        }
    }
}

/// Reads a file; of one that is larger than any roster may be only as much as shows that.
///
/// # Errors
/// Fails when there is none, when it may not be read, and when it is no regular file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    podfleet_home::read_file(path, MAX_BYTES).map_err(|error| Error::new(Exit::Usage, error))
}

/// Reads one of the rosters that were named.
fn read_named(path: &Path) -> Result<Vec<u8>, Error> {
    podfleet_home::read_file(path, MAX_BYTES).map_err(|error| {
        let hint = match error.kind() {
            ReadFileErrorKind::Directory if !roster_in(path).is_file() => {
                let all = path.join("*.yaml");
                format!("name the rosters in it, such as `{}`", all.display())
            }
            ReadFileErrorKind::Special(_) => {
                "give its text on standard input, with `-` as the file".to_owned()
            }
            _ => return unreadable(path, error),
        };
        Error::new(Exit::Usage, error).hint(hint)
    })
}

/// Returns why the one roster that a command goes by cannot be read, and what to do instead.
pub(crate) fn unreadable(path: &Path, error: ReadFileError) -> Error {
    let hint = match error.kind() {
        ReadFileErrorKind::Directory if roster_in(path).is_file() => {
            format!("name the roster in it: `{}`", roster_in(path).display())
        }
        ReadFileErrorKind::Directory => {
            let within = roster_in(path);
            let within = within.display();
            format!("a roster is a file; `fleet init --write --roster {within}` makes one there")
        }
        ReadFileErrorKind::Special(_) => {
            "a roster is a file, since it is read again and again".to_owned()
        }
        ReadFileErrorKind::Missing | ReadFileErrorKind::DanglingLink(_) => {
            "`fleet init` makes a roster to begin with".to_owned()
        }
        _ => return Error::new(Exit::Usage, error),
    };
    Error::new(Exit::Usage, error).hint(hint)
}

fn roster_in(directory: &Path) -> PathBuf {
    directory.join("roster.yaml")
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    reader.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
