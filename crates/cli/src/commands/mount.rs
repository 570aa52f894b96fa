use podfleet_hub::op::{
    MountAdd, MountAddParams, MountList, MountListParams, MountParams, MountRemove, MountRename,
    MountRenameParams, MountReorder, MountReorderParams, MountResolve, MountView,
};
use podfleet_hub::topology::{MachineName, MountRef};
use podfleet_protocol::{MountName, SpaceName};

use super::endpoint::state;
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::HubArgs;
use crate::render::style::WARNING;
use crate::render::table::{Cell, Column, Table};
use crate::runtime::block_on;

/// Give directories of machines names
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Give a directory of a machine a name
    Add(AddArgs),
    /// List the mounts
    List(ListArgs),
    /// Remove a mount; the directory stays
    Remove(OneArgs),
    /// Give a mount another name
    Rename(RenameArgs),
    /// Move a mount to another place in the list
    Reorder(ReorderArgs),
    /// Tell which directory of which machine a mount is
    Resolve(OneArgs),
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Its name, or SPACE/NAME for another list than `default`
    #[arg(long, value_name = "NAME")]
    name: MountRef,
    /// The machine that has the directory
    #[arg(long, value_name = "ENDPOINT", default_value = "local")]
    endpoint: MachineName,
    /// The directory there, absolute
    #[arg(value_name = "ROOT")]
    root: String,
    /// Take it although the machine cannot be asked now
    #[arg(long)]
    unchecked: bool,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only of this list
    #[arg(long, value_name = "SPACE")]
    space: Option<SpaceName>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The mount
    #[arg(value_name = "MOUNT")]
    mount: MountRef,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct RenameArgs {
    /// The mount
    #[arg(value_name = "MOUNT")]
    mount: MountRef,
    /// Its new name
    #[arg(value_name = "NEW")]
    new: MountName,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct ReorderArgs {
    /// The mount
    #[arg(value_name = "MOUNT")]
    mount: MountRef,
    /// Its new place, from 0
    #[arg(value_name = "POSITION")]
    position: u32,
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
            Verb::Remove(args) => {
                let params = MountParams { mount: args.mount };
                let view = args.hub.call::<MountRemove>(context, params).await?;
                let said = format!(
                    "mount `{}` is removed; {} stays",
                    named(&view),
                    view.mount.root
                );
                tell(&view, args.json, &said, context)
            }
            Verb::Rename(args) => {
                let said = format!("mount `{}` is now `{}`", args.mount, args.new);
                let params = MountRenameParams {
                    mount: args.mount,
                    new: args.new,
                };
                let view = args.hub.call::<MountRename>(context, params).await?;
                tell(&view, args.json, &said, context)
            }
            Verb::Reorder(args) => {
                let params = MountReorderParams {
                    mount: args.mount,
                    position: args.position,
                };
                let view = args.hub.call::<MountReorder>(context, params).await?;
                let said = format!(
                    "mount `{}` is at place {}",
                    named(&view),
                    view.mount.position
                );
                tell(&view, args.json, &said, context)
            }
            Verb::Resolve(args) => resolve(args, context).await,
        }
    })
}

async fn add(args: AddArgs, context: &mut Context) -> Outcome {
    let params = MountAddParams {
        mount: args.name,
        endpoint: args.endpoint,
        root: args.root,
        unchecked: args.unchecked,
    };
    let view = args.hub.call::<MountAdd>(context, params).await?;
    let mount = &view.mount;
    let said = format!(
        "mount `{}` is {} on {}",
        named(&view),
        mount.root,
        mount.endpoint
    );
    tell(&view, args.json, &said, context)
}

async fn resolve(args: OneArgs, context: &mut Context) -> Outcome {
    let params = MountParams { mount: args.mount };
    let view = args.hub.call::<MountResolve>(context, params).await?;
    if args.json.json {
        context.output.json(&view)?;
    } else {
        let mount = &view.mount;
        context
            .output
            .line(format_args!("{}:{}", mount.endpoint, mount.root))?;
    }
    Ok(Exit::Success)
}

/// Returns a mount's name as commands take it.
fn named(view: &MountView) -> MountRef {
    MountRef {
        space: view.mount.space.clone(),
        name: view.mount.name.clone(),
    }
}

fn tell(view: &MountView, json: JsonFlag, said: &str, context: &mut Context) -> Outcome {
    if json.json {
        context.output.json(view)?;
    } else {
        context.output.say(said)?;
    }
    Ok(Exit::Success)
}

async fn list(args: &ListArgs, context: &mut Context) -> Outcome {
    let params = MountListParams {
        space: args.space.clone(),
    };
    let mounts = args.hub.call::<MountList>(context, params).await?.mounts;
    if args.json.json {
        context.output.json(&mounts)?;
        return Ok(Exit::Success);
    }
    if mounts.is_empty() {
        context
            .output
            .say("no mounts; `fleet mount add` makes one")?;
        return Ok(Exit::Success);
    }
    let width = context.output.width();
    context
        .output
        .data(table(&mounts).render(Some(width)))
        .map_err(Error::from)?;
    Ok(Exit::Success)
}

fn table(mounts: &[MountView]) -> Table {
    let mut table = Table::new([
        Column::new("SPACE").optional(1),
        Column::new("NAME"),
        Column::new("MACHINE"),
        Column::new("STATUS"),
        Column::new("ROOT").flexible(20),
        Column::new("NOTE"),
    ]);
    for MountView { mount, status } in mounts {
        let note = if mount.checked { "-" } else { "unchecked" };
        table.row([
            mount.space.as_str().into(),
            mount.name.as_str().into(),
            mount.endpoint.as_str().into(),
            state(status),
            mount.root.as_str().into(),
            Cell::styled(note, WARNING),
        ]);
    }
    table.without_empty(&["NOTE"]);
    table
}
