use std::time::Duration;

use podfleet::{BridgeGlance, BridgeStatus, Fleet, PsRow};
use tokio::time::interval;

use crate::attach::{Event, ScreenUse, Signals, Tty};
use crate::change::{Changes, reader_gone};
use crate::commands::scope::{Agents, JsonFlag, ThroughHub, none_of};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;
use crate::render::table::truncate;
use crate::render::{bridge, explanation, ps};
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const STATES: &str = "\
States: available, working, blocked (waits for a person), starting, stopped,
dead (expected, but gone), stale and unknown (no good heartbeat), quarantined
(ended too often). `--explain AGENT` shows why an agent has its state.
Flags: HELD a message waits, PAUSED none is delivered, DRIFT runs other than
the roster says, VIEW its tmux view is missing, BOOT would not come back after
a boot, OLD runs another build, UNMANAGED no pod hosts it, ROLE its class has
no role, so that it is told no mandate.";

/// Ends a line on a screen that is drawn over what was there.
const NEXT_LINE: &str = "\x1b[K\r\n";
/// How often ages are drawn anew where somebody looks at them.
const REFRESH: Duration = Duration::from_secs(1);

/// List the agents and how they are
#[derive(Debug, clap::Args)]
#[command(after_help = STATES)]
pub(crate) struct Args {
    #[command(flatten)]
    agents: Agents,
    /// Show all columns, however wide they are
    #[arg(long, short, conflicts_with = "json")]
    wide: bool,
    /// Show it again at every change; `j` and `k` scroll, `q` leaves
    #[arg(long)]
    watch: bool,
    /// Show every fact that an agent's state was derived from, and which decided
    #[arg(
        long,
        value_name = "AGENT",
        conflicts_with_all = ["watch", "wide", "names"],
        add = crate::completion::agents()
    )]
    explain: Option<String>,
    #[command(flatten)]
    through: ThroughHub,
    #[command(flatten)]
    json: JsonFlag,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    #[cfg(feature = "hub")]
    if let Some(hub) = &args.through.hub {
        return block_on(of_many_machines(hub, args, context));
    }
    block_on(async {
        let scope = &args.agents.scope;
        let fleet = match args.watch {
            // What is watched has to be there.
            true => context.fleet(scope, RosterNeed::Helpful).await?,
            false => context.fleet_to_see(scope).await?,
        };
        if let Some(agent) = &args.explain {
            let explanation = fleet.explain(agent).await?;
            if args.json.json {
                context.output.json(&explanation)?;
            } else {
                let width = context.output.width();
                context
                    .output
                    .data(explanation::render(&explanation, width))?;
            }
            return Ok(Exit::Success);
        }
        if args.watch {
            return watch(&fleet, args, context).await;
        }
        let rows = fleet.ps(&args.agents.names).await?;
        show(&fleet, &rows, args, &mut context.output)?;
        Ok(Exit::Success)
    })
}

/// Lists the agents of all machines that a hub reaches, and says which it does not.
#[cfg(feature = "hub")]
async fn of_many_machines(hub: &str, args: &Args, context: &mut Context) -> Outcome {
    use crate::hub::{agents, connect};

    if args.watch || args.explain.is_some() {
        let message = "`--watch` and `--explain` are for the agents of this machine";
        return Err(Error::message(Exit::Usage, message)
            .hint("over ssh, `fleet ps` on the other machine has both"));
    }
    let client = connect::client(hub, context)?;
    let fleet = args.agents.scope.fleet.clone();
    let found = agents::list(&client, &args.agents.names, fleet).await?;
    let rows = agents::rows(&found);
    if args.json.json {
        context.output.json(&rows)?;
    } else if rows.is_empty() {
        context
            .output
            .say("no agents on any machine that answers")?;
    } else {
        let width = context.output.width();
        context.output.data(ps::render(&rows, args.wide, width))?;
    }
    for fault in &found.missing {
        let notice = format!("note: {}", fault.message);
        context
            .output
            .say(crate::render::wrap::wrap(&notice, 0, "  "))?;
    }
    Ok(Exit::answer(found.missing.is_empty()))
}

fn show(fleet: &Fleet, rows: &[PsRow], args: &Args, output: &mut Output) -> Result<(), Error> {
    if args.json.json {
        output.json(&rows)?;
        return Ok(());
    }
    if rows.is_empty() {
        output.say(none_of("agents", fleet))?;
        return Ok(());
    }
    output.data(table(fleet, rows, args, output.width()))?;
    Ok(())
}

/// Renders the rows, and below them how the bridge is where the whole fleet is shown.
fn table(fleet: &Fleet, rows: &[PsRow], args: &Args, width: usize) -> String {
    let mut text = ps::render(rows, args.wide, width);
    let glance = fleet.bridge_glance();
    if let Some(glance) = glance.filter(|_| args.agents.names.is_empty()) {
        let line = bridge::line(&glance, jiff::Timestamp::now());
        text.push_str(&format!("\n{}\n", truncate(&line, width)));
    }
    text
}

/// Shows the rows whenever something but their ages has changed; changes of the runtime directory
/// say when to look.
async fn watch(fleet: &Fleet, args: &Args, context: &mut Context) -> Outcome {
    let mut changes = Changes::of_directories(&fleet.watch_paths().await?)?;
    if context.output.data_is_terminal() && !args.json.json {
        return watch_on_screen(fleet, args, &mut changes).await;
    }
    let gone = reader_gone();
    tokio::pin!(gone);
    let mut shown = None;
    loop {
        let rows = fleet.ps(&args.agents.names).await?;
        let state = Some(without_ages(&rows));
        if shown != state && args.json.json {
            context.output.json_line(&rows)?;
        } else if shown != state {
            show(fleet, &rows, args, &mut context.output)?;
        }
        shown = state;
        tokio::select! {
            changed = changes.next() => changed?,
            gone = &mut gone => return Err(gone),
        }
    }
}

/// Returns what is told of each agent but for what passes by itself.
fn without_ages(rows: &[PsRow]) -> Vec<PsRow> {
    let rows = rows.iter().cloned();
    let timeless = rows.map(|row| PsRow {
        since_seconds: None,
        idle_seconds: None,
        heartbeat_age_seconds: None,
        bridge: row.bridge.map(without_times),
        ..row
    });
    timeless.collect()
}

/// Returns how the bridge is, whenever it last carried something.
fn without_times(glance: BridgeGlance) -> BridgeGlance {
    let status = glance.status.map(|status| BridgeStatus {
        heard: None,
        said: None,
        ..status
    });
    BridgeGlance { status, ..glance }
}

/// Draws the rows in place until the user leaves; also every second, for the ages.
async fn watch_on_screen(fleet: &Fleet, args: &Args, changes: &mut Changes) -> Outcome {
    let tty = Tty::open(ScreenUse::Alternate)?;
    let mut signals = Signals::listen()?;
    let mut ticks = interval(REFRESH);
    let mut typed = [0; 64];
    let mut first = 0_usize;
    loop {
        let rows = fleet.ps(&args.agents.names).await?;
        let size = tty.size();
        let table = table(fleet, &rows, args, usize::from(size.columns));
        first = first.min(table.lines().count());
        tty.write_all(frame(&table, first, usize::from(size.rows)).as_bytes())
            .await?;
        tokio::select! {
            changed = changes.next() => changed?,
            _ = ticks.tick() => {}
            event = signals.next() => if event == Event::Ended {
                return Ok(Exit::Interrupted);
            },
            read = tty.read(&mut typed) => match &typed[..read?] {
                [] => return Ok(Exit::Interrupted),
                b"q" | b"\x03" | b"\x1b" => return Ok(Exit::Success),
                b"j" | b"\x1b[B" | b"\x1bOB" => first += 1,
                b"k" | b"\x1b[A" | b"\x1bOA" => first = first.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// Returns what draws a text over what was drawn before: the head of its table, then as many lines
/// from `first` on as fit the screen's rows, and how many there are more.
fn frame(text: &str, first: usize, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = if lines.len() <= rows {
        lines.join(NEXT_LINE)
    } else {
        let room = rows.saturating_sub(2);
        let (head, body) = lines.split_at(1);
        let first = first.min(body.len().saturating_sub(room));
        let end = (first + room).min(body.len());
        let more = match (first, body.len() - end) {
            (0, below) => format!("… {below} more below"),
            (above, 0) => format!("… {above} more above"),
            (above, below) => format!("… {above} more above, {below} below"),
        };
        [head, &body[first..end], &[more.as_str()]]
            .concat()
            .join(NEXT_LINE)
    };
    format!("\x1b[?25l\x1b[H{shown}\x1b[K\x1b[J")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead_with_bridge(changed: &serde_json::Value) -> Vec<PsRow> {
        let mut bridge = serde_json::json!({
            "pid": 7, "build": "0.1.0", "kind": "tmux", "channel": "/chat", "phase": "connected",
            "detail": null, "since": 1, "heard": 2, "said": null,
        });
        let changed = changed.as_object().unwrap().clone();
        let runs = changed.get("runs") != Some(&false.into());
        bridge.as_object_mut().unwrap().extend(changed);
        let row = serde_json::json!({
            "name": "lead", "alias": null, "class": "orchestrator", "runtime": "sim", "model": null,
            "readiness": "available", "since": null, "idle_seconds": 1, "heartbeat_age_seconds": 1,
            "agent_pid": 1, "pod_pid": 1, "generation": 1, "unit": null, "inbox": 0, "flags": [],
            "managed": true, "tenant_id": "t", "host": "h",
            "bridge": {"runs": runs, "wanted": true, "status": bridge},
        });
        vec![serde_json::from_value(row).unwrap()]
    }

    #[test]
    fn a_bridge_that_is_lost_is_a_change_and_what_it_carries_is_none() {
        let told = |changed: serde_json::Value| without_ages(&lead_with_bridge(&changed));
        let usual = told(serde_json::json!({}));
        assert_eq!(told(serde_json::json!({"heard": 3, "said": 4})), usual);
        assert_ne!(told(serde_json::json!({"phase": "retrying"})), usual);
        assert_ne!(told(serde_json::json!({"runs": false})), usual);
    }

    fn shown(first: usize, rows: usize) -> String {
        let drawn = frame("NAME\na\nb\nc\nd\n", first, rows);
        anstream::adapter::strip_str(&drawn)
            .to_string()
            .replace('\r', "")
    }

    #[test]
    fn what_does_not_fit_is_counted_and_can_be_scrolled_to() {
        assert_eq!(shown(0, 5), "NAME\na\nb\nc\nd");
        assert_eq!(shown(0, 4), "NAME\na\nb\n… 2 more below");
        assert_eq!(shown(1, 4), "NAME\nb\nc\n… 1 more above, 1 below");
        assert_eq!(shown(99, 4), "NAME\nc\nd\n… 2 more above");
    }
}
