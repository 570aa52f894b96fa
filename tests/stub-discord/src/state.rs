//! What the server keeps.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) const GUILD: u64 = 500;
pub(crate) const CHANNEL: u64 = 600;
pub(crate) const ELSEWHERE: u64 = 601;
pub(crate) const BOT: u64 = 700;
const OTHER_BOT: u64 = 701;
const PERSON: u64 = 800;

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What the bot said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The message's id.
    pub id: String,
    /// The text.
    pub text: String,
    /// The thread that it is in, or nothing for the channel itself.
    pub thread: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// What went with it.
    pub files: Vec<File>,
}

/// How an attempt to say something fails.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing is kept, and this is answered.
    Refuse {
        /// The status.
        status: u16,
        /// Discord's code.
        code: u64,
    },
    /// There are too many requests, of this bot everywhere; without any hint but how long to wait.
    TooMany(Duration),
    /// The message is kept, but the answer is that something failed.
    KeepAndFail,
    /// The message is kept without its nonce, as after some minutes, and the answer is a failure.
    KeepWithoutNonce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    Bot,
    OtherBot,
    Person,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) channel: u64,
    author: Author,
    text: String,
    pub(crate) files: Vec<File>,
    reply_to: Option<String>,
}

/// What connections to the gateway are told to do.
#[derive(Clone, Debug)]
pub(crate) enum Push {
    Event(Value),
    Reconnect,
    Close(u16),
    Break,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) events: Vec<Value>,
    pub(crate) connection: Option<mpsc::UnboundedSender<Push>>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) content_allowed: bool,
    pub(crate) hidden: bool,
    pub(crate) gateway_closed: bool,
    pub(crate) messages: Vec<Kept>,
    nonces: HashMap<String, u64>,
    /// Threads by id, with the moment of their archiving.
    threads: BTreeMap<u64, Option<SystemTime>>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) begun: usize,
    pub(crate) resumed: usize,
    pub(crate) connections: usize,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) limit: Option<(u16, Duration)>,
    /// When the bot said something, within the limit's time.
    recent: VecDeque<Instant>,
    pub(crate) refused: usize,
    last_id: u64,
}

impl State {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            token: crate::TOKEN.to_owned(),
            content_allowed: true,
            hidden: false,
            gateway_closed: false,
            messages: Vec::new(),
            nonces: HashMap::new(),
            threads: BTreeMap::new(),
            sessions: HashMap::new(),
            begun: 0,
            resumed: 0,
            connections: 0,
            faults: VecDeque::new(),
            limit: None,
            recent: VecDeque::new(),
            refused: 0,
            last_id: 0,
        }
    }

    /// Returns an id of this moment, greater than all before.
    fn new_id(&mut self) -> u64 {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let now = u64::try_from(now).unwrap() - 1_420_070_400_000;
        self.last_id = (now << 22).max(self.last_id + 1);
        self.last_id
    }

    pub(crate) fn say(
        &mut self,
        channel: u64,
        author: Author,
        text: &str,
        files: Vec<File>,
    ) -> u64 {
        let id = self.new_id();
        let kept = Kept {
            id,
            channel,
            author,
            text: text.to_owned(),
            files,
            reply_to: None,
        };
        self.keep(kept);
        id
    }

    fn keep(&mut self, kept: Kept) {
        let event = self.message(&kept);
        self.messages.push(kept);
        self.dispatch("MESSAGE_CREATE", &event);
    }

    /// Keeps what the bot says; what was said under the same nonce stays.
    pub(crate) fn keep_of_bot(
        &mut self,
        channel: u64,
        body: &Value,
        files: Vec<File>,
        with_nonce: bool,
    ) -> Value {
        let nonce = body["nonce"].as_str().map(str::to_owned);
        let enforced = body["enforce_nonce"] == true;
        let known = nonce.as_ref().and_then(|nonce| self.nonces.get(nonce));
        if let Some(known) = known.copied().filter(|_| enforced) {
            let kept = self.messages.iter().find(|kept| kept.id == known).unwrap();
            return self.message(kept);
        }
        let id = self.new_id();
        if let (Some(nonce), true) = (nonce, with_nonce) {
            self.nonces.insert(nonce, id);
        }
        let reply_to = body["message_reference"]["message_id"].as_str();
        let kept = Kept {
            id,
            channel,
            author: Author::Bot,
            text: body["content"].as_str().unwrap_or_default().to_owned(),
            files,
            reply_to: reply_to.map(str::to_owned),
        };
        let answer = self.message(&kept);
        self.keep(kept);
        answer
    }

    pub(crate) fn message(&self, kept: &Kept) -> Value {
        let (id, name, bot) = match kept.author {
            Author::Bot => (BOT, "fleet", true),
            Author::OtherBot => (OTHER_BOT, "other", true),
            Author::Person => (PERSON, "ada", false),
        };
        let files = kept.files.iter().enumerate().map(|(index, file)| {
            json!({
                "id": (kept.id + index as u64).to_string(),
                "filename": file.name,
                "size": file.bytes.len(),
                "url": format!("http://{}/files/{}/{index}", self.address, kept.id),
                "proxy_url": "",
                "content_type": "text/plain",
            })
        });
        let mut message = json!({
            "id": kept.id.to_string(),
            "channel_id": kept.channel.to_string(),
            "guild_id": GUILD.to_string(),
            "type": if kept.reply_to.is_some() { 19 } else { 0 },
            "content": kept.text,
            "author": {
                "id": id.to_string(),
                "username": name,
                "global_name": if bot { Value::Null } else { json!("Ada") },
                "bot": bot,
            },
            "attachments": files.collect::<Vec<_>>(),
        });
        if let Some(answered) = &kept.reply_to {
            message["message_reference"] = json!({ "message_id": answered });
        }
        message
    }

    pub(crate) fn said_by_bot(&self) -> Vec<Said> {
        let of_bot = self
            .messages
            .iter()
            .filter(|kept| kept.author == Author::Bot);
        let said = of_bot.map(|kept| Said {
            id: kept.id.to_string(),
            text: kept.text.clone(),
            thread: (kept.channel != CHANNEL).then(|| kept.channel.to_string()),
            reply_to: kept.reply_to.clone(),
            files: kept.files.clone(),
        });
        said.collect()
    }

    /// Begins the thread of a message, if there is none and it is no channel.
    pub(crate) fn begin_thread(&mut self, id: u64) {
        if !matches!(id, CHANNEL | ELSEWHERE) {
            self.threads.insert(id, None);
        }
    }

    pub(crate) fn archive(&mut self, thread: u64) {
        self.threads.insert(thread, Some(SystemTime::now()));
    }

    /// Returns a channel or a thread, if the bot can see it.
    pub(crate) fn channel(&self, id: u64) -> Option<Value> {
        if self.hidden && id != ELSEWHERE {
            return None;
        }
        let thread = self.threads.get(&id);
        if !matches!(id, CHANNEL | ELSEWHERE) && thread.is_none() {
            return None;
        }
        let last = self.messages.iter().rev().find(|kept| kept.channel == id);
        let mut channel = json!({
            "id": id.to_string(),
            "guild_id": GUILD.to_string(),
            "type": if thread.is_some() { 11 } else { 0 },
            "parent_id": if thread.is_some() { json!(CHANNEL.to_string()) } else { Value::Null },
            "last_message_id": last.map(|kept| kept.id.to_string()),
        });
        if let Some(archived) = thread {
            let at = archived.unwrap_or(SystemTime::UNIX_EPOCH);
            channel["thread_metadata"] = json!({
                "archived": archived.is_some(),
                "archive_timestamp": iso8601(at),
            });
        }
        Some(channel)
    }

    /// Returns the threads that are archived, or that are not; those archived last come first.
    pub(crate) fn threads(&self, archived: bool) -> Vec<Value> {
        let mut threads: Vec<_> = self
            .threads
            .iter()
            .filter(|(_, at)| at.is_some() == archived)
            .collect();
        threads.sort_by_key(|(_, at)| std::cmp::Reverse(**at));
        threads
            .into_iter()
            .filter_map(|(id, _)| self.channel(*id))
            .collect()
    }

    /// Counts a message of the bot; returns how many are left, and how long until there are more.
    /// None are left and this one is too many: nothing is returned but the time.
    pub(crate) fn count(&mut self) -> (Option<u16>, u16, Duration) {
        let Some((most, each)) = self.limit else {
            return (Some(1000), 1000, Duration::from_secs(1));
        };
        let now = Instant::now();
        while self.recent.front().is_some_and(|at| now - *at >= each) {
            self.recent.pop_front();
        }
        let reset = self.recent.front().map_or(each, |at| *at + each - now);
        if self.recent.len() >= most.into() {
            self.refused += 1;
            return (None, most, reset);
        }
        self.recent.push_back(now);
        let used = u16::try_from(self.recent.len()).unwrap();
        (Some(most - used), most, reset)
    }

    /// Tells every session of something, those without a connection once they resume.
    fn dispatch(&mut self, name: &str, data: &Value) {
        for session in self.sessions.values_mut() {
            let event = session.event(name, data);
            if let Some(connection) = &session.connection {
                let _ = connection.send(Push::Event(event));
            }
        }
    }

    /// Forgets every connection, as what is killed does; who comes back resumes.
    pub(crate) fn disconnect(&mut self) {
        for session in self.sessions.values_mut() {
            session.connection = None;
        }
    }

    pub(crate) fn push(&mut self, push: &Push) {
        for session in self.sessions.values_mut() {
            if let Some(connection) = session.connection.take() {
                let _ = connection.send(push.clone());
            }
        }
    }
}

impl Session {
    /// Keeps an event under the next number.
    pub(crate) fn event(&mut self, name: &str, data: &Value) -> Value {
        let number = self.events.len() + 1;
        let event = json!({ "op": 0, "t": name, "s": number, "d": data });
        self.events.push(event.clone());
        event
    }
}

/// Writes a moment as Discord does.
fn iso8601(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
