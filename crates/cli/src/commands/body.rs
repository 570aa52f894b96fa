//! The text of a message, from wherever the command line says.

use std::io::Read;
use std::path::{Path, PathBuf};

use podfleet_protocol::clean_body;
use podfleet_protocol::limits::MAX_BODY;

use crate::error::Error;
use crate::exit::Exit;

/// Where a text comes from.
#[derive(Debug, clap::Args)]
pub(super) struct BodyArgs {
    /// The message
    #[arg(
        short,
        long,
        value_name = "TEXT",
        group = "body",
        allow_hyphen_values = true
    )]
    message: Option<String>,
    /// A file with the message
    #[arg(short, long, value_name = "FILE", group = "body", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Read the message from standard input
    #[arg(value_name = "-", group = "body", value_parser = dash)]
    stdin: Option<String>,
}

/// A text of several words that is not quoted ends up here.
fn dash(word: &str) -> Result<String, String> {
    if word == "-" {
        return Ok(word.to_owned());
    }
    Err("a message is given by `-m TEXT`, with quotes around several words".to_owned())
}

impl BodyArgs {
    /// Returns whether a text was given in any way.
    pub(super) const fn is_given(&self) -> bool {
        self.message.is_some() || self.file.is_some() || self.stdin.is_some()
    }

    /// Reads the text.
    pub(super) fn read(&self) -> Result<String, Error> {
        let body = match (&self.message, &self.file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) if file != Path::new("-") => of_file(file)?,
            (None, _) => of_stdin()?,
        };
        if clean_body(&body).is_blank() {
            return Err(Error::message(Exit::Usage, "the message is empty"));
        }
        Ok(body)
    }
}

/// A text for people, which may be left out where a file goes along.
#[derive(Debug, clap::Args)]
pub(super) struct SpokenArgs {
    #[command(flatten)]
    body: BodyArgs,
    /// The thread of the chat that it belongs to
    #[arg(long, value_name = "ID")]
    pub(super) thread: Option<String>,
    /// The message of the chat that it answers
    #[arg(long, value_name = "ID")]
    pub(super) reply_to: Option<String>,
    /// A file that goes with it; may be given several times
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    pub(super) attach: Vec<PathBuf>,
}

impl SpokenArgs {
    /// Reads the text; it is empty where there are only files.
    pub(super) fn text(&self) -> Result<String, Error> {
        if self.body.is_given() {
            return self.body.read();
        }
        if self.attach.is_empty() {
            let error = Error::message(Exit::Usage, "there is nothing to say");
            return Err(error.hint("give a text with `-m TEXT`, or a file with `--attach`"));
        }
        Ok(String::new())
    }
}

/// Reads a text from a file.
fn of_file(file: &Path) -> Result<String, Error> {
    let read = std::fs::File::open(file).and_then(read_body);
    text(read, &file.display().to_string())
}

/// Reads a text from standard input.
fn of_stdin() -> Result<String, Error> {
    text(read_body(std::io::stdin()), "standard input")
}

/// Reads a body, and one byte more than the longest, so that a longer one is told.
fn read_body(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BODY as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses a body that no inbox takes, whoever is to be asked.
pub(crate) fn check_length(body: &str) -> Result<(), Error> {
    match body.len() > MAX_BODY {
        true => Err(too_long()),
        false => Ok(()),
    }
}

fn text(read: std::io::Result<Vec<u8>>, what: &str) -> Result<String, Error> {
    let bytes = read.map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{what} cannot be read"))
    })?;
    if bytes.len() > MAX_BODY {
        return Err(too_long());
    }
    String::from_utf8(bytes)
        .map_err(|error| Error::new(Exit::Usage, error).context(format!("{what} is no UTF-8 text")))
}

fn too_long() -> Error {
    let limit = MAX_BODY >> 20;
    Error::message(
        Exit::Refused,
        format!("the message is longer than {limit} MiB"),
    )
    .hint("put it into a file that the agent can read, and send the file's name")
}
