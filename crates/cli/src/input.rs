//! Rosters as a command line names them: files, patterns of names, standard input.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use podfleet_roster::MAX_BYTES;

use crate::error::Error;
use crate::exit::Exit;

/// Where a roster's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

/// Makes inputs of the words of a command line. `-` is standard input; a word that is no file and
/// has `*`, `?` or `[…]` in it is a pattern, for shells that do not expand them (or not `**`).
///
/// A pattern that matches nothing is an error of its own: a check of nothing finds nothing.
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
    inputs
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// Returns the files that a pattern matches, in alphabetical order.
fn matching(pattern: &str) -> Vec<Result<Input, Error>> {
    // As in a shell: names that begin with a dot must be asked for.
    let options = glob::MatchOptions {
        require_literal_leading_dot: true,
        require_literal_separator: true,
        ..glob::MatchOptions::default()
    };
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
            Ok(path) if path.is_dir() => None,
            Ok(path) => Some(Ok(Input::File(path))),
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
            Self::Stdin => bounded(io::stdin()).map_err(|error| unreadable(&self.name(), error)),
            Self::File(path) => read_file(path),
        }
    }
}

/// Reads a roster's file; of one that is larger than any roster may be only as much as shows that.
///
/// # Errors
/// Fails when there is none, when it may not be read, and when it is no regular file: a pipe
/// without a writer would be waited for, and a device may never end.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let shown = path.display();
    let found = fs::metadata(path).map_err(|error| absent(path, error))?;
    if found.is_dir() {
        return Err(
            Error::message(Exit::Usage, format!("{shown} is a directory"))
                .hint(format!("name the rosters in it, such as `{shown}/*.yaml`")),
        );
    }
    if !found.is_file() {
        let kind = kind(&found);
        return Err(
            Error::message(Exit::Usage, format!("{shown} is {kind}, not a file"))
                .hint("give its text on standard input, with `-` as the file"),
        );
    }
    File::open(path)
        .and_then(bounded)
        .map_err(|error| unreadable(&shown.to_string(), error))
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_BYTES as u64 + 1;
    reader.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Says why there is no file to look at.
fn absent(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    if error.kind() != io::ErrorKind::NotFound {
        return unreadable(&shown.to_string(), error);
    }
    match fs::read_link(path) {
        Ok(target) => {
            let target = target.display();
            let message = format!("{shown} is a link to {target}, which is not there");
            Error::message(Exit::Usage, message)
        }
        Err(_) => Error::message(Exit::Usage, format!("there is no file {shown}")),
    }
}

fn unreadable(name: &str, error: io::Error) -> Error {
    Error::new(Exit::Usage, error).context(format!("{name} cannot be read"))
}

/// Returns what a file is that is neither a regular one nor a directory.
#[cfg(unix)]
fn kind(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;

    let kind = found.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "a device"
}

#[cfg(test)]
mod tests;
