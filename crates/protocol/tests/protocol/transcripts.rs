//! The examples in `tests/transcripts`: each is read into typed values, printed back to the same
//! JSON, and fits the schema.
//!
//! A file is one connection. A line of it is `{"client": …}` or `{"server": …}` with a line of the
//! protocol, or `{"client_text": "…"}` with a text that is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use podfleet_protocol::Receipt;
use podfleet_protocol::event::Push;
use podfleet_protocol::method::{self, Call, Method};
use podfleet_protocol::rpc::{
    ErrorCode, Incoming, Notification, Request, RequestId, Response, RpcError,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema::validator;

/// One line of a transcript, and where it stands.
struct Line {
    place: String,
    side: String,
    value: Value,
}

fn transcripts() -> Vec<Vec<Line>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Line> {
    assert_eq!(
        file.extension(),
        Some("jsonl".as_ref()),
        "{}",
        file.display()
    );
    let name = file.file_name().unwrap().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .zip(1..)
        .map(|(line, number)| {
            let object: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
            let (side, value) = object.into_iter().next().unwrap();
            Line {
                place: format!("{name}:{number}"),
                side,
                value,
            }
        })
        .collect()
}

/// Reads a value and checks that it is printed back as it was.
#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned>(value: &Value, place: &str) -> T {
    let typed: T =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(serde_json::to_value(&typed).unwrap(), *value, "{place}");
    typed
}

#[track_caller]
fn fits(part: &str, value: &Value, place: &str) {
    if let Err(error) = validator(part).validate(value) {
        panic!("{place}: {error}");
    }
}

/// Reads the parameters or the result of a method as its types say.
fn typed(name: &str, part: &str, value: &Value, place: &str) {
    fn both<M: Method>(part: &str, value: &Value, place: &str) {
        match part {
            "params" => drop(round_trip::<M::Params>(value, place)),
            _ => drop(round_trip::<M::Result>(value, place)),
        }
    }
    macro_rules! by_name {
        ($($method:ident),* $(,)?) => {
            match name {
                $(method::$method::NAME => both::<method::$method>,)*
                _ => panic!("{place}: add `{name}` to this test"),
            }
        };
    }
    let read = by_name!(
        GetDialog,
        Answer,
        Reset,
        Report,
        Hello,
        Ping,
        Refresh,
        Status,
        Subscribe,
        RunMessage,
        Notify,
        GetReceipt,
        Inbox,
        Cancel,
        Pause,
        Drain,
        Resume,
        Interrupt,
        ListPods,
        Inspect,
        RestorePod,
        SpawnPod,
        SendToPod,
        ReadPodOutput,
        StopPod,
        RegisterPeer,
        UnregisterPeer,
        SendToPeer,
        ReadLog,
        GetScreen,
        Scrollback,
        Resize,
        Attach,
        Shutdown,
    );
    read(part, value, place);
    fits(&format!("/methods/{name}/{part}"), value, place);
}

/// Reads a notification as its types say.
fn pushed(value: &Value, place: &str) {
    let Notification { method, params, .. } = round_trip(value, place);
    fits(&format!("/notifications/{method}/params"), &params, place);
    let line = serde_json::to_vec(value).unwrap();
    match Incoming::parse(&line).unwrap() {
        Incoming::Push(Push::Event(event)) => {
            assert_eq!(event.cursor.number(), event.number, "{place}");
            assert_eq!(serde_json::to_value(event).unwrap(), params, "{place}");
        }
        Incoming::Push(Push::Lagged(lagged)) => {
            assert_eq!(serde_json::to_value(lagged).unwrap(), params, "{place}");
        }
        other => panic!("{place}: {other:?}"),
    }
}

#[test]
fn every_line_is_read_printed_back_and_fits_the_schema() {
    for transcript in transcripts() {
        let mut asked: BTreeMap<String, String> = BTreeMap::new();
        for Line { place, side, value } in &transcript {
            match side.as_str() {
                "client" => {
                    fits("", value, place);
                    let request: Request = round_trip(value, place);
                    asked.insert(key(&request.id), request.method.clone());
                    if Call::parse(&request.method, request.params.clone()).is_ok()
                        && !request.params.is_null()
                    {
                        typed(&request.method, "params", &request.params, place);
                    }
                }
                "server" if value.get("method").is_some() => {
                    fits("", value, place);
                    pushed(value, place);
                }
                "server" => {
                    fits("", value, place);
                    let response: Response = round_trip(value, place);
                    assert_ne!(
                        response.result.is_some(),
                        response.error.is_some(),
                        "{place}"
                    );
                    if let Some(error) = response.error
                        && let Some(data) = &error.data
                    {
                        match error.code {
                            ErrorCode::TooLate => {
                                fits("/error_data/too_late", data, place);
                                drop(round_trip::<Receipt>(data, place));
                            }
                            _ => {
                                fits("/error_data/start_failed", data, place);
                                drop(round_trip::<method::StartFailure>(data, place));
                            }
                        }
                    }
                    if let Some(result) = response.result {
                        let id = response.id.unwrap();
                        let method = asked.get(&key(&id)).expect("an answer without a request");
                        typed(method, "result", &result, place);
                    }
                }
                "client_text" => assert!(value.is_string(), "{place}"),
                other => panic!("{place}: `{other}` is no side of a connection"),
            }
        }
    }
}

#[test]
fn a_fault_that_reading_finds_is_answered_as_the_examples_say() {
    let mut checked = 0;
    for transcript in transcripts() {
        for pair in transcript.windows(2) {
            let line = match pair[0].side.as_str() {
                "client" => pair[0].value.to_string(),
                "client_text" => pair[0].value.as_str().unwrap().to_owned(),
                _ => continue,
            };
            let Some(fault) = fault(line.as_bytes()) else {
                assert_eq!(pair[0].side, "client", "{}: no fault", pair[0].place);
                continue;
            };
            let answer: Response = round_trip(&pair[1].value, &pair[1].place);
            assert_eq!(answer, fault, "{}", pair[1].place);
            checked += 1;
        }
    }
    assert!(checked >= 7, "only {checked} faults were found");
}

fn fault(line: &[u8]) -> Option<Response> {
    match Request::parse(line) {
        Err(response) => Some(*response),
        Ok(request) => Call::parse(&request.method, request.params)
            .err()
            .map(|error| Response::failure(Some(request.id), error)),
    }
}

#[test]
fn every_method_every_event_and_every_error_has_an_example() {
    let (mut succeeded, mut failed) = (BTreeSet::new(), BTreeSet::new());
    let mut happened = BTreeSet::new();
    for transcript in transcripts() {
        let mut asked = BTreeMap::new();
        for Line { side, value, .. } in transcript {
            let id = value["id"].to_string();
            match side.as_str() {
                "client" => drop(asked.insert(id, value["method"].as_str().unwrap().to_owned())),
                "server" if value.get("method").is_some() => {
                    if let Some(kind) = value["params"]["event"]["type"].as_str() {
                        happened.insert(kind.to_owned());
                    }
                }
                "server" if value.get("result").is_some() => {
                    succeeded.insert(asked[&id].clone());
                }
                "server" => {
                    let error: RpcError = serde_json::from_value(value["error"].clone()).unwrap();
                    assert!(!matches!(error.code, ErrorCode::Other(_)), "{value}");
                    failed.insert(error.code.number());
                }
                _ => {}
            }
        }
    }
    let methods: BTreeSet<String> = Call::NAMES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(succeeded, methods);
    let schema = podfleet_protocol::json_schema();
    let types = schema["$defs"]["Event"]["oneOf"].as_array().unwrap();
    let types = types
        .iter()
        .map(|variant| variant["properties"]["type"]["const"].as_str().unwrap());
    assert_eq!(
        happened,
        types
            .filter(|kind| *kind != "other")
            .map(str::to_owned)
            .collect()
    );
    let codes = schema["$defs"]["ErrorCode"]["examples"].as_array().unwrap();
    assert_eq!(
        failed,
        codes.iter().map(|code| code.as_i64().unwrap()).collect()
    );
}

fn key(id: &RequestId) -> String {
    serde_json::to_string(id).unwrap()
}
