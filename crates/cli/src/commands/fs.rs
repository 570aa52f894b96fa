mod copy;

use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet_hub::client::HubClient;
use podfleet_hub::contained::{Kind, Removal, Stat};
use podfleet_hub::op::{
    FsCopy, FsList, FsMkdir, FsRemove, FsRename, FsStat, ListParams, MkdirParams, MountParams,
    MountResolve, Op, PathParams, Place, RemoveParams, TwoPathsParams,
};
use podfleet_hub::path::MountPath;
use podfleet_hub::preview::Preview;
use podfleet_hub::topology::MountRef;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::{ChangeArgs, HubArgs};
use crate::render::count::counted;
use crate::render::style::BUSY;
use crate::render::table::{Cell, Column, Table};
use crate::runtime::block_on;

const PLACES: &str = "\
MOUNT:PATH is a path below a mount (`fleet mount list`), relative to it; MOUNT:
is the mount itself. Links that stay below the mount are followed, others are
refused.";

/// Work with files below mounts, whatever machine they are on
#[derive(Debug, clap::Args)]
#[command(after_help = PLACES, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Tell what a file or directory is
    Stat(OneArgs),
    /// List a directory
    Ls(OneArgs),
    /// Print a file's bytes as they are
    Cat(OneArgs),
    /// Write a file from standard input or another file, whole or not at all
    Put(copy::PutArgs),
    /// Make a directory
    Mkdir(MkdirArgs),
    /// Rename something within its mount
    Mv(TwoArgs),
    /// Copy a file, also from mount to mount
    Cp(TwoArgs),
    /// Remove a file, a link or a directory
    Rm(RmArgs),
}

/// A path below a mount.
#[derive(Debug, Clone)]
pub(crate) struct MountedPath {
    mount: MountRef,
    path: String,
}

impl FromStr for MountedPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mount, path) = text.split_once(':').ok_or_else(|| {
            "it is MOUNT:PATH, with the colon also for the mount itself".to_owned()
        })?;
        let mount = mount
            .parse()
            .map_err(|error: podfleet_protocol::NameError| error.to_string())?;
        let path = path.to_owned();
        Ok(Self { mount, path })
    }
}

impl MountedPath {
    fn place(&self) -> Place {
        Place::Mount(self.mount.clone())
    }

    /// Returns the path as it stands in addresses. Of a `file:` URI only the hub knows which part of
    /// it is below the mount.
    async fn checked(&self, client: &HubClient) -> Result<MountPath, Error> {
        if !self.path.contains("://") {
            return Ok(MountPath::plain(&self.path)?);
        }
        let mount = self.mount.clone();
        let resolved = client.call::<MountResolve>(MountParams { mount }).await?;
        Ok(MountPath::parse(
            &self.path,
            Path::new(&resolved.mount.root),
        )?)
    }
}

impl std::fmt::Display for MountedPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.mount, self.path)
    }
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The file or directory
    #[arg(value_name = "MOUNT:PATH")]
    path: MountedPath,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct MkdirArgs {
    /// The directory
    #[arg(value_name = "MOUNT:PATH")]
    path: MountedPath,
    /// Make those above it too, and take one that is there
    #[arg(short, long)]
    parents: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TwoArgs {
    /// What is there
    #[arg(value_name = "MOUNT:FROM")]
    from: MountedPath,
    /// Where it is to be
    #[arg(value_name = "MOUNT:TO")]
    to: MountedPath,
    /// Replace a file that is there
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, clap::Args)]
struct RmArgs {
    /// The file, link or directory
    #[arg(value_name = "MOUNT:PATH")]
    path: MountedPath,
    /// Remove a directory with all that is in it
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(crate) fn run(args: Args, context: &mut Context) -> Outcome {
    block_on(async {
        match args.verb {
            Verb::Stat(args) => stat(&args, context).await,
            Verb::Ls(args) => list(&args, context).await,
            Verb::Cat(args) => copy::cat(&args, context).await,
            Verb::Put(args) => copy::put(&args, context).await,
            Verb::Mkdir(args) => {
                let params = MkdirParams {
                    place: args.path.place(),
                    path: args.path.path.clone(),
                    parents: args.parents,
                };
                change::<FsMkdir>(&args.change, &args.path, params, context).await
            }
            Verb::Mv(args) => rename(&args, context).await,
            Verb::Cp(args) if args.from.mount == args.to.mount => {
                let copying = change::<FsCopy>(&args.change, &args.from, within(&args), context);
                copy::timed(copying).await
            }
            Verb::Cp(args) => copy::between(&args, context).await,
            Verb::Rm(args) => {
                let params = RemoveParams {
                    place: args.path.place(),
                    path: args.path.path.clone(),
                    removal: match args.recursive {
                        true => Removal::Tree,
                        false => Removal::One,
                    },
                };
                change::<FsRemove>(&args.change, &args.path, params, context).await
            }
        }
    })
}

fn within(args: &TwoArgs) -> TwoPathsParams {
    TwoPathsParams {
        place: args.from.place(),
        from: args.from.path.clone(),
        to: args.to.path.clone(),
        replace: args.force,
    }
}

async fn rename(args: &TwoArgs, context: &mut Context) -> Outcome {
    if args.from.mount != args.to.mount {
        let message = "a file is renamed within its mount";
        return Err(Error::message(Exit::Usage, message)
            .hint("`fleet fs cp` copies it to another one, `fleet fs rm` removes it here"));
    }
    change::<FsRename>(&args.change, &args.from, within(args), context).await
}

/// Has files below one mount changed, or tells what would be done to them.
async fn change<O: Op>(
    args: &ChangeArgs,
    path: &MountedPath,
    params: O::Params,
    context: &mut Context,
) -> Outcome {
    if args.is_dry() {
        let preview = args.preview::<O>(context, params).await?;
        return tell(preview, path, context);
    }
    args.hub.call::<O>(context, params).await?;
    Ok(Exit::Success)
}

/// Tells what would be done, with each path as commands take it.
fn tell(preview: Preview, below: &MountedPath, context: &mut Context) -> Outcome {
    let preview = preview.named(|path| format!("{}:{path}", below.mount));
    crate::hub::change::tell(&preview, JsonFlag { json: false }, context)
}

async fn stat(args: &OneArgs, context: &mut Context) -> Outcome {
    let params = PathParams {
        place: args.path.place(),
        path: args.path.path.clone(),
    };
    let stat = args.hub.call::<FsStat>(context, params).await?;
    if args.json.json {
        context.output.json(&stat)?;
        return Ok(Exit::Success);
    }
    let output = &mut context.output;
    output.line(args.path.to_string())?;
    output.line(format_args!("  kind      {}", stat.kind.word()))?;
    output.line(format_args!("  size      {} bytes", stat.size))?;
    output.line(format_args!("  mode      {:04o}", stat.mode))?;
    output.line(format_args!("  modified  {}", time(stat.modified_ms)))?;
    output.line(format_args!("  tag       {}", stat.etag))?;
    Ok(Exit::Success)
}

async fn list(args: &OneArgs, context: &mut Context) -> Outcome {
    let client = args.hub.client(context)?;
    let mut entries: Vec<Stat> = Vec::new();
    let mut after = None;
    let unreadable = loop {
        let params = ListParams {
            place: args.path.place(),
            path: args.path.path.clone(),
            after,
            limit: 0,
        };
        let page = client.call::<FsList>(params).await?;
        entries.extend(page.entries);
        match page.next {
            Some(next) => after = Some(next),
            None => break page.unreadable,
        }
    };
    if args.json.json {
        context.output.json(&entries)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("KIND"),
        Column::new("SIZE").right(),
        Column::new("MODIFIED"),
        Column::new("NAME"),
    ]);
    for entry in &entries {
        let name = match entry.target.unwrap_or(entry.kind) {
            Kind::Directory => Cell::styled(format!("{}/", entry.name), BUSY),
            _ => entry.name.as_str().into(),
        };
        let size = entry.size.to_string();
        table.row([
            entry.kind.word().into(),
            size.into(),
            time(entry.modified_ms).into(),
            name,
        ]);
    }
    if !entries.is_empty() {
        context.output.data(table.render(None))?;
    }
    if unreadable > 0 {
        let names = counted(unreadable, "name");
        let are = if unreadable == 1 { "is" } else { "are" };
        context.output.say(format_args!(
            "note: {names} {are} no UTF-8 and {are} left out"
        ))?;
    }
    Ok(Exit::Success)
}

fn time(milliseconds: i64) -> String {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}
