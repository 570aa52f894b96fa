use clap::ValueEnum;
use clap_complete::env::{EnvCompleter, Fish, Zsh};

use crate::completion;
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;

const WHERE: &str = "\
Put it where your shell looks for such scripts, for example
  bash  ~/.local/share/bash-completion/completions/fleet
  zsh   a file `_fleet` in a directory of $fpath
  fish  ~/.config/fish/completions/fleet.fish";

/// Print the script that completes commands and names in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = WHERE)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

/// The shells in which names complete.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The script for bash. The library's own does not know that bash takes a word with a colon or an
/// equals sign for several.
const BASH: &str = include_str!("completions/fleet.bash");

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let completer: &dyn EnvCompleter = match args.shell {
        Shell::Bash => {
            context.output.data(BASH)?;
            return Ok(Exit::Success);
        }
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    completer.write_registration(completion::VARIABLE, "fleet", "fleet", "fleet", &mut script)?;
    context.output.data(String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}
