//! What a pod holds in memory, whatever its clients and its agent do.

use std::sync::mpsc;
use std::thread;

use bytes::{Bytes, BytesMut};
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachRole, GetScreen, Nothing};
use podfleet_protocol::rpc::{ErrorCode, Response};
use podfleet_protocol::{Outcome, Size};
use serde_json::json;
use test_case::test_case;

use super::client::{Client, attach_as, request};
use super::pod::Pods;
use crate::world::until;

/// What a pod may hold in memory, whatever its clients and its agent do.
const MEMORY_KIB: u64 = 32 << 10;

#[test]
fn a_viewer_that_never_reads_slows_nobody_and_costs_no_memory() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 10}"#);
    pod.settled();
    // Fills the scrollback and the ring, which are there for the first client as for the last.
    pod.connect()
        .until(pod.order("FLOOD:1500000"), Outcome::Answered);
    let before = pod.memory_kib();
    let _deaf = pod.view();
    let mut reader = pod.view();
    let id = pod.order("FLOOD:2500000");
    // This one reads, but never acknowledges.
    thread::spawn(move || while reader.receive().is_some() {});
    let mut client = pod.connect();
    let mut most = 0;
    until(|| {
        most = most.max(pod.memory_kib());
        let receipt = client.until(id, Outcome::Accepted);
        let answered = receipt.outcome.reaches(Outcome::Answered);
        if answered {
            Ok(())
        } else {
            Err(format!("{receipt:?}"))
        }
    });
    assert!(most < MEMORY_KIB, "{most} KiB");
    assert!(most < before + (2 << 10), "{most} KiB, {before} KiB before");
}

#[test]
fn output_that_grows_a_hundredfold_keeps_nobody_waiting_and_costs_no_memory() {
    let mut pods = Pods::new();
    // REP: seven bytes for a thousand characters of three.
    let repeats = r"\033[1000b".repeat(20);
    let pod = pods.start_script("a", &format!("exec yes \"$(printf '漢{repeats}')\""));
    let mut most = 0;
    until(|| {
        most = most.max(pod.memory_kib());
        pod.answers();
        match pod.end().offset {
            // Much more than is kept.
            offset if offset > 3 << 20 => Ok(()),
            offset => Err(format!("{offset}")),
        }
    });
    assert!(most < MEMORY_KIB, "{most} KiB");
}

#[test]
fn pings_of_a_client_that_never_reads_are_answered_up_to_a_bound() {
    const PINGS: usize = 20_000;
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let viewer = attach_as(AttachRole::Viewer);
    let (_, mut client) = pod.connect().attach(viewer).unwrap();
    for _ in 0..PINGS {
        client.send(&Frame::Ping(vec![0; 64].into()));
    }
    let mut pongs = 0;
    loop {
        // Whoever reads again is answered again.
        client.send(&Frame::Ping(b"last".to_vec().into()));
        match client.receive().unwrap() {
            Frame::Pong(payload) if payload == "last" => break,
            Frame::Pong(_) => pongs += 1,
            _ => {}
        }
    }
    assert!(pongs < PINGS / 2, "{pongs} answers waited for it");
}

#[test_case(AttachRole::Viewer, &Frame::Ack(0); "acknowledgements")]
#[test_case(AttachRole::Viewer, &Frame::Repaint; "wishes for a repaint")]
#[test_case(AttachRole::Controller, &Frame::Resize(Size::DEFAULT); "sizes")]
#[test_case(AttachRole::Controller, &Frame::Input(Bytes::from_static(b"x")); "keys")]
fn a_client_that_sends_without_end_waits_itself_and_costs_no_memory(
    role: AttachRole,
    frame: &Frame,
) {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let (_, client) = pod.connect().attach(attach_as(role)).unwrap();
    let mut frames = BytesMut::new();
    for _ in 0..1000 {
        frame.write(&mut frames).unwrap();
    }
    let mut flood = client.writer();
    let flooding = thread::spawn(move || while flood.write(&frames).is_ok() {});
    let reading = {
        let mut stream = client.writer();
        thread::spawn(move || while stream.receive().is_some() {})
    };
    let mut other = pod.connect();
    let mut most = 0;
    for _ in 0..100 {
        other.call::<GetScreen>(Nothing {}).unwrap();
        most = most.max(pod.memory_kib());
    }
    client.close();
    flooding.join().unwrap();
    reading.join().unwrap();
    assert!(most < MEMORY_KIB, "{most} KiB");
}

#[test]
fn clients_that_read_no_answers_cost_a_bound_and_hold_back_nobody_who_asks_for_little() {
    const DEAF: usize = 80;
    let mut pods = Pods::new();
    let pod = pods.start_coloured("a");
    let mut deaf: Vec<_> = (0..DEAF).map(|_| pod.connect()).collect();
    for client in &mut deaf {
        let page = json!({ "lines": 2000, "ansi": true });
        for id in 100..108 {
            client.write_line(&request(id, "scrollback", &page));
        }
    }
    let mut other = pod.connect();
    let (mut most, mut closed) = (0, None);
    until(|| {
        other.call::<GetScreen>(Nothing {}).unwrap();
        other.ping();
        most = most.max(pod.memory_kib());
        closed = deaf.iter().position(Client::is_closed);
        closed
            .map(drop)
            .ok_or_else(|| "all are connected".to_owned())
    });
    assert!(most < MEMORY_KIB, "{most} KiB");
    let told = deaf[closed.unwrap()].last_line();
    let told: Response = serde_json::from_str(&told).unwrap();
    let told = told.error.unwrap();
    assert_eq!(told.code, ErrorCode::Unread);
    assert_eq!(
        told.message,
        "an answer was not read within 10 s; the connection is closed"
    );
    other.ping();
}

#[test]
fn lines_that_nobody_ends_cost_a_bound_and_who_does_not_end_one_is_let_go() {
    const SENDERS: usize = 24;
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let (tell, told) = mpsc::channel();
    for _ in 0..SENDERS {
        let (mut sender, tell) = (pod.connect(), tell.clone());
        // Who waits for its turn is not read, and goes with the pod.
        thread::spawn(move || {
            if sender.write(&vec![b'a'; 3 << 20]).is_ok() {
                let _ = tell.send(sender.receive_error());
            }
        });
    }
    let mut other = pod.connect();
    let (mut most, mut last) = (0, None);
    until(|| {
        other.ping();
        most = most.max(pod.memory_kib());
        last = told.try_recv().ok();
        last.is_some()
            .then_some(())
            .ok_or_else(|| "all are connected".to_owned())
    });
    assert!(most < MEMORY_KIB, "{most} KiB");
    let (id, error) = last.unwrap();
    assert_eq!((id, error.code), (None, ErrorCode::LineUnfinished));
    assert_eq!(
        error.message,
        "a line of more than 16 KiB was not finished within 10 s; the connection is closed"
    );
    other.ping();
}

#[test]
fn viewers_that_never_read_cost_a_bound_and_another_one_sees_the_screen() {
    const DEAF: usize = 200;
    let mut pods = Pods::new();
    let pod = pods.start_coloured("a");
    let mut most = 0;
    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        deaf.push(pod.view());
        most = most.max(pod.memory_kib());
    }
    let mut reader = pod.view();
    reader.until(|frame| matches!(frame, Frame::Reset { .. }).then_some(()));
    most = most.max(pod.memory_kib());
    assert!(most < MEMORY_KIB, "{most} KiB");
}
