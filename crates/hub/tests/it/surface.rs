//! The HTTP surface: who may, what is refused, and how.

use std::time::Duration;

use axum::body::Body;
use podfleet_hub::client::{ClientError, HubClient, Way};
use podfleet_hub::contained::Precondition;
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::host::Protection;
use podfleet_hub::op::{
    EndpointList, FsStat, HubInfo, MountAdd, MountAddParams, MountList, MountListParams,
    PathParams, Place, PtySpawn, PtySpawnParams,
};
use podfleet_hub::path::MountPath;
use podfleet_hub::secret::Secret;
use podfleet_hub::token::Scope;
use podfleet_protocol::Size;
use podfleet_protocol::method::Nothing;
use serde_json::{Value, json};

use crate::world::{PATIENCE, TestHub, raw};

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Fault {
    match result {
        Err(ClientError::Answer(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn mounted(hub: &TestHub, name: &str) -> Place {
    let params = MountAddParams {
        mount: name.parse().unwrap(),
        endpoint: "local".parse().unwrap(),
        root: hub.files().to_str().unwrap().to_owned(),
        unchecked: false,
    };
    hub.owner().call::<MountAdd>(params).await.unwrap();
    Place::Mount(name.parse().unwrap())
}

#[tokio::test]
async fn the_owners_socket_needs_no_token_and_the_network_does() {
    let hub = TestHub::new().await;
    hub.owner().call::<HubInfo>(Nothing {}).await.unwrap();
    let nobody = HubClient::new(hub.way(), None);
    assert_eq!(
        refused(nobody.call::<HubInfo>(Nothing {}).await).code,
        Code::AuthRequired
    );
    let wrong = hub.client(Secret::new("flt_0123456789abcdef0123456789abcdef_x"));
    assert_eq!(
        refused(wrong.call::<HubInfo>(Nothing {}).await).code,
        Code::AuthRequired
    );
    let known = hub.client(hub.token("ci", &[Scope::Observe]));
    known.call::<HubInfo>(Nothing {}).await.unwrap();
    hub.running().hub().topology().revoke_token("ci").unwrap();
    assert_eq!(
        refused(known.call::<HubInfo>(Nothing {}).await).code,
        Code::AuthRequired
    );
}

#[tokio::test]
async fn a_token_gives_its_rights_and_no_other() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    std::fs::write(hub.files().join("a"), "a").unwrap();
    let stat = || PathParams {
        place: place.clone(),
        path: "a".into(),
    };
    let looks = hub.client(hub.token("looks", &[Scope::Observe]));
    let fault = refused(looks.call::<FsStat>(stat()).await);
    assert_eq!(fault.code, Code::AuthDenied);
    assert!(fault.message.contains("files:read"), "{fault}");
    let reads = hub.client(hub.token("reads", &[Scope::FilesRead]));
    reads.call::<FsStat>(stat()).await.unwrap();
    assert_eq!(
        refused(reads.call::<MountList>(MountListParams::default()).await).code,
        Code::AuthDenied
    );
    let path = MountPath::plain("a").unwrap();
    let written = reads
        .write_file(&place, &path, &Precondition::None, Body::from("b"))
        .await;
    assert_eq!(refused(written).code, Code::AuthDenied);
    assert_eq!(std::fs::read(hub.files().join("a")).unwrap(), b"a");
}

#[tokio::test]
async fn an_expired_token_is_worth_nothing() {
    let hub = TestHub::new().await;
    let topology = hub.running().hub().topology();
    let scopes = [Scope::Observe].into_iter().collect();
    let past = podfleet_protocol::UnixMillis(1);
    let (secret, _) = topology
        .create_token("old", scopes, Some(past), past)
        .unwrap();
    let fault = refused(hub.client(secret).call::<HubInfo>(Nothing {}).await);
    assert_eq!(fault.code, Code::AuthRequired);
}

#[tokio::test]
async fn refused_tokens_are_told_to_wait_and_a_valid_one_is_not() {
    let hub = TestHub::new().await;
    let wrong = hub.client(Secret::new("flt_0123456789abcdef0123456789abcdef_x"));
    let mut last = Code::AuthRequired;
    for _ in 0..11 {
        last = refused(wrong.call::<HubInfo>(Nothing {}).await).code;
    }
    assert_eq!(last, Code::LimitExceeded);
    let right = hub.client(hub.token("right", &[Scope::Observe]));
    right.call::<HubInfo>(Nothing {}).await.unwrap();
}

#[tokio::test]
async fn pages_of_other_sites_and_names_that_are_not_ours_are_refused() {
    let hub = TestHub::new().await;
    let port = hub.address().port();
    let ask = async |headers: &str| {
        raw(
            &hub,
            &format!("GET /health HTTP/1.1\r\n{headers}connection: close\r\n\r\n"),
        )
        .await
    };
    assert!(
        ask(&format!("host: 127.0.0.1:{port}\r\n"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        ask(&format!("host: localhost:{port}\r\n"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        ask("host: evil.example\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
    assert!(ask("").await.starts_with("HTTP/1.1 400"));
    // No page has a browser show a token: whoever does may call this machine what they like.
    let by_name = ask("host: box.example:7717\r\nauthorization: Bearer any\r\n").await;
    assert!(by_name.starts_with("HTTP/1.1 200"), "{by_name}");
    let foreign = ask(&format!(
        "host: localhost:{port}\r\norigin: http://evil.example\r\n"
    ))
    .await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    let own = ask(&format!(
        "host: localhost:{port}\r\norigin: http://localhost:{port}\r\n"
    ))
    .await;
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
}

#[tokio::test]
async fn nonsense_gets_an_answer_that_says_what_is_wrong() {
    let hub = TestHub::new().await;
    let token = hub.token("all", &[Scope::Admin]).reveal_once();
    let ask = async |body: &str| {
        let head = format!(
            "POST /v1/invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = raw(&hub, &head).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head[9..12].to_owned();
        let value: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        (
            status,
            value["error"]["code"].as_str().unwrap_or("ok").to_owned(),
        )
    };
    let pair = |status: &str, code: &str| (status.to_owned(), code.to_owned());
    assert_eq!(ask("").await, pair("400", "request.invalid"));
    assert_eq!(ask("[]").await, pair("400", "request.invalid"));
    assert_eq!(ask(r#"{"op": "x"}"#).await, pair("404", "request.unknown"));
    assert_eq!(
        ask(r#"{"op": "hub.info", "more": 1}"#).await,
        pair("400", "request.invalid")
    );
    assert_eq!(
        ask(r#"{"op": "fs.stat", "params": []}"#).await,
        pair("400", "request.invalid")
    );
    assert_eq!(
        ask(r#"{"op": "fs.stat", "params": {"path": "a"}}"#).await,
        pair("400", "request.invalid")
    );
    let far = r#"{"op": "fs.stat", "params": {"place": {"mount": "no"}, "path": "a"}}"#;
    assert_eq!(ask(far).await, pair("404", "mount.not_found"));
    assert_eq!(ask(r#"{"op": "hub.info"}"#).await, pair("200", "ok"));
    let long = format!(r#"{{"op": "{}"}}"#, "x".repeat(5 << 20));
    assert_eq!(ask(&long).await, pair("413", "fs.too_large"));
}

#[tokio::test]
async fn who_shows_no_token_is_refused_before_the_body_comes() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let hub = TestHub::new().await;
    for line in ["POST /v1/invoke", "PUT /v1/files/m/a"] {
        let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
        let head =
            format!("{line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await;
        read.expect("the body is waited for").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401", "{line}");
    }
}

#[tokio::test]
async fn tls_shows_the_pinned_key_and_no_other_is_spoken_to() {
    let hub = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    let token = hub.token("t", &[Scope::Observe]);
    hub.client(token.clone())
        .call::<HubInfo>(Nothing {})
        .await
        .unwrap();
    let address = hub.address().to_string().parse().unwrap();
    assert_eq!(
        podfleet_hub::client::probe(&address).await.unwrap(),
        hub.running().standing().pin
    );
    let other = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    let way = Way::Tls(address.clone(), other.running().standing().pin);
    let wrong = HubClient::new(way, Some(token.clone()))
        .call::<HubInfo>(Nothing {})
        .await;
    let Err(ClientError::Unreachable(why, detail)) = wrong else {
        panic!("{wrong:?}")
    };
    assert_eq!(why.as_str(), "tls");
    assert!(detail.contains("not the one that is pinned"), "{detail}");
    // And never in the clear instead.
    let plain = HubClient::new(Way::Plain(address), Some(token))
        .call::<HubInfo>(Nothing {})
        .await;
    assert!(plain.is_err());
}

#[tokio::test]
async fn an_ipv6_address_is_listened_at_and_reached() {
    let hub = TestHub::listening(&[("[::1]:0", Protection::Plain)]).await;
    let client = hub.client(hub.token("t", &[Scope::Observe]));
    client.call::<EndpointList>(Nothing {}).await.unwrap();
}

#[tokio::test]
async fn health_ready_and_metrics_answer_and_count() {
    let hub = TestHub::new().await;
    let token = hub.token("m", &[Scope::Observe]).reveal_once();
    let ask = async |path: &str, token: &str| {
        raw(&hub, &format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        )).await
    };
    assert!(ask("/health", "").await.ends_with("\r\n\r\nok\n"));
    assert!(ask("/ready", "").await.ends_with("\r\n\r\nready\n"));
    hub.owner().call::<HubInfo>(Nothing {}).await.unwrap();
    let metrics = ask("/metrics", &token).await;
    assert!(
        metrics.contains(r#"fleet_hub_operations_total{op="hub.info",result="ok"} 1"#),
        "{metrics}"
    );
    let invented = r#"{"op": "files.a\nb{}\"x"}"#;
    raw(&hub, &format!(
        "POST /v1/invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{invented}", invented.len()
    )).await;
    let metrics = ask("/metrics", &token).await;
    assert!(metrics.contains(r#"op="other""#), "{metrics}");
    assert!(!metrics.contains("files.a"), "{metrics}");
    assert!(ask("/metrics", "wrong").await.starts_with("HTTP/1.1 401"));
    assert!(ask("/nothing", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    use podfleet_hub::server::{Limits, Listener, Settings, router, serve};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let hub = TestHub::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connections: 1,
        head: Duration::from_millis(300),
    };
    let end = tokio_util::sync::CancellationToken::new();
    let routes = router(hub.running().hub().clone(), Settings::default());
    let serving = tokio::spawn(serve(
        Listener::Network(listener, None),
        routes,
        limits,
        end.clone(),
    ));
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /health HT").await.unwrap();
    // The only place is taken, until the slow one is sent off.
    let mut next = tokio::net::TcpStream::connect(address).await.unwrap();
    next.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    next.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    end.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn events_tell_what_changed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let hub = TestHub::new().await;
    let token = hub.token("e", &[Scope::Observe]).reveal_once();
    let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
    let head = format!(
        "GET /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains("\r\n\r\n") {
        let count = stream.read(&mut bytes).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    mounted(&hub, "m").await;
    let reading = async {
        while !text.contains("mount.add") {
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, reading)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_command_that_no_system_could_start_is_refused_before_anything_is_made() {
    let hub = TestHub::new().await;
    let Place::Mount(mount) = mounted(&hub, "m").await else {
        panic!("it is a mount");
    };
    for command in [vec![String::new()], vec!["echo".into(), "a\0b".into()]] {
        let params = PtySpawnParams {
            mount: mount.clone(),
            cwd: String::new(),
            command,
            size: Size::default(),
            name: None,
        };
        let spawned = hub.owner().call::<PtySpawn>(params).await;
        assert_eq!(refused(spawned).code, Code::RequestInvalid);
    }
}

/// `UPDATE_SCHEMAS=1` writes the file anew.
#[test]
fn the_schema_file_of_the_surface_is_what_the_types_say() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/hub.openapi.json"
    );
    let text = format!("{:#}\n", podfleet_hub::server::document());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let file = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        file == text,
        "schemas/hub.openapi.json is stale: `make schemas` writes it anew"
    );
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(to)) = object.get("$ref") {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to}");
                }
                object.values().for_each(|value| walk(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = podfleet_hub::server::document();
    walk(&document, &document);
    assert_eq!(document["openapi"], json!("3.1.0"));
}

#[test]
fn every_property_of_the_document_is_described() {
    fn walk(at: &str, value: &Value) {
        match value {
            Value::Object(object) => {
                let fields = object.get("properties").and_then(Value::as_object);
                for (name, field) in fields.into_iter().flatten() {
                    let about = field["description"].as_str().unwrap_or_default();
                    assert!(!about.is_empty(), "{at}.{name}");
                }
                for (name, value) in object {
                    walk(&format!("{at}/{name}"), value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(at, value)),
            _ => {}
        }
    }
    walk("", &podfleet_hub::server::document());
}

#[tokio::test]
async fn a_parameter_that_a_path_does_not_have_is_refused_everywhere() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    std::fs::write(hub.files().join("a"), "a").unwrap();
    let token = hub.token("all", &[Scope::Admin]).reveal_once();
    let ask = async |method: &str, path: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        );
        raw(&hub, &request).await
    };
    let document = podfleet_hub::server::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{mount}", "m").replace("{path}", "a");
        let path = path.replace("{session}", "a");
        for method in ["get", "put", "post"] {
            let Some(described) = methods.get(method) else {
                continue;
            };
            let answer = ask(&method.to_uppercase(), &format!("{path}?surplus=1")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
            assert!(
                answer.contains("understood: surplus: unknown"),
                "{path}: {answer}"
            );
            assert!(described["responses"]["400"].is_object(), "{path}");
        }
    }
    // Where a parameter would be of no use it is not merely ignored.
    let answer = ask("GET", "/v1/files/m/a?root=/etc").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("`root` goes with the mount"), "{answer}");
}
