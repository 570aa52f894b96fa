//! The connector alone, on a real homeserver.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use podfleet_connectors::conformance::{self, Rig};
use podfleet_connectors::{
    ConnectorConfig, ConnectorErrorKind, ConnectorRegistry, Environment, InboundStream,
    OrchestratorConnector, OutboundMessage,
};
use podfleet_tests::require;
use serde_json::json;

use super::homeserver::Homeserver;
use super::human::{Human, full};

/// A room that Ada is in, and to which the fleet is invited.
struct Room {
    ada: Human,
    homeserver: Homeserver,
    token: String,
    room: String,
}

impl Room {
    fn new() -> Option<Self> {
        let homeserver = Homeserver::start(require::synapse()?, &["ada", "fleet"]);
        let mut ada = Human::log_in(&homeserver, "ada");
        let token = ada.token_of("fleet");
        let room = ada.make_room(&["fleet"]);
        Some(Self {
            ada,
            homeserver,
            token,
            room,
        })
    }

    fn connector_to(&self, room: &str) -> Arc<dyn OrchestratorConnector> {
        let settings = json!({
            "homeserver_url": self.homeserver.url(), "user_id": full("fleet"), "room_id": room,
        });
        let config = json!({"kind": "matrix", "settings": settings});
        let config: ConnectorConfig = serde_json::from_value(config).unwrap();
        let env: Environment = [("MATRIX_ACCESS_TOKEN", &self.token)].into_iter().collect();
        ConnectorRegistry::shipped().create(&config, &env).unwrap()
    }
}

#[async_trait]
impl Rig for Room {
    fn connector(&self) -> Arc<dyn OrchestratorConnector> {
        self.connector_to(&self.room)
    }

    async fn say(&mut self, text: &str, thread: Option<&str>) -> String {
        match thread {
            Some(thread) => self.ada.say_in(thread, text),
            None => self.ada.say(text),
        }
    }

    async fn heard(&mut self) -> Vec<String> {
        let said = self.ada.said_by("fleet").into_iter();
        said.map(|event| event.body().to_owned()).collect()
    }
}

#[tokio::test]
async fn matrix_conforms_on_a_real_homeserver() {
    let Some(mut room) = Room::new() else { return };
    // The invitation is still open.
    conformance::run(&mut room).await;
}

async fn texts(stream: &mut InboundStream, wanted: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < wanted {
        let batch = stream.next().await.unwrap().unwrap();
        texts.extend(batch.messages.into_iter().map(|message| message.text));
    }
    texts
}

#[tokio::test]
async fn what_was_said_during_a_long_absence_comes_whole_and_in_order() {
    let Some(mut room) = Room::new() else { return };
    let mut stream = room.connector().subscribe(None).await.unwrap();
    let cursor = stream.next().await.unwrap().unwrap().cursor;
    drop(stream);
    // More than a poll brings, and more than a page.
    let said: Vec<String> = (0..700).map(|number| format!("message {number}")).collect();
    room.ada.order(&json!({"do": "say_many", "texts": said}));
    let mut stream = room.connector().subscribe(Some(&cursor)).await.unwrap();
    assert_eq!(texts(&mut stream, said.len()).await, said);
}

#[tokio::test]
async fn an_invitation_is_taken_only_to_the_configured_room_which_may_be_an_alias() {
    let Some(mut room) = Room::new() else { return };
    let other = room.room.clone();
    let order = json!({"do": "make_room", "invite": [full("fleet")], "alias": "war-room"});
    room.ada.order(&order);
    let connector = room.connector_to("#war-room:localhost");
    assert!(
        connector.health().await.is_good(),
        "an invitation is enough"
    );
    let mut stream = connector.subscribe(None).await.unwrap();
    stream.next().await.unwrap().unwrap();
    room.ada.say("by its alias");
    assert_eq!(texts(&mut stream, 1).await, ["by its alias"]);
    let health = room.connector_to(&other).health().await;
    assert!(
        health.is_good(),
        "the other invitation is still open: {health:?}"
    );
    let members = room.ada.order(&json!({"do": "members", "room": other}));
    assert_eq!(members["members"], json!([full("ada")]));
}

#[tokio::test]
async fn rooms_that_cannot_be_used_are_refused_with_the_reason() {
    let Some(mut room) = Room::new() else { return };
    let order = json!({"do": "make_room", "invite": [full("fleet")], "encrypted": true});
    let encrypted = room.ada.order(&order)["room"].clone();
    let encrypted = room.connector_to(encrypted.as_str().unwrap());
    let refused = encrypted.subscribe(None).await.err().unwrap();
    assert_eq!(refused.kind(), ConnectorErrorKind::Protocol);
    let detail = encrypted.health().await.detail.unwrap();
    assert!(detail.contains("the room is encrypted"), "{detail}");

    let private = room.ada.make_room(&[]);
    let private = room.connector_to(&private);
    let refused = private.subscribe(None).await.err().unwrap();
    assert_eq!(refused.kind(), ConnectorErrorKind::Forbidden);
    let health = private.health().await;
    assert!(health.authenticated && health.detail.unwrap().contains("is not in !"));

    let nowhere = room.connector_to("#nowhere:localhost");
    let refused = nowhere.subscribe(None).await.err().unwrap();
    assert_eq!(refused.kind(), ConnectorErrorKind::NotFound);
}

#[tokio::test]
async fn an_alias_leads_on_to_the_room_that_replaces_another() {
    let Some(mut room) = Room::new() else { return };
    let order = json!({"do": "make_room", "invite": [full("fleet")], "alias": "war-room"});
    let first = room.ada.order(&order)["room"].clone();
    let by_alias = room.connector_to("#war-room:localhost");
    let mut stream = by_alias.subscribe(None).await.unwrap();
    stream.next().await.unwrap().unwrap();
    room.ada.say("in the old room");
    assert_eq!(texts(&mut stream, 1).await, ["in the old room"]);
    // There is no way in yet.
    let new = room.ada.order(&json!({"do": "upgrade", "invite": []}));
    room.ada.say("in the new room");
    let waiting = stream.next().await.unwrap().unwrap_err();
    assert_eq!(waiting.kind(), ConnectorErrorKind::Unreachable);
    let order = json!({"do": "invite", "user": full("fleet")});
    room.ada.order(&order);
    room.ada.say("come in");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text| text != "come in") {
        if let Ok(batch) = stream.next().await.unwrap() {
            heard.extend(batch.messages.into_iter().map(|message| message.text));
        }
    }
    assert_eq!(heard, ["in the new room", "come in"]);
    let answer = OutboundMessage::new("key", "there we are");
    by_alias.send(answer).await.unwrap();
    let answers = room.ada.said_by("fleet");
    assert_eq!(answers.last().unwrap().body(), "there we are");

    // Who named it by its id is told where it went.
    let by_id = room.connector_to(first.as_str().unwrap());
    let detail = by_id.health().await.detail.unwrap();
    let told = format!("was replaced by {}", new["room"].as_str().unwrap());
    assert!(detail.contains(&told), "{detail}");
    let refused = by_id.subscribe(None).await.err().unwrap();
    assert_eq!(refused.kind(), ConnectorErrorKind::NotFound);
}

#[tokio::test]
async fn who_is_thrown_out_of_the_room_stops_listening() {
    let Some(mut room) = Room::new() else { return };
    let mut stream = room.connector().subscribe(None).await.unwrap();
    stream.next().await.unwrap().unwrap();
    room.ada
        .order(&json!({"do": "kick", "user": full("fleet")}));
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ConnectorErrorKind::Forbidden);
    assert!(stream.next().await.is_none());
}
