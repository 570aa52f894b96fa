//! What `fleet init` asks a person in a terminal.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::Path;

use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Select, Text};
use podfleet_roster::Preset;

use super::Args;
use crate::commands::connector_fields::{
    CHANNEL_ID, HOMESERVER_URL, Kind, ROOM_ID, USER_ID, checked,
};
use crate::error::Error;
use crate::exit::Exit;
use crate::render::table::truncate;

/// Returns whether there is somebody to ask.
pub(super) fn possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Asks for what the arguments leave open.
pub(super) fn ask(args: &mut Args, path: &Path) -> Result<(), Error> {
    let presets = Preset::ALL.map(Choice::preset).into();
    let general = Preset::ALL
        .iter()
        .position(|preset| *preset == Preset::General);
    let chosen = Select::new("Which fleet?", presets)
        .with_starting_cursor(general.unwrap_or(0))
        .with_formatter(&|answer| answer.value.name.to_owned())
        .prompt()
        .map_err(given_up)?;
    args.preset = Some(chosen.value);
    if args.connector.is_none() {
        let chosen = Select::new("Where does it chat with you?", Choice::connectors())
            .with_formatter(&|answer| answer.value.name.to_owned())
            .prompt()
            .map_err(given_up)?;
        args.connector = chosen.value;
    }
    let fields = &mut args.fields;
    match args.connector.as_ref().map(Kind::as_str) {
        Some("discord") => fill(&mut fields.channel_id, CHANNEL_ID, "Channel id:")?,
        Some("matrix") => {
            let url = "Homeserver, https://…:";
            fill(&mut fields.homeserver_url, HOMESERVER_URL, url)?;
            let user = "The connector's user, @user:server:";
            fill(&mut fields.user_id, USER_ID, user)?;
            let room = "Room, !room:server or #alias:server:";
            fill(&mut fields.room_id, ROOM_ID, room)?;
        }
        _ => {}
    }
    if !args.writing.write {
        confirm(args, path)?;
    }
    Ok(())
}

/// Asks whether it is to be written, and over what is there.
fn confirm(args: &mut Args, path: &Path) -> Result<(), Error> {
    let there = path.symlink_metadata().is_ok();
    let path = path.display();
    let question = match there {
        true => format!("{path} is there already. Replace it?"),
        false => format!("Write it to {path}?"),
    };
    let confirmed = Confirm::new(&question).with_default(!there).prompt();
    let confirmed = confirmed.map_err(given_up)?;
    args.writing.write = confirmed;
    args.writing.force = confirmed && there;
    Ok(())
}

/// Asks for a field of the roster until the answer can stand there.
fn fill(answer: &mut Option<String>, field: &'static str, question: &str) -> Result<(), Error> {
    if answer.is_some() {
        return Ok(());
    }
    let validate = move |text: &str| {
        Ok(match checked(field, text) {
            Ok(_) => Validation::Valid,
            Err(reason) => Validation::Invalid(reason.into()),
        })
    };
    let text = Text::new(question).with_validator(validate).prompt();
    *answer = Some(text.map_err(given_up)?.trim().to_owned());
    Ok(())
}

/// Asks whether a roster is written whose connector does not work.
#[cfg(feature = "fleet")]
pub(super) fn all_the_same() -> Result<bool, Error> {
    Confirm::new("Write it all the same?")
        .with_default(false)
        .prompt()
        .map_err(given_up)
}

fn given_up(error: InquireError) -> Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Error::message(Exit::Interrupted, "interrupted").hint("nothing was written")
        }
        error => Error::new(Exit::System, error)
            .context("the question cannot be asked; nothing was written"),
    }
}

/// Columns of a line of 80 that are left for an explanation.
const ROOM: usize = 62;

/// An answer to choose, with its explanation.
struct Choice<T> {
    value: T,
    name: &'static str,
    summary: &'static str,
}

impl Choice<Preset> {
    fn preset(preset: Preset) -> Self {
        Self {
            value: preset,
            name: preset.as_str(),
            summary: preset.summary(),
        }
    }
}

impl Choice<Option<Kind>> {
    fn connectors() -> Vec<Self> {
        let choice = |value, name, summary| Self {
            value,
            name,
            summary,
        };
        vec![
            choice(
                "tmux".parse().ok(),
                "tmux",
                "in a terminal of this host: `fleet chat`",
            ),
            choice("discord".parse().ok(), "discord", "in a channel"),
            choice("matrix".parse().ok(), "matrix", "in a room"),
            choice(
                None,
                "none",
                "nowhere: its orchestrator has a terminal of its own",
            ),
        ]
    }
}

impl<T> fmt::Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<13} {}", self.name, truncate(self.summary, ROOM))
    }
}
