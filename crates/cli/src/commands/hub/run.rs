use std::net::SocketAddr;
use std::path::PathBuf;

use podfleet_hub::hub::Grace;
use podfleet_roster::Timespan;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::process::{self, Wish};

/// Where a hub listens if nothing else is said.
const LISTEN: &str = "127.0.0.1:7717";

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
    /// How long terminals that were opened for another machine go on while it is away
    #[arg(long, value_name = "AGE", default_value = "24h")]
    grace: Timespan,
    /// How long a terminal can be looked at after its program has ended
    #[arg(long, value_name = "AGE", default_value = "1h")]
    keep_ended: Timespan,
    /// Run in the background unless one runs, and say where; listens nowhere unless told
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
        let mut listen: Vec<SocketAddr> = self
            .listen
            .iter()
            .filter_map(|listen| match listen {
                Listen::None => None,
                Listen::At(address) => Some(*address),
            })
            .collect();
        if self.listen.is_empty() {
            let parsed = LISTEN.parse();
            listen.push(
                parsed
                    .map_err(|error: std::net::AddrParseError| Error::new(Exit::Defect, error))?,
            );
        }
        Ok(Wish {
            listen,
            plain: self.plain,
            tls: self.tls,
            hosts: self.host.clone(),
            allow: self.allow.clone(),
            roster: context.named_roster().map(std::path::Path::to_owned),
            grace: Grace {
                away: self.grace.duration(),
                ended: self.keep_ended.duration(),
            },
        })
    }

    /// Returns the arguments that have a process of its own do the same.
    fn again(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
        let at = self.listen.iter().filter_map(|listen| match listen {
            Listen::None => None,
            Listen::At(address) => Some(address.to_string()),
        });
        let at: Vec<String> = at.collect();
        if at.is_empty() {
            add("--listen", "none".to_owned());
        }
        at.into_iter().for_each(|address| add("--listen", address));
        add("--grace", self.grace.to_string());
        add("--keep-ended", self.keep_ended.to_string());
        for host in &self.host {
            add("--host", host.clone());
        }
        for allow in &self.allow {
            let allow = std::path::absolute(allow).unwrap_or_else(|_| allow.clone());
            add("--allow", allow.to_string_lossy().into_owned());
        }
        for (set, flag) in [(self.plain, "--plain"), (self.tls, "--tls")] {
            if set {
                arguments.push(flag.to_owned());
            }
        }
        arguments
    }
}

fn in_background(args: &Args, context: &mut Context) -> Outcome {
    let mut arguments = args.again();
    if let Some(roster) = context.named_roster() {
        let roster = std::path::absolute(roster)?;
        arguments.extend(["--roster".to_owned(), roster.to_string_lossy().into_owned()]);
    }
    let standing = process::in_background(&arguments, context)?;
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
