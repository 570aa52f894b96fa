//! The barest client of Discord's gateway: it takes down when each message comes.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_stub_discord::StubDiscord;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::now;

/// What it asks for: messages of a server, with their content.
const INTENTS: u64 = (1 << 9) | (1 << 15);

/// It ends with the server.
pub(super) struct GatewayClient {
    came: mpsc::Receiver<(String, Duration)>,
}

impl GatewayClient {
    /// Connects, and returns when whatever is said from now on will come.
    pub(super) fn listen(discord: &StubDiscord, token: &str) -> Self {
        let (tell, came) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let address = discord.url().replace("http://", "");
        let token = token.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let mut socket = identified(&address, &token).await;
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let at = now();
                    let event: Value = serde_json::from_str(&text).unwrap();
                    match event["t"].as_str() {
                        Some("READY") => ready.send(()).unwrap(),
                        Some("MESSAGE_CREATE") => {
                            let id = event["d"]["id"].as_str().unwrap().to_owned();
                            if tell.send((id, at)).is_err() {
                                return;
                            }
                        }
                        _ => {}
                    }
                }
            });
        });
        is_ready.recv().unwrap();
        Self { came }
    }

    /// Waits until a message came; returns when, by the time of day.
    pub(super) fn came_at(&mut self, id: &str) -> Duration {
        let mut came = self.came.iter();
        came.find_map(|(came, at)| (came == id).then_some(at))
            .unwrap()
    }
}

/// A client that does nothing but be there.
pub(super) struct BareClient {
    // It is dropped first.
    _socket: WebSocketStream<TcpStream>,
    _runtime: Runtime,
}

impl BareClient {
    /// Connects, and returns when it is known.
    pub(super) fn connect(discord: &StubDiscord, token: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let address = discord.url().replace("http://", "");
        let socket = runtime.block_on(async {
            let mut socket = identified(&address, token).await;
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                let event: Value = serde_json::from_str(&text).unwrap();
                if event["t"] == "READY" {
                    return socket;
                }
            }
            panic!("the gateway has gone");
        });
        Self {
            _socket: socket,
            _runtime: runtime,
        }
    }
}

async fn identified(address: &str, token: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = client_async(format!("ws://{address}/"), stream)
        .await
        .unwrap();
    let identify = json!({"op": 2, "d": {"token": format!("Bot {token}"), "intents": INTENTS}});
    socket
        .send(Message::text(identify.to_string()))
        .await
        .unwrap();
    socket
}
