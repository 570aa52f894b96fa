//! Records of session logs, a line each.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use podfleet::wording;
use podfleet_pod_store::session_log::Record;
use podfleet_protocol::UnixMillis;

use super::style::DIM;
use super::table::truncate;

/// Columns of the words that name what happened.
const KIND_WIDTH: usize = 9;

/// Renders a record in `width` columns, its time as the clock on the wall of `zone` shows it.
///
/// Texts are cut to their first line; JSON has them whole.
pub(crate) fn render(record: &Record, zone: &TimeZone, width: usize) -> String {
    let (kind, what) = wording::record(&record.entry);
    let head = format!("{}  {kind:<KIND_WIDTH$}  ", clock(record.ts, zone));
    let what = wording::first_line(&what);
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

#[cfg(test)]
mod tests {
    use podfleet_pod_store::session_log::Entry;
    use podfleet_protocol::{Generation, MessageId, Outcome, Receipt, Run, RunEnd};
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
