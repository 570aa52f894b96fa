//! `ps --watch`: the same table again at every change.

use std::path::Path;
use std::time::Duration;

use podfleet::{BridgeGlance, BridgeStatus, Fleet, PsRow};
use tokio::time::{Instant, interval, sleep_until};

use super::{Args, show, table};
use crate::attach::{Event, ScreenUse, Signals, Tty};
use crate::change::{Changes, reader_gone};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::ps::Lines;
use crate::roster_file::RosterNeed;

/// Ends a line on a screen that is drawn over what was there.
const NEXT_LINE: &str = "\x1b[K\r\n";
/// How often ages are drawn anew where somebody looks at them.
const REFRESH: Duration = Duration::from_secs(1);
/// A heartbeat that does not come and a message that has waited for too long are no changes of a
/// file: where nothing changes for this long, the fleet is looked at all the same.
const QUIET: Duration = Duration::from_secs(15);

/// However much changes, the fleet is not looked at again sooner.
const CALM: Duration = Duration::from_millis(250);

/// The rows as they were when the fleet was last looked at.
struct Look<'a> {
    fleet: Fleet,
    args: &'a Args,
    changes: Changes,
    /// The text of the roster that the fleet was opened by.
    roster: Option<Vec<u8>>,
    rows: Vec<PsRow>,
    at: Instant,
}

impl<'a> Look<'a> {
    async fn first(args: &'a Args, context: &mut Context) -> Result<Self, Error> {
        let roster = roster_text(context);
        let (fleet, changes) = opened(args, context).await?;
        let mut look = Self {
            fleet,
            args,
            changes,
            roster,
            rows: Vec::new(),
            at: Instant::now(),
        };
        look.again(context).await?;
        Ok(look)
    }

    async fn again(&mut self, context: &mut Context) -> Result<(), Error> {
        self.at = Instant::now();
        let roster = roster_text(context);
        if roster != self.roster {
            (self.fleet, self.changes) = opened(self.args, context).await?;
            self.roster = roster;
        }
        self.rows = self.fleet.ps(&self.args.agents.names).await?;
        Ok(())
    }

    /// Waits for a change. Whoever gives the waiting up loses none.
    async fn calm_change(&mut self) -> Result<(), Error> {
        sleep_until(self.at + CALM).await;
        Ok(self.changes.next().await?)
    }

    /// Waits until there may be something new to see.
    async fn news(&mut self) -> Result<(), Error> {
        let quiet = self.at + QUIET;
        tokio::select! {
            changed = self.calm_change() => changed?,
            () = sleep_until(quiet) => {}
        }
        Ok(())
    }

    /// Returns the rows with their ages as they are by now.
    fn rows(&self) -> Vec<PsRow> {
        older(&self.rows, self.at.elapsed().as_secs())
    }
}

/// Opens the fleet, and watches all that its rows are made of. What changes while the first look is
/// taken is seen by the second.
async fn opened(args: &Args, context: &mut Context) -> Result<(Fleet, Changes), Error> {
    // What is watched has to be there.
    let fleet = context
        .fleet(&args.agents.scope, RosterNeed::Helpful)
        .await?;
    let mut directories = fleet.watch_paths().await?;
    // Editors replace files, so what is watched is the directory.
    let roster = context.roster_meant();
    let beside = roster.as_deref().and_then(Path::parent);
    directories.extend(beside.filter(|path| path.is_dir()).map(Path::to_owned));
    let changes = Changes::of_directories(&directories)?;
    // Of a message that waits, and of a pause, the store alone knows.
    let journal = fleet.store_journal();
    Ok((fleet, changes.and_writes_to(journal)))
}

/// Returns the roster as it is written now, if there is one.
fn roster_text(context: &Context) -> Option<Vec<u8>> {
    std::fs::read(context.roster_meant()?).ok()
}

/// Shows the rows whenever something but their ages has changed.
pub(super) async fn watch(args: &Args, context: &mut Context) -> Outcome {
    let mut look = Look::first(args, context).await?;
    if context.output.data_is_terminal() && !args.json.json {
        return watch_on_screen(&mut look, context).await;
    }
    let gone = reader_gone();
    tokio::pin!(gone);
    let mut shown = None;
    loop {
        let state = Some(without_ages(&look.rows));
        if shown != state && args.json.json {
            context.output.json_line(&look.rows)?;
        } else if shown != state {
            show(&look.fleet, &look.rows, args, &mut context.output)?;
        }
        shown = state;
        tokio::select! {
            news = look.news() => news?,
            gone = &mut gone => return Err(gone),
        }
        look.again(context).await?;
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

/// Returns the rows as they are after so many seconds in which nothing else happened.
fn older(rows: &[PsRow], seconds: u64) -> Vec<PsRow> {
    let aged = |age: Option<u64>| age.map(|age| age.saturating_add(seconds));
    let rows = rows.iter().cloned();
    let older = rows.map(|row| PsRow {
        since_seconds: aged(row.since_seconds),
        idle_seconds: aged(row.idle_seconds),
        heartbeat_age_seconds: aged(row.heartbeat_age_seconds),
        ..row
    });
    older.collect()
}

/// Draws the rows in place until the user leaves; also every second, for the ages.
async fn watch_on_screen(look: &mut Look<'_>, context: &mut Context) -> Outcome {
    let tty = Tty::open(ScreenUse::Alternate)?;
    let mut signals = Signals::listen()?;
    let mut ticks = interval(REFRESH);
    let mut typed = [0; 64];
    let mut first = 0_usize;
    loop {
        let size = tty.size();
        let table = table(
            &look.fleet,
            &look.rows(),
            look.args,
            Lines::Shown(usize::from(size.columns)),
        );
        first = first.min(table.lines().count());
        tty.write_all(frame(&table, first, usize::from(size.rows)).as_bytes())
            .await?;
        tokio::select! {
            news = look.news() => {
                news?;
                look.again(context).await?;
            }
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

    #[test]
    fn ages_go_on_while_nothing_happens() {
        let rows = lead_with_bridge(&serde_json::json!({}));
        let later = older(&rows, 5);
        assert_eq!(later[0].idle_seconds, Some(6));
        assert_eq!(later[0].heartbeat_age_seconds, Some(6));
        assert_eq!(without_ages(&later), without_ages(&rows));
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
