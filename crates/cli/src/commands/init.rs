mod questions;

use std::path::Path;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use podfleet_roster::{
    Blocks, Connector, Diagnostic, Discord, Document, FleetName, Known, Matrix, Preset,
    PresetOptions, Roster, UnknownPreset,
};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::count::counted;
use crate::render::findings::{Checked, Format};
use crate::render::wrap::wrap;

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
    /// Write the roster instead of printing it
    #[arg(long)]
    write: bool,
    /// Replace a roster that is there
    #[arg(long, requires = "write")]
    force: bool,
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
    let Some(roster) = check(&text, context)? else {
        return Ok(Exit::No);
    };
    if args.write {
        write(&path, &text, args.force)?;
        context
            .output
            .say(format_args!("wrote {}", path.display()))?;
    } else {
        context.output.data(&text)?;
    }
    context.output.say(staff(&roster))?;
    let up = match context.named_roster() {
        Some(path) => format!("`fleet up --roster {}` brings it up", path.display()),
        None => "`fleet up` brings it up".to_owned(),
    };
    let next = if args.write {
        up
    } else {
        format!("`--write` writes it, then {up}")
    };
    context.output.say(format_args!("next: {next}"))?;
    Ok(Exit::Success)
}

/// Validates a roster before anything is written; prints what is wrong with it.
fn check(text: &str, context: &mut Context) -> Result<Option<Roster>, Error> {
    let document = Document::read(text, "roster.yaml");
    let (roster, findings) = document.check(&Known::shipped());
    let stops =
        |finding: &Diagnostic| matches!(finding.blocks(), Blocks::Writing | Blocks::Changes);
    if !findings.iter().any(stops) {
        return Ok(roster);
    }
    let checked = Checked {
        name: "roster.yaml".into(),
        text: document.redacted_text(),
        findings,
    };
    let findings = Format::Human.render(&[checked])?;
    context.output.complain(findings)?;
    Ok(None)
}

/// Writes the roster in one step. Without `force` a file that is there is never replaced, even if
/// it appeared a moment ago.
#[cfg(feature = "fleet")]
fn write(path: &Path, text: &str, force: bool) -> Result<(), Error> {
    let before = podfleet::FileSnapshot::read(path, podfleet_roster::MAX_BYTES)?;
    if before.bytes().is_some() && !force {
        let message = format!("{} is there already", path.display());
        return Err(Error::message(Exit::Refused, message)
            .hint("`--force` replaces it; `--roster PATH` writes another"));
    }
    Ok(before.replace(text.as_bytes())?)
}

/// A build for rosters alone has no part that replaces files safely.
#[cfg(not(feature = "fleet"))]
fn write(_: &Path, _: &str, _: bool) -> Result<(), Error> {
    Err(Error::message(
        Exit::Missing,
        "this build is for checking rosters; it writes none",
    )
    .hint("let it print the roster, into a file of yours"))
}

/// Counts the agents by class, such as `4 agents: 1 orchestrator, 2 code, 1 review`.
fn staff(roster: &Roster) -> String {
    let mut classes: Vec<(&str, usize)> = Vec::new();
    for agent in &roster.agents {
        match classes.iter_mut().find(|(class, _)| *class == agent.class) {
            Some((_, count)) => *count += 1,
            None => classes.push((&agent.class, 1)),
        }
    }
    let classes: Vec<String> = classes
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    let agents = counted(roster.agents.len(), "agent");
    wrap(&format!("{agents}: {}", classes.join(", ")), 0, "  ")
}
