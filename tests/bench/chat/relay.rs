//! A relay in front of a server, which tells when the connections of its clients end.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::POLLING;

pub(super) struct Relay {
    url: String,
    ends: mpsc::Receiver<Instant>,
}

impl Relay {
    /// Stands in front of the server of a URL, for as long as the process lasts.
    pub(super) fn to(server: &str) -> Self {
        let server = server.replace("http://", "");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, ends) = mpsc::channel();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else {
                    continue;
                };
                let tell = tell.clone();
                let (to_client, from_server) = (client.try_clone(), server.try_clone());
                std::thread::spawn(move || pump(&from_server.unwrap(), &to_client.unwrap()));
                std::thread::spawn(move || {
                    pump(&client, &server);
                    // Nobody has to listen.
                    let _ = tell.send(Instant::now());
                });
            }
        });
        Self { url, ends }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Closes a connection by which nothing was asked; returns how long it takes until its end is
    /// seen.
    pub(super) fn closed_bare(&self) -> Duration {
        let bare = TcpStream::connect(self.url.replace("http://", "")).unwrap();
        std::thread::sleep(POLLING);
        let begun = Instant::now();
        drop(bare);
        self.ended(begun)
    }

    /// Waits for the first connection that ends after a moment; returns how long after.
    pub(super) fn ended(&self, begun: Instant) -> Duration {
        let mut ends = self.ends.iter();
        ends.find_map(|end| end.checked_duration_since(begun))
            .unwrap()
    }
}

/// Copies until one side ends, and ends the other.
fn pump(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    for side in [from, to] {
        let _ = side.shutdown(Shutdown::Both);
    }
}
