mod add;
mod look;
mod update;

use podfleet_hub::op::{
    EndpointRemove, EndpointRemoveParams, EndpointRename, EndpointRenameParams,
};
use podfleet_protocol::EndpointName;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::hub::ChangeArgs;
use crate::render::count::counted;
use crate::runtime::block_on;

use add::AddArgs;
pub(super) use look::state;
use look::{ListArgs, StatusArgs};
use update::UpdateArgs;

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
    /// Give one another token or key; its mounts and terminals stay
    Update(UpdateArgs),
    /// Give one another name
    Rename(RenameArgs),
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
    change: ChangeArgs,
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
    change: ChangeArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    block_on(async {
        match args.verb {
            Verb::Add(args) => add::add(args, context).await,
            Verb::List(args) => look::list(&args, context).await,
            Verb::Status(args) => look::status(&args, context).await,
            Verb::Remove(args) => remove(&args, context).await,
            Verb::Update(args) => update::update(args, context).await,
            Verb::Rename(args) => rename(&args, context).await,
        }
    })
}

async fn remove(args: &RemoveArgs, context: &mut Context) -> Outcome {
    let params = EndpointRemoveParams {
        name: args.name.clone(),
        cascade: args.cascade,
        expect: args.expect,
    };
    let removed = args
        .change
        .call::<EndpointRemove>(context, params, args.json);
    let Some(result) = removed.await? else {
        return Ok(Exit::Success);
    };
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
    let renamed = args
        .change
        .call::<EndpointRename>(context, params, args.json);
    let Some(view) = renamed.await? else {
        return Ok(Exit::Success);
    };
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
