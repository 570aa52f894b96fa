//! The words in which people are told of records, receipts and ages, wherever that is shown.

use std::time::Duration;

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::{MessageId, Outcome, Receipt};

/// Writes a length of time in its largest unit: `12s`, `3m`, `5h`, `2d`.
#[must_use]
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Says how far a message came; what got no further than the inbox says so first.
#[must_use]
pub fn outcome(receipt: &Receipt) -> String {
    match receipt.outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Held => match &receipt.hold {
            Some(hold) => format!("accepted, held: {hold}"),
            None => "accepted, held".to_owned(),
        },
        Outcome::Cancelled => "cancelled before it was typed".to_owned(),
        Outcome::Refused => "refused".to_owned(),
        Outcome::TypedNotSubmitted => "typed, not submitted".to_owned(),
        Outcome::Unknown => "accepted, its fate is unknown".to_owned(),
        Outcome::Submitted => "submitted".to_owned(),
        Outcome::QueuedByAgent => "queued by the agent".to_owned(),
        Outcome::Started => "started".to_owned(),
        Outcome::Answered => "answered".to_owned(),
    }
}

/// Says what happened by a word of its kind, and what it was; the latter may have many lines.
#[must_use]
pub fn record(entry: &Entry) -> (&str, String) {
    match entry {
        Entry::SegmentStart {
            session, segment, ..
        } => ("file", format!("{segment} of session {session} begins")),
        Entry::Launch { run, argv, .. } => ("launch", format!("run {run}: {}", argv.join(" "))),
        Entry::Input { client, bytes } => {
            let ending = if *bytes == 1 { "" } else { "s" };
            ("input", format!("{client} typed {bytes} byte{ending}"))
        }
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
        Entry::MessageReceipt { receipt } => ("receipt", receipt_record(receipt)),
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

fn receipt_record(receipt: &Receipt) -> String {
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

/// Returns the first line of a text, with a mark where more follows.
#[must_use]
pub fn first_line(text: &str) -> String {
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
    use super::*;

    #[test]
    fn an_age_is_given_in_its_largest_unit() {
        let text = |seconds| age(Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 3599, 3600, 86_399, 86_400, 864_000].map(text),
            ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "10d"]
        );
    }

    #[test]
    fn a_first_line_has_no_control_characters_and_says_that_more_follows() {
        assert_eq!(first_line("a\u{1b}b"), "a b");
        assert_eq!(first_line("a\nb"), "a …");
        assert_eq!(first_line(""), "");
    }
}
