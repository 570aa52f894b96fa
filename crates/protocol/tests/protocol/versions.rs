//! What may be added within a version, and what a peer of another version meets.

use podfleet_protocol::Event;
use podfleet_protocol::event::Push;
use podfleet_protocol::frame::{Frame, FrameCodec, HEADER};
use podfleet_protocol::method::{Call, HelloResult, StatusUntil};
use podfleet_protocol::rpc::{ErrorCode, Incoming, Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

fn call(method: &str, params: Value) -> Result<Call, ErrorCode> {
    Call::parse(method, params).map_err(|error| error.code)
}

#[test]
fn unknown_fields_of_requests_and_parameters_are_ignored() {
    let line = br#"{"jsonrpc":"2.0","id":1,"method":"status","trace":"x","params":{"until":"settled","since":3}}"#;
    let request = Request::parse(line).unwrap();
    let Ok(Call::Status(params)) = call(&request.method, request.params) else {
        panic!("no status");
    };
    assert_eq!(params.until, Some(StatusUntil::Settled));
}

#[test]
fn unknown_fields_of_results_are_ignored() {
    let hello = json!({
        "protocol": 1, "pod": "0197a5c2-6b1e-7c3a-9f4e-2d8b5a1c7e90", "name": "coder",
        "generation": 3, "build": "9.9.9", "capabilities": ["hello", "teleport"], "mood": "good",
    });
    let response: Response =
        serde_json::from_value(json!({ "jsonrpc": "2.0", "id": 1, "result": hello, "took_ms": 3 }))
            .unwrap();
    let hello: HelloResult = serde_json::from_value(response.result.unwrap()).unwrap();
    assert_eq!(hello.capabilities, ["hello", "teleport"]);
}

#[test]
fn optional_parameters_may_be_left_out() {
    let id = "0197a5d0-0001-7b2c-a5f1-9c3e4d5b6a71";
    for (method, params) in [
        ("ping", Value::Null),
        ("status", Value::Null),
        ("shutdown", json!({})),
        ("run", json!({ "message": { "id": id, "body": "hi" } })),
        ("receipt", json!({ "id": id })),
        ("scrollback", json!({ "lines": 3 })),
        ("attach", json!({ "role": "viewer" })),
    ] {
        assert!(call(method, params).is_ok(), "{method}");
    }
}

#[test]
fn an_unknown_method_has_an_error_of_its_own() {
    assert_eq!(call("teleport", json!({})), Err(ErrorCode::MethodNotFound));
}

#[test]
fn parameters_are_given_by_name_only() {
    assert_eq!(
        call("scrollback", json!([3])),
        Err(ErrorCode::InvalidParams)
    );
}

#[test]
fn a_fault_in_parameters_names_the_field() {
    let fault = |method: &str, params| Call::parse(method, params).unwrap_err().message;
    insta::assert_snapshot!(
        fault("scrollback", json!({ "lines": -1 })),
        @"the parameters do not fit `scrollback`: `lines`: invalid value: integer `-1`, expected u32"
    );
    insta::assert_snapshot!(
        fault("run", json!({ "message": { "id": "7", "body": "hi" } })),
        @"the parameters do not fit `run`: `message.id`: UUID parsing failed: invalid length: found 1"
    );
    insta::assert_snapshot!(
        fault("receipt", json!({})),
        @"the parameters do not fit `receipt`: missing field `id`"
    );
}

#[test]
fn an_error_of_a_newer_pod_keeps_its_number() {
    let code: ErrorCode = serde_json::from_value(json!(-32099)).unwrap();
    assert_eq!(code, ErrorCode::Other(-32099));
    assert_eq!(json!(code), json!(-32099));
}

#[test]
fn a_frame_of_an_unknown_type_is_read_whole_and_the_next_one_is_found() {
    let mut stream = bytes::BytesMut::new();
    stream.extend_from_slice(&[0x7e, 0, 0, 0, 0, 0, 0, 3]);
    stream.extend_from_slice(&[0; HEADER - 8]);
    stream.extend_from_slice(b"new");
    Frame::Release.write(&mut stream).unwrap();
    let mut codec = FrameCodec::new();
    let mut next = || codec.next_frame(&mut stream).unwrap();
    assert_eq!(next(), Some(Frame::Other { kind: 0x7e }));
    assert_eq!(next(), Some(Frame::Release));
    assert_eq!(next(), None);
}

#[test]
fn unknown_events_and_notifications_are_skipped() {
    let push = |method: &str, params: Value| {
        let line = json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string();
        match Incoming::parse(line.as_bytes()).unwrap() {
            Incoming::Push(push) => push,
            Incoming::Response(response) => panic!("{response:?}"),
        }
    };
    let event = json!({ "type": "teleported", "to": "mars" });
    let params = json!({ "cursor": "3.8", "number": 8, "at": 0, "event": event, "mood": "good" });
    let Push::Event(event) = push("event", params) else {
        panic!("no event");
    };
    assert_eq!((event.number, event.event), (8, Event::Other));
    assert_eq!(
        push("weather", json!({ "rain": true })),
        Push::Other("weather".to_owned())
    );
}

proptest! {
    #[test]
    fn no_line_makes_a_reader_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&line);
        let _ = Incoming::parse(&line);
    }

    #[test]
    fn no_parameters_make_a_method_panic(
        method in prop::sample::select(Call::NAMES),
        field in prop::sample::select(&["name", "id", "from", "limit", "size", "message", "scope"][..]),
        value in prop_oneof![
            Just(Value::Null), any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from),
            Just(json!([])), Just(json!({ "id": 1 })),
        ],
    ) {
        if let Ok(call) = Call::parse(method, json!({ field: value })) {
            prop_assert_eq!(call.name(), method);
        }
    }
}
