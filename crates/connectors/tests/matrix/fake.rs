//! A homeserver of the tests' own: a room in memory, and failures on order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use podfleet_connectors::conformance::{self, Rig};
use podfleet_connectors::{
    ConnectorConfig, ConnectorRegistry, Environment, InboundStream, OrchestratorConnector,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

pub(crate) const TOKEN: &str = "syt_the_secret_token";
pub(crate) const FLEET: &str = "@fleet:fake";
pub(crate) const ADA: &str = "@ada:fake";
const ROOM: &str = "!room:fake";

/// What stands in for an answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Status(u16, Value),
    /// The request is carried out, and its answer is this.
    After(u16, Value),
    Garbage,
    Hang,
}

/// What the server holds.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) events: Vec<Value>,
    /// Transaction ids with the events that they made.
    transactions: Vec<(String, String)>,
    failures: VecDeque<(&'static str, Failure)>,
    /// At most so many events come by one sync; the rest is a gap.
    pub(crate) limit: Option<usize>,
    /// Transaction ids are forgotten, as a server does after a while.
    pub(crate) forgetful: bool,
    pub(crate) membership: &'static str,
    /// The room that took this one's place.
    pub(crate) successor: Option<&'static str>,
    /// Requests, by the last part of their paths that is a word.
    pub(crate) asked: Vec<String>,
    pub(crate) token: &'static str,
}

#[derive(Default)]
pub(crate) struct Server {
    room: Mutex<Room>,
    new: Notify,
}

pub(crate) struct Fake {
    server: Arc<Server>,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = State<Arc<Server>>;

impl Fake {
    pub(crate) async fn start() -> Self {
        let server = Arc::new(Server::default());
        server.room().membership = "join";
        server.room().token = TOKEN;
        let router = Router::new()
            .route("/_matrix/client/v3/account/whoami", get(whoami))
            .route("/_matrix/client/v3/join/{room}", post(join))
            .route("/_matrix/client/v3/rooms/{room}/state/{*of}", get(state))
            .route("/_matrix/client/v3/rooms/{room}/event/{id}", get(event))
            .route("/_matrix/client/v3/rooms/{room}/messages", get(messages))
            .route(
                "/_matrix/client/v3/rooms/{room}/send/{kind}/{id}",
                put(send),
            )
            .route("/_matrix/client/v3/sync", get(sync))
            .route("/_matrix/media/v3/upload", post(upload))
            .layer(middleware::from_fn_with_state(Arc::clone(&server), gate))
            .route("/_matrix/client/versions", get(versions))
            .with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { server, url, task }
    }

    pub(crate) fn room(&self) -> MutexGuard<'_, Room> {
        self.server.room()
    }

    /// Has the next request of this kind fail.
    pub(crate) fn fail(&self, on: &'static str, failure: Failure) {
        self.room().failures.push_back((on, failure));
    }

    pub(crate) fn say_as(&self, sender: &str, content: &Value) -> String {
        self.server.add(sender, content)
    }

    pub(crate) fn connector_of(&self, user: &str) -> Arc<dyn OrchestratorConnector> {
        let config = json!({
            "kind": "matrix",
            "settings": {
                "homeserver_url": self.url, "user_id": user, "room_id": ROOM, "poll_ms": 2000,
            },
        });
        let config: ConnectorConfig = serde_json::from_value(config).unwrap();
        let env: Environment = [("MATRIX_ACCESS_TOKEN", TOKEN)].into_iter().collect();
        ConnectorRegistry::shipped().create(&config, &env).unwrap()
    }

    /// Begins to listen, and returns when whatever is said from now on will come.
    pub(crate) async fn listen(&self) -> InboundStream {
        use futures_util::StreamExt as _;
        let mut stream = self.connector().subscribe(None).await.unwrap();
        stream.next().await.unwrap().unwrap();
        stream
    }
}

impl Fake {
    /// Another room takes the place of this one.
    pub(crate) fn upgrade(&self) {
        self.room().successor = Some("!new:fake");
        let content = json!({"body": "", "replacement_room": "!new:fake"});
        self.server.add_event(json!({
            "type": "m.room.tombstone", "state_key": "", "sender": ADA, "content": content,
        }));
    }
}

impl Server {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap()
    }

    fn add(&self, sender: &str, content: &Value) -> String {
        self.add_event(json!({
            "type": "m.room.message", "sender": sender, "content": content,
        }))
    }

    fn add_event(&self, mut event: Value) -> String {
        let mut room = self.room();
        let id = format!("$event{}", room.events.len());
        event["event_id"] = id.clone().into();
        event["origin_server_ts"] = 1.into();
        room.events.push(event);
        self.new.notify_waiters();
        id
    }
}

/// Checks the token, and carries out the failure that is due for this request.
async fn gate(State(server): Shared, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let words = [
        "whoami", "join", "state", "event", "messages", "send", "sync", "upload",
    ];
    let on = words
        .into_iter()
        .find(|word| path.contains(&format!("/{word}")));
    let on = on.unwrap_or_default();
    let given = request.headers().get("authorization").cloned();
    let due = {
        let mut room = server.room();
        room.asked.push(on.to_owned());
        let expected = format!("Bearer {}", room.token);
        if given.is_none_or(|given| given != expected.as_str()) {
            // A server that is careless with what it repeats.
            let error = format!("{TOKEN} is not known");
            return refuse(401, &json!({"errcode": "M_UNKNOWN_TOKEN", "error": error}));
        }
        let due = room.failures.front().is_some_and(|(path, _)| *path == on);
        due.then(|| room.failures.pop_front()).flatten()
    };
    match due {
        None => next.run(request).await,
        Some((_, Failure::Status(status, body))) => refuse(status, &body),
        Some((_, Failure::After(status, body))) => {
            next.run(request).await;
            refuse(status, &body)
        }
        Some((_, Failure::Garbage)) => "{\"next_batch\": ".into_response(),
        Some((_, Failure::Hang)) => std::future::pending().await,
    }
}

fn json_of(value: Value) -> Response {
    axum::Json(value).into_response()
}

fn refuse(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, axum::Json(body.clone())).into_response()
}

async fn versions() -> Response {
    json_of(json!({"versions": ["v1.11"]}))
}

async fn whoami() -> Response {
    json_of(json!({"user_id": FLEET}))
}

async fn join(State(server): Shared) -> Response {
    server.room().membership = "join";
    json_of(json!({"room_id": ROOM}))
}

async fn upload() -> Response {
    json_of(json!({"content_uri": "mxc://fake/1"}))
}

async fn state(State(server): Shared, Path((_, of)): Path<(String, String)>) -> Response {
    match of.starts_with("m.room.member/") {
        // Who is not in a room is told nothing of it.
        true if server.room().membership == "invite" => refuse(
            403,
            &json!({"errcode": "M_FORBIDDEN", "error": "not in room"}),
        ),
        true => json_of(json!({"membership": server.room().membership})),
        false if of.starts_with("m.room.tombstone") && server.room().successor.is_some() => {
            json_of(json!({"body": "", "replacement_room": server.room().successor}))
        }
        false => refuse(404, &json!({"errcode": "M_NOT_FOUND", "error": of})),
    }
}

async fn event(State(server): Shared, Path((_, id)): Path<(String, String)>) -> Response {
    let room = server.room();
    let mut found = room.events.iter().filter(|event| event["event_id"] == *id);
    match found.next() {
        Some(event) => {
            let mut event = event.clone();
            event["room_id"] = ROOM.into();
            json_of(event)
        }
        None => refuse(404, &json!({"errcode": "M_NOT_FOUND", "error": id})),
    }
}

async fn send(
    State(server): Shared,
    Path((_, _, transaction)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let known = {
        let room = server.room();
        let mut known = room.transactions.iter();
        let known = known.find(|(known, _)| *known == transaction && !room.forgetful);
        known.map(|(_, id)| id.clone())
    };
    let id = match known {
        Some(id) => id,
        None => {
            let id = server.add(FLEET, &serde_json::from_slice(&body).unwrap());
            server.room().transactions.push((transaction, id.clone()));
            id
        }
    };
    json_of(json!({"event_id": id}))
}

/// Whether a filter lets an event through.
fn passes(filter: &Value, event: &Value) -> bool {
    let listed = |list: &str| {
        let list = filter[list].as_array()?;
        Some(list.contains(&event["sender"]))
    };
    listed("senders").unwrap_or(true) && !listed("not_senders").unwrap_or(false)
}

#[derive(serde::Deserialize)]
struct SyncQuery {
    filter: String,
    since: Option<String>,
    timeout: u64,
}

async fn sync(State(server): Shared, Query(query): Query<SyncQuery>) -> Response {
    let filter: Value = serde_json::from_str(&query.filter).unwrap();
    let filter = &filter["room"]["timeline"];
    let since: Option<usize> = query.since.map(|since| since.parse().unwrap());
    let deadline = tokio::time::Instant::now() + Duration::from_millis(query.timeout);
    loop {
        let new = server.new.notified();
        let (events, limit) = {
            let room = server.room();
            (room.events.clone(), room.limit)
        };
        let begin = since.unwrap_or(events.len());
        let news = events[begin..].iter().filter(|event| passes(filter, event));
        let news: Vec<_> = news.cloned().collect();
        let over = tokio::time::Instant::now() >= deadline;
        if !news.is_empty() || over {
            let shown = limit.unwrap_or(news.len()).min(news.len());
            let hidden = news.len() - shown;
            let timeline = json!({
                "events": news[hidden..],
                "limited": hidden > 0,
                // As if nothing but people spoke.
                "prev_batch": (begin + hidden).to_string(),
            });
            let rooms = match server.room().membership {
                "invite" => json!({"invite": {ROOM: {"invite_state": {"events": []}}}}),
                _ => json!({"join": {ROOM: {"timeline": timeline}}}),
            };
            let next = events.len().to_string();
            return json_of(json!({"next_batch": next, "rooms": rooms}));
        }
        tokio::select! { () = new => {}, () = tokio::time::sleep_until(deadline) => {} }
    }
}

#[derive(serde::Deserialize)]
struct MessagesQuery {
    dir: String,
    from: Option<String>,
    to: Option<String>,
    filter: String,
}

/// Pages of three.
async fn messages(State(server): Shared, Query(query): Query<MessagesQuery>) -> Response {
    let filter: Value = serde_json::from_str(&query.filter).unwrap();
    let events = server.room().events.clone();
    let place = |token: Option<String>| token.map(|token| token.parse::<usize>().unwrap());
    let (from, to) = (place(query.from), place(query.to));
    let (begin, end, next, over) = match query.dir.as_str() {
        "f" => {
            let (from, to) = (from.unwrap_or(0), to.unwrap_or(events.len()));
            let end = (from + 3).min(to);
            (from, end, end, end == to)
        }
        _ => {
            let (from, to) = (from.unwrap_or(events.len()), to.unwrap_or(0));
            let begin = from.saturating_sub(3).max(to);
            (begin, from, begin, begin == to)
        }
    };
    let mut chunk: Vec<Value> = events[begin..end].to_vec();
    if query.dir == "b" {
        chunk.reverse();
    }
    chunk.retain(|event| passes(&filter, event));
    for event in &mut chunk {
        event["room_id"] = ROOM.into();
    }
    let mut page = json!({"start": "x", "chunk": chunk});
    if !over {
        page["end"] = next.to_string().into();
    }
    json_of(page)
}

#[async_trait]
impl Rig for Fake {
    fn connector(&self) -> Arc<dyn OrchestratorConnector> {
        self.connector_of(FLEET)
    }

    async fn say(&mut self, text: &str, thread: Option<&str>) -> String {
        let mut content = json!({"msgtype": "m.text", "body": text});
        if let Some(thread) = thread {
            content["m.relates_to"] = json!({"rel_type": "m.thread", "event_id": thread});
        }
        self.say_as(ADA, &content)
    }

    async fn heard(&mut self) -> Vec<String> {
        let room = self.room();
        let own = room.events.iter().filter(|event| event["sender"] == FLEET);
        own.map(|event| event["content"]["body"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn matrix_conforms_on_a_fake_homeserver() {
    let mut fake = Fake::start().await;
    conformance::run(&mut fake).await;
}

#[tokio::test]
async fn an_open_invitation_to_the_room_is_accepted_by_listening_and_not_by_a_look() {
    let fake = Fake::start().await;
    fake.room().membership = "invite";
    assert!(fake.connector().health().await.is_good());
    assert_eq!(fake.room().membership, "invite");
    drop(fake.listen().await);
    assert_eq!(fake.room().membership, "join");
    fake.room().membership = "ban";
    let detail = fake.connector().health().await.detail.unwrap();
    insta::assert_snapshot!(detail, @"enter the room: not allowed: @fleet:fake is banned from !room:fake");
}
