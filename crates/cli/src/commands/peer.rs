use clap::Subcommand;
use jiff::Timestamp;
use podfleet::{PeerChange, PeerRow};
use podfleet_protocol::NewMessage;
use podfleet_protocol::method::AcceptedResult;

use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::count::taken_out;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const RIGHTS: &str = "\
Peers see each other, may notify each other and may start each other again when
stopped. They get nothing else: no orders, no output, no stop, no files.";

/// Let pods see and notify each other
#[derive(Debug, clap::Args)]
#[command(after_help = RIGHTS)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make two pods peers
    Add(PairArgs),
    /// End that, for both at once
    Remove(PairArgs),
    /// List pairs of peers
    List(ListArgs),
    /// Let a pod notify a peer of it
    Send(SendArgs),
}

#[derive(Debug, clap::Args)]
struct PairArgs {
    /// One of the two pods
    #[arg(value_name = "A", add = crate::completion::agents())]
    one: String,
    /// The other
    #[arg(value_name = "B", add = crate::completion::agents())]
    other: String,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only the peers of this pod
    #[arg(value_name = "A", add = crate::completion::agents())]
    pod: Option<String>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
struct SendArgs {
    /// The pod in whose name it is sent; it must run
    #[arg(long, value_name = "A", add = crate::completion::agents())]
    from: String,
    /// Its peer
    #[arg(value_name = "B", add = crate::completion::agents())]
    to: String,
    /// The message
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: String,
    /// Send it though the same text was sent within a minute
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    match &args.command {
        Command::Add(pair) => change(pair, true, context),
        Command::Remove(pair) => change(pair, false, context),
        Command::List(args) => list(args, context),
        Command::Send(args) => send(args, context),
    }
}

fn change(args: &PairArgs, add: bool, context: &mut Context) -> Outcome {
    let dry_run = args.dry_run.dry_run;
    let change = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let (one, other) = (&args.one, &args.other);
        Ok(if add {
            fleet.peer_add(one, other, dry_run).await?
        } else {
            fleet.peer_remove(one, other, dry_run).await?
        })
    })?;
    if args.json.json {
        context.output.json(&change)?;
    } else {
        context.output.say(told(&change))?;
    }
    Ok(Exit::Success)
}

/// Says what a change did or would do.
pub(crate) fn told(change: &PeerChange) -> String {
    let PeerChange { pod, peer, .. } = change;
    let what = match (change.done, change.changed, change.peers) {
        (true, true, true) => "are peers now",
        (true, true, false) => "are no peers any more",
        (false, true, true) => "would become peers",
        (false, true, false) => "would be no peers any more",
        (_, false, true) => "are peers already",
        (_, false, false) => "are no peers",
    };
    format!("`{pod}` and `{peer}` {what}")
}

fn list(args: &ListArgs, context: &mut Context) -> Outcome {
    let rows = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        Ok(fleet.peers(args.pod.as_deref()).await?)
    })?;
    if args.json.json {
        context.output.json(&rows)?;
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        context.output.say("no peers")?;
        return Ok(Exit::Success);
    }
    let width = context.output.width();
    context.output.data(table(&rows).render(Some(width)))?;
    Ok(Exit::Success)
}

fn table(rows: &[PeerRow]) -> Table {
    let mut table = Table::new([
        Column::new("POD"),
        Column::new("PEER"),
        Column::new("FLEET"),
        Column::new("SINCE"),
    ]);
    for row in rows {
        let since = Timestamp::from_millisecond(row.since.0);
        let since = since.map_or_else(|_| "-".to_owned(), |since| format!("{since:.0}"));
        let fleet = row.fleet.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            row.pod.clone().into(),
            row.peer.clone().into(),
            fleet.into(),
            since.into(),
        ]);
    }
    table.without_empty(&["FLEET"]);
    table
}

fn send(args: &SendArgs, context: &mut Context) -> Outcome {
    if args.message.trim().is_empty() {
        return Err(Error::message(Exit::Usage, "the message is empty"));
    }
    let sent = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let (from, to) = (&args.from, &args.to);
        if args.dry_run.dry_run {
            fleet.check_peer_send(from, to).await?;
            return Ok(None);
        }
        let message = NewMessage {
            again: args.again,
            ..NewMessage::new(args.message.clone())
        };
        Ok(Some(fleet.peer_send(from, to, message).await?))
    })?;
    let Some(accepted) = sent else {
        context
            .output
            .say(format_args!("it would be sent to `{}`", args.to))?;
        return Ok(Exit::Success);
    };
    if args.json.json {
        context.output.json(&accepted)?;
    } else {
        context.output.line(outcome(&args.to, &accepted))?;
        let id = accepted.id;
        context.output.say(format_args!("message {id}"))?;
        if accepted.duplicate {
            let note =
                "note: it had been accepted before, and is delivered once; `--again` sends it anew";
            context.output.say(wrap(note, 0, "  "))?;
        }
        if let Some(what) = taken_out(accepted.stripped) {
            context.output.say(format_args!("note: {what}"))?;
        }
    }
    Ok(Exit::Success)
}

fn outcome(to: &str, accepted: &AcceptedResult) -> String {
    if accepted.duplicate {
        return format!("{to}: duplicate");
    }
    format!("{to}: accepted, position {}", accepted.position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podfleet_protocol::UnixMillis;

    #[test]
    fn what_was_not_sent_is_not_called_accepted() {
        let accepted = AcceptedResult {
            id: podfleet_protocol::MessageId::generate(),
            position: 2,
            duplicate: false,
            stripped: 0,
        };
        assert_eq!(outcome("b", &accepted), "b: accepted, position 2");
        let again = AcceptedResult {
            duplicate: true,
            ..accepted
        };
        assert_eq!(outcome("b", &again), "b: duplicate");
    }

    #[test]
    fn a_change_says_what_it_did_and_what_it_would_do() {
        let change = |done, changed, peers| {
            told(&PeerChange {
                pod: "a".into(),
                peer: "b".into(),
                peers,
                changed,
                done,
            })
        };
        assert_eq!(change(true, true, true), "`a` and `b` are peers now");
        assert_eq!(change(true, false, true), "`a` and `b` are peers already");
        assert_eq!(
            change(false, true, false),
            "`a` and `b` would be no peers any more"
        );
    }

    #[test]
    fn a_fleet_is_named_only_where_it_is_another() {
        let row = |peer: &str, fleet: Option<&str>| PeerRow {
            pod: "coder".into(),
            peer: peer.into(),
            fleet: fleet.map(str::to_owned),
            since: UnixMillis(1_700_000_000_000),
        };
        let text = |rows: &[PeerRow]| {
            anstream::adapter::strip_str(&table(rows).render(Some(80))).to_string()
        };
        insta::assert_snapshot!(text(&[row("lead", None)]), @r"
        POD    PEER  SINCE
        coder  lead  2023-11-14T22:13:20Z
        ");
        insta::assert_snapshot!(text(&[row("lead", None), row("x", Some("web"))]), @r"
        POD    PEER  FLEET  SINCE
        coder  lead  -      2023-11-14T22:13:20Z
        coder  x     web    2023-11-14T22:13:20Z
        ");
    }
}
