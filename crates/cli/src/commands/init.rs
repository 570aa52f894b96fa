mod questions;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use podfleet_roster::{Connector, FleetName, Known, Preset, PresetOptions, UnknownPreset};

use crate::commands::connector_fields::{ConnectorFields, Kind};
use crate::commands::new_roster::{self, Writing};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::render::wrap::wrap;

const WHERE: &str = "\
It is written to --roster, else to $FLEET_ROSTER, else to roster.yaml in the
configuration directory; into a path that ends in .json as JSON. In a terminal,
`fleet init` alone asks for what it needs; elsewhere the preset is `general`.
A connector is asked whether it works before anything is written; its secret is
taken from the environment.";

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
    /// Where the fleet chats with you: tmux, discord, matrix, or x-… of another crate
    #[arg(long, value_name = "KIND")]
    connector: Option<Kind>,
    #[command(flatten)]
    fields: ConnectorFields,
    /// With --write: do not ask the connector first whether it works
    #[arg(long, requires = "write")]
    unchecked: bool,
    #[command(flatten)]
    writing: Writing,
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
        let kind = self.connector.as_ref();
        let other = |kind: &str| format!("`--connector {kind}`");
        self.fields.check(kind, other)?;
        kind.map(|kind| self.fields.connector(kind)).transpose()
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

/// What a roster that was just made leaves open.
const NOBODY_COMMANDS: &str = "note: nobody may give commands such as `!pause` in the chat; \
     `connector.operators` lists the ids of those who may";

pub(crate) fn run(mut args: Args, context: &mut Context) -> Outcome {
    let path = context.roster_to_write()?;
    if args.preset.is_none() && questions::possible() {
        // Nobody answers questions for nothing.
        new_roster::check_place(&path, args.writing)?;
        questions::ask(&mut args, &path)?;
    }
    let text = args.render()?;
    #[cfg(feature = "fleet")]
    if args.writing.write && !args.unchecked && new_roster::is_sound(&text, &Known::shipped()) {
        check(&args, context)?;
    }
    let written = new_roster::deliver(&text, &path, &Known::shipped(), args.writing, context)?;
    if args
        .connector()?
        .is_some_and(|chosen| !matches!(chosen, Connector::Tmux))
    {
        context.output.say(wrap(NOBODY_COMMANDS, 0, "  "))?;
    }
    Ok(written)
}

/// Refuses to write a connector that does not work.
#[cfg(feature = "fleet")]
fn check(args: &Args, context: &mut Context) -> Result<(), Error> {
    use crate::commands::connector;
    use crate::exit::Exit;

    let Some(chosen) = args.connector()? else {
        return Ok(());
    };
    let checked = connector::check(&chosen.into(), args.fleet.as_ref(), context);
    match checked {
        Err(error) if questions::possible() => {
            context.output.complain(error.render())?;
            match questions::all_the_same()? {
                true => Ok(()),
                false => Err(Error::message(Exit::No, "nothing was written")),
            }
        }
        Err(error) => Err(error.hint("`--unchecked` writes it all the same")),
        Ok(()) => Ok(()),
    }
}
