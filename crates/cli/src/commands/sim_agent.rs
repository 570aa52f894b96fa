use std::path::{Path, PathBuf};

use podfleet_sim_agent::{ErrorKind, Faults, Options, SimError, run as run_agent};

use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

const FAULTS: &str = "\
A fault script is a JSON object; `{}` is a well-behaved agent. It can also
stand in $FLEET_SIM_FAULTS, as JSON or as a path.";

/// Run a simulated agent in this terminal
#[derive(Debug, clap::Args)]
#[command(after_help = FAULTS)]
pub(crate) struct Args {
    /// How it misbehaves
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    faults: Option<PathBuf>,
    /// Keep a journal of what it really received
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    journal: Option<PathBuf>,
    /// The model that it claims to be
    #[arg(long)]
    model: Option<String>,
    /// The conversation that it claims to go on with
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// What it is told beyond its messages
    #[arg(long, value_name = "TEXT")]
    append_system_prompt: Option<String>,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let options = Options {
        faults: faults(args.faults.as_deref(), context)?,
        journal: args.journal,
        directory: std::env::current_dir()?,
        model: args.model,
        resume: args.resume,
        system_prompt: args.append_system_prompt,
    };
    let status = run_agent(options).map_err(sim_error)?;
    Ok(Exit::Program(status.code()))
}

fn faults(file: Option<&Path>, context: &Context) -> Result<Faults, Error> {
    let variable = context.env.get("FLEET_SIM_FAULTS");
    let script = match (file, variable) {
        (Some(file), _) => read(file)?,
        (None, Some(json)) if json.trim_start().starts_with('{') => json.to_owned(),
        (None, Some(path)) => read(Path::new(path))?,
        (None, None) => return Ok(Faults::default()),
    };
    Faults::parse(&script).map_err(sim_error)
}

fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|error| {
        Error::new(Exit::Usage, error).context(format!("{} cannot be read", file.display()))
    })
}

fn sim_error(error: SimError) -> Error {
    let exit = match error.kind() {
        ErrorKind::Faults | ErrorKind::NotATerminal => Exit::Usage,
        _ => Exit::System,
    };
    Error::new(exit, error)
}
