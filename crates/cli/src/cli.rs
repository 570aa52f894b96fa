//! The command line: its grammar, and what each command is handed.

#[cfg(feature = "fleet")]
mod fleet;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::Write;
use std::path::PathBuf;

use podfleet_roster::without_secrets;

use crate::commands::{
    completions, explain, init, man, profile, provision, role, schema, validate, version,
};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::{Output, Verbosity, narrowest_terminal};
use crate::render::wrap::{self, wrap, wrap_lines};

/// Keep a fleet of AI coding agents running, watched and reachable
#[derive(Debug, Parser)]
#[command(
    name = "fleet",
    version = version::BUILD,
    max_term_width = 80,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// Use this roster instead of the one that would be found
    #[arg(long, global = true, display_order = 900, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    roster: Option<PathBuf>,
    /// Say what is decided and why
    #[arg(short, long, global = true, display_order = 901)]
    verbose: bool,
    /// Say nothing but errors
    #[arg(
        short,
        long,
        global = true,
        display_order = 902,
        conflicts_with = "verbose"
    )]
    quiet: bool,
    /// When to use colours: auto, always or never
    #[arg(
        long,
        global = true,
        display_order = 903,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    color: ColorChoice,
}

impl Global {
    const fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

/// The commands, in the order in which the help lists them.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Provision(provision::Args),
    Validate(validate::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Profile(profile::Args),
    Role(role::Args),
    #[cfg(feature = "fleet")]
    #[command(flatten)]
    Fleet(Box<fleet::Command>),
    Completions(completions::Args),
    Man(man::Args),
    Version(version::Args),
}

/// Headings of the help text with the commands below them, those of other builds too.
const SECTIONS: [(&str, &[&str]); 8] = [
    (
        "The roster",
        &[
            "init",
            "provision",
            "add",
            "remove",
            "set",
            "validate",
            "explain",
            "schema",
            "profile",
            "role",
        ],
    ),
    (
        "The fleet",
        &[
            "plan", "up", "down", "restart", "ps", "status", "verify", "prune",
        ],
    ),
    (
        "An agent",
        &[
            "send",
            "comms",
            "inbox",
            "pause",
            "resume",
            "interrupt",
            "answer",
            "reset",
            "trust",
            "tail",
            "watch",
            "attach",
            "log",
            "logs",
        ],
    ),
    ("The chat", &["chat", "say", "bridge", "connector"]),
    ("Pods", &["pods", "pod", "spawn", "peer", "mcp"]),
    ("Many machines", &["hub", "endpoint", "mount", "fs", "pty"]),
    (
        "This host",
        &["install", "uninstall", "update", "supervise", "doctor"],
    ),
    (
        "This program",
        &[
            "harness",
            "store",
            "sim-agent",
            "completions",
            "man",
            "version",
        ],
    ),
];

/// Returns the grammar with the commands of its help text under headings.
pub(crate) fn grammar() -> clap::Command {
    let grammar = Cli::command();
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}\
         Options:\n{{options}}\n\n\
         {}\n",
        command_list(&grammar),
        wrap("`fleet COMMAND --help` tells more of a command.", 0, "")
    );
    // `fleet help COMMAND` goes as deep as there are commands.
    let plain = |command: clap::Command| command.disable_help_subcommand(true);
    grammar.help_template(template).mut_subcommands(plain)
}

/// The column in which the list of commands says what each is for.
const ABOUT: usize = 15;

fn command_list(grammar: &clap::Command) -> String {
    let mut text = String::new();
    for (heading, names) in SECTIONS {
        let commands: Vec<_> = names
            .iter()
            .filter_map(|name| grammar.find_subcommand(name))
            .collect();
        if commands.is_empty() {
            continue;
        }
        text.push_str(&format!("{heading}:\n"));
        for command in commands {
            let about = command.get_about().map(ToString::to_string);
            let about = about.unwrap_or_default();
            let about = wrap(&about, ABOUT, &" ".repeat(ABOUT));
            let name = command.get_name();
            text.push_str(&format!("  {name:<width$}{about}\n", width = ABOUT - 2));
        }
        text.push('\n');
    }
    text
}

/// Reads the command line, runs the command, and reports how it ended.
pub(crate) fn run() -> Exit {
    if let Some(columns) = narrowest_terminal() {
        wrap::limit_width(columns);
    }
    let parsed = grammar().try_get_matches().and_then(|matches| {
        let name = matches.subcommand_name().unwrap_or_default().to_owned();
        Ok((Cli::from_arg_matches(&matches)?, name))
    });
    match parsed {
        Ok((cli, name)) => execute(cli, &name),
        Err(error) => report_usage(&error),
    }
}

fn execute(cli: Cli, name: &str) -> Exit {
    apply_color(cli.global.color);
    let output = Output::open(cli.global.verbosity());
    let mut context = Context::new(output, cli.global.roster, format!("fleet {name}"));
    match arm(&context).and_then(|()| dispatch(cli.command, &mut context)) {
        Ok(exit) => exit,
        Err(error) => report(&error, &mut context.output),
    }
}

/// Arms the crash point that a test names.
#[cfg(feature = "crash-points")]
fn arm(context: &Context) -> Result<(), Error> {
    context
        .env
        .get("FLEET_CRASH_POINT")
        .map_or(Ok(()), podfleet_pod_store::arm)
        .map_err(|error| Error::new(Exit::Usage, error))
}

#[cfg(not(feature = "crash-points"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
const fn arm(_: &Context) -> Result<(), Error> {
    Ok(())
}

fn dispatch(command: Command, context: &mut Context) -> Outcome {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Provision(args) => provision::run(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Schema(args) => schema::run(&args, context),
        Command::Profile(args) => profile::run(&args, context),
        Command::Role(args) => role::run(&args, context),
        #[cfg(feature = "fleet")]
        Command::Fleet(command) => command.run(context),
        Command::Completions(args) => completions::run(&args, context),
        Command::Man(args) => man::run(&args, context),
        Command::Version(args) => version::run(&args, context),
    }
}

fn apply_color(choice: ColorChoice) {
    let choice = match choice {
        ColorChoice::Auto => return,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

fn report(error: &Error, output: &mut Output) -> Exit {
    if error.is_reader_gone() {
        return Exit::Success;
    }
    // There is nobody left to tell when standard error itself fails.
    let _ = output.complain(error.render());
    error.exit()
}

/// Prints a wrong command line's error, or the help that was asked for.
fn report_usage(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // A usage that is written by hand is not wrapped by the library.
        let help = wrap_lines(&error.render().ansi().to_string());
        let _ = writeln!(anstream::stdout(), "{}", help.trim_end());
        return Exit::Success;
    }
    let plain = error.render().to_string();
    let covered = without_secrets(&plain);
    let text = if covered == plain {
        error.render().ansi().to_string()
    } else {
        // Styles stand glued to the words, so what is covered goes without them.
        covered
    };
    let text = wrap(&text, 0, "");
    let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
    Exit::Usage
}

#[cfg(test)]
mod tests;
