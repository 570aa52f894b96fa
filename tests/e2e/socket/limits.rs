//! The limits of a pod's socket, at them and beyond.

use std::collections::BTreeSet;
use std::time::Duration;

use podfleet_protocol::limits::{MAX_CONNECTIONS, MAX_IN_FLIGHT, MAX_INBOX};
use podfleet_protocol::method::{
    GetScreen, Nothing, Resize, ResizeParams, Scrollback, ScrollbackParams, Subscribe,
    SubscribeParams,
};
use podfleet_protocol::rpc::{ErrorCode, RequestId};
use podfleet_protocol::{NewMessage, Size};
use serde_json::json;

use super::client::{Client, request};
use super::pod::Pods;
use crate::world::{until, until_within};

#[test]
fn clients_that_come_and_go_leave_nothing_behind() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    pod.answers();
    let told = || {
        let mut client = pod.open();
        client.greet_as("subscribe", "test", None).unwrap();
        let subscribed = client.call::<Subscribe>(SubscribeParams::default());
        subscribed.unwrap().cursor
    };
    let events = told();
    let (descriptors, memory) = (pod.descriptors(), pod.memory_kib());
    for round in 0..400 {
        let mut client = pod.open();
        match round % 4 {
            0 => {}
            1 => client.write(b"{\"jsonrpc\":").unwrap(),
            2 => drop(client.send("hello", &json!({}))),
            _ => drop(pod.connect()),
        }
    }
    assert_eq!(told(), events, "subscribers were told of it");
    for _ in 0..100 {
        let mut client = pod.open();
        client.greet("passer-by", None).unwrap();
        client.send(
            "status",
            &json!({ "until": "settled", "timeout_ms": 60_000 }),
        );
        client.send("attach", &json!({ "role": "viewer" }));
    }
    until(|| match (pod.descriptors(), pod.settled().viewers) {
        (now, 0) if now <= descriptors => Ok(()),
        (now, viewers) => Err(format!(
            "{viewers} viewers, {now} descriptors, {descriptors} before"
        )),
    });
    let grown = pod.memory_kib().saturating_sub(memory);
    assert!(grown < 2 << 10, "grew by {grown} KiB");
}

#[test]
fn one_connection_too_many_is_told_so_and_finds_room_when_another_goes() {
    let (_pods, pod) = Pods::one("{}");
    let mut clients: Vec<Client> = (0..MAX_CONNECTIONS).map(|_| pod.connect()).collect();
    let mut refused = pod.open();
    assert_eq!(refused.receive_code(), ErrorCode::Connections);
    assert!(refused.receive().is_none());
    clients[0].ping();
    clients[MAX_CONNECTIONS - 1].ping();

    clients.pop();
    until(|| {
        let mut client = pod.open();
        match client.greet("test", None) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message),
        }
    });
}

#[test]
fn one_request_too_many_in_flight_is_refused_and_other_clients_are_answered() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let mut patient = pod.connect();
    for _ in 0..MAX_IN_FLIGHT {
        patient.send(
            "status",
            &json!({ "until": "settled", "timeout_ms": 60_000 }),
        );
    }
    let id = patient.send("ping", &json!({}));
    let (refused, error) = patient.receive_error();
    assert_eq!(refused, Some(RequestId::Number(id)));
    assert_eq!(error.code, ErrorCode::InFlight);
    pod.answers();
}

#[test]
fn pipelined_requests_are_answered_once_each() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let count = 60;
    let methods = ["ping", "status", "screen"];
    let lines: Vec<String> = (0..count)
        .zip(methods.iter().cycle())
        .map(|(id, method)| request(1000 + id, method, &json!({})) + "\n")
        .collect();
    client.write(lines.concat().as_bytes()).unwrap();
    let mut answered = BTreeSet::new();
    for _ in 0..count {
        let response = client.receive().unwrap();
        assert!(response.error.is_none(), "{response:?}");
        let Some(RequestId::Number(id)) = response.id else {
            panic!("{response:?}");
        };
        assert!(answered.insert(id), "{id} was answered twice");
    }
    assert!(answered.into_iter().eq(1000..1000 + count));
    client.ping();
}

#[test]
fn requests_in_the_smallest_pieces_are_answered_like_others() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let line = request(7, "screen", &json!({})) + "\n";
    for byte in line.bytes() {
        client.write(&[byte]).unwrap();
    }
    assert_eq!(client.receive().unwrap().id, Some(RequestId::Number(7)));
    let screen = client.call::<GetScreen>(Nothing {}).unwrap();
    assert_eq!(screen.size, Size::DEFAULT);
}

#[test]
fn a_terminal_in_all_colours_comes_in_pages() {
    let mut pods = Pods::new();
    let pod = pods.start_coloured("a");
    let mut client = pod.connect();
    let (mut lines, mut pages, mut before) = (0, 0, None);
    loop {
        let params = ScrollbackParams {
            lines: 2000 - lines,
            ansi: true,
            before,
        };
        let page = client.call::<Scrollback>(params).unwrap();
        assert!(
            page.lines
                .iter()
                .all(|line| line == "done" || line.matches('#').count() == 55)
        );
        lines += u32::try_from(page.lines.len()).unwrap();
        pages += 1;
        before = page.earlier;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(lines, 2000);
    assert!(pages > 3, "{pages} pages");
}

#[test]
fn an_answer_that_is_too_long_is_refused_and_the_connection_goes_on() {
    // Letters with twenty accents each: a screen of 110,000 cells has 4.3 MiB.
    let script = r#"until [ "$(stty size)" = '110 1000' ]; do sleep 0.1; done
        accent=$(printf '\314\201'); i=0; cell=a; line=
        while [ $i -lt 20 ]; do cell=$cell$accent; i=$((i + 1)); done
        i=0; while [ $i -lt 1000 ]; do line=$line$cell; i=$((i + 1)); done
        i=0; while [ $i -lt 115 ]; do printf '%s\r\n' "$line"; i=$((i + 1)); done
        printf done; sleep 1000"#;
    let mut pods = Pods::new();
    let pod = pods.start_script("a", script);
    let mut client = pod.connect();
    let size = Size {
        columns: 1000,
        rows: 110,
    };
    client.call::<Resize>(ResizeParams { size }).unwrap();
    until_within(Duration::from_secs(100), || {
        let last = pod.last_line();
        if last == "done" { Ok(()) } else { Err(last) }
    });
    let refused = client.call::<GetScreen>(Nothing {}).err().unwrap();
    assert_eq!(refused.code, ErrorCode::LineTooLong);
    assert_eq!(
        refused.message,
        "the answer is longer than 4 MiB: ask for less of it"
    );
    client.ping();
}

#[test]
fn a_listing_of_an_inbox_costs_no_more_memory_for_long_messages() {
    const MESSAGES: usize = 24;
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let mut client = pod.connect();
    for _ in 0..MESSAGES {
        client.run(NewMessage::new("x".repeat(1_000_000))).unwrap();
    }
    let list = || {
        let mut client = pod.connect();
        let line = request(1, "inbox", &json!({ "limit": 1000 })) + "\n";
        let asked = MAX_IN_FLIGHT / 2;
        client.write(line.repeat(asked).as_bytes()).unwrap();
        for _ in 0..asked {
            let answer = client.receive().unwrap();
            let rows = answer.result.unwrap()["messages"].take();
            assert_eq!(rows.as_array().unwrap().len(), MESSAGES);
            assert_eq!(rows[0]["bytes"], 1_000_000);
        }
        pod.memory_kib()
    };
    let before = pod.memory_kib();
    let most = (0..4).map(|_| list()).max().unwrap();
    let grown = most.saturating_sub(before);
    assert!(grown < 4 << 10, "grew by {grown} KiB from {before}");
}

#[test]
fn a_full_inbox_refuses_further_messages_and_says_its_limit() {
    let (_pods, pod) = Pods::one(r#"{"never_ready": true}"#);
    let mut client = pod.connect();
    let message = |id: i64| {
        let message = NewMessage::new("later");
        request(id, "run", &json!({ "message": message })) + "\n"
    };
    let mut left = i64::from(MAX_INBOX);
    while left > 0 {
        let batch = left.min(i64::try_from(MAX_IN_FLIGHT).unwrap());
        let lines: String = (0..batch).map(message).collect();
        client.write(lines.as_bytes()).unwrap();
        for _ in 0..batch {
            let response = client.receive().unwrap();
            assert!(response.error.is_none(), "{response:?} with {left} left");
        }
        left -= batch;
    }
    let error = client.run(NewMessage::new("one too many")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InboxFull);
    assert!(error.message.contains(&MAX_INBOX.to_string()), "{error}");
}
