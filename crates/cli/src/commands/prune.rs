use podfleet::{AgentPruned, ChatPruned, RemainsPruned};
use podfleet_pod_store::{Pruned, Retention};
use podfleet_roster::Timespan;
use serde_json::json;

use crate::commands::scope::{DryRun, JsonFlag, Scope};
use crate::context::Context;
use crate::error::Outcome;
use crate::exit::Exit;
use crate::render::bytes::size;
use crate::render::count::counted;
use crate::render::table::{Column, Table};
use crate::render::wrap::wrap;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const WHAT: &str = "\
What goes: messages that were delivered, and logs of sessions that are over, when
they are older than 30 days, and the oldest of what an agent has beyond 1 GiB of
each. What waits in an inbox stays, and so does the present session. A message
that is gone is not known again when it is sent a second time.

Without names: all agents on record, also those that left the roster, and what
the bridge has recorded of the chat: what was sent, files that people sent, and
what somebody has read of the history of a chat in a terminal; files of long
messages that a crash left without their message more than an hour ago; and the
logs of pods that have no record, such as were forgotten, once the last of them
is as old, with the files of their locks.";

/// Remove old messages that were delivered, and old session logs
#[derive(Debug, clap::Args)]
#[command(after_help = WHAT)]
pub(crate) struct Args {
    /// The agents [default: all on record]
    #[arg(value_name = "AGENT", add = crate::completion::agents())]
    names: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// Remove what is older than this, such as 7d or 12h [default: 30d]
    #[arg(long, value_name = "AGE")]
    older_than: Option<Timespan>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    json: JsonFlag,
}

impl Args {
    fn retention(&self) -> Retention {
        let default = Retention::default();
        let age = self.older_than.map(|age| age.duration().as_millis());
        Retention {
            max_age_ms: age.map_or(default.max_age_ms, |age| {
                i64::try_from(age).unwrap_or(i64::MAX)
            }),
            ..default
        }
    }
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let dry_run = args.dry_run.dry_run;
    let (agents, chat, stray, remains) = block_on(async {
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        let retention = args.retention();
        let agents = fleet.prune(&args.names, &retention, dry_run).await?;
        let (chat, stray, remains) = match args.names.is_empty() {
            true => (
                Some(fleet.prune_chat(&retention, dry_run).await?),
                Some(fleet.prune_stray_bodies(dry_run).await?),
                Some(fleet.prune_remains(&retention, dry_run).await?),
            ),
            false => (None, None, None),
        };
        Ok((agents, chat, stray, remains))
    })?;
    let output = &mut context.output;
    if args.json.json {
        output.json(&json!({
            "dry_run": dry_run, "agents": agents, "chat": chat, "stray_bodies": stray,
            "without_record": remains
        }))?;
    } else if agents.iter().any(has_any) {
        let width = output.width();
        output.data(table(&agents).render(Some(width)))?;
    }
    for agent in &agents {
        if let Some(failure) = &agent.failure {
            let said = format!("{}: {failure}", agent.agent);
            output.say(wrap(&said, 0, "  "))?;
        }
    }
    output.say(summary(&agents, dry_run))?;
    if let Some(chat) = chat.and_then(|chat| chat_summary(&chat, dry_run)) {
        output.say(chat)?;
    }
    if let Some(stray) = stray.filter(|stray| stray.removed > 0) {
        let files = told(stray.removed, "file");
        let (done, bytes) = (done(dry_run), size(stray.bytes));
        output.say(format_args!(
            "left by a crash: {files} of long messages {done} ({bytes})"
        ))?;
    }
    let remains = remains.unwrap_or_default();
    if let Some(failure) = &remains.failure {
        let said = format!("of pods without a record not all could be removed: {failure}");
        output.say(wrap(&said, 0, "  "))?;
    }
    if remains.pods > 0 {
        output.say(remains_summary(&remains, dry_run))?;
    }
    let whole = agents.iter().all(|agent| agent.failure.is_none());
    Ok(Exit::answer(whole && remains.failure.is_none()))
}

/// Says what goes of pods that have no record any more.
fn remains_summary(remains: &RemainsPruned, dry_run: bool) -> String {
    format!(
        "of {} without a record: {} {} ({})",
        told(remains.pods, "pod"),
        told(remains.files, "log file"),
        done(dry_run),
        size(remains.bytes)
    )
}

fn has_any(agent: &AgentPruned) -> bool {
    [agent.messages, agent.log_files]
        .iter()
        .any(|pruned| pruned.removed + pruned.kept > 0)
}

fn table(agents: &[AgentPruned]) -> Table {
    let mut table = Table::new([
        Column::new("AGENT").flexible(8),
        Column::new("MESSAGES").right(),
        Column::new("KEPT").right(),
        Column::new("LOG FILES").right(),
        Column::new("KEPT").right(),
    ]);
    let told = |count: u64, bytes: u64| match count {
        0 => "-".to_owned(),
        _ => format!("{count} ({})", size(bytes)),
    };
    for agent in agents.iter().filter(|agent| has_any(agent)) {
        let AgentPruned {
            messages,
            log_files: logs,
            ..
        } = agent;
        table.row([
            agent.agent.as_str().into(),
            told(messages.removed, messages.bytes).into(),
            told(messages.kept, messages.kept_bytes).into(),
            told(logs.removed, logs.bytes).into(),
            told(logs.kept, logs.kept_bytes).into(),
        ]);
    }
    table
}

fn summary(agents: &[AgentPruned], dry_run: bool) -> String {
    let sum = |of: fn(&AgentPruned) -> &Pruned| {
        let all = agents.iter().map(of);
        all.fold((0, 0), |(count, bytes), pruned| {
            (count + pruned.removed, bytes + pruned.bytes)
        })
    };
    let (messages, bodies) = sum(|agent| &agent.messages);
    let (files, logs) = sum(|agent| &agent.log_files);
    let done = done(dry_run);
    if messages + files == 0 {
        let agents = counted(agents.len(), "agent");
        return format!("{agents}: nothing is old or too large");
    }
    format!(
        "{} and {} {done} ({})",
        told(messages, "message"),
        told(files, "log file"),
        size(bodies + logs)
    )
}

/// Says what goes of the chat; nothing if nothing does.
fn chat_summary(chat: &ChatPruned, dry_run: bool) -> Option<String> {
    let ChatPruned {
        records,
        files,
        history,
    } = chat;
    (records + files.removed + history > 0).then(|| {
        format!(
            "chat: {}, {} of its history and {} {} ({})",
            told(*records, "record"),
            told(*history, "message"),
            told(files.removed, "file"),
            done(dry_run),
            size(files.bytes)
        )
    })
}

const fn done(dry_run: bool) -> &'static str {
    if dry_run { "would go" } else { "removed" }
}

fn told(count: u64, one: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), one)
}
