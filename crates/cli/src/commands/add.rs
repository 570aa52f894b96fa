use podfleet_roster::{AgentName, NewAgent};

use super::edit::{self, Done, Follows, Mode};
use crate::commands::scope::{DryRun, JsonFlag};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::runtime::block_on;

const LATER: &str = "\
The agent is written below the others, in their style; `fleet set` gives it more
fields. Nothing else in the roster changes.";

/// Add an agent to the roster, and start it
#[derive(Debug, clap::Args)]
#[command(after_help = LATER)]
pub(crate) struct Args {
    /// The agent's name
    #[arg(value_name = "NAME")]
    pub(crate) name: AgentName,
    /// The harness that drives it, such as `claude`, or one of the roster's runtimes
    #[arg(long, value_name = "R")]
    pub(crate) runtime: String,
    /// Its class [default: worker]
    #[arg(long, value_name = "C")]
    pub(crate) class: Option<String>,
    /// Its model, as the harness names it
    #[arg(long, value_name = "H")]
    pub(crate) model: Option<String>,
    /// Only write it down
    #[arg(long)]
    pub(crate) no_start: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRun,
    #[command(flatten)]
    pub(crate) json: JsonFlag,
}

impl Args {
    const fn mode(&self) -> Mode {
        Mode {
            dry_run: self.dry_run.dry_run,
            json: self.json.json,
        }
    }

    fn agent(&self) -> NewAgent {
        let mut agent = NewAgent::new(self.name.clone(), self.runtime.as_str());
        if let Some(class) = &self.class {
            agent = agent.with_class(class.as_str());
        }
        if let Some(model) = &self.model {
            agent = agent.with_model_hint(model.as_str());
        }
        agent
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let done = carry_out(args, context)?;
    edit::conclude(&done, args.mode(), &mut context.output)
}

/// Adds the agent and makes the fleet follow.
pub(crate) fn carry_out(args: &Args, context: &mut Context) -> Result<Done, Error> {
    let mode = args.mode();
    let follows = match args.no_start {
        true => Follows::Later,
        false => Follows::AtOnce,
    };
    let draft = edit::draft(context, follows, |edit| edit.add(&args.agent()))?;
    edit::write(&draft, mode, context)?;
    let name = args.name.to_string();
    if args.no_start && !mode.dry_run {
        context
            .output
            .say(format_args!("`fleet up {name}` starts it"))?;
    }
    let report = block_on(async {
        let fleet = context
            .fleet_of(draft.roster().clone(), draft.path())
            .await?;
        let mut report = match args.no_start {
            true => edit::nothing(),
            false => {
                let names = std::slice::from_ref(&name);
                edit::up(&fleet, names, mode, &mut context.output).await?
            }
        };
        if !mode.dry_run {
            report.notes.extend(fleet.enable_at_boot(&name).await?);
        }
        edit::tell_untold(&fleet, mode, &mut report).await?;
        Ok(report)
    })
    .map_err(|error| error.hint_if_interrupted("what was started goes on; `fleet ps` shows it"))?;
    Ok(Done::new(draft, report))
}
