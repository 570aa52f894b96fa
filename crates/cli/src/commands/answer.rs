use podfleet::{Fleet, meant_choice, why_not_pressed};
use podfleet_protocol::method::{AnswerResult, Choice, Dialog, DialogResult};
use serde::Serialize;

use crate::commands::far::{Elsewhere, FarVerb};
use crate::commands::scope::{DryRun, JsonFlag, OneAgent};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::dialog;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const HELP: &str = "\
CHOICE is the number of a choice, or its words or how they begin. Nothing is
pressed unless the very same dialog still stands; `--dialog` names it by the id
that `--json` shows, for whoever decides later.
Exit status: 0 if the choice was picked, or without CHOICE if there is a dialog;
1 if not.";

/// Show an agent's dialog, or pick one of its choices
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    agent: OneAgent,
    /// What to pick; absent: the dialog is shown
    #[arg(value_name = "CHOICE")]
    choice: Option<String>,
    /// The dialog that is meant
    #[arg(long, value_name = "ID", requires = "choice")]
    dialog: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

/// What came of an answer.
#[derive(Debug, Serialize)]
struct Answered<'a> {
    agent: &'a str,
    pressed: bool,
    choice: &'a Choice,
    dialog: Option<&'a Dialog>,
}

impl Args {
    /// Returns the same for an agent of another machine.
    fn far(&self) -> FarVerb {
        FarVerb::new("answer")
            .option("--dialog", self.dialog.clone())
            .flag("--dry-run", self.dry_run.dry_run)
            .word(self.choice.as_deref())
            .json(self.json.json)
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    block_on(async {
        let scope = &args.agent.scope;
        let fleet = context.fleet(scope, RosterNeed::Helpful).await?;
        if let Some(there) = Elsewhere::one(&fleet, name) {
            return there.run(&args.far());
        }
        let shown = fleet.dialog(name).await?;
        match &args.choice {
            None => show(args, &shown, context),
            Some(choice) => answer(args, &fleet, &shown, choice, context).await,
        }
    })
}

fn show(args: &Args, shown: &DialogResult, context: &mut Context) -> Outcome {
    let name = &args.agent.name;
    if args.json.json {
        context.output.json(shown)?;
    } else {
        context.output.data(match &shown.dialog {
            Some(dialog) => dialog::render(name, dialog),
            None => none(name, &shown.screen.state),
        })?;
    }
    Ok(Exit::answer(shown.dialog.is_some()))
}

fn none(name: &str, state: &str) -> String {
    let blocked = state.starts_with("blocked");
    let what = if blocked {
        "its dialog has no choices that could be told apart, or a text is being typed into one"
    } else {
        "it shows no dialog"
    };
    format!("{name}: {what} ({state})\n")
}

async fn answer(
    args: &Args,
    fleet: &Fleet,
    shown: &DialogResult,
    words: &str,
    context: &mut Context,
) -> Outcome {
    let name = &args.agent.name;
    let Some(dialog) = &shown.dialog else {
        let error = none(name, &shown.screen.state);
        return Err(Error::message(Exit::No, error.trim_end().to_owned())
            .hint(format!("`fleet tail {name}` shows what it shows")));
    };
    let choice = meant_choice(dialog, words)
        .map_err(|why| Error::new(Exit::Usage, why).hint(listing(dialog)))?;
    let meant = args.dialog.as_deref().unwrap_or(&dialog.id);
    let result = if args.dry_run.dry_run {
        AnswerResult {
            pressed: meant == dialog.id,
            dialog: Some(dialog.clone()).filter(|dialog| dialog.id != meant),
            screen: shown.screen.clone(),
        }
    } else {
        fleet.answer(name, meant, &choice.key).await?
    };
    if args.json.json {
        context.output.json(&Answered {
            agent: name,
            pressed: result.pressed,
            choice,
            dialog: result.dialog.as_ref(),
        })?;
    } else {
        let told = told(name, &result, meant, choice, args.dry_run.dry_run);
        context.output.line(told)?;
    }
    Ok(Exit::answer(result.pressed))
}

fn told(name: &str, result: &AnswerResult, meant: &str, choice: &Choice, dry_run: bool) -> String {
    let Choice { key, label } = choice;
    match (result.pressed, dry_run) {
        (true, false) => format!("{name}: picked {key}, {label}"),
        (true, true) => format!("{name}: {key}, {label} would be picked"),
        (false, _) => {
            let why = why_not_pressed(result, meant);
            format!("{name}: nothing was pressed, {why}")
        }
    }
}

fn listing(dialog: &Dialog) -> String {
    let choices = dialog.choices.iter();
    let choices: Vec<_> = choices
        .map(|choice| format!("  {}  {}", choice.key, choice.label))
        .collect();
    format!("its choices are\n{}", choices.join("\n"))
}
