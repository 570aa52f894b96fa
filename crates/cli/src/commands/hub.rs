mod options;
mod run;
mod token;

use podfleet::OpeningStore;
use podfleet_hub::host::{Protection, find};

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::process;
use crate::runtime::block_on;

const ABOUT: &str = "\
Every machine may run a hub. The one that you talk to is home: it knows the
other machines (`fleet endpoint`) and their directories (`fleet mount`), and
reaches agents, files and terminals on all of them. The hubs of the others only
serve their own machine. docs/hub.md sets two up.";

/// Run this machine's hub, and see to its tokens
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Run the hub until a signal ends it; agents and terminals go on
    Run(run::Args),
    /// Tell how this machine's hub is reached, and its key
    Status(JsonFlag),
    /// End this machine's hub; agents and terminals go on
    Stop,
    /// Make, list and end tokens of this machine's hub
    #[command(subcommand_required = true, disable_help_subcommand = true)]
    Token(token::Args),
}

/// Refuses an agent: the hub and its tokens are the operator's.
fn be_operator(context: &Context) -> Result<(), Error> {
    let dirs = context.dirs()?;
    if !dirs.has_store()? {
        return Ok(());
    }
    block_on(async {
        let store = OpeningStore::begin(&dirs).store().await?;
        Ok(podfleet::check_operator(&*store, &dirs, &context.env).await?)
    })
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    if !matches!(args.verb, Verb::Status(_)) {
        be_operator(context)?;
    }
    match args.verb {
        Verb::Run(args) => run::run(&args, context),
        Verb::Status(json) => status(json, context),
        Verb::Stop => stop(context),
        Verb::Token(args) => token::run(&args, context),
    }
}

fn status(json: JsonFlag, context: &mut Context) -> Outcome {
    let Some(standing) = find(&process::directory(context)?)? else {
        if json.json {
            context.output.json(&serde_json::Value::Null)?;
        } else {
            context.output.line("no hub runs on this machine")?;
        }
        return Ok(Exit::No);
    };
    process::check_reachable(&standing)?;
    if json.json {
        context.output.json(&standing)?;
        return Ok(Exit::Success);
    }
    let output = &mut context.output;
    output.line(format_args!("socket  {}", standing.socket.display()))?;
    for (address, protection) in &standing.listen {
        let how = match protection {
            Protection::Tls => "TLS",
            Protection::Plain => "in the clear",
        };
        output.line(format_args!("listens {address} ({how})"))?;
    }
    output.line(format_args!("key     {}", standing.pin))?;
    output.line(format_args!("pid     {}", standing.pid))?;
    if let Some(options) = &standing.options {
        let words = options::words(options).join(" ");
        output.line(format_args!("options {words}"))?;
    }
    Ok(Exit::Success)
}

fn stop(context: &mut Context) -> Outcome {
    context.output.say(match process::end(context)? {
        true => "the hub is ended",
        false => "no hub runs on this machine",
    })?;
    Ok(Exit::Success)
}
