use podfleet::supervisor::Refresh;
use podfleet::{Installation, InstalledUnit};

use crate::commands::progress::follow;
use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

/// Let the agents be started at boot, by systemd
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Units go to the user's own directory; what somebody edited there is kept beside \
                  it with the ending `.bak`. Nothing is started or stopped. Exit status: 0 if all \
                  is done, 1 if an agent could not be enabled, 4 without a service manager."
)]
pub(crate) struct Args {
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let dry_run = args.dry_run.dry_run;
    let done = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Sound).await?;
        let install = |events| fleet.install(dry_run, events);
        follow(install, &mut context.output).await
    })?;
    if args.json.json {
        context.output.json(&done)?;
    } else {
        let units = units(&done.units, dry_run, context.output.width());
        context.output.data(units)?;
        say(&done, dry_run, &mut context.output)?;
        offer_completions(context)?;
    }
    Ok(Exit::answer(done.warnings.is_empty()))
}

fn say(done: &Installation, dry_run: bool, output: &mut Output) -> std::io::Result<()> {
    let would = if dry_run { "would be" } else { "are" };
    let agents = counted(done.enabled.len(), "agent");
    output.say(wrap(
        &format!(
            "{agents} {would} started at boot; units in {}",
            done.directory
        ),
        0,
        "  ",
    ))?;
    for warning in &done.warnings {
        output.say(wrap(&format!("warning: {warning}"), 0, "  "))?;
    }
    if done.lingers {
        output.say("linger is on: they are started without a login")
    } else {
        output.say(wrap(
            "linger is off: they are started at your login, and end with your last session; \
             `loginctl enable-linger` starts them with the machine",
            0,
            "  ",
        ))
    }
}

/// Renders what became of the unit files.
pub(crate) fn units(units: &[InstalledUnit], dry_run: bool, width: usize) -> String {
    let mut table = Table::new([Column::new("UNIT"), Column::new("FILE").wrapping(20)]);
    for unit in units {
        table.row([unit.unit.as_str().into(), became(unit, dry_run).into()]);
    }
    table.render(Some(width))
}

fn became(unit: &InstalledUnit, dry_run: bool) -> String {
    let done = |would: &'static str, did: &'static str| if dry_run { would } else { did };
    match unit.file {
        Refresh::Same => "is as it should be".to_owned(),
        Refresh::New => done("would be written", "written").to_owned(),
        Refresh::Replaced => done("would be replaced", "replaced").to_owned(),
        Refresh::KeptAsBak => format!(
            "{}; your edit {} {}.bak",
            done("would be replaced", "replaced"),
            done("would be kept as", "is kept as"),
            unit.unit
        ),
        Refresh::Edited => format!(
            "is left as you edited it; {}.bak has an edit too",
            unit.unit
        ),
    }
}

/// Where the user's shell looks for completions that are its user's own.
fn offer_completions(context: &mut Context) -> Result<(), Error> {
    let shell = context.env.get("SHELL").unwrap_or_default();
    let line = match shell.rsplit('/').next() {
        Some("bash") => "fleet completions bash > ~/.local/share/bash-completion/completions/fleet",
        Some("zsh") => "fleet completions zsh > ~/.zfunc/_fleet",
        Some("fish") => "fleet completions fish > ~/.config/fish/completions/fleet.fish",
        _ => return Ok(()),
    };
    Ok(context
        .output
        .say(format_args!("names complete after\n  {line}"))?)
}
