use podfleet_roster::Profile;
use serde::Serialize;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::own_files::{OwnProfiles, Source};
use crate::render::count::counted;
use crate::render::findings::{Checked, Format};
use crate::render::style::STRONG;
use crate::render::table::{Column, Table};
use crate::render::topology;
use crate::render::wrap::wrap;

const WHERE: &str = "\
Your own profiles lie in `profiles/` of the configuration directory, one file
`ID.yaml` each; one of the same id takes the place of a shipped one.
`fleet schema profile` says what is in such a file.";

/// Show the kinds of organisation from which rosters are made
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the profiles: the shipped ones and yours
    List(JsonFlag),
    /// Show one: what it is for, and who reports to whom
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The profile
    #[arg(value_name = "ID", add = crate::completion::profiles())]
    id: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// A profile, as programs read it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    source: Source,
    seats: usize,
    #[serde(flatten)]
    profile: &'a Profile,
}

impl<'a> Shown<'a> {
    fn of(profile: &'a Profile, own: &OwnProfiles) -> Self {
        Self {
            source: own.source(&profile.id),
            seats: profile.seats(),
            profile,
        }
    }

    fn render(&self) -> String {
        let profile = self.profile;
        let title = format!("{STRONG}{}{STRONG:#}: {}", profile.id, profile.title);
        let seats = counted(self.seats, "seat");
        let mut text = format!(
            "{title} ({}, {seats})\n\n{}\n\n{}",
            self.source.as_str(),
            wrap(&profile.description, 0, ""),
            topology::render(profile, None)
        );
        if let Some(notes) = &profile.notes {
            text.push_str(&format!("\n{}\n", wrap(notes.trim_end(), 0, "")));
        }
        text
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::List(args) => list(args.json, context),
        Command::Show(args) => {
            let own = context.profiles()?;
            let profile = find(&own, &args.id, context)?;
            let shown = Shown::of(profile, &own);
            let output = &mut context.output;
            if args.json.json {
                output.json(&shown)?;
                return Ok(Exit::Success);
            }
            output.data(shown.render())?;
            let next = format!(
                "next: `fleet provision --profile {}` prints a roster",
                args.id
            );
            output.say(next)?;
            Ok(Exit::Success)
        }
    }
}

/// Returns the profile of an id. A faulty file of the user's that should define it is shown, and
/// never passed over for a shipped one.
pub(crate) fn find<'a>(
    own: &'a OwnProfiles,
    id: &str,
    context: &mut Context,
) -> Result<&'a Profile, Error> {
    if let Some(faulty) = own.faulty_file_of(id) {
        complain(std::slice::from_ref(faulty), context)?;
        let message = format!("the profile {} has errors; nothing was done", faulty.name);
        return Err(Error::message(Exit::No, message));
    }
    if let Some(error) = own.unreadable_file_of(id) {
        return Err(Error::message(error.exit(), error.in_one_line()));
    }
    own.profiles.get(id).map_err(|error| {
        let hint = error.hint();
        Error::new(Exit::Usage, error).hint(hint)
    })
}

fn list(json: bool, context: &mut Context) -> Outcome {
    let own = context.profiles()?;
    let shown: Vec<_> = own.profiles.iter().map(|p| Shown::of(p, &own)).collect();
    if json {
        context.output.json(&shown)?;
    } else {
        let width = context.output.width();
        context.output.data(table(&shown).render(Some(width)))?;
    }
    complain(&own.faulty, context)?;
    for error in own.unreadable.values() {
        context.output.complain(error.render())?;
    }
    Ok(Exit::answer(
        own.faulty.is_empty() && own.unreadable.is_empty(),
    ))
}

fn table(profiles: &[Shown<'_>]) -> Table {
    let mut table = Table::new([
        Column::new("PROFILE"),
        Column::new("LEAD"),
        Column::new("SEATS").right(),
        Column::new("SOURCE"),
        Column::new("WHAT FOR").wrapping(20),
    ]);
    for shown in profiles {
        let profile = shown.profile;
        table.row([
            profile.id.as_str().into(),
            profile.lead.as_str().into(),
            shown.seats.to_string().into(),
            shown.source.as_str().into(),
            profile.description.as_str().into(),
        ]);
    }
    table
}

fn complain(faulty: &[Checked], context: &mut Context) -> Result<(), Error> {
    let findings = Format::Human.render(faulty, &[])?;
    context.output.complain(findings)?;
    Ok(())
}
