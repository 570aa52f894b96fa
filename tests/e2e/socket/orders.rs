//! Orders about an agent: pausing, interrupting, withdrawing messages, the terminal's size; and
//! reading its log.

use std::collections::BTreeSet;

use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{
    AttachRole, Cancel, CancelParams, Drain, DrainParams, GetReceipt, Inbox, InboxParams,
    Interrupt, LogParams, MessageParams, Nothing, Notify, Pause, PauseParams, ReadLog,
    ReceiptParams, Resize, ResizeParams, Resume, Shutdown, ShutdownParams,
};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{HoldReason, LogCursor, MessageId, NewMessage, Outcome, SessionId, Size};
use podfleet_sim_agent::Kind;
use serde_json::json;

use super::client::{Client, attach_as};
use super::pod::{Pod, Pods};
use crate::world::until;

const HELD: &str = "this waits";

fn pause(pod: &Pod, reason: &str) {
    let params = PauseParams {
        reason: reason.to_owned(),
    };
    assert!(pod.connect().call::<Pause>(params).unwrap().changed);
}

/// Sends a message and returns a client once it is held for a reason.
#[track_caller]
fn held(pod: &Pod, message: NewMessage, reason: HoldReason) -> Client {
    let mut client = pod.connect();
    let id = message.id;
    client.run(message).unwrap();
    until(|| {
        let params =
            json!({ "id": id, "until": "submitted", "or_held": true, "timeout_ms": 20_000 });
        let asked = client.send("receipt", &params);
        let receipt = client.answer_to(asked).unwrap();
        match receipt["hold"]["reason"].as_str() {
            Some(held) if held == reason.as_str() => Ok(()),
            _ => Err(receipt.to_string()),
        }
    });
    client
}

#[test]
fn a_drain_waits_for_the_turn_and_nothing_that_waits_is_begun_meanwhile() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 1500}"#);
    pod.settled();
    let mut client = pod.connect();
    let [first, second] = ["the first", "the second"].map(NewMessage::new);
    let ids = [first.id, second.id];
    client.run(first).unwrap();
    client.run(second).unwrap();
    let receipt = |client: &mut Client, id| {
        let params = ReceiptParams {
            id,
            until: None,
            or_held: false,
            timeout_ms: 0,
        };
        client.call::<GetReceipt>(params).unwrap()
    };
    until(|| {
        let first = receipt(&mut client, ids[0]);
        match first.outcome {
            Outcome::Started => Ok(()),
            _ => Err(format!("{first:?}")),
        }
    });
    let busy = client.call::<Drain>(DrainParams::default()).unwrap();
    assert!(!busy.idle, "{busy:?}");
    let timeout_ms = 30_000;
    let drained = client.call::<Drain>(DrainParams { timeout_ms }).unwrap();
    assert!(drained.idle, "{drained:?}");
    let [first, second] = ids.map(|id| receipt(&mut client, id));
    assert_eq!(
        (first.outcome, first.settled),
        (Outcome::Answered, true),
        "{first:?}"
    );
    assert!(!second.outcome.reaches(Outcome::Submitted), "{second:?}");
    assert_eq!(second.submit_keys, 0);
}

#[test]
fn a_paused_pod_holds_its_messages_and_says_so_until_it_is_resumed() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    pause(&pod, "demo at noon");
    assert!(pod.settled().paused.is_some());
    let again = pod.connect().call::<Pause>(PauseParams::default()).unwrap();
    assert!(!again.changed);
    assert_eq!(again.paused.unwrap().reason, "demo at noon");
    let message = NewMessage::new(HELD);
    let id = message.id;
    let mut client = held(&pod, message, HoldReason::Paused);
    let status = pod.settled();
    assert_eq!(
        status.hold.unwrap().to_string(),
        "paused (by operator: demo at noon)"
    );
    assert!(pods.received("a", Kind::Submit).is_empty());
    assert!(client.call::<Resume>(Nothing {}).unwrap().changed);
    client.until(id, Outcome::Answered);
    assert!(!client.call::<Resume>(Nothing {}).unwrap().changed);
}

#[test]
fn a_person_may_type_into_a_paused_agent() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    pause(&pod, "");
    let (_, mut terminal) = pod
        .connect()
        .attach(attach_as(AttachRole::Controller))
        .unwrap();
    terminal.type_text("by hand\r");
    until(|| {
        let received = pods.received("a", Kind::Submit);
        if received == ["by hand"] {
            Ok(())
        } else {
            Err(format!("{received:?}"))
        }
    });
}

#[test]
fn a_paused_pod_stays_paused_over_its_restart() {
    let mut pods = Pods::new();
    let pod = pods.start("a", "{}");
    pause(&pod, "overnight");
    pod.connect()
        .call::<Shutdown>(ShutdownParams::default())
        .unwrap();
    let pod = pods.start_again("a", &pod);
    assert_eq!(pod.settled().paused.unwrap().reason, "overnight");
    let message = NewMessage::new(HELD);
    let id = message.id;
    let mut client = held(&pod, message, HoldReason::Paused);
    client.call::<Resume>(Nothing {}).unwrap();
    client.until(id, Outcome::Answered);
}

#[test]
fn interrupt_presses_the_harness_key_of_a_working_agent_and_of_no_other() {
    let (pods, pod) = Pods::one(r#"{"turn_ms": 600000}"#);
    pod.settled();
    let mut client = pod.connect();
    let idle = client.call::<Interrupt>(Nothing {}).unwrap();
    assert_eq!((idle.pressed, idle.screen.state.as_str()), (false, "ready"));

    let message = NewMessage::new("work for ever");
    let id = message.id;
    client.run(message).unwrap();
    client.until(id, Outcome::Started);
    until(|| {
        let result = client.call::<Interrupt>(Nothing {}).unwrap();
        if result.pressed {
            Ok(())
        } else {
            Err(result.screen.state)
        }
    });
    let receipt = until(|| {
        let receipt = client.until(id, Outcome::Started);
        if receipt.settled {
            Ok(receipt)
        } else {
            Err(format!("{receipt:?}"))
        }
    });
    assert_eq!(receipt.outcome, Outcome::Started);
    assert!(receipt.reason.unwrap().contains("interrupt"));
    let log = pods.log(&pod);
    let orders = log
        .iter()
        .filter(|record| serde_json::to_value(record).unwrap()["action"] == "interrupt");
    assert!(orders.count() >= 1);
}

#[test]
fn the_interrupt_key_of_a_person_is_the_reason_why_a_turn_has_no_answer() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 600000}"#);
    pod.settled();
    let mut client = pod.connect();
    let message = NewMessage::new("work for ever");
    let id = message.id;
    client.run(message).unwrap();
    client.until(id, Outcome::Started);
    let controller = attach_as(AttachRole::Controller);
    let (_, mut person) = pod.connect().attach(controller).unwrap();
    person.send(&Frame::Input(b"\x1b".to_vec().into()));
    let receipt = until(|| {
        let receipt = client.until(id, Outcome::Started);
        if receipt.settled {
            Ok(receipt)
        } else {
            Err(format!("{receipt:?}"))
        }
    });
    assert_eq!(receipt.outcome, Outcome::Started);
    let reason = receipt.reason.unwrap();
    assert_eq!(reason, "the interrupt key was pressed during the turn");
}

#[test]
fn a_message_is_withdrawn_until_it_is_typed_and_then_its_receipt_says_what_came_of_it() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let mut client = pod.connect();
    let done = NewMessage::new("first");
    let done_id = done.id;
    client.run(done).unwrap();
    client.until(done_id, Outcome::Answered);
    pause(&pod, "");
    let (keep, drop_it) = (NewMessage::new("keep"), NewMessage::new("drop"));
    let (kept, dropped) = (keep.id, drop_it.id);
    client.run(drop_it).unwrap();
    client.run(keep).unwrap();
    let inbox = client.call::<Inbox>(InboxParams::default()).unwrap();
    let previews: Vec<_> = inbox
        .messages
        .iter()
        .map(|row| row.preview.as_str())
        .collect();
    assert_eq!(previews, ["drop", "keep"]);
    assert!(inbox.messages.iter().all(
        |row| row.receipt.outcome == Outcome::Held || row.receipt.outcome == Outcome::Accepted
    ));

    let receipt = client.call::<Cancel>(CancelParams { id: dropped }).unwrap();
    assert_eq!(
        (receipt.outcome, receipt.settled),
        (Outcome::Cancelled, true)
    );
    let again = client.call::<Cancel>(CancelParams { id: dropped }).unwrap();
    assert_eq!(again.outcome, Outcome::Cancelled);
    assert_eq!(pod.settled().inbox, 1, "a reply is not ahead of the status");
    let late = client.call::<Cancel>(CancelParams { id: done_id });
    let late = late.unwrap_err();
    assert_eq!(late.code, ErrorCode::TooLate);
    assert!(late.message.ends_with("it is answered"), "{late}");
    assert_eq!(late.data.unwrap()["outcome"], "answered");
    client.call::<Resume>(Nothing {}).unwrap();
    client.until(kept, Outcome::Answered);
    assert_eq!(
        pods.received("a", Kind::Submit),
        [
            "[fern:operator -> fern:a] first",
            "[fern:operator -> fern:a] keep"
        ]
    );
}

#[test]
fn a_fleet_mate_holds_drives_and_reads_nobody_and_withdraws_its_own_messages_only() {
    let mut pods = Pods::new();
    let a = pods.start("a", r#"{"never_ready": true}"#);
    let b = pods.start("b", r#"{"never_ready": true}"#);
    let operators = NewMessage::new("from the operator");
    let foreign = operators.id;
    a.connect().run(operators).unwrap();
    let mut mate = a.open();
    mate.greet("b's agent", Some(b.credential())).unwrap();
    let message = NewMessage::new("from b");
    let own = message.id;
    mate.call::<Notify>(MessageParams { message }).unwrap();

    for (method, params) in [
        ("pause", json!({})),
        ("resume", json!({})),
        ("interrupt", json!({})),
        ("resize", json!({ "size": { "columns": 9, "rows": 9 } })),
        ("log", json!({})),
        ("shutdown", json!({})),
    ] {
        let id = mate.send(method, &params);
        assert_eq!(
            mate.answer_to(id).unwrap_err().code,
            ErrorCode::Forbidden,
            "{method}"
        );
    }
    let seen = mate.call::<Inbox>(InboxParams::default()).unwrap().messages;
    assert_eq!(seen.iter().map(|row| row.id).collect::<Vec<_>>(), [own]);
    let refused = mate
        .call::<Cancel>(CancelParams { id: foreign })
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSuchMessage);
    let receipt = |id| ReceiptParams {
        id,
        until: None,
        or_held: false,
        timeout_ms: 0,
    };
    let refused = mate.call::<GetReceipt>(receipt(foreign)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSuchMessage);
    let unknown = mate.call::<GetReceipt>(receipt(MessageId::generate()));
    assert_eq!(unknown.unwrap_err().code, ErrorCode::NoSuchMessage);
    assert_eq!(mate.call::<GetReceipt>(receipt(own)).unwrap().id, own);
    let receipt = mate.call::<Cancel>(CancelParams { id: own }).unwrap();
    assert_eq!(receipt.outcome, Outcome::Cancelled);

    let mut subscriber = a.open();
    subscriber
        .greet_as("subscribe", "b", Some(b.credential()))
        .unwrap();
    let id = subscriber.send("subscribe", &json!({}));
    assert_eq!(
        subscriber.answer_to(id).unwrap_err().code,
        ErrorCode::Forbidden
    );
}

#[test]
fn the_size_is_set_where_no_controller_sets_it() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let mut client = pod.connect();
    let wanted = Size {
        columns: 77,
        rows: 21,
    };
    let result = client
        .call::<Resize>(ResizeParams { size: wanted })
        .unwrap();
    assert_eq!(result.size, wanted);
    assert_eq!(pod.settled().size, wanted);
    let mut params = attach_as(AttachRole::Controller);
    params.size = Some(Size {
        columns: 90,
        rows: 30,
    });
    let _terminal = pod.connect().attach(params).unwrap();
    let refused = client
        .call::<Resize>(ResizeParams { size: wanted })
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::ControlTaken);
}

#[test]
fn the_log_is_read_in_pages_each_record_once_and_followed() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let mut client = pod.connect();
    let mut numbers = Vec::new();
    let mut from: Option<LogCursor> = None;
    let mut read = |client: &mut Client, from: &mut Option<LogCursor>| loop {
        let params = LogParams {
            from: *from,
            last: None,
            limit: Some(2),
        };
        let page = client.call::<ReadLog>(params).unwrap();
        assert!(page.records.len() <= 2);
        let seqs = page
            .records
            .iter()
            .map(|record| record["seq"].as_u64().unwrap());
        numbers.extend(seqs);
        *from = Some(page.next);
        if page.end {
            return;
        }
    };
    read(&mut client, &mut from);
    let message = NewMessage::new("hello");
    let id = message.id;
    client.run(message).unwrap();
    client.until(id, Outcome::Answered);
    read(&mut client, &mut from);
    let log: Vec<u64> = pods.log(&pod).iter().map(|record| record.seq).collect();
    let unique: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(unique.len(), numbers.len());
    assert_eq!(numbers, log[..numbers.len()]);
    assert!(numbers.len() >= 4);

    let last = LogParams {
        from: None,
        last: Some(1),
        limit: None,
    };
    let last = client.call::<ReadLog>(last).unwrap();
    assert_eq!(last.records.len(), 1);

    for nowhere in [
        LogCursor {
            session: SessionId::generate(),
            segment: 1,
            offset: 0,
        },
        LogCursor {
            offset: 1 << 40,
            ..from.unwrap()
        },
    ] {
        let params = LogParams {
            from: Some(nowhere),
            last: None,
            limit: None,
        };
        let error = client.call::<ReadLog>(params).unwrap_err();
        assert_eq!(error.code, ErrorCode::NoSuchCursor);
    }
}
