use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use podfleet_hub::address::{Address, Reach, SshDestination};
use podfleet_hub::endpoint::Status;
use podfleet_hub::op::{
    EndpointAdd, EndpointAddParams, EndpointList, EndpointParams, EndpointProbe, EndpointRemove,
    EndpointRemoveParams, EndpointRename, EndpointRenameParams, EndpointRetry, EndpointView,
    ProbeParams,
};
use podfleet_hub::secret::Secret;
use podfleet_hub::tls::Pin;
use podfleet_protocol::EndpointName;
use podfleet_protocol::method::Nothing;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::HubArgs;
use crate::hub::connect::secret_of_file;
use crate::output::Output;
use crate::render::count::counted;
use crate::render::style::{DIM, ERROR, GOOD, WARNING};
use crate::render::table::{Cell, Column, Table};
use crate::render::wrap::wrap;
use crate::runtime::block_on;

/// See to the other machines that the hub reaches
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Add a machine, by its address or by ssh
    Add(AddArgs),
    /// List the machines, and how each is
    List(ListArgs),
    /// Tell how one is, and what to do about it
    Status(StatusArgs),
    /// Remove one
    Remove(RemoveArgs),
    /// Give one another name
    Rename(RenameArgs),
}

const TOKEN: &str = "\
The token is one of the hub there: `fleet hub token create home --scope …`. It
is read from --token-file, else from FLEET_ENDPOINT_TOKEN, else from standard
input. By ssh none is needed: the login proves who asks.";

#[derive(Debug, clap::Args)]
#[command(
    after_help = TOKEN,
    override_usage = "fleet endpoint add [OPTIONS] <--address ADDRESS|--ssh DESTINATION> <NAME>",
    group = clap::ArgGroup::new("way").required(true)
)]
struct AddArgs {
    /// Its name here
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// Where its hub listens: HOST:PORT, IPv6 in brackets
    #[arg(long, value_name = "ADDRESS", group = "way")]
    address: Option<Address>,
    /// Reach it by the system's ssh
    #[arg(long, value_name = "DESTINATION", group = "way")]
    ssh: Option<SshDestination>,
    /// Its key, as `fleet hub status` prints it there; without this you are asked
    #[arg(
        long,
        value_name = "PIN",
        requires = "address",
        conflicts_with = "plain"
    )]
    pin: Option<Pin>,
    /// Speak to it in the clear: whoever is between can read the token and all else
    #[arg(long, requires = "address")]
    plain: bool,
    /// A file with the token, readable by you alone
    #[arg(long, value_name = "FILE", requires = "address", value_hint = clap::ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// Try it again at once first
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// Remove its mounts and routes to its terminals with it
    #[arg(long, conflicts_with = "expect")]
    cascade: bool,
    /// The same, if there are exactly so many
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct RenameArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: EndpointName,
    /// Its new name
    #[arg(value_name = "NEW")]
    new: EndpointName,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    block_on(async {
        match args.verb {
            Verb::Add(args) => add(args, context).await,
            Verb::List(args) => list(&args, context).await,
            Verb::Status(args) => status(&args, context).await,
            Verb::Remove(args) => remove(&args, context).await,
            Verb::Rename(args) => rename(&args, context).await,
        }
    })
}

async fn add(args: AddArgs, context: &mut Context) -> Outcome {
    let token = match args.ssh {
        Some(_) => None,
        None => Some(token(args.token_file.as_deref(), context)?),
    };
    let reach = match (args.address, args.ssh) {
        (_, Some(destination)) => Reach::Ssh { destination },
        (Some(address), None) if args.plain => Reach::Plain { address },
        (Some(address), None) => {
            let pin = match args.pin {
                Some(pin) => pin,
                None => confirmed(&address, &args.hub, context).await?,
            };
            Reach::Tls { address, pin }
        }
        (None, None) => return Err(Error::message(Exit::Usage, "no address is given")),
    };
    let params = EndpointAddParams {
        name: args.name,
        reach,
        token,
    };
    let view = args.hub.call::<EndpointAdd>(context, params).await?;
    // It is being connected; how that went is what the user wants to know.
    let view = settled(view, &args.hub, context).await?;
    if args.json.json {
        context.output.json(&view)?;
    } else {
        told(&view, &mut context.output)?;
    }
    Ok(Exit::Success)
}

/// Asks again while an endpoint is being connected, for a few seconds.
async fn settled(
    mut view: EndpointView,
    hub: &HubArgs,
    context: &Context,
) -> Result<EndpointView, Error> {
    let client = hub.client(context)?;
    for _ in 0..80 {
        if view.status != Status::Connecting {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let all = client.call::<EndpointList>(Nothing {}).await?.endpoints;
        match all.into_iter().find(|other| other.name == view.name) {
            Some(found) => view = found,
            None => break,
        }
    }
    Ok(view)
}

/// Has the user compare the key that a machine shows.
async fn confirmed(address: &Address, hub: &HubArgs, context: &mut Context) -> Result<Pin, Error> {
    let params = ProbeParams {
        address: address.clone(),
    };
    let pin = hub.call::<EndpointProbe>(context, params).await?.pin;
    let output = &mut context.output;
    output.complain(format_args!("{address} shows the key\n  {pin}\n"))?;
    if !std::io::stdin().is_terminal() {
        let message = "nobody is there to compare the key";
        return Err(Error::message(Exit::Refused, message).hint(format!(
            "compare it with what `fleet hub status` prints there, and give it: `--pin {pin}`"
        )));
    }
    let question = "Is it the one that `fleet hub status` prints there?";
    let answer = inquire::Confirm::new(question).with_default(false).prompt();
    match answer {
        Ok(true) => Ok(pin),
        _ => Err(Error::message(
            Exit::Refused,
            "the key was not confirmed; nothing is added",
        )),
    }
}

fn token(file: Option<&std::path::Path>, context: &Context) -> Result<Secret, Error> {
    if let Some(file) = file {
        return secret_of_file(file);
    }
    if let Some(token) = context.env.get("FLEET_ENDPOINT_TOKEN") {
        return Ok(Secret::new(token));
    }
    if std::io::stdin().is_terminal() {
        let asked = inquire::Password::new("Token of the hub there:")
            .without_confirmation()
            .prompt();
        return asked
            .map(|token| Secret::new(&token))
            .map_err(|_| Error::message(Exit::Usage, "no token is given"));
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    let token = Secret::new(&text);
    if token.is_empty() {
        return Err(Error::message(Exit::Usage, "standard input has no token")
            .hint("`fleet hub token create` there makes one"));
    }
    Ok(token)
}

async fn list(args: &ListArgs, context: &mut Context) -> Outcome {
    let result = args.hub.call::<EndpointList>(context, Nothing {}).await?;
    if args.json.json {
        context.output.json(&result.endpoints)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("NAME"),
        Column::new("STATUS"),
        Column::new("ADDRESS").flexible(16),
        Column::new("HOST").optional(1),
        Column::new("MOUNTS").right(),
        Column::new("TERMINALS").right().optional(2),
    ]);
    for view in &result.endpoints {
        let place = view
            .endpoint
            .as_ref()
            .map(|endpoint| endpoint.reach.to_string());
        let host = match &view.status {
            Status::Connected { host, .. } => host.clone(),
            _ => "-".to_owned(),
        };
        table.row([
            view.name.as_str().into(),
            state(&view.status),
            place.unwrap_or_else(|| "-".into()).into(),
            host.into(),
            view.dependents.mounts.to_string().into(),
            view.dependents.terminals.to_string().into(),
        ]);
    }
    let width = context.output.width();
    let mut text = table.render(Some(width));
    for view in &result.endpoints {
        if let Some(detail) = view.status.detail() {
            text.push_str(&format!(
                "\n{}",
                wrap(&format!("{}: {detail}", view.name), 0, "  ")
            ));
        }
        if let Some(action) = &view.action {
            text.push_str(&format!("\n{}\n", wrap(&format!("  {action}"), 0, "  ")));
        }
    }
    context.output.data(text)?;
    Ok(Exit::Success)
}

pub(super) fn state(status: &Status) -> Cell {
    let style = match status {
        Status::Connected { .. } => GOOD,
        Status::Connecting => DIM,
        Status::Offline { .. } | Status::TunnelFailed { .. } => WARNING,
        _ => ERROR,
    };
    Cell::styled(status.to_string(), style)
}

async fn status(args: &StatusArgs, context: &mut Context) -> Outcome {
    let client = args.hub.client(context)?;
    if args.retry {
        let name = args.name.clone();
        client
            .call::<EndpointRetry>(EndpointParams { name })
            .await?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let all = client.call::<EndpointList>(Nothing {}).await?.endpoints;
    let found = all
        .into_iter()
        .find(|view| view.name.as_str().eq_ignore_ascii_case(args.name.as_str()));
    let Some(view) = found else {
        let message = format!("there is no endpoint `{}`", args.name);
        return Err(Error::message(Exit::Usage, message).hint("`fleet endpoint list` lists them"));
    };
    let view = settled(view, &args.hub, context).await?;
    if args.json.json {
        context.output.json(&view)?;
    } else {
        told(&view, &mut context.output)?;
    }
    Ok(Exit::answer(matches!(
        view.status,
        Status::Connected { .. }
    )))
}

fn told(view: &EndpointView, output: &mut Output) -> Result<(), Error> {
    let status = match &view.status {
        Status::Connected { host, build } => format!("connected to {host} (build {build})"),
        status => status.to_string(),
    };
    output.line(wrap(&format!("{}: {status}", view.name), 0, "  "))?;
    if let Some(endpoint) = &view.endpoint {
        output.line(wrap(
            &format!("  reach   {}", endpoint.reach),
            10,
            "          ",
        ))?;
    }
    if let Some(detail) = view.status.detail() {
        output.line(wrap(&format!("  because {detail}"), 0, "          "))?;
    }
    if let Some(action) = &view.action {
        output.line(wrap(&format!("  next    {action}"), 0, "          "))?;
    }
    Ok(())
}

async fn remove(args: &RemoveArgs, context: &mut Context) -> Outcome {
    let params = EndpointRemoveParams {
        name: args.name.clone(),
        cascade: args.cascade,
        expect: args.expect,
    };
    let result = args.hub.call::<EndpointRemove>(context, params).await?;
    if args.json.json {
        context.output.json(&result)?;
        return Ok(Exit::Success);
    }
    let name = &result.endpoint.name;
    let gone = |count: u32, what: &str| {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        (count > 0).then(|| counted(count, what))
    };
    let gone = [
        gone(result.removed.mounts, "mount"),
        gone(result.removed.terminals, "terminal"),
    ];
    let gone: Vec<String> = gone.into_iter().flatten().collect();
    context.output.say(match gone.as_slice() {
        [] => format!("endpoint `{name}` is removed"),
        gone => format!("endpoint `{name}` is removed, with {}", gone.join(" and ")),
    })?;
    if result.removed.terminals > 0 {
        let left = "note: the terminals go on there; only the way to them is gone";
        context.output.say(left)?;
    }
    Ok(Exit::Success)
}

async fn rename(args: &RenameArgs, context: &mut Context) -> Outcome {
    let params = EndpointRenameParams {
        name: args.name.clone(),
        new: args.new.clone(),
    };
    let view = args.hub.call::<EndpointRename>(context, params).await?;
    if args.json.json {
        context.output.json(&view)?;
    } else {
        context.output.say(format_args!(
            "endpoint `{}` is now `{}`",
            args.name, view.name
        ))?;
    }
    Ok(Exit::Success)
}
