//! What a person is told besides the receipt.

use podfleet::{SendReport, Via};
use podfleet_protocol::{MessageId, Outcome};

use crate::render::count::taken_out;

/// Returns what is to say of a message that was sent, `id` being the one that its sender gave it.
pub(super) fn of(report: &SendReport, wait: Option<Outcome>, id: Option<MessageId>) -> Vec<String> {
    let mut notes = Vec::new();
    if report.duplicate {
        // Without an id it is one of the same text within a minute, from within a pod.
        let anew = match id == Some(report.receipt.id) {
            true => "another `--id`, or none,",
            false => "`--again`",
        };
        notes.push(format!(
            "it had been accepted before, and is delivered once; {anew} sends it anew"
        ));
    }
    notes.extend(taken_out(report.stripped));
    notes.extend(without_inbox(report, id));
    notes.extend(to_come(report, wait));
    notes
}

/// An id is known to an inbox alone: whoever sends a message again where there is none types it again.
fn without_inbox(report: &SendReport, id: Option<MessageId>) -> Option<String> {
    if !matches!(report.via, Via::Tmux | Via::SshTmux) {
        return None;
    }
    match report.receipt.outcome {
        Outcome::Refused => None,
        Outcome::Unknown => Some(
            "look at the session before you send it again: nothing there knows its id, and it would \
             be typed a second time"
                .to_owned(),
        ),
        _ => id.map(|_| {
            "nothing there knows its id: sent again with the same one it is typed again".to_owned()
        }),
    }
}

fn to_come(report: &SendReport, wait: Option<Outcome>) -> Option<String> {
    if report.receipt.settled {
        return None;
    }
    let agent = &report.agent;
    if report.via == Via::Store {
        return Some(match report.receipt.outcome {
            Outcome::Accepted | Outcome::Held => {
                "its pod does not run; the message waits for it".to_owned()
            }
            Outcome::Unknown => format!("once it is up again, `fleet log {agent}` tells"),
            _ => format!("its pod has ended since; `fleet log {agent}` tells what came of it"),
        });
    }
    let wanted = wait.filter(|wanted| !report.reached(*wanted))?.as_str();
    Some(match &report.receipt.hold {
        // What releases it is told already.
        Some(_) => format!("not {wanted} in time; `fleet log {agent}` tells what comes of it"),
        None => {
            format!("not {wanted} in time; it goes on by itself, and `fleet log {agent}` tells")
        }
    })
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::{Receipt, UnixMillis};

    use super::*;

    fn report(via: Via, outcome: Outcome, settled: bool) -> SendReport {
        let receipt = Receipt::accepted(MessageId::generate(), UnixMillis(0));
        SendReport {
            agent: "coder".into(),
            receipt: Receipt {
                outcome,
                settled,
                ..receipt
            },
            position: 0,
            duplicate: false,
            stripped: 0,
            via,
        }
    }

    #[test]
    fn only_where_no_inbox_is_does_an_id_save_nobody_from_a_second_time() {
        let note = |via, outcome, with_id: bool| {
            let report = report(via, outcome, true);
            let id = with_id.then_some(report.receipt.id);
            of(&report, None, id).join("; ")
        };
        for via in [Via::Tmux, Via::SshTmux] {
            assert!(note(via, Outcome::Submitted, true).contains("it is typed again"));
            assert_eq!(note(via, Outcome::Submitted, false), "");
            assert_eq!(note(via, Outcome::Refused, true), "");
            let doubt = note(via, Outcome::Unknown, false);
            assert!(doubt.starts_with("look at the session"), "{doubt}");
        }
        for via in [Via::Socket, Via::Store, Via::Ssh, Via::Lost] {
            assert_eq!(note(via, Outcome::Submitted, true), "");
            assert_eq!(note(via, Outcome::Unknown, true), "");
        }
    }

    #[test]
    fn what_sends_a_duplicate_anew_depends_on_what_made_it_one() {
        let report = SendReport {
            duplicate: true,
            ..report(Via::Socket, Outcome::Submitted, true)
        };
        let by_id = of(&report, None, Some(report.receipt.id)).join("");
        assert!(!by_id.contains("--again"), "{by_id}");
        assert!(by_id.contains("another `--id`"), "{by_id}");
        for other in [None, Some(MessageId::generate())] {
            let by_text = of(&report, None, other).join("");
            assert!(by_text.contains("`--again` sends it anew"), "{by_text}");
        }
    }

    #[test]
    fn what_was_typed_when_its_pod_ended_waits_for_nothing() {
        let note = |outcome| of(&report(Via::Store, outcome, false), None, None).join("");
        assert!(note(Outcome::Held).contains("the message waits for it"));
        assert_eq!(
            note(Outcome::Unknown),
            "once it is up again, `fleet log coder` tells"
        );
        assert!(note(Outcome::Started).contains("has ended since"));
    }
}
