use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
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
use crate::hub::process;
use crate::render::table::{Column, Table};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
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

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.verb {
        Verb::Create(args) => create(args, context),
        Verb::List(json) => list(*json, context),
        Verb::Revoke(args) => revoke(args, context),
    }
}

/// Tokens are in the hub's file, whether or not it runs; it looks there at each request.
fn topology(context: &Context, dry_run: DryRun) -> Result<Topology, Error> {
    let directory = process::directory(context)?;
    Ok(match dry_run.dry_run {
        true => Topology::look(&directory)?,
        false => Topology::open(&directory)?,
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
    let tokens = Topology::look(&process::directory(context)?)?.tokens()?;
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
