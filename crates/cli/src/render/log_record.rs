//! Records of session logs, a line each.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet_pod_store::session_log::{Entry, Record};
use podfleet_protocol::{MessageId, Receipt, UnixMillis};

use super::style::DIM;
use super::table::truncate;

/// Columns of the words that name what happened.
const KIND_WIDTH: usize = 9;

/// Renders a record in `width` columns, its time as the clock on the wall of `zone` shows it.
///
/// Texts are cut to their first line; JSON has them whole.
pub(crate) fn render(record: &Record, zone: &TimeZone, width: usize) -> String {
    let (kind, what) = words(&record.entry);
    let head = format!("{}  {kind:<KIND_WIDTH$}  ", clock(record.ts, zone));
    let what = first_line(&what);
    let room = width.saturating_sub(head.len());
    format!("{DIM}{head}{DIM:#}{}", truncate(&what, room))
}

fn clock(at: UnixMillis, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(
        |_| "-".to_owned(),
        |at| {
            let at = at.to_zoned(zone.clone());
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}

fn words(entry: &Entry) -> (&str, String) {
    match entry {
        Entry::SegmentStart {
            session, segment, ..
        } => ("file", format!("{segment} of session {session} begins")),
        Entry::Launch { run, argv, .. } => ("launch", format!("run {run}: {}", argv.join(" "))),
        Entry::Input { client, bytes } => ("input", format!("{client} typed {bytes} bytes")),
        Entry::MessageAccepted { message } => (
            "accepted",
            format!(
                "{} from {}: {}",
                short(message.id),
                message.from,
                message.body
            ),
        ),
        Entry::MessageDelivering { id, text, attempt } => {
            let attempt = match attempt {
                0 | 1 => String::new(),
                attempt => format!(" (attempt {attempt})"),
            };
            ("typing", format!("{}{attempt}: {text}", short(*id)))
        }
        Entry::MessageReceipt { receipt } => ("receipt", receipt_words(receipt)),
        Entry::SystemItem {
            kind, from, body, ..
        } => ("item", format!("{kind} from {from}: {body}")),
        Entry::AgentOutput { text, .. } => ("output", text.clone()),
        Entry::Status { state, rule } => ("status", format!("{state} (rule `{rule}`)")),
        Entry::Child(event) => (
            "child",
            format!("{} {} {}", event.name, event.event, event.detail),
        ),
        Entry::Peer(event) => (
            "peer",
            format!("{} {} {}", event.name, event.event, event.detail),
        ),
        Entry::Reset { text } => ("reset", text.clone()),
        Entry::Control { action, by, detail } => (
            "control",
            format!("{action} by {by}: {detail}")
                .trim_end_matches(": ")
                .to_owned(),
        ),
        Entry::Error { origin, text } => ("error", format!("{origin}: {text}")),
        Entry::Exit { run, end } => ("exit", format!("run {run}: {end}")),
        Entry::Other(fields) => {
            let kind = fields.get("type").and_then(serde_json::Value::as_str);
            (
                kind.unwrap_or("unknown"),
                "written by a newer build".to_owned(),
            )
        }
        // A type that this build does not know how to show.
        _ => ("unknown", String::new()),
    }
}

fn receipt_words(receipt: &Receipt) -> String {
    let mut text = format!("{} {}", short(receipt.id), receipt.outcome);
    let because = receipt
        .evidence
        .as_ref()
        .map(ToString::to_string)
        .or_else(|| receipt.hold.as_ref().map(ToString::to_string));
    let because: Vec<_> = because.into_iter().chain(receipt.reason.clone()).collect();
    if !because.is_empty() {
        text.push_str(&format!(" ({})", because.join("; ")));
    }
    text
}

/// Returns the end of an id: its front is the time, which ids of one minute share.
fn short(id: MessageId) -> String {
    let text = id.to_string();
    text.rsplit('-').next().unwrap_or_default().to_owned()
}

fn first_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines
        .next()
        .unwrap_or_default()
        .replace(char::is_control, " ");
    if lines.next().is_some() {
        first + " …"
    } else {
        first
    }
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Generation, Outcome, Run, RunEnd};
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn shown(entry: Entry) -> String {
        let record = Record {
            ts: UnixMillis(1_767_323_045_000),
            seq: 1,
            generation: Generation(1),
            entry,
        };
        let text = render(&record, &TimeZone::UTC, 80);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn each_record_is_one_line() {
        let id: MessageId = "0198c1d2-7a3b-7c4d-8e5f-001122334455".parse().unwrap();
        let lines = [
            shown(Entry::Launch {
                run: Run(1),
                argv: vec!["claude".into(), "--model".into(), "opus".into()],
                env_names: Vec::new(),
                told: "You are coder.".into(),
            }),
            shown(Entry::MessageDelivering {
                id,
                text:
                    "[fern:operator -> fern:coder] first line of a long message that is cut\nsecond"
                        .into(),
                attempt: 2,
            }),
            shown(Entry::MessageReceipt {
                receipt: Receipt {
                    outcome: Outcome::Started,
                    ..Receipt::accepted(id, UnixMillis(0))
                },
            }),
            shown(Entry::Exit {
                run: Run(1),
                end: RunEnd::Signalled(9),
            }),
        ];
        assert!(lines.iter().all(|line| line.width() <= 80));
        insta::assert_snapshot!(lines.join("\n"), @"
        2026-01-02 03:04:05  launch     run 1: claude --model opus
        2026-01-02 03:04:05  typing     001122334455 (attempt 2): [fern:operator -> fer…
        2026-01-02 03:04:05  receipt    001122334455 started
        2026-01-02 03:04:05  exit       run 1: signal 9
        ");
    }
}
