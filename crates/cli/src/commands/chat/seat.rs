//! Sitting at the chat: showing what comes, and saying what is entered.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use podfleet::Fleet;
use podfleet_connectors::ConnectorKind;
use podfleet_connectors::tmux::{
    ChatClient, ChatEntry, ChatError, ChatEvent, ChatReader, MAX_TEXT, Say,
};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::editor::Editor;
use super::input::{self, Entered, HELP};
use super::show;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::render::style::{DIM, ERROR, WARNING};

/// How often a bridge that is gone is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How long who leaves waits until what was said last is in the chat.
const LEAVING: Duration = Duration::from_secs(2);
const TOO_LONG: &str = "one text may have 1 MiB at most";

/// Says all of this, and returns once it is in the history.
pub(super) async fn say_all(fleet: &Fleet, user: &str, said: Vec<Say>) -> Result<(), Error> {
    if said.iter().any(|say| say.text.len() > MAX_TEXT) {
        return Err(Error::message(Exit::Refused, TOO_LONG).hint("nothing was said; attach it"));
    }
    let connecting = ChatClient::connect(&fleet.chat_socket(), user, 0).await;
    let ChatClient {
        mut reader,
        mut writer,
        ..
    } = connecting.map_err(|error| fault(error, fleet))?;
    let all = said.len();
    let mut waiting: HashSet<String> = said.iter().map(|say| say.id.clone()).collect();
    // What is answered has to be read while more is said, or both ends would wait for each other.
    let writing = async {
        for say in said {
            writer.say(say).await?;
        }
        Ok(())
    };
    let reading = until_taken(&mut reader, &mut waiting);
    let (error, count) = match tokio::try_join!(writing, reading) {
        Ok(((), refused)) => match refused.first() {
            None => return Ok(()),
            Some(first) => (first.error(), refused.len()),
        },
        Err(error) => {
            let error = Error::new(Exit::System, error);
            let hint = "`fleet bridge status` tells whether the bridge runs";
            (error.hint(hint), waiting.len())
        }
    };
    Err(error.context(match all {
        1 => "it was not taken".to_owned(),
        _ => format!("{count} of {all} lines were not taken"),
    }))
}

/// Why the chat did not take something.
struct NotTaken {
    why: String,
    /// Whether it could not be kept, rather than is not allowed.
    failed: bool,
}

impl NotTaken {
    fn error(&self) -> Error {
        let exit = match self.failed {
            true => Exit::System,
            false => Exit::Refused,
        };
        Error::message(exit, self.why.clone())
    }
}

/// Reads until each was taken or refused; returns why some were refused.
async fn until_taken(
    reader: &mut ChatReader,
    waiting: &mut HashSet<String>,
) -> Result<Vec<NotTaken>, ChatError> {
    let mut refused = Vec::new();
    while !waiting.is_empty() {
        match reader.next().await? {
            Some(ChatEvent::Entry(_)) => {}
            Some(ChatEvent::Taken(id)) => {
                waiting.remove(&id);
            }
            Some(ChatEvent::Refused { id, why, failed }) => {
                waiting.remove(&id);
                refused.push(NotTaken { why, failed });
            }
            None => return Err(ChatError::Broken(io::ErrorKind::UnexpectedEof.into())),
        }
    }
    Ok(refused)
}

/// Tells why the chat cannot be used; where nobody listens, what to do depends on the roster's chat.
fn fault(error: ChatError, fleet: &Fleet) -> Error {
    match error {
        ChatError::NotListening => {}
        // It is too long a path, and nobody can listen there either.
        ChatError::Broken(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
            let socket = fleet.chat_socket();
            let message = format!(
                "the path of the chat's socket is too long: {}",
                socket.display()
            );
            return Error::message(Exit::System, message)
                .hint("`FLEET_RUNTIME_DIR` names a directory with a shorter path");
        }
        error => return Error::new(Exit::System, error),
    }
    let roster = fleet.roster();
    let chat = roster.and_then(|roster| roster.connector.as_ref());
    let kind = chat.map(|chat| chat.connector.kind());
    match kind {
        Some(kind) if kind != ConnectorKind::tmux().as_str() => {
            let text = format!("this fleet does not chat in a terminal, but by `{kind}`");
            Error::message(Exit::No, text)
                .hint("speak there; `fleet send` and `fleet attach` reach its agents from here")
        }
        None if roster.is_some() => {
            let text = "this fleet has no chat: its roster has no `connector`";
            Error::message(Exit::No, text)
                .hint("`fleet connector switch tmux` and `fleet up` give it one in a terminal")
        }
        _ => Error::message(Exit::No, "nobody listens at the chat of this fleet").hint(
            "`fleet bridge status` tells whether its bridge runs, `fleet bridge start` starts it",
        ),
    }
}

/// Sits at the chat until the person leaves.
pub(super) async fn sit(
    fleet: &Fleet,
    user: &str,
    last: u64,
    context: &Context,
) -> Result<(), Error> {
    let socket = fleet.chat_socket();
    let client = ChatClient::connect(&socket, user, last).await;
    let client = client.map_err(|error| fault(error, fleet))?;
    let past = fleet.dirs().state.join("chat-input");
    let mut seat = Seat {
        editor: Editor::open(&prompt(None), &past)?,
        home: context.home().ok(),
        zone: TimeZone::system(),
        shown: 0,
        ids: HashMap::new(),
        thread: None,
        unsaid: Vec::new(),
        colour: anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
    };
    seat.tell("`/help` lists what can be entered, ctrl-d leaves")?;
    let mut connected = Some(client);
    loop {
        let client = match connected.take() {
            Some(client) => client,
            None => match seat.wait_for_bridge(&socket, user).await? {
                Some(client) => client,
                None => return seat.leave(),
            },
        };
        if seat.talk(client).await? == End::Left {
            return seat.leave();
        }
        seat.tell("the bridge is gone; what you say waits until it is back")?;
    }
}

fn prompt(thread: Option<u64>) -> String {
    match thread {
        None => "> ".to_owned(),
        Some(root) => format!("#{root}> "),
    }
}

/// Reads what comes for as long as somebody takes it: in a task of its own, since reading half a line
/// and being dropped would lose it.
fn events_of(mut reader: ChatReader) -> mpsc::Receiver<ChatEvent> {
    let (sender, events) = mpsc::channel(64);
    tokio::spawn(async move {
        let reading = async {
            while let Ok(Some(event)) = reader.next().await {
                if sender.send(event).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! { () = reading => {}, () = sender.closed() => {} }
    });
    events
}

/// Why a talk ended.
#[derive(PartialEq, Eq)]
enum End {
    Left,
    BridgeGone,
}

/// What follows from a line that was entered.
enum Step {
    Say(Say),
    GoOn,
    Leave,
}

struct Seat {
    editor: Editor,
    home: Option<std::path::PathBuf>,
    zone: TimeZone,
    /// The last entry that was shown.
    shown: u64,
    /// Ids of entries by place.
    ids: HashMap<u64, String>,
    /// Where what is said goes: the thread, and the place of its first entry.
    thread: Option<(String, u64)>,
    /// What is not yet known to be in the history.
    unsaid: Vec<Say>,
    colour: bool,
}

impl Seat {
    async fn talk(&mut self, client: ChatClient) -> Result<End, Error> {
        let ChatClient {
            reader,
            mut writer,
            read_up_to,
        } = client;
        let mut events = events_of(reader);
        for say in self.unsaid.clone() {
            if writer.say(say).await.is_err() {
                return Ok(End::BridgeGone);
            }
        }
        // Who was here meanwhile has missed nothing.
        let mut unread = if self.shown == 0 { read_up_to } else { 0 };
        let end = loop {
            tokio::select! {
                line = self.editor.lines.recv() => {
                    let Some(line) = line else { break End::Left };
                    match self.enter(&line)? {
                        Step::GoOn => {}
                        Step::Leave => break End::Left,
                        Step::Say(say) => if writer.say(say).await.is_err() {
                            break End::BridgeGone;
                        },
                    }
                }
                event = events.recv() => match event {
                    None => break End::BridgeGone,
                    Some(event) => if let Some(seq) = self.take(event, &mut unread)?
                        && writer.read_up_to(seq).await.is_err()
                    {
                        break End::BridgeGone;
                    },
                },
            }
        };
        if end == End::Left {
            // What does not come in time is told.
            let _ = timeout(LEAVING, self.until_all_is_taken(&mut events)).await;
        }
        Ok(end)
    }

    async fn until_all_is_taken(
        &mut self,
        events: &mut mpsc::Receiver<ChatEvent>,
    ) -> Result<(), Error> {
        while !self.unsaid.is_empty()
            && let Some(event) = events.recv().await
        {
            self.take(event, &mut 0)?;
        }
        Ok(())
    }

    /// Tells what was entered and did not get into the chat.
    fn leave(&self) -> Result<(), Error> {
        if self.unsaid.is_empty() {
            return Ok(());
        }
        let texts = self.unsaid.iter().map(|say| show::plain(&say.text));
        let texts = texts.collect::<Vec<_>>().join("\n  ");
        let message = format!("the bridge is gone, and this was not said:\n  {texts}");
        Err(Error::message(Exit::No, message)
            .hint("`fleet bridge start` brings it back; say it again then"))
    }

    /// Waits for a bridge, and keeps what is entered meanwhile; nothing if the person leaves.
    async fn wait_for_bridge(
        &mut self,
        socket: &Path,
        user: &str,
    ) -> Result<Option<ChatClient>, Error> {
        loop {
            tokio::select! {
                line = self.editor.lines.recv() => {
                    let Some(line) = line else { return Ok(None) };
                    if matches!(self.enter(&line)?, Step::Leave) {
                        return Ok(None);
                    }
                }
                () = sleep(LOOK) => {
                    if let Ok(client) = ChatClient::connect(socket, user, 20).await {
                        self.tell("the bridge is back")?;
                        return Ok(Some(client));
                    }
                }
            }
        }
    }

    /// Shows an event; returns up to where everything was shown.
    fn take(&mut self, event: ChatEvent, unread: &mut u64) -> Result<Option<u64>, Error> {
        match event {
            ChatEvent::Entry(entry) if entry.seq <= self.shown => Ok(None),
            ChatEvent::Entry(entry) => {
                if *unread > 0 && entry.seq == *unread + 1 {
                    self.tell("new since you were here:")?;
                    *unread = 0;
                }
                self.shown = entry.seq;
                self.show(&entry)?;
                Ok(Some(entry.seq))
            }
            ChatEvent::Taken(id) => {
                self.unsaid.retain(|say| say.id != id);
                Ok(None)
            }
            ChatEvent::Refused { id, why, .. } => {
                self.unsaid.retain(|say| say.id != id);
                self.print(&format!(
                    "{ERROR}not taken:{ERROR:#} {}\n",
                    show::plain(&why)
                ))?;
                Ok(None)
            }
        }
    }

    fn show(&mut self, entry: &ChatEntry) -> Result<(), Error> {
        self.ids.insert(entry.seq, entry.id.clone());
        let root = entry.thread.as_ref().and_then(|thread| {
            let mut known = self.ids.iter();
            let root = known.find(|(_, id)| *id == thread);
            root.map(|(seq, _)| *seq)
        });
        let text = show::entry(entry, &self.zone, root);
        self.print(&text)
    }

    /// Deals with what was entered; returns what is to be said, which is kept until it was taken.
    fn enter(&mut self, line: &str) -> Result<Step, Error> {
        let mut say = None;
        match input::entered(line, self.home.as_deref()) {
            Entered::Nothing => {}
            Entered::Quit => return Ok(Step::Leave),
            Entered::Text(text) => say = Some(input::say(text)),
            Entered::Attach(path, text) => {
                say = Some(Say {
                    files: vec![path],
                    ..input::say(text)
                });
            }
            Entered::Reply(number, text) => match self.ids.get(&number) {
                Some(id) => {
                    say = Some(Say {
                        reply_to: Some(id.clone()),
                        ..input::say(text)
                    });
                }
                None => self.wrong("no such entry is shown")?,
            },
            Entered::Thread(None) => self.thread = None,
            Entered::Thread(Some(number)) => match self.ids.get(&number) {
                Some(id) => self.thread = Some((id.clone(), number)),
                None => self.wrong("no such entry is shown")?,
            },
            Entered::Help => self.print(HELP)?,
            Entered::Wrong(why) => self.wrong(why)?,
        }
        let root = self.thread.as_ref().map(|(_, root)| *root);
        self.editor.go_on(&prompt(root));
        let thread = self.thread.as_ref().map(|(thread, _)| thread.clone());
        let Some(say) = say else {
            return Ok(Step::GoOn);
        };
        if say.text.len() > MAX_TEXT {
            self.wrong(TOO_LONG)?;
            return Ok(Step::GoOn);
        }
        let say = Say { thread, ..say };
        self.unsaid.push(say.clone());
        Ok(Step::Say(say))
    }

    fn wrong(&mut self, why: &str) -> Result<(), Error> {
        self.print(&format!("{WARNING}{why}{WARNING:#}"))
    }

    fn tell(&mut self, what: &str) -> Result<(), Error> {
        self.print(&format!("{DIM}── {what}{DIM:#}"))
    }

    fn print(&mut self, text: &str) -> Result<(), Error> {
        if self.colour {
            self.editor.print(text)
        } else {
            let plain = anstream::adapter::strip_str(text).to_string();
            self.editor.print(&plain)
        }
    }
}
