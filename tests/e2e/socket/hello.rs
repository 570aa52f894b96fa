//! The first request, and who is calling.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use podfleet_protocol::method::{
    Call, Credential, HelloResult, MessageParams, Notify, Shutdown, ShutdownParams,
};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{AgentPhase, NewMessage, Outcome, PodId};
use podfleet_sim_agent::Kind;
use serde_json::json;

use super::pod::{Pods, mode};
use crate::world::{is_gone, until};

#[test]
fn a_first_request_that_is_not_hello_is_refused_and_the_connection_closed() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.open();
    client.send("ping", &json!({}));
    assert_eq!(client.receive_code(), ErrorCode::Hello);
    assert!(client.receive().is_none());
}

#[test]
fn a_client_that_says_nothing_is_told_so_after_five_seconds_and_let_go() {
    let (_pods, pod) = Pods::one("{}");
    let connected = Instant::now();
    let mut client = pod.open();
    // Half a line is not hello either.
    client.write(b"{\"jsonrpc\":").unwrap();
    assert_eq!(client.receive_code(), ErrorCode::Hello);
    assert!(client.receive().is_none());
    // No sooner: whoever is slow gets its time. That it comes at all is told by the answer.
    let waited = connected.elapsed();
    assert!(waited > Duration::from_secs(4), "{waited:?}");
}

#[test]
fn a_client_of_another_version_is_told_both_and_let_go() {
    let (_pods, pod) = Pods::one("{}");
    let versions = |newest: u32, oldest: u32| {
        let mut client = pod.open();
        let params = json!({ "protocol": newest, "min_protocol": oldest, "role": "command", "client": "test" });
        client.send("hello", &params);
        client
    };
    let mut future = versions(99, 99);
    let (_, error) = future.receive_error();
    assert_eq!(error.code, ErrorCode::Version);
    assert!(
        error.message.contains("99") && error.message.contains('1'),
        "{error}"
    );
    assert!(future.receive().is_none());

    let mut both = versions(99, 1);
    assert_eq!(both.receive().unwrap().result.unwrap()["protocol"], 1);
    both.ping();
}

#[test]
fn a_second_hello_is_refused_and_the_connection_goes_on() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.connect();
    let error = client.greet("another", None).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    client.ping();
}

#[test]
fn a_pod_has_the_methods_that_its_hello_names_and_no_other() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.open();
    let params = json!({ "protocol": 1, "min_protocol": 1, "role": "command", "client": "test" });
    let id = client.send("hello", &params);
    let hello = client.answer_to(id).unwrap();
    let named: HelloResult = serde_json::from_value(hello).unwrap();
    // With a parameter that fits none, a method that there is changes nothing.
    let there = Call::NAMES.iter().copied().filter(|method| {
        let id = client.send(method, &json!([]));
        client.answer_to(id).unwrap_err().code != ErrorCode::MethodNotFound
    });
    let there: BTreeSet<&str> = there.collect();
    assert_eq!(
        there,
        named.capabilities.iter().map(String::as_str).collect()
    );
}

#[test]
fn hello_tells_what_the_pod_does() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let hello = pod.open().greet("test", None).unwrap();
    let status = hello.status.unwrap();
    assert_eq!(status.screen, "ready");
    assert!(
        matches!(status.agent, AgentPhase::Running { .. }),
        "{status:?}"
    );
}

#[test]
fn a_connection_for_requests_cannot_turn_into_an_attach_stream() {
    let (_pods, pod) = Pods::one("{}");
    let mut client = pod.open();
    let params = json!({ "protocol": 1, "min_protocol": 1, "role": "command", "client": "test" });
    let id = client.send("hello", &params);
    client.answer_to(id).unwrap();
    let id = client.send("attach", &json!({ "role": "viewer" }));
    assert_eq!(
        client.answer_to(id).unwrap_err().code,
        ErrorCode::InvalidRequest
    );
    client.ping();
}

#[test]
fn a_forged_credential_is_refused_and_never_taken_for_the_operator() {
    let (_pods, pod) = Pods::one("{}");
    let genuine = pod.credential();
    let forged = |pod: PodId, secret: String| Credential { pod, secret };
    for credential in [
        forged(pod.id, "0".repeat(64)),
        forged(pod.id, String::new()),
        forged(pod.id, genuine.secret[1..].to_owned()),
        forged(PodId::generate(), genuine.secret),
    ] {
        let mut client = pod.open();
        let error = client.greet("forger", Some(credential)).unwrap_err();
        assert_eq!(error.code, ErrorCode::Forbidden);
        assert!(client.receive().is_none());
    }
}

#[test]
fn who_shows_a_pods_credential_is_that_pod_and_has_its_rights() {
    let mut pods = Pods::new();
    let a = pods.start("a", "{}");
    let b = pods.start("b", r#"{"never_ready": true}"#);
    a.settled();
    let mut client = a.open();
    client.greet("b's agent", Some(b.credential())).unwrap();

    let message = NewMessage::new("the build is green");
    let id = message.id;
    client.call::<Notify>(MessageParams { message }).unwrap();
    client.until(id, Outcome::Submitted);
    assert_eq!(
        pods.received("a", Kind::Submit),
        ["[fern:b -> fern:a] the build is green"]
    );

    // A fleet mate may notify; only the lead may give orders.
    let refused = client.run(NewMessage::new("stop that")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

#[test]
fn a_credential_ends_with_its_pod() {
    let mut pods = Pods::new();
    let a = pods.start("a", "{}");
    let b = pods.start("b", "{}");
    let credential = b.credential();
    b.connect()
        .call::<Shutdown>(ShutdownParams::default())
        .unwrap();
    until(|| {
        if b.files.credential.exists() {
            Err("it is there".to_owned())
        } else {
            Ok(())
        }
    });
    let error = a.open().greet("late", Some(credential)).unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
}

#[test]
fn socket_and_credential_are_their_users_alone() {
    let (pods, pod) = Pods::one("{}");
    assert_eq!(mode(&pods.world.path("run")), 0o700);
    assert_eq!(mode(&pod.files.socket), 0o600);
    assert_eq!(mode(&pod.files.credential), 0o600);
}

#[test]
fn shutdown_is_answered_when_the_agent_is_gone_and_leaves_no_files() {
    let (_pods, pod) = Pods::one(r#"{"ignore_sigterm": true}"#);
    let status = pod.settled();
    let AgentPhase::Running { pid, .. } = status.agent else {
        panic!("{status:?}");
    };
    let mut client = pod.connect();
    client.call::<Shutdown>(ShutdownParams::default()).unwrap();
    assert!(is_gone(pid));
    assert!(client.receive().is_none());
    until(|| {
        if is_gone(pod.pid) {
            Ok(())
        } else {
            Err("it runs".to_owned())
        }
    });
    for file in [
        &pod.files.socket,
        &pod.files.credential,
        &pod.files.heartbeat,
    ] {
        assert!(!file.exists(), "{}", file.display());
    }
}
