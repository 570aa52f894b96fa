mod questions;

use clap::ValueEnum as _;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use podfleet_roster::{
    Connector, Discord, FleetName, Known, Matrix, Preset, PresetOptions, UnknownPreset, check_text,
};

use crate::commands::new_roster::{self, Writing};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

const WHERE: &str = "\
It is written to --roster, else to $FLEET_ROSTER, else to roster.yaml in the
configuration directory; into a path that ends in .json as JSON. In a terminal,
`fleet init` alone asks for what it needs; elsewhere the preset is `general`.";

/// Where the fields of connectors stand in a roster.
const CHANNEL_ID: &str = "connector.discord.channel_id";
const HOMESERVER_URL: &str = "connector.matrix.homeserver_url";
const USER_ID: &str = "connector.matrix.user_id";
const ROOM_ID: &str = "connector.matrix.room_id";

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
    #[arg(long, value_name = "ID", value_parser = |text: &str| checked(CHANNEL_ID, text))]
    channel_id: Option<String>,
    /// For matrix: the homeserver
    #[arg(long, value_name = "URL", value_parser = |text: &str| checked(HOMESERVER_URL, text))]
    homeserver_url: Option<String>,
    /// For matrix: the connector's own user
    #[arg(long, value_name = "@USER:SERVER", value_parser = |text: &str| checked(USER_ID, text))]
    user_id: Option<String>,
    /// For matrix: the room
    #[arg(long, value_name = "ROOM", value_parser = |text: &str| checked(ROOM_ID, text))]
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

/// Takes a field of the roster as people type it, or says why it cannot be one.
fn checked(field: &str, text: &str) -> Result<String, String> {
    let text = text.trim();
    match check_text(field, text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }),
    }
}

fn presets() -> ArgValueCandidates {
    let candidate = |preset: Preset| {
        CompletionCandidate::new(preset.as_str()).help(Some(preset.summary().into()))
    };
    ArgValueCandidates::new(move || Preset::ALL.map(candidate).into())
}

impl Args {
    /// Fails for a field of another connector than the one that is asked for.
    fn check_fields(&self) -> Result<(), Error> {
        let (discord, matrix) = (ConnectorKind::Discord, ConnectorKind::Matrix);
        let fields = [
            ("--channel-id", &self.channel_id, discord),
            ("--homeserver-url", &self.homeserver_url, matrix),
            ("--user-id", &self.user_id, matrix),
            ("--room-id", &self.room_id, matrix),
        ];
        let stray = |(_, value, kind): &(_, &Option<String>, _)| {
            value.is_some() && self.connector != Some(*kind)
        };
        match fields.into_iter().find(stray) {
            None => Ok(()),
            Some((flag, _, kind)) => {
                let kind = kind.to_possible_value();
                let kind = kind.as_ref().map_or("", |kind| kind.get_name());
                let message = format!("`{flag}` goes with `--connector {kind}`");
                Err(Error::message(Exit::Usage, message))
            }
        }
    }

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
        // Nobody answers questions for nothing.
        new_roster::check_place(&path, args.writing)?;
        questions::ask(&mut args, &path)?;
    }
    args.check_fields()?;
    let text = args.render()?;
    new_roster::deliver(&text, &path, &Known::shipped(), args.writing, context)
}
