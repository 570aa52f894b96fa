mod questions;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use podfleet_roster::{
    Connector, Discord, FleetName, Known, Matrix, Preset, PresetOptions, UnknownPreset,
};

use crate::commands::new_roster::{self, Writing};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

const WHERE: &str = "\
It is written to --roster, else to $FLEET_ROSTER, else to roster.yaml in the
configuration directory. In a terminal, `fleet init` alone asks for what it
needs; elsewhere the preset is `general`.";

/// Make a roster to begin with: print it, or write it
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    /// Which fleet: minimal, local-canary, general, coding, research or hybrid
    #[arg(long, value_parser = parse_preset, add = presets())]
    preset: Option<Preset>,
    /// The fleet's name, also of its tmux socket; two fleets need two names
    #[arg(long, value_name = "NAME")]
    fleet: Option<FleetName>,
    /// Where the fleet chats with you
    #[arg(long, value_enum, value_name = "KIND")]
    connector: Option<ConnectorKind>,
    /// For discord: the channel
    #[arg(long, value_name = "ID")]
    channel_id: Option<String>,
    /// For matrix: the homeserver
    #[arg(long, value_name = "URL")]
    homeserver_url: Option<String>,
    /// For matrix: the connector's own user
    #[arg(long, value_name = "@USER:SERVER")]
    user_id: Option<String>,
    /// For matrix: the room
    #[arg(long, value_name = "ROOM")]
    room_id: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

/// The chat connectors that can be set up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ConnectorKind {
    /// The orchestrator's terminal
    Tmux,
    /// A Discord channel
    Discord,
    /// A Matrix room
    Matrix,
}

fn parse_preset(text: &str) -> Result<Preset, String> {
    text.parse()
        .map_err(|error: UnknownPreset| format!("{error}; {}", error.hint()))
}

fn presets() -> ArgValueCandidates {
    let candidate = |preset: Preset| {
        CompletionCandidate::new(preset.as_str()).help(Some(preset.summary().into()))
    };
    ArgValueCandidates::new(move || Preset::ALL.map(candidate).into())
}

impl Args {
    fn connector(&self) -> Result<Option<Connector>, Error> {
        let field = |value: &Option<String>, flag: &str| {
            value
                .clone()
                .ok_or_else(|| Error::message(Exit::Usage, format!("the connector needs `{flag}`")))
        };
        Ok(match self.connector {
            None => None,
            Some(ConnectorKind::Tmux) => Some(Connector::Tmux),
            Some(ConnectorKind::Discord) => {
                let channel = field(&self.channel_id, "--channel-id")?;
                Some(Connector::Discord(Discord::new(channel)))
            }
            Some(ConnectorKind::Matrix) => Some(Connector::Matrix(Matrix::new(
                field(&self.homeserver_url, "--homeserver-url")?,
                field(&self.user_id, "--user-id")?,
                field(&self.room_id, "--room-id")?,
            ))),
        })
    }

    fn render(&self) -> Result<String, Error> {
        let mut options = PresetOptions::default();
        if let Some(fleet) = &self.fleet {
            options = options.with_fleet(fleet.clone());
        }
        if let Some(connector) = self.connector()? {
            options = options.with_connector(connector);
        }
        Ok(self.preset.unwrap_or(Preset::General).render(&options))
    }
}

pub(crate) fn run(mut args: Args, context: &mut Context) -> Outcome {
    let path = context.roster_to_write()?;
    if args.preset.is_none() && questions::possible() {
        questions::ask(&mut args, &path)?;
    }
    let text = args.render()?;
    new_roster::deliver(&text, &path, &Known::shipped(), args.writing, context)
}
