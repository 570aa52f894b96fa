//! A stand-in for Discord on loopback: one server with one text channel, threads below it, one bot,
//! and people who are played by a test.
//!
//! It speaks the HTTP interface (messages with nonces and files, history, threads, limits) and the
//! gateway (identify, resume, reconnect, invalid sessions, close codes). It keeps everything, so
//! that a test can say what was heard, and fails as a test tells it to.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a part of tests, which fail by it"
)]

mod gateway;
mod http;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use state::{Fault, File, Said};
use state::{Push, State};

/// The token of the bot.
pub const TOKEN: &str = "stub-bot-token-MTA1.GxYz12.not-to-be-seen";

/// A server. Dropping it ends it, and every connection to it.
#[derive(Debug)]
pub struct StubDiscord {
    address: SocketAddr,
    state: Shared,
    /// What serves, while it is not killed.
    serving: Mutex<Option<Serving>>,
}

/// The server's state, which its handlers and the test share. What is killed keeps it.
type Shared = Arc<Mutex<State>>;

/// A thread that serves, with a runtime of its own.
#[derive(Debug)]
struct Serving {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Serving {
    fn begin(listener: std::net::TcpListener, state: Shared) -> Self {
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, http::router(state)) => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        Self { end, thread }
    }

    /// Ends it in the middle of whatever it does: its connections end with its runtime.
    fn kill(self) {
        let _ = self.end.send(());
        self.thread.join().unwrap();
    }
}

fn locked(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl StubDiscord {
    /// Starts a server on a free port, in a thread of its own.
    #[must_use]
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::new(address)));
        let serving = Serving::begin(listener, Arc::clone(&state));
        Self {
            address,
            state,
            serving: Mutex::new(Some(serving)),
        }
    }

    /// Kills it, with whatever it is at; what was said and the sessions of the gateway stay.
    pub fn kill(&self) {
        let serving = self.serving.lock().unwrap().take();
        if let Some(serving) = serving {
            serving.kill();
            locked(&self.state).disconnect();
        }
    }

    /// Starts it again at the same address, if it was killed.
    pub fn run(&self) {
        let mut serving = self.serving.lock().unwrap();
        if serving.is_none() {
            let listener = std::net::TcpListener::bind(self.address).unwrap();
            *serving = Some(Serving::begin(listener, Arc::clone(&self.state)));
        }
    }

    /// Returns whether it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.serving.lock().unwrap().is_some()
    }

    /// Returns the base address of the HTTP interface.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the id of the channel.
    #[must_use]
    pub fn channel(&self) -> String {
        state::CHANNEL.to_string()
    }

    /// A person says something, in the channel or in a thread; the thread of a message that has none
    /// is begun. Returns the message's id.
    pub fn say(&self, text: &str, thread: Option<&str>) -> String {
        self.say_with(text, thread, Vec::new())
    }

    /// A person says something with files.
    pub fn say_with(&self, text: &str, thread: Option<&str>, files: Vec<File>) -> String {
        let mut state = locked(&self.state);
        let channel = thread.map_or(state::CHANNEL, |thread| thread.parse().unwrap());
        state.begin_thread(channel);
        state
            .say(channel, state::Author::Person, text, files)
            .to_string()
    }

    /// Another bot says something in the channel.
    pub fn say_as_bot(&self, text: &str) -> String {
        let mut state = locked(&self.state);
        let author = state::Author::OtherBot;
        state
            .say(state::CHANNEL, author, text, Vec::new())
            .to_string()
    }

    /// A person says something in another channel of the server.
    pub fn say_elsewhere(&self, text: &str) -> String {
        let mut state = locked(&self.state);
        let author = state::Author::Person;
        state
            .say(state::ELSEWHERE, author, text, Vec::new())
            .to_string()
    }

    /// Archives a thread.
    pub fn archive(&self, thread: &str) {
        locked(&self.state).archive(thread.parse().unwrap());
    }

    /// Returns what the bot said, in order.
    #[must_use]
    pub fn heard(&self) -> Vec<Said> {
        locked(&self.state).said_by_bot()
    }

    /// Lets the next attempt of the bot to say something fail.
    pub fn fail_next(&self, fault: Fault) {
        locked(&self.state).faults.push_back(fault);
    }

    /// Allows so many messages of the bot in a time; more are refused, and counted.
    pub fn limit(&self, messages: u16, each: Duration) {
        locked(&self.state).limit = Some((messages, each));
    }

    /// Returns how many requests were refused because there were too many.
    #[must_use]
    pub fn refused(&self) -> usize {
        locked(&self.state).refused
    }

    /// Says whether the bot may read what people write.
    pub fn allow_content(&self, allowed: bool) {
        locked(&self.state).content_allowed = allowed;
    }

    /// Takes the bot's token back.
    pub fn revoke_token(&self) {
        locked(&self.state).token = "another".to_owned();
    }

    /// Takes the channel out of the bot's sight.
    pub fn hide_channel(&self) {
        locked(&self.state).hidden = true;
    }

    /// Breaks every connection to the gateway, without a word.
    pub fn break_connections(&self) {
        locked(&self.state).push(&Push::Break);
    }

    /// Asks every client to connect again.
    pub fn ask_to_reconnect(&self) {
        locked(&self.state).push(&Push::Reconnect);
    }

    /// Closes every connection to the gateway with a code.
    pub fn close_connections(&self, code: u16) {
        locked(&self.state).push(&Push::Close(code));
    }

    /// Forgets every session of the gateway, so that none can be resumed.
    pub fn forget_sessions(&self) {
        let mut state = locked(&self.state);
        state.push(&Push::Break);
        state.sessions.clear();
    }

    /// Refuses connections to the gateway, or takes them again.
    pub fn close_gateway(&self, closed: bool) {
        locked(&self.state).gateway_closed = closed;
    }

    /// Returns how many connections to the gateway are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        locked(&self.state).connections
    }

    /// Returns how many sessions of the gateway began, and how many were resumed.
    #[must_use]
    pub fn sessions(&self) -> (usize, usize) {
        let state = locked(&self.state);
        (state.begun, state.resumed)
    }
}

impl Drop for StubDiscord {
    fn drop(&mut self) {
        self.kill();
    }
}
