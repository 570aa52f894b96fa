use podfleet_hub::op::{
    PtyKill, PtyKillParams, PtyList, PtySpawn, PtySpawnParams, PtyState, PtyView,
};
use podfleet_hub::topology::{MachineName, MountRef, Route};
use podfleet_protocol::method::Nothing;
use podfleet_protocol::{PodName, Size};

use super::attach::{AttachWish, through_hub};
use crate::attach::PrefixArgs;
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::agents::agent;
use crate::hub::{ChangeArgs, HubArgs};
use crate::render::style::{DIM, GOOD, WARNING};
use crate::render::table::{Cell, Column, Table};
use crate::runtime::block_on;

/// Open terminals on mounts, whatever machine they are on
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Open a terminal; it goes on until it is killed or its program ends
    Spawn(SpawnArgs),
    /// Type in a terminal
    Attach(AttachArgs),
    /// List the terminals
    List(ListArgs),
    /// End a terminal
    Kill(KillArgs),
}

#[derive(Debug, clap::Args)]
struct SpawnArgs {
    /// The mount that it is on
    #[arg(value_name = "MOUNT")]
    mount: MountRef,
    /// The directory below the mount
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true
    )]
    cwd: String,
    /// Its name [default: one is made]
    #[arg(long, value_name = "NAME")]
    name: Option<PodName>,
    /// A key; with the same one again the same terminal is meant
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The program and its arguments [default: the user's shell there]
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct AttachArgs {
    /// The terminal: NAME, or NAME@ENDPOINT
    #[arg(value_name = "TERMINAL")]
    name: String,
    /// Take control from another client, which is told
    #[arg(long)]
    take: bool,
    #[command(flatten)]
    prefix: PrefixArgs,
    #[command(flatten)]
    hub: HubArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct KillArgs {
    /// The terminal: NAME, or NAME@ENDPOINT
    #[arg(value_name = "TERMINAL")]
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    match args.verb {
        Verb::Spawn(args) => block_on(spawn(args, context)),
        Verb::Attach(args) => {
            context.client = "fleet pty attach".to_owned();
            let prefix = args.prefix.key(context)?;
            block_on(async {
                let client = args.hub.client(context)?;
                let wish = AttachWish {
                    name: &args.name,
                    terminal: agent(&args.name)?.into(),
                    take: args.take,
                    prefix,
                };
                through_hub(&client, wish, context).await
            })
        }
        Verb::List(args) => block_on(list(&args, context)),
        Verb::Kill(args) => block_on(async {
            let params = PtyKillParams {
                agent: agent(&args.name)?,
                fleet: None,
            };
            let silent = JsonFlag { json: false };
            let killed = args.change.call::<PtyKill>(context, params, silent).await?;
            if killed.is_some() {
                let name = &args.name;
                context
                    .output
                    .say(format_args!("terminal `{name}` is ended"))?;
            }
            Ok(Exit::Success)
        }),
    }
}

async fn spawn(args: SpawnArgs, context: &mut Context) -> Outcome {
    let params = PtySpawnParams {
        mount: args.mount,
        cwd: args.cwd,
        command: args.command,
        size: Size::DEFAULT,
        name: args.name,
    };
    let client = args.change.hub.client(context)?;
    let deadline = podfleet_hub::wire::DEADLINE;
    if args.change.is_dry() {
        let preview = client.preview::<PtySpawn>(params, deadline, args.key);
        return crate::hub::change::tell(&preview.await?, args.json, context);
    }
    // A call whose answer is lost can be given again with the same key.
    let route = client
        .call_within::<PtySpawn>(params, deadline, args.key)
        .await?;
    if args.json.json {
        context.output.json(&route)?;
    } else {
        context.output.line(named(&route))?;
    }
    Ok(Exit::Success)
}

/// Returns a terminal's name as commands take it.
fn named(route: &Route) -> String {
    match &route.endpoint {
        MachineName::Local => route.agent.to_string(),
        endpoint => format!("{}@{endpoint}", route.agent),
    }
}

async fn list(args: &ListArgs, context: &mut Context) -> Outcome {
    let terminals = args
        .hub
        .call::<PtyList>(context, Nothing {})
        .await?
        .terminals;
    if args.json.json {
        context.output.json(&terminals)?;
        return Ok(Exit::Success);
    }
    if terminals.is_empty() {
        context
            .output
            .say("no terminals; `fleet pty spawn` opens one")?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("TERMINAL"),
        Column::new("STATE"),
        Column::new("MOUNT"),
        Column::new("SESSION").optional(1),
    ]);
    for PtyView { route, state } in &terminals {
        let style = match state {
            PtyState::Live => GOOD,
            PtyState::Ended | PtyState::Gone => DIM,
            PtyState::Unknown => WARNING,
        };
        table.row([
            named(route).into(),
            Cell::styled(state.as_str(), style),
            route.mount.to_string().into(),
            route.session.to_string().into(),
        ]);
    }
    let width = context.output.width();
    context
        .output
        .data(table.render(Some(width)))
        .map_err(Error::from)?;
    Ok(Exit::Success)
}
