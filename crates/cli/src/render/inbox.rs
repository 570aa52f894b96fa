//! The messages that wait for an agent.

use std::time::Duration;

use jiff::Timestamp;
use podfleet::InboxReport;
use podfleet::wording::age;
use podfleet_protocol::Receipt;
use podfleet_protocol::method::InboxRow;

use super::table::{Column, Table};

/// How many characters of a message are shown.
const SHOWN: usize = 60;

/// Renders an inbox as a table; nothing if no message waits.
pub(crate) fn render(report: &InboxReport, now: Timestamp, width: usize) -> String {
    if report.messages.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::new("ID"),
        Column::new("FROM").wrapping(8),
        Column::new("AGE").right(),
        Column::new("STATE").wrapping(8),
        Column::new("MESSAGE").wrapping(16),
    ]);
    for row in &report.messages {
        let waited = now.as_millisecond().saturating_sub(row.accepted.0);
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        table.row([
            row.id.to_string().into(),
            row.from.session.as_str().into(),
            age(waited).into(),
            state(&row.receipt).into(),
            first_line(row).into(),
        ]);
    }
    table.render(Some(width))
}

fn state(receipt: &Receipt) -> String {
    match &receipt.hold {
        Some(hold) => hold.reason.as_str().to_owned(),
        None => receipt.outcome.to_string(),
    }
}

/// Returns what tells the message from others; `fleet log` has the whole.
fn first_line(row: &InboxRow) -> String {
    let line = row.preview.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < row.preview.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use podfleet::Via;
    use podfleet_protocol::{
        Address, Class, Hold, HoldReason, Kind, Message, MessageId, Outcome, Typing, UnixMillis,
    };

    use super::*;

    fn row(number: u32, from: &str, body: &str, hold: Option<HoldReason>) -> InboxRow {
        let id: MessageId = format!("0198c1d2-7a3b-7c4d-8e5f-{number:012}")
            .parse()
            .unwrap();
        let accepted = UnixMillis(1_000_000);
        let message = Message {
            id,
            from: Address::new("fern", from),
            to: Address::new("fern", "coder"),
            kind: Kind::Run,
            class: Class::Actionable,
            thread: None,
            body: body.to_owned(),
            typing: Typing::default(),
            accepted,
        };
        let receipt = Receipt {
            outcome: hold.map_or(Outcome::Accepted, |_| Outcome::Held),
            hold: hold.map(|reason| Hold {
                reason,
                detail: "esc to interrupt".into(),
            }),
            ..Receipt::accepted(id, accepted)
        };
        InboxRow::new(&message, 0, receipt)
    }

    fn report() -> InboxReport {
        InboxReport {
            agent: "coder".into(),
            via: Via::Socket,
            messages: vec![
                row(
                    1,
                    "operator",
                    "run the tests\nand tell me",
                    Some(HoldReason::Busy),
                ),
                row(
                    2,
                    "a-colleague-with-a-long-name",
                    "the build is green again, thank you",
                    None,
                ),
            ],
            corrupt: Vec::new(),
        }
    }

    fn shown(width: usize) -> String {
        let now = Timestamp::from_millisecond(1_065_000).unwrap();
        let text = anstream::adapter::strip_str(&render(&report(), now, width)).to_string();
        let fits = |line: &str| line.chars().count() <= width;
        assert!(text.lines().all(fits), "{text}");
        text
    }

    #[test]
    fn an_inbox_is_a_table_in_80_columns_that_cuts_no_name() {
        let text = shown(80);
        insta::assert_snapshot!(text, @r"
        ID                                    FROM       AGE  STATE     MESSAGE
        0198c1d2-7a3b-7c4d-8e5f-000000000001  operator    1m  busy      run the tests…
        0198c1d2-7a3b-7c4d-8e5f-000000000002  a-colleag   1m  accepted  the build is
                                              ue-with-a                 green again,
                                              -long-nam                 thank you
                                              e
        ");
    }

    #[test]
    fn in_40_columns_each_message_is_a_paragraph() {
        insta::assert_snapshot!(shown(40), @"
        ID
          0198c1d2-7a3b-7c4d-8e5f-000000000001
        FROM     operator
        AGE      1m
        STATE    busy
        MESSAGE  run the tests…

        ID
          0198c1d2-7a3b-7c4d-8e5f-000000000002
        FROM     a-colleague-with-a-long-name
        AGE      1m
        STATE    accepted
        MESSAGE  the build is green again, thank
                 you
        ");
    }
}
