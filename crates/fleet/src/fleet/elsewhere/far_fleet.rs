//! A message to the fleet of another machine, by its own command there.

use std::time::Duration;

use podfleet_pod::bare::Parcel;
use podfleet_pod::clock;
use podfleet_protocol::{Message, MessageId, Outcome, Receipt, clean_body};
use serde_json::Value;

use super::super::Fleet;
use super::super::send::{SendReport, SendRequest, Via};
use super::parcel_of;
use crate::error::{FleetError, FleetErrorKind};
use crate::remote::{RemoteFault, RemoteShell, quoted};

/// What an answer from another machine may take over the time that it was told to wait.
const SLACK: Duration = Duration::from_secs(30);
/// How long the fleet there may take to list itself.
const LISTING: Duration = Duration::from_secs(20);

impl Fleet {
    /// Gives a message to the fleet of another machine, with the head that tells who sends it.
    pub(super) async fn hand_over(
        &self,
        shell: &mut RemoteShell,
        ssh: &str,
        agent: &str,
        request: &SendRequest,
        message: &Message,
    ) -> Result<SendReport, FleetError> {
        let patience = self.patience(request);
        let parcel = parcel_of(request, message, patience)?;
        let script = far_send(agent, &parcel, message, (request.wait, patience));
        let answer = match shell.run(&script, patience + SLACK).await {
            Ok(answer) => answer,
            // It may have been accepted: that is not known, and no failure of the send either.
            Err(fault) => return Ok(in_doubt(request, message.id, ssh, &fault)),
        };
        let said = String::from_utf8_lossy(&answer.output);
        match far_report(&said, request) {
            Some(report) => Ok(report),
            None if answer.code == 3 => Err(FleetError::new(FleetErrorKind::Refused {
                agent: request.agent.clone(),
                rule: far_words(&said),
            })),
            None => Err(FleetError::new(FleetErrorKind::FarFleet {
                target: ssh.to_owned(),
                said: far_words(&said),
            })),
        }
    }
}

/// Returns the name by which the fleet there has an agent of this session, if there is a fleet.
pub(super) async fn hosted_there(shell: &mut RemoteShell, session: &str) -> Option<String> {
    let script = "command -v fleet >/dev/null 2>&1 && fleet ps --json </dev/null 2>/dev/null";
    let answer = shell.run(script, LISTING).await.ok()?;
    let rows: Vec<Value> = serde_json::from_slice(&answer.output).ok()?;
    let is_it = |row: &&Value| {
        row["managed"] == true
            && row["readiness"] != "remote"
            && (row["name"] == session || row["session"] == session)
    };
    Some(rows.iter().find(is_it)?["name"].as_str()?.to_owned())
}

/// The body goes in raw, with our own head: the fleet there would name its operator as the sender.
fn far_send(
    agent: &str,
    parcel: &Parcel,
    message: &Message,
    (wait, patience): (Option<Outcome>, Duration),
) -> String {
    let mut words = vec![quoted(agent), "-".into(), "--raw".into(), "--json".into()];
    words.push(format!("--id {}", message.id));
    words.push(format!("--class {}", message.class));
    words.push(format!("--timeout {}", patience.as_secs().min(3600)));
    if let Some(wait) = wait {
        words.push(format!("--wait {wait}"));
    }
    if let Some(thread) = &message.thread {
        words.push(format!("--thread {}", quoted(thread)));
    }
    let typing = message.typing;
    let flags = [
        (typing.raw && typing.allow_command, "--allow-command"),
        (typing.task, "--task"),
        (typing.now, "--now"),
        (
            typing.on_crash == podfleet_protocol::OnCrash::Retry,
            "--on-crash retry",
        ),
    ];
    words.extend(
        flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, flag)| (*flag).to_owned()),
    );
    format!(
        "printf '%s' {} | fleet send {} 2>&1",
        quoted(parcel.text()),
        words.join(" ")
    )
}

/// Finds the report in what `fleet send --json` printed, between what it said to people.
fn far_report(said: &str, request: &SendRequest) -> Option<SendReport> {
    let starts = said.match_indices('{').map(|(at, _)| at);
    let mut reports = starts.filter(|at| *at == 0 || said[..*at].ends_with('\n'));
    reports.find_map(|at| {
        let mut values = serde_json::Deserializer::from_str(&said[at..]).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let number = |field: &str| value[field].as_u64().unwrap_or_default();
        Some(SendReport {
            agent: request.agent.clone(),
            receipt: serde_json::from_value(value["receipt"].clone()).ok()?,
            position: u32::try_from(number("position")).unwrap_or(u32::MAX),
            duplicate: value["duplicate"] == true,
            stripped: clean_body(&request.body).stripped,
            via: Via::Ssh,
        })
    })
}

/// Returns what the command there said of its failure, in one line and without what we say ourselves.
fn far_words(said: &str) -> String {
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.strip_prefix("error: ").unwrap_or(&words);
    let rule = words
        .split_once(" is refused: ")
        .map_or(words, |(_, rule)| rule);
    if rule.is_empty() {
        "it said nothing".to_owned()
    } else {
        rule.to_owned()
    }
}

fn in_doubt(request: &SendRequest, id: MessageId, ssh: &str, fault: &RemoteFault) -> SendReport {
    let reason = format!(
        "{fault}; whether the fleet on `{ssh}` accepted it is not known. Sent again with `--id {id}` \
         it is delivered once"
    );
    SendReport {
        agent: request.agent.clone(),
        receipt: Receipt {
            outcome: Outcome::Unknown,
            settled: true,
            reason: Some(reason),
            ..Receipt::accepted(id, clock::wall())
        },
        position: 0,
        duplicate: false,
        stripped: 0,
        via: Via::Lost,
    }
}

#[cfg(test)]
mod tests {
    use podfleet_protocol::Address;

    use super::*;

    #[test]
    fn the_report_is_found_between_what_is_said_to_people() {
        let id = MessageId::generate();
        let receipt = serde_json::to_value(Receipt::accepted(id, clock::wall())).unwrap();
        let report = serde_json::json!({"agent": "far", "receipt": receipt, "position": 3});
        let said = format!("note: {{odd}}\n{report:#}\nnote: more\n");
        let found = far_report(&said, &SendRequest::new("coder", "x")).unwrap();
        assert_eq!(found.receipt.id, id);
        assert_eq!((found.agent.as_str(), found.position), ("coder", 3));
        assert_eq!(found.via, Via::Ssh);
        assert_eq!(
            far_report("error: no", &SendRequest::new("coder", "x")),
            None
        );
    }

    #[test]
    fn what_the_fleet_there_said_is_told_once() {
        let said = "error: the message to `far` is refused:\n  the id is taken\n";
        assert_eq!(far_words(said), "the id is taken");
        assert_eq!(far_words("\n"), "it said nothing");
    }

    #[test]
    fn nothing_of_a_message_is_an_argument_there() {
        let request = SendRequest::new("far", "secret 'text'");
        let message = Message {
            id: MessageId::generate(),
            from: Address::operator("fern"),
            to: Address::new("oak", "far"),
            kind: podfleet_protocol::Kind::Run,
            class: request.class,
            thread: Some("t 1".into()),
            body: request.body.clone(),
            typing: request.typing,
            accepted: clock::wall(),
        };
        let patience = Duration::from_secs(10);
        let parcel = parcel_of(&request, &message, patience).unwrap();
        let script = far_send("far", &parcel, &message, (None, patience));
        let script = script.replace(&message.id.to_string(), "[ID]");
        insta::assert_snapshot!(script, @r"printf '%s' '[fern:operator -> oak:far thread=t%201] secret '\''text'\''' | fleet send 'far' - --raw --json --id [ID] --class actionable --timeout 10 --thread 't 1' 2>&1");
    }
}
