//! What subscribers are told, and when.

use std::collections::BTreeMap;

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::client::{ClientErrorKind, Introduction, Subscriber};
use podfleet_protocol::event::Push;
use podfleet_protocol::limits::EVENT_RING;
use podfleet_protocol::method::{
    GetScreen, Nothing, Shutdown, ShutdownParams, Subscribe, SubscribeParams, SubscribeResult,
};
use podfleet_protocol::rpc::{ErrorCode, RequestId, Response};
use podfleet_protocol::{Event, EventCursor, MessageId, NewMessage, Outcome, Receipt};
use serde_json::json;

use super::client::{Client, request};
use super::pod::{Pod, Pods};

/// Subscribes, from a place if there is one.
#[track_caller]
fn subscribe(pod: &Pod, from: Option<EventCursor>) -> (SubscribeResult, Client) {
    let mut client = pod.open();
    client.greet_as("subscribe", "test", None).unwrap();
    let result = client.call::<Subscribe>(SubscribeParams { from }).unwrap();
    (result, client)
}

/// Reads events until one is as wanted; returns those before it too.
#[track_caller]
fn until(client: &mut Client, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        match client.push() {
            Push::Event(event) => events.push(event.event),
            other => panic!("{other:?}"),
        }
        if events.last().is_some_and(&wanted) {
            return events;
        }
    }
}

fn answered(event: &Event) -> bool {
    matches!(event, Event::Message { receipt, .. } if receipt.outcome == Outcome::Answered)
}

#[test]
fn a_subscriber_is_told_of_a_message_from_its_acceptance_to_its_answer() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let (result, mut subscriber) = subscribe(&pod, None);
    assert_eq!(result.snapshot.unwrap().status.screen.state, "ready");
    let message = NewMessage::new("count to three");
    let id = message.id;
    pod.connect().run(message).unwrap();
    let ended = Event::TurnEnded {
        message: Some(id),
        answer: Some("echo: count to three".into()),
    };
    let events = until(&mut subscriber, |event| *event == ended);
    let outcomes: Vec<Outcome> = events
        .iter()
        .filter_map(|event| match event {
            Event::Message { receipt, .. } if receipt.id == id => Some(receipt.outcome),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes.first(), Some(&Outcome::Accepted));
    assert!(outcomes.is_sorted_by_key(|outcome| outcome.progress()));
    let busy =
        |event: &Event| matches!(event, Event::Status { status } if status.screen.state == "busy");
    assert!(events.iter().any(busy), "{events:?}");
    assert!(answered(&events[events.len() - 2]), "{events:?}");
}

#[test]
fn attach_at_any_moment_and_snapshot_and_events_are_the_log() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let mut sender = pod.connect();
    let mut subscribers = Vec::new();
    let mut last = None;
    for number in 0..12 {
        let message = NewMessage::new(format!("number {number}"));
        last = Some(message.id);
        sender.run(message).unwrap();
        // At each moment of a delivery somebody joins.
        subscribers.push(subscribe(&pod, None));
        sender.call::<GetScreen>(Nothing {}).unwrap();
        subscribers.push(subscribe(&pod, None));
    }
    let last = last.unwrap();
    sender.until(last, Outcome::Answered);
    let told: Vec<_> = subscribers
        .into_iter()
        .map(|(result, mut client)| {
            let events = until(&mut client, |event| {
                answered(event)
                    && matches!(event, Event::Message { receipt, .. } if receipt.id == last)
            });
            (result.snapshot.unwrap().log_seq, events)
        })
        .collect();
    let log = pods.log(&pod);
    for (seq, events) in told {
        let told: Vec<(u64, Receipt)> = events
            .into_iter()
            .filter_map(|event| match event {
                Event::Message { receipt, log_seq } => Some((log_seq.unwrap(), receipt)),
                _ => None,
            })
            .collect();
        let logged: Vec<(u64, Receipt)> = log
            .iter()
            .filter(|record| record.seq > seq)
            .filter_map(|record| match &record.entry {
                Entry::MessageAccepted { message } => {
                    Some((record.seq, Receipt::accepted(message.id, message.accepted)))
                }
                Entry::MessageReceipt { receipt } => Some((record.seq, receipt.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(told, logged, "after record {seq}");
    }
}

#[test]
fn who_comes_back_gets_what_it_missed_and_nothing_twice() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let (first, client) = subscribe(&pod, None);
    drop(client);
    let mut sender = pod.connect();
    let ids: Vec<MessageId> = (0..3)
        .map(|number| sender.run(NewMessage::new(format!("{number}"))).unwrap().id)
        .collect();
    let (again, mut client) = subscribe(&pod, Some(first.cursor));
    assert_eq!((again.snapshot, again.lagged), (None, None));
    let mut number = first.cursor.number();
    let mut told = Vec::new();
    while told.len() < ids.len() {
        let Push::Event(event) = client.push() else {
            panic!("no event");
        };
        number += 1;
        assert_eq!(event.number, number);
        if let Event::Message { receipt, .. } = event.event {
            told.push(receipt.id);
        }
    }
    assert_eq!(told, ids);
}

#[test]
fn a_place_of_an_earlier_generation_is_answered_with_a_snapshot() {
    let mut pods = Pods::new();
    let pod = pods.start("a", "{}");
    let (first, _client) = subscribe(&pod, None);
    pod.connect()
        .call::<Shutdown>(ShutdownParams::default())
        .unwrap();
    let pod = pods.start_again("a", &pod);
    let (again, _client) = subscribe(&pod, Some(first.cursor));
    assert_eq!(again.lagged, Some(first.cursor));
    assert_eq!(again.snapshot.unwrap().status.generation.0, 2);
}

#[test]
fn a_slow_reader_is_told_that_it_lags_and_let_go_and_holds_up_nobody() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let (_, mut slow) = subscribe(&pod, None);
    let before = pod.memory_kib();
    let mut sender = pod.connect();
    let batch = 32;
    for _ in 0..3 * EVENT_RING / batch {
        let lines: String = (0..batch)
            .map(|id| {
                let message = NewMessage::new("x".repeat(2000));
                request(
                    i64::try_from(id).unwrap(),
                    "run",
                    &json!({ "message": message }),
                ) + "\n"
            })
            .collect();
        sender.write(lines.as_bytes()).unwrap();
        for _ in 0..batch {
            assert!(sender.receive().unwrap().error.is_none());
        }
    }
    let grown = pod.memory_kib().saturating_sub(before);
    assert!(grown < 24 << 10, "grew by {grown} KiB");
    let mut last = None;
    loop {
        match slow.push() {
            Push::Event(event) => last = Some(event.cursor),
            Push::Lagged(lagged) => break assert_eq!(Some(lagged.from), last),
            Push::Other(name) => panic!("{name}"),
        }
    }
    assert!(slow.receive().is_none());
    let (again, _client) = subscribe(&pod, last);
    assert_eq!(again.lagged, last);
}

#[test]
fn a_connection_for_requests_gets_nothing_but_its_replies() {
    let (_pods, pod) = Pods::one("{}");
    let mut commands = pod.connect();
    let refused = commands.call::<Subscribe>(SubscribeParams::default());
    assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidRequest);
    let message = NewMessage::new("hello");
    let id = message.id;
    commands.run(message).unwrap();
    commands.until(id, Outcome::Answered);
    // A notification would stand before this answer.
    commands.ping();
}

#[test]
fn a_subscriber_may_ask_between_its_events_and_each_is_told_apart() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let (_, mut subscriber) = subscribe(&pod, None);
    let again = subscriber.send("subscribe", &json!({}));
    let message = NewMessage::new("from the subscriber");
    let sent = subscriber.send("run", &json!({ "message": message }));
    let mut answers: BTreeMap<i64, Response> = BTreeMap::new();
    let mut events = 0;
    while answers.len() < 2 || events == 0 {
        match subscriber
            .incoming()
            .expect("the pod closed the connection")
        {
            podfleet_protocol::rpc::Incoming::Response(response) => {
                let Some(RequestId::Number(id)) = response.id else {
                    panic!("{response:?}");
                };
                answers.insert(id, response);
            }
            podfleet_protocol::rpc::Incoming::Push(_) => events += 1,
        }
    }
    let error = answers[&again].error.as_ref().unwrap();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert!(answers[&sent].result.is_some());
}

#[test]
fn the_last_event_of_a_pod_says_why_it_ended() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let (_, mut subscriber) = subscribe(&pod, None);
    let reason = ShutdownParams {
        reason: "over".to_owned(),
        ..ShutdownParams::default()
    };
    pod.connect().call::<Shutdown>(reason).unwrap();
    let events = until(&mut subscriber, |event| {
        matches!(event, Event::ShutDown { .. })
    });
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::AgentEnded { .. }))
    );
    let Some(Event::ShutDown { reason }) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(reason, "test: over");
    assert!(subscriber.receive().is_none());
}

#[test]
fn a_rust_program_follows_a_pod_over_a_break_until_it_ends() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(follow_over_a_break(&pod));
}

async fn follow_over_a_break(pod: &Pod) {
    let who = Introduction {
        client: "test".to_owned(),
        credential: None,
    };
    let socket = &pod.files.socket;
    let (begun, mut events) = Subscriber::connect(socket, &who, None).await.unwrap();
    assert!(begun.snapshot.is_some());
    let mut sender = pod.connect();
    let one = sender.run(NewMessage::new("one")).unwrap().id;
    let told_of =
        |event: &Event, id| matches!(event, Event::Message { receipt, .. } if receipt.id == id);
    let last = loop {
        let event = events.next().await.unwrap();
        if told_of(&event.event, one) {
            break event;
        }
    };
    assert_eq!(events.cursor(), last.cursor);
    drop(events);

    let two = sender.run(NewMessage::new("two")).unwrap().id;
    let from = Some(last.cursor);
    let (begun, mut events) = Subscriber::connect(socket, &who, from).await.unwrap();
    assert_eq!((begun.snapshot, begun.lagged), (None, None));
    sender.call::<Shutdown>(ShutdownParams::default()).unwrap();
    let mut told = Vec::new();
    while !matches!(told.last(), Some(Event::ShutDown { .. })) {
        let event = events.next().await.unwrap();
        assert_eq!(event.number, last.number + 1 + told.len() as u64);
        told.push(event.event);
    }
    assert!(told.iter().any(|event| told_of(event, two)));
    let over = events.next().await.unwrap_err();
    assert!(matches!(over.kind(), ClientErrorKind::Closed), "{over}");
}
