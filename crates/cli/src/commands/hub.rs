use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet::OpeningStore;
use podfleet_hub::host::find;
use podfleet_hub::hub::Grace;
use podfleet_hub::preview::{Change, Effect, Thing};
use podfleet_hub::token::{Scope, TokenRecord};
use podfleet_hub::topology::Topology;
use podfleet_protocol::UnixMillis;
use podfleet_roster::Timespan;
use serde_json::json;

use crate::commands::json_flag::JsonFlag;
use crate::commands::scope::DryRun;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::change::tell;
use crate::hub::process::{self, Wish};
use crate::render::table::{Column, Table};
use crate::runtime::block_on;

/// Where a hub listens if nothing else is said.
const LISTEN: &str = "127.0.0.1:7717";

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
    Run(RunArgs),
    /// Tell how this machine's hub is reached, and its key
    Status(JsonFlag),
    /// End this machine's hub; agents and terminals go on
    Stop,
    /// Make, list and end tokens of this machine's hub
    #[command(subcommand_required = true, disable_help_subcommand = true)]
    Token(TokenArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
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

#[derive(Debug, clap::Args)]
struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, clap::Subcommand)]
enum TokenVerb {
    /// Make a token and print it, this once
    Create(CreateArgs),
    /// List the tokens, without their texts
    List(JsonFlag),
    /// End a token at once
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct RevokeArgs {
    /// The token's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    dry_run: DryRun,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name, for you
    #[arg(value_name = "NAME")]
    name: String,
    /// A right: observe, files:read, files:write, pty, message or admin
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        required = true,
        value_delimiter = ','
    )]
    scopes: Vec<Scope>,
    /// When it ends: an age such as 12h or 30d, or `never`
    #[arg(long, value_name = "AGE", default_value = "90d", value_parser = expiry)]
    expires: Expiry,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, Clone, Copy)]
struct Expiry(Option<Timespan>);

fn expiry(text: &str) -> Result<Expiry, String> {
    match text {
        "never" => Ok(Expiry(None)),
        text => text
            .parse()
            .map(|age| Expiry(Some(age)))
            .map_err(|_| "it is an age such as 12h or 30d, or `never`".to_owned()),
    }
}

/// Refuses an agent: the hub and its tokens are the operator's.
fn be_operator(context: &Context) -> Result<(), Error> {
    let dirs = context.dirs()?;
    if !dirs.state_paths().store().exists() {
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
        Verb::Run(args) if args.background => in_background(&args, context),
        Verb::Run(args) => {
            let wish = args.wish(context)?;
            process::run(wish, context)
        }
        Verb::Status(json) => status(json, context),
        Verb::Stop => stop(context),
        Verb::Token(args) => match args.verb {
            TokenVerb::Create(args) => create(&args, context),
            TokenVerb::List(json) => list(json, context),
            TokenVerb::Revoke(args) => revoke(&args, context),
        },
    }
}

impl RunArgs {
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

fn in_background(args: &RunArgs, context: &mut Context) -> Outcome {
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
            podfleet_hub::host::Protection::Tls => "TLS",
            podfleet_hub::host::Protection::Plain => "in the clear",
        };
        output.line(format_args!("listens {address} ({how})"))?;
    }
    output.line(format_args!("key     {}", standing.pin))?;
    output.line(format_args!("pid     {}", standing.pid))?;
    Ok(Exit::Success)
}

fn stop(context: &mut Context) -> Outcome {
    context.output.say(match process::end(context)? {
        true => "the hub is ended",
        false => "no hub runs on this machine",
    })?;
    Ok(Exit::Success)
}

/// Tokens are in the hub's file, whether or not it runs; it looks there at each request.
fn topology(context: &Context, dry_run: DryRun) -> Result<Topology, Error> {
    let topology = Topology::open(&process::directory(context)?)?;
    Ok(match dry_run.dry_run {
        true => topology.rehearsal(),
        false => topology,
    })
}

fn create(args: &CreateArgs, context: &mut Context) -> Outcome {
    let now = Timestamp::now().as_millisecond();
    let expires = args.expires.0.map(|age| {
        let age = i64::try_from(age.duration().as_millis()).unwrap_or(i64::MAX);
        UnixMillis(now.saturating_add(age))
    });
    let scopes: BTreeSet<Scope> = args.scopes.iter().copied().collect();
    let topology = topology(context, args.dry_run)?;
    let (secret, record) = topology.create_token(&args.name, scopes, expires, UnixMillis(now))?;
    if args.dry_run.dry_run {
        let rights: Vec<&str> = record.scopes.iter().map(|scope| scope.as_str()).collect();
        let made = Effect::new(Thing::Token, &record.name, Change::Made);
        let made = made.detail(format!("{}; {}", rights.join(" "), until(&record)));
        return tell(&made.into(), args.json, context);
    }
    let text = secret.reveal_once();
    if args.json.json {
        context
            .output
            .json(&json!({ "token": text, "record": record }))?;
    } else {
        context.output.line(text)?;
        let until = until(&record);
        context.output.say(format_args!(
            "token `{}` ({until}); it is not shown again",
            record.name
        ))?;
    }
    Ok(Exit::Success)
}

fn list(json: JsonFlag, context: &mut Context) -> Outcome {
    let tokens = topology(context, DryRun { dry_run: false })?.tokens()?;
    if json.json {
        context.output.json(&tokens)?;
        return Ok(Exit::Success);
    }
    if tokens.is_empty() {
        context
            .output
            .say("no tokens; `fleet hub token create` makes one")?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("NAME"),
        Column::new("SCOPES").wrapping(20),
        Column::new("EXPIRES"),
    ]);
    for token in &tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        table.row([
            token.name.clone().into(),
            scopes.join(" ").into(),
            until(token).into(),
        ]);
    }
    let width = context.output.width();
    context.output.data(table.render(Some(width)))?;
    Ok(Exit::Success)
}

fn until(token: &TokenRecord) -> String {
    let now = UnixMillis(Timestamp::now().as_millisecond());
    let Some(expires) = token.expires else {
        return "never ends".to_owned();
    };
    let at = Timestamp::from_millisecond(expires.0).unwrap_or(Timestamp::MAX);
    let at = at
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string();
    if token.is_over(now) {
        format!("ended {at}")
    } else {
        format!("until {at}")
    }
}

fn revoke(args: &RevokeArgs, context: &mut Context) -> Outcome {
    let name = &args.name;
    if topology(context, args.dry_run)?.revoke_token(name)? {
        if args.dry_run.dry_run {
            let revoked = Effect::new(Thing::Token, name, Change::Revoked);
            return tell(&revoked.into(), JsonFlag { json: false }, context);
        }
        context
            .output
            .say(format_args!("token `{name}` is revoked"))?;
        return Ok(Exit::Success);
    }
    let message = format!("there is no token `{name}`");
    Err(Error::message(Exit::Usage, message).hint("`fleet hub token list` lists them"))
}
