//! Clients and pods of different builds, over a socket.

use serde_json::json;
use tokio::net::UnixListener;

use super::*;
use crate::message::NewMessage;
use crate::method::{MessageParams, Notify, Ping, Resume, Status, StatusParams};
use crate::rpc::ErrorCode;
use crate::server::{Received, Receiver};

/// The methods of a pod that is so old that it has only two.
const OLD: Receiver = Receiver::new(&[Hello::NAME, Ping::NAME]);

/// A pod that takes up one connection; its answer to hello says that it speaks `answered`, or else
/// what is common.
struct OtherPod {
    _directory: tempfile::TempDir,
    socket: PathBuf,
}

impl OtherPod {
    fn speaking(versions: Versions, answered: Option<u32>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("sock");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, OLD.speaking(versions), answered).await;
        });
        Self {
            _directory: directory,
            socket,
        }
    }

    async fn connect(&self, versions: Versions) -> Result<PodClient, ClientError> {
        let who = Introduction {
            client: "the test".to_owned(),
            credential: None,
        };
        let role = ConnectionRole::Command;
        PodClient::open_speaking(versions, &self.socket, &who, role).await
    }
}

async fn serve(stream: UnixStream, receiver: Receiver, answered: Option<u32>) {
    let mut lines = Framed::new(stream, LineCodec::new());
    let first = lines.next().await.unwrap();
    let greeting = match receiver.greet(first) {
        Ok(greeting) => greeting,
        Err(refusal) => return lines.send(&refusal.unwrap()).await.unwrap(),
    };
    let hello = json!({
        "protocol": answered.unwrap_or(greeting.protocol), "generation": 3, "build": "0.0.9",
        "pod": "0197a5c2-6b1e-7c3a-9f4e-2d8b5a1c7e90", "name": "coder",
        "capabilities": receiver.methods(),
    });
    let greeted = Response::success(greeting.id, hello);
    lines.send(&greeted).await.unwrap();
    while let Some(line) = lines.next().await {
        let response = match receiver.receive(line, 0) {
            Received::Call(id, _) => Response::success(id, json!({})),
            Received::Fault(response) => *response,
            Received::Broken(_) => return,
        };
        lines.send(&response).await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_client_and_an_older_pod_speak_the_older_version_and_so_the_other_way_round() {
    let (old, both) = (Versions::new(1, 1), Versions::new(1, 2));
    for (pod, client, spoken) in [(old, both, 1), (both, old, 1), (both, both, 2)] {
        let pod = OtherPod::speaking(pod, None);
        let mut client = pod.connect(client).await.unwrap();
        assert_eq!(client.hello().protocol, spoken);
        client.call::<Ping>(Default::default()).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_common_version_the_client_is_told_those_of_the_pod() {
    for (pod, client) in [(1, 2), (2, 1)] {
        let one = |version| Versions::new(version, version);
        let refused = OtherPod::speaking(one(pod), None)
            .connect(one(client))
            .await;
        let refused = refused.unwrap_err();
        let answer = refused.answer().unwrap();
        assert_eq!(answer.code, ErrorCode::Version);
        let said =
            format!("the pod speaks version {pod} of the protocol, the client version {client}");
        assert_eq!(answer.message, said);
    }
}

#[tokio::test]
async fn a_pod_that_answers_in_a_version_that_it_was_not_offered_is_not_spoken_to() {
    let pod = OtherPod::speaking(Versions::OURS, Some(7));
    let refused = pod.connect(Versions::OURS).await.unwrap_err();
    assert!(
        matches!(refused.kind(), ClientErrorKind::Version(7)),
        "{refused}"
    );
}

#[tokio::test]
async fn a_request_that_is_too_long_fails_at_once_and_the_connection_goes_on() {
    let pod = OtherPod::speaking(Versions::OURS, None);
    let mut client = pod.connect(Versions::OURS).await.unwrap();
    let message = NewMessage::new("x".repeat(MAX_LINE));
    let refused = client.call::<Notify>(MessageParams { message }).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused.kind(), ClientErrorKind::TooLong),
        "{refused}"
    );
    client.call::<Ping>(Default::default()).await.unwrap();
}

#[tokio::test]
async fn a_method_that_an_older_pod_has_not_is_refused_by_name_and_the_connection_goes_on() {
    let pod = OtherPod::speaking(Versions::OURS, None);
    let mut client = pod.connect(Versions::OURS).await.unwrap();
    let named = client.hello().capabilities.clone();
    assert_eq!(named, [Hello::NAME, Ping::NAME]);
    let status = client
        .call::<Status>(StatusParams::default())
        .await
        .unwrap_err();
    let resume = client.call::<Resume>(Default::default()).await.unwrap_err();
    for refused in [status, resume] {
        let code = refused.answer().map(|answer| answer.code);
        assert_eq!(code, Some(ErrorCode::MethodNotFound));
    }
    client.call::<Ping>(Default::default()).await.unwrap();
}
