use podfleet_hub::op::{
    MountAdd, MountAddParams, MountList, MountListParams, MountParams, MountRemove, MountRename,
    MountRenameParams, MountReorder, MountReorderParams, MountResolve, MountView,
};
use podfleet_hub::topology::{MachineName, Mount, MountRef};
use podfleet_protocol::{MountName, SpaceName};

use super::endpoint::state;
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::{ChangeArgs, HubArgs};
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
    Remove(RemoveArgs),
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
    change: ChangeArgs,
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
struct RemoveArgs {
    /// The mount
    #[arg(value_name = "MOUNT")]
    mount: MountRef,
    #[command(flatten)]
    change: ChangeArgs,
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
    change: ChangeArgs,
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
    change: ChangeArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    block_on(async {
        match args.verb {
            Verb::Add(args) => add(args, context).await,
            Verb::List(args) => list(&args, context).await,
            Verb::Remove(args) => remove(args, context).await,
            Verb::Rename(args) => rename(args, context).await,
            Verb::Reorder(args) => reorder(args, context).await,
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
    let added = args.change.call::<MountAdd>(context, params, args.json);
    let said = |mount: &Mount| {
        format!(
            "mount `{}` is {} on {}",
            mount.named(),
            mount.root,
            mount.endpoint
        )
    };
    tell(added.await?, args.json, said, context)
}

async fn remove(args: RemoveArgs, context: &mut Context) -> Outcome {
    let params = MountParams { mount: args.mount };
    let removed = args.change.call::<MountRemove>(context, params, args.json);
    let said =
        |mount: &Mount| format!("mount `{}` is removed; {} stays", mount.named(), mount.root);
    tell(removed.await?, args.json, said, context)
}

async fn rename(args: RenameArgs, context: &mut Context) -> Outcome {
    let before = args.mount.clone();
    let params = MountRenameParams {
        mount: args.mount,
        new: args.new,
    };
    let renamed = args.change.call::<MountRename>(context, params, args.json);
    let said = |mount: &Mount| format!("mount `{before}` is now `{}`", mount.name);
    tell(renamed.await?, args.json, said, context)
}

async fn reorder(args: ReorderArgs, context: &mut Context) -> Outcome {
    let params = MountReorderParams {
        mount: args.mount,
        position: args.position,
    };
    let moved = args.change.call::<MountReorder>(context, params, args.json);
    let said = |mount: &Mount| format!("mount `{}` is at place {}", mount.named(), mount.position);
    tell(moved.await?, args.json, said, context)
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

/// Tells what was done to a mount, if it was.
fn tell(
    done: Option<MountView>,
    json: JsonFlag,
    said: impl FnOnce(&Mount) -> String,
    context: &mut Context,
) -> Outcome {
    match done {
        Some(view) if json.json => context.output.json(&view)?,
        Some(view) => context.output.say(said(&view.mount))?,
        None => {}
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
