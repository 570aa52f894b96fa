//! What `fleet init` asks a person in a terminal.

use std::fmt;
use std::io::{self, IsTerminal};
use std::path::Path;

use inquire::{Confirm, InquireError, Select, Text};
use podfleet_roster::Preset;

use super::{Args, ConnectorKind};
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
    match args.connector {
        None | Some(ConnectorKind::Tmux) => {}
        Some(ConnectorKind::Discord) => fill(&mut args.channel_id, "Channel id:")?,
        Some(ConnectorKind::Matrix) => {
            fill(&mut args.homeserver_url, "Homeserver, https://…:")?;
            fill(&mut args.user_id, "The connector's user, @user:server:")?;
            fill(&mut args.room_id, "Room, !room:server or #alias:server:")?;
        }
    }
    if !args.writing.write {
        args.writing.write = Confirm::new(&format!("Write it to {}?", path.display()))
            .with_default(true)
            .prompt()
            .map_err(given_up)?;
    }
    Ok(())
}

fn fill(field: &mut Option<String>, question: &str) -> Result<(), Error> {
    if field.is_none() {
        *field = Some(Text::new(question).prompt().map_err(given_up)?);
    }
    Ok(())
}

fn given_up(error: InquireError) -> Error {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Error::message(Exit::Interrupted, "interrupted; nothing was written")
        }
        error => Error::new(Exit::System, error).context("the question cannot be asked"),
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

impl Choice<Option<ConnectorKind>> {
    fn connectors() -> Vec<Self> {
        let choice = |value, name, summary| Self {
            value,
            name,
            summary,
        };
        vec![
            choice(None, "tmux", "in the orchestrator's terminal"),
            choice(Some(ConnectorKind::Discord), "discord", "in a channel"),
            choice(Some(ConnectorKind::Matrix), "matrix", "in a room"),
        ]
    }
}

impl<T> fmt::Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<13} {}", self.name, truncate(self.summary, ROOM))
    }
}
