use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::cli;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "`fleet man | man -l -` shows it.")]
pub(crate) struct Args {
    /// Write the pages of all commands into this directory instead
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let mut grammar = cli::grammar();
    match &args.dir {
        None => {
            let mut page = Vec::new();
            Man::new(grammar).render(&mut page)?;
            context.output.data(String::from_utf8_lossy(&page))?;
        }
        Some(directory) => {
            grammar.build();
            std::fs::create_dir_all(directory).map_err(|error| unwritable(directory, error))?;
            let pages = write_pages(&grammar, directory)?;
            context.output.say(format_args!(
                "wrote {pages} pages to {}",
                directory.display()
            ))?;
        }
    }
    Ok(Exit::Success)
}

/// Writes the page of a command and those of its visible subcommands; returns how many.
fn write_pages(command: &clap::Command, directory: &Path) -> Result<usize, Error> {
    let page = Man::new(command.clone());
    let path = directory.join(page.get_filename());
    page.generate_to(directory)
        .map_err(|error| unwritable(&path, error))?;
    let visible = |command: &&clap::Command| !command.is_hide_set();
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(visible) {
        pages += write_pages(subcommand, directory)?;
    }
    Ok(pages)
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::from(error).context(format!("{} cannot be written", path.display()))
}
