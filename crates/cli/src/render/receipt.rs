//! Receipts: how far a message came, what shows it, and what it waits for.

use anstyle::Style;
use podfleet::{SendReport, Via, wording};
use podfleet_protocol::{Outcome, Receipt};

use super::style::{BUSY, ERROR, GOOD, WARNING};
use super::wrap::wrap;

/// Columns of the words in front of the facts.
const LABEL: usize = 12;

/// Renders the receipt of a message to `agent`, no line wider than 80 columns.
pub(crate) fn render(agent: &str, receipt: &Receipt) -> String {
    render_via(agent, receipt, Via::Socket)
}

/// Renders the receipt of a message that was just sent, with the way that it went if that was not
/// its pod.
pub(crate) fn render_sent(report: &SendReport) -> String {
    render_via(&report.agent, &report.receipt, report.via)
}

fn render_via(agent: &str, receipt: &Receipt, via: Via) -> String {
    let style = style(receipt.outcome);
    let words = match (receipt.outcome, via.is_kept()) {
        (Outcome::Unknown, false) => "its fate is unknown".to_owned(),
        _ => wording::outcome(receipt),
    };
    let mut text = format!("{agent}: {style}{words}{style:#}");
    text = wrap(&text, 0, "  ");
    text.push('\n');
    if let Some(evidence) = &receipt.evidence {
        fact(&mut text, "evidence", &evidence.to_string());
    }
    if let Some(reason) = &receipt.reason {
        fact(&mut text, "because", reason);
    }
    if let Some(hold) = &receipt.hold {
        fact(&mut text, "next", hold.reason.release());
    }
    if receipt.submit_keys > 1 {
        let keys = format!("the submit key was pressed {} times", receipt.submit_keys);
        fact(&mut text, "note", &keys);
    }
    if let Some(way) = way(via) {
        fact(&mut text, "via", way);
    }
    fact(&mut text, "message", &receipt.id.to_string());
    text
}

const fn way(via: Via) -> Option<&'static str> {
    match via {
        Via::Tmux => Some("tmux, into a session that no pod hosts"),
        Via::Ssh => Some("ssh, by the fleet there"),
        Via::SshTmux => Some("ssh and tmux, into a session that no pod hosts"),
        Via::Lost => Some("ssh, and the connection was lost"),
        _ => None,
    }
}

fn fact(text: &mut String, label: &str, fact: &str) {
    let indent = " ".repeat(LABEL);
    let label = format!("  {label:<width$}", width = LABEL - 2);
    text.push_str(&label);
    text.push_str(&wrap(fact, LABEL, &indent));
    text.push('\n');
}

const fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Submitted | Outcome::Started | Outcome::Answered => GOOD,
        Outcome::Accepted | Outcome::QueuedByAgent => BUSY,
        Outcome::Held | Outcome::Cancelled => WARNING,
        Outcome::Refused | Outcome::TypedNotSubmitted | Outcome::Unknown => ERROR,
    }
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Evidence, Hold, HoldReason, MessageId, Source, UnixMillis};
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn receipt(outcome: Outcome) -> Receipt {
        let id: MessageId = "0198c1d2-7a3b-7c4d-8e5f-001122334455".parse().unwrap();
        Receipt {
            outcome,
            ..Receipt::accepted(id, UnixMillis(0))
        }
    }

    fn plain(receipt: &Receipt) -> String {
        anstream::adapter::strip_str(&render("coder", receipt)).to_string()
    }

    #[test]
    fn an_answer_names_its_evidence() {
        let mut receipt = receipt(Outcome::Answered);
        receipt.evidence = Some(Evidence {
            source: Source::StatusEdge,
            detail: "busy to idle (rule `spinner`)".into(),
        });
        insta::assert_snapshot!(plain(&receipt), @"
        coder: answered
          evidence  status edge: busy to idle (rule `spinner`)
          message   0198c1d2-7a3b-7c4d-8e5f-001122334455
        ");
    }

    #[test]
    fn what_is_held_says_what_releases_it() {
        let mut receipt = receipt(Outcome::Held);
        receipt.hold = Some(Hold {
            reason: HoldReason::Draft,
            detail: "somebody typed 2 s ago".into(),
        });
        insta::assert_snapshot!(plain(&receipt), @"
        coder: accepted, held: draft (somebody typed 2 s ago)
          next      submit or clear the text in the composer
          message   0198c1d2-7a3b-7c4d-8e5f-001122334455
        ");
    }

    #[test]
    fn what_was_not_submitted_says_what_was_tried() {
        let mut receipt = receipt(Outcome::TypedNotSubmitted);
        receipt.reason = Some("the text still stands in the composer after the last submit key; a person has to look at it".into());
        receipt.submit_keys = 3;
        insta::assert_snapshot!(plain(&receipt), @"
        coder: typed, not submitted
          because   the text still stands in the composer after the last submit key; a
                    person has to look at it
          note      the submit key was pressed 3 times
          message   0198c1d2-7a3b-7c4d-8e5f-001122334455
        ");
    }

    #[test]
    fn no_receipt_is_wider_than_eighty_columns() {
        for outcome in Outcome::ALL {
            let mut receipt = receipt(outcome);
            receipt.reason = Some("漢字 ".repeat(60));
            receipt.hold = Some(Hold {
                reason: HoldReason::Dialog,
                detail: "Do you want to proceed? ".repeat(10),
            });
            assert!(plain(&receipt).lines().all(|line| line.width() <= 80));
        }
    }
}
