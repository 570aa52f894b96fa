//! Lines that are no requests.

use podfleet_protocol::NewMessage;
use podfleet_protocol::rpc::{ErrorCode, RequestId};
use serde_json::json;

use super::pod::Pods;

#[test]
fn a_line_of_five_megabytes_is_told_to_its_sender_alone_and_costs_no_memory() {
    let (_pods, pod) = Pods::one("{}");
    let mut other = pod.connect();
    let before = pod.memory_kib();
    for greeted in [true, false, true, true] {
        let mut sender = if greeted { pod.connect() } else { pod.open() };
        // The pod stops reading and closes before all of it is written.
        let _ = sender.write(&vec![b'a'; 5 << 20]);
        assert_eq!(sender.receive_code(), ErrorCode::LineTooLong);
        assert!(sender.receive().is_none(), "the connection goes on");
        other.ping();
    }
    let grown = pod.memory_kib().saturating_sub(before);
    assert!(grown < 8 << 10, "grew by {grown} KiB");
}

#[test]
fn a_line_that_the_end_of_the_connection_cuts_is_not_answered() {
    let (_pods, pod) = Pods::one("{}");
    for line in [
        "{\"jsonrpc\"",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}",
    ] {
        let mut client = pod.connect();
        client.write(line.as_bytes()).unwrap();
        client.finish();
        assert!(client.receive().is_none());
    }
    pod.answers();
}

#[test]
fn who_says_that_it_says_no_more_still_gets_its_answers() {
    let (_pods, pod) = Pods::one("{}");
    for _ in 0..8 {
        let mut client = pod.connect();
        let message = NewMessage::new("SAY:done");
        let asked = client.send("run", &json!({ "message": message }));
        client.finish();
        let accepted = client.receive().expect("the connection is closed");
        assert_eq!(accepted.id, Some(RequestId::Number(asked)));
        assert_eq!(accepted.error, None);
        assert!(client.receive().is_none());

        let mut client = pod.connect();
        let until = json!({ "id": message.id, "until": "answered", "timeout_ms": 20_000 });
        let asked = client.send("receipt", &until);
        client.finish();
        let receipt = client.receive().expect("the connection is closed");
        assert_eq!(receipt.id, Some(RequestId::Number(asked)));
        assert_eq!(receipt.result.unwrap()["outcome"], "answered");
        assert!(client.receive().is_none());
    }
}

#[test]
fn a_line_that_is_no_json_is_a_parse_error_and_the_connection_goes_on() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let lines: [&[u8]; 5] = [
        b"\n",
        b"hello\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\xffng\"}\n",
        b"\x00\x00\x00\x00\n",
    ];
    for line in lines {
        client.write(line).unwrap();
        let (id, error) = client.receive_error();
        assert_eq!((id, error.code), (None, ErrorCode::Parse), "{error}");
        client.ping();
    }
}

#[test]
fn a_request_without_an_id_and_a_batch_are_no_requests_and_the_connection_goes_on() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    for line in [
        r#"{"jsonrpc":"2.0","method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
    ] {
        client.write_line(line);
        let (id, error) = client.receive_error();
        assert_eq!(
            (id, error.code),
            (None, ErrorCode::InvalidRequest),
            "{error}"
        );
        client.ping();
    }
}

#[test]
fn an_unknown_method_is_told_apart_from_wrong_parameters_and_the_connection_goes_on() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let id = client.send("teleport", &json!({}));
    let (answered, error) = client.receive_error();
    assert_eq!(answered, Some(RequestId::Number(id)));
    assert_eq!(error.code, ErrorCode::MethodNotFound);
    assert!(error.message.contains("`teleport`"), "{error}");

    client.send("scrollback", &json!({ "lines": "all" }));
    let (_, error) = client.receive_error();
    assert_eq!(error.code, ErrorCode::InvalidParams);
    assert!(error.message.contains("`lines`"), "{error}");
    client.ping();
}

#[test]
fn an_id_may_be_a_text_and_unknown_fields_are_ignored() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    client.write_line(
        r#"{"jsonrpc":"2.0","id":"x","method":"ping","trace":1,"params":{"loud":true}}"#,
    );
    let response = client.receive().unwrap();
    assert_eq!(response.id, Some(RequestId::Text("x".to_owned())));
    assert_eq!(response.result, Some(json!({})));
}
