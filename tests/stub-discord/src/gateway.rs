//! The gateway.

use axum::extract::State as Of;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::state::{BOT, Push, Session, State};
use crate::{Shared, locked};

/// How often clients have to give a sign of life, in milliseconds.
const HEARTBEAT: u64 = 5_000;
/// What a bot needs so that it hears what people write.
const MESSAGE_CONTENT: u64 = 1 << 15;

/// Close codes of Discord.
const WRONG_TOKEN: u16 = 4004;
const DISALLOWED_INTENTS: u16 = 4014;

pub(crate) async fn connect(Of(state): Of<Shared>, upgrade: WebSocketUpgrade) -> Response {
    if locked(&state).gateway_closed {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(|socket| async move {
        let open = Open::count(&state);
        // Whoever goes away in mid-word is nobody's fault.
        let _ = attend(socket, &state).await;
        drop(open);
    })
}

/// A connection that is counted, until it ends or is killed.
struct Open(Shared);

impl Open {
    fn count(state: &Shared) -> Self {
        locked(state).connections += 1;
        Self(Shared::clone(state))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        locked(&self.0).connections -= 1;
    }
}

/// What a client is answered.
enum Answer {
    Say(Vec<Value>),
    Close(u16),
}

async fn attend(mut socket: WebSocket, state: &Shared) -> Result<(), axum::Error> {
    let (connection, mut pushed) = mpsc::unbounded_channel();
    let hello = json!({ "op": 10, "d": { "heartbeat_interval": HEARTBEAT } });
    say(&mut socket, &hello).await?;
    loop {
        tokio::select! {
            received = socket.recv() => {
                let Some(received) = received else { return Ok(()) };
                let Message::Text(text) = received? else { continue };
                let Ok(request) = serde_json::from_str(&text) else { continue };
                let answer = answer(&mut locked(state), &request, &connection);
                match answer {
                    Answer::Say(lines) => for line in lines {
                        say(&mut socket, &line).await?;
                    },
                    Answer::Close(code) => return close(&mut socket, code).await,
                }
            }
            Some(push) = pushed.recv() => match push {
                Push::Event(event) => say(&mut socket, &event).await?,
                Push::Reconnect => say(&mut socket, &json!({ "op": 7, "d": null })).await?,
                Push::Close(code) => return close(&mut socket, code).await,
                Push::Break => return Ok(()),
            },
        }
    }
}

async fn say(socket: &mut WebSocket, line: &Value) -> Result<(), axum::Error> {
    socket.send(Message::Text(line.to_string().into())).await
}

async fn close(socket: &mut WebSocket, code: u16) -> Result<(), axum::Error> {
    let reason = "as it was told to".into();
    socket
        .send(Message::Close(Some(CloseFrame { code, reason })))
        .await
}

fn answer(state: &mut State, request: &Value, connection: &mpsc::UnboundedSender<Push>) -> Answer {
    let data = &request["d"];
    match request["op"].as_u64() {
        Some(1) => Answer::Say(vec![json!({ "op": 11 })]),
        Some(2) => identify(state, data, connection),
        Some(6) => resume(state, data, connection),
        _ => Answer::Say(Vec::new()),
    }
}

fn knows(state: &State, data: &Value) -> bool {
    data["token"] == format!("Bot {}", state.token)
}

fn identify(state: &mut State, data: &Value, connection: &mpsc::UnboundedSender<Push>) -> Answer {
    if !knows(state, data) {
        return Answer::Close(WRONG_TOKEN);
    }
    let wants_content = data["intents"].as_u64().unwrap_or(0) & MESSAGE_CONTENT != 0;
    if wants_content && !state.content_allowed {
        return Answer::Close(DISALLOWED_INTENTS);
    }
    state.begun += 1;
    let id = format!("session-{}", state.begun);
    let mut session = Session {
        connection: Some(connection.clone()),
        ..Session::default()
    };
    let ready = session.event(
        "READY",
        &json!({
            "v": 10,
            "session_id": id,
            "resume_gateway_url": format!("ws://{}", state.address),
            "user": { "id": BOT.to_string(), "username": "fleet", "bot": true },
        }),
    );
    state.sessions.insert(id, session);
    Answer::Say(vec![ready])
}

fn resume(state: &mut State, data: &Value, connection: &mpsc::UnboundedSender<Push>) -> Answer {
    if !knows(state, data) {
        return Answer::Close(WRONG_TOKEN);
    }
    let id = data["session_id"].as_str().unwrap_or_default();
    let Some(session) = state.sessions.get_mut(id) else {
        return Answer::Say(vec![json!({ "op": 9, "d": false })]);
    };
    let heard = usize::try_from(data["seq"].as_u64().unwrap_or(0)).unwrap();
    let mut lines: Vec<_> = session.events.iter().skip(heard).cloned().collect();
    lines.push(session.event("RESUMED", &Value::Null));
    session.connection = Some(connection.clone());
    state.resumed += 1;
    Answer::Say(lines)
}
