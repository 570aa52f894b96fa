use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use podfleet_hub::host::Options;
use podfleet_hub::hub::Grace;
use podfleet_roster::Timespan;

use super::options::{refuse_others, words};
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::process::{self, Wish};

/// Where a hub listens if nothing else is said.
const LISTEN: &str = "127.0.0.1:7717";
/// How long terminals go on while nobody asks, and are kept when they have ended, if nothing else is said.
const GRACE: &str = "24h";
const KEEP_ENDED: &str = "1h";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Listen here too, or `none`; by TLS unless it is loopback [default: 127.0.0.1:7717]
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    listen: Vec<Listen>,
    /// Speak TLS on loopback too
    #[arg(long, conflicts_with = "plain")]
    tls: bool,
    /// Speak in the clear everywhere: tokens can be read on the way
    #[arg(long)]
    plain: bool,
    /// A name by which clients may call this machine, such as that of a proxy
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Serve files and terminals only below this directory [default: your home]
    #[arg(long, value_name = "DIRECTORY", value_hint = clap::ValueHint::DirPath)]
    allow: Vec<PathBuf>,
    /// How long terminals that were opened for another machine go on while it is away [default: 24h]
    #[arg(long, value_name = "AGE")]
    grace: Option<Timespan>,
    /// How long a terminal can be looked at after its program has ended [default: 1h]
    #[arg(long, value_name = "AGE")]
    keep_ended: Option<Timespan>,
    /// Run in the background unless one runs with these options; listens nowhere unless told
    #[arg(long)]
    background: bool,
    #[command(flatten)]
    json: JsonFlag,
}

/// Where to listen: an address, or nowhere but at the socket.
#[derive(Debug, Clone, Copy)]
enum Listen {
    None,
    At(SocketAddr),
}

fn listen(text: &str) -> Result<Listen, String> {
    match text {
        "none" => Ok(Listen::None),
        text => text.parse().map(Listen::At).map_err(|_| {
            "it is `none`, or an IP and a port such as 127.0.0.1:7717 or [::]:7717".to_owned()
        }),
    }
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    if args.background {
        return in_background(args, context);
    }
    let wish = args.wish(context)?;
    process::run(wish, context)
}

impl Args {
    fn wish(&self, context: &Context) -> Result<Wish, Error> {
        let mut options = self.given(context)?;
        let listen = match self.listen.as_slice() {
            [] => vec![LISTEN.parse().map_err(defect)?],
            [..] => self.addresses().collect(),
        };
        let allow = match self.allow.as_slice() {
            [] => vec![context.home()?],
            some => some.to_vec(),
        };
        let mut length = |name: &str, given: Option<Timespan>, default: &str| {
            let length = given.map_or_else(|| default.parse().map_err(defect), Ok)?;
            options.insert(name.to_owned(), vec![length.to_string()]);
            Ok::<_, Error>(length.duration())
        };
        let grace = Grace {
            away: length("grace", self.grace, GRACE)?,
            ended: length("keep-ended", self.keep_ended, KEEP_ENDED)?,
        };
        let mut unless_given = |name: &str, value: String| {
            options.entry(name.to_owned()).or_insert(vec![value]);
        };
        unless_given("listen", LISTEN.to_owned());
        allow
            .iter()
            .for_each(|allow| unless_given("allow", real(allow)));
        Ok(Wish {
            listen,
            plain: self.plain,
            tls: self.tls,
            hosts: self.host.clone(),
            allow,
            roster: context.named_roster().map(Path::to_owned),
            grace,
            options,
        })
    }

    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listen.iter().filter_map(|listen| match listen {
            Listen::None => None,
            Listen::At(address) => Some(*address),
        })
    }

    /// Returns what the command line says.
    fn given(&self, context: &Context) -> Result<Options, Error> {
        let mut listen: Vec<String> = self.addresses().map(|at| at.to_string()).collect();
        if listen.is_empty() && !self.listen.is_empty() {
            listen.push("none".to_owned());
        }
        let roster = context
            .named_roster()
            .map(std::path::absolute)
            .transpose()?;
        let roster = roster.map(|roster| roster.to_string_lossy().into_owned());
        let text = |age: Option<Timespan>| age.map(|age| age.to_string()).into_iter().collect();
        let valued: [(&str, Vec<String>); 6] = [
            ("listen", listen),
            ("host", self.host.clone()),
            (
                "allow",
                self.allow.iter().map(|allow| real(allow)).collect(),
            ),
            ("grace", text(self.grace)),
            ("keep-ended", text(self.keep_ended)),
            ("roster", roster.into_iter().collect()),
        ];
        let valued = valued.into_iter().filter(|(_, values)| !values.is_empty());
        let set = [("plain", self.plain), ("tls", self.tls)];
        let set = set.into_iter().filter(|(_, set)| *set);
        let all = valued.chain(set.map(|(name, _)| (name, Vec::new())));
        Ok(all
            .map(|(name, values)| (name.to_owned(), values))
            .collect())
    }
}

/// Returns the real path of a directory, as the hub serves it.
fn real(path: &Path) -> String {
    let real = path.canonicalize().or_else(|_| std::path::absolute(path));
    let real = real.unwrap_or_else(|_| path.to_owned());
    real.to_string_lossy().into_owned()
}

fn defect(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Exit::Defect, error)
}

fn in_background(args: &Args, context: &mut Context) -> Outcome {
    let given = args.given(context)?;
    let mut whole = given.clone();
    whole
        .entry("listen".to_owned())
        .or_insert(vec!["none".to_owned()]);
    let standing = process::in_background(&words(&whole), context)?;
    refuse_others(&given, &standing)?;
    if args.json.json {
        context.output.json(&standing)?;
    } else {
        let socket = standing.socket.display();
        context
            .output
            .line(format_args!("hub at {socket} (pid {})", standing.pid))?;
    }
    Ok(Exit::Success)
}
