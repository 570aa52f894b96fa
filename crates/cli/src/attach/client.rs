//! One attach stream, shown in the user's terminal until either side ends it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::{Frame, FrameError};
use podfleet_protocol::limits::MAX_FRAME;
use podfleet_protocol::method::AttachResult;
use tokio::time::{Instant, sleep_until, timeout};

use super::console::{Console, Executor, Next, Panel};
use super::display::{Display, Need, ScreenUse};
use super::keys::{OurKeys, Wish};
use super::outgoing::Outgoing;
use super::prefix::PrefixKey;
use super::signals::{Event, Signals};
use super::tty::Tty;

/// A part of a terminal is drawn at most this often.
const DRAW_INTERVAL: Duration = Duration::from_millis(16);
/// How long a pod may take to take a frame from us.
const SEND_DEADLINE: Duration = Duration::from_secs(5);
/// A view in which nobody typed for so long gives control back; the next key takes it again.
const RELEASE_AFTER: Duration = Duration::from_secs(10);
/// How long a caption stays on the screen.
const CAPTION_FOR: Duration = Duration::from_secs(3);
/// How far an arrow moves the shown part, in columns and rows.
const PAN_STEP: (i32, i32) = (8, 4);

/// What the user wants of the agent's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To type.
    Attach,
    /// To look, and to type when control is free.
    View,
    /// To look.
    Watch,
}

/// How the showing of a terminal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The user left.
    Left,
    /// The user wants to see the next terminal.
    Next,
    /// Another client took control.
    ControlTaken(String),
    /// The pod ended the stream, and why, if it said so.
    PodGone(Option<String>),
    /// A signal asked for it, or the user's terminal is gone.
    Interrupted,
}

/// An attach stream in the user's terminal.
pub(crate) struct Client<'a> {
    tty: &'a Tty,
    signals: &'a mut Signals,
    stream: AttachStream,
    purpose: Purpose,
    display: Display,
    outgoing: Outgoing,
    keys: OurKeys,
    executor: Option<&'a dyn Executor>,
    console: Option<Console<'a>>,
    /// When the caption over the lowest line goes, where there is one.
    caption_until: Option<Instant>,
    /// The names of other pods, on their way to the console.
    names: Option<BoxFuture<'a, Vec<String>>>,
    in_control: bool,
    /// What the pod said before it closed the stream.
    complaint: Option<String>,
    next_draw: Instant,
    /// When a view that has control gives it back.
    release_at: Instant,
}

impl<'a> Client<'a> {
    /// Makes the client of a stream that was just opened.
    pub(crate) fn new(
        tty: &'a Tty,
        signals: &'a mut Signals,
        (result, stream): (AttachResult, AttachStream),
        purpose: Purpose,
        screen: ScreenUse,
    ) -> Self {
        let mut outgoing = Outgoing::default();
        outgoing.restart(result.position.offset);
        Self {
            tty,
            signals,
            stream,
            purpose,
            display: Display::new(tty.size(), screen),
            outgoing,
            keys: OurKeys::new(PrefixKey::default()),
            executor: None,
            console: None,
            caption_until: None,
            names: None,
            in_control: result.in_control,
            complaint: None,
            next_draw: Instant::now(),
            release_at: Instant::now(),
        }
    }

    /// Lets the user give commands that `executor` carries out.
    pub(crate) fn with_commands(mut self, executor: &'a dyn Executor) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Takes `prefix` for the key before ours.
    pub(crate) fn with_prefix(mut self, prefix: PrefixKey) -> Self {
        self.keys = OurKeys::new(prefix);
        self
    }

    /// Says for a while, over the lowest line, what is shown.
    pub(crate) fn with_caption(mut self, caption: &str) -> Self {
        let panel = Panel {
            lines: vec![caption.to_owned()],
            cursor: None,
        };
        let (display, outgoing) = (&mut self.display, &mut self.outgoing);
        // The stream begins with a repaint, so that none need be asked for.
        outgoing.append(None, |out| _ = display.cover(panel, out));
        self.caption_until = Some(Instant::now() + CAPTION_FOR);
        self
    }

    /// Shows the terminal until somebody ends it.
    ///
    /// # Errors
    /// Fails when the user's terminal cannot be read or written.
    pub(crate) async fn run(mut self) -> io::Result<End> {
        let mut typed = vec![0; 4096];
        loop {
            let stale = self.display.is_stale();
            let releases = self.in_control && self.purpose == Purpose::View;
            let step = tokio::select! {
                biased;
                event = self.signals.next() => self.signal(event).await?,
                written = self.outgoing.write(self.tty), if !self.outgoing.is_empty() => {
                    written?;
                    self.acknowledge().await
                }
                read = self.tty.read(&mut typed) => match read? {
                    0 => Some(End::Interrupted),
                    length => self.typed(&typed[..length]).await,
                },
                frame = self.stream.next(), if !self.outgoing.is_full() => self.frame(frame).await,
                names = arrive(&mut self.names) => self.learned(names).await,
                () = answer(&mut self.console) => self.cover().await,
                () = reach(self.caption_until) => self.uncaption().await,
                () = sleep_until(self.next_draw), if stale => {
                    self.draw();
                    None
                }
                () = sleep_until(self.release_at), if releases => {
                    self.in_control = false;
                    self.send(Frame::Release).await
                }
            };
            if let Some(end) = step {
                return Ok(end);
            }
        }
    }

    async fn signal(&mut self, event: Event) -> io::Result<Option<End>> {
        match event {
            Event::Ended => Ok(Some(End::Interrupted)),
            Event::Unseen if self.purpose == Purpose::View && self.in_control => {
                self.in_control = false;
                Ok(self.send(Frame::Release).await)
            }
            Event::Unseen => Ok(None),
            Event::Continued => {
                self.tty.make_raw()?;
                Ok(self.ask(Need::Repaint).await)
            }
            Event::Resized => {
                let size = self.tty.size();
                let need = self.display.resize(size);
                if self.console.is_some() {
                    // What covers a part of the terminal has to fit it too.
                    let _ = self.cover().await;
                }
                // A viewer does not set the size; what it is shown has to be cut anew.
                if self.purpose != Purpose::Watch
                    && let Some(end) = self.send(Frame::Resize(size)).await
                {
                    return Ok(Some(end));
                }
                Ok(self.ask(need).await)
            }
        }
    }

    async fn typed(&mut self, input: &[u8]) -> Option<End> {
        let mut input = input.to_vec();
        loop {
            if let Some(console) = &mut self.console {
                let rest = match console.take(&input, &self.keys) {
                    Next::Stay => return self.cover().await,
                    Next::Leave => return Some(End::Left),
                    Next::Close => return self.close_console().await,
                    Next::Prefixed(rest) => rest.to_vec(),
                };
                self.keys.hold();
                if let Some(end) = self.close_console().await {
                    return Some(end);
                }
                input = rest;
            }
            let typed = self.keys.take(&input);
            let end = match self.purpose {
                Purpose::Watch if typed.wish.is_none() => self.looked(&input),
                Purpose::Watch => None,
                Purpose::Attach | Purpose::View => self.pass_on(&typed.bytes).await,
            };
            if end.is_some() {
                return end;
            }
            input = match typed.wish? {
                Wish::Leave => return Some(End::Left),
                Wish::Command(rest) => rest,
            };
            let executor = self.executor?;
            let only_looks = self.purpose == Purpose::Watch;
            self.console = Some(Console::open(executor, only_looks));
            self.names = Some(executor.names());
        }
    }

    /// Passes on what was typed to the agent.
    async fn pass_on(&mut self, typed: &[u8]) -> Option<End> {
        self.release_at = Instant::now() + RELEASE_AFTER;
        for piece in typed.chunks(MAX_FRAME) {
            let input = Frame::Input(Bytes::copy_from_slice(piece));
            if let Some(end) = self.send(input).await {
                return Some(end);
            }
        }
        None
    }

    /// Passes the names of other pods on to the console, which may complete its line by them.
    async fn learned(&mut self, names: Vec<String>) -> Option<End> {
        self.names = None;
        self.console.as_mut()?.know(names);
        self.cover().await
    }

    async fn close_console(&mut self) -> Option<End> {
        self.console = None;
        self.names = None;
        let need = self.display.uncover();
        self.ask(need).await
    }

    /// Takes the caption away, unless the console has its place.
    async fn uncaption(&mut self) -> Option<End> {
        self.caption_until = None;
        if self.console.is_some() {
            return None;
        }
        let need = self.display.uncover();
        self.ask(need).await
    }

    /// Shows the console over the lower end of the terminal.
    async fn cover(&mut self) -> Option<End> {
        let console = self.console.as_ref()?;
        let panel = console.panel(self.tty.size());
        let (display, outgoing) = (&mut self.display, &mut self.outgoing);
        let mut need = Need::Nothing;
        outgoing.append(None, |out| need = display.cover(panel, out));
        self.ask(need).await
    }

    /// The keys of somebody who only looks.
    fn looked(&mut self, input: &[u8]) -> Option<End> {
        // Keys may come together; a sequence is one.
        let length = match input {
            [0x1b, ..] => input.len(),
            _ => 1,
        };
        let (columns, rows) = PAN_STEP;
        for key in input.chunks(length) {
            match key {
                b"q" | b"Q" | b"\x03" => return Some(End::Left),
                b"\t" => return Some(End::Next),
                b"\x1b[A" | b"\x1bOA" => self.display.pan(0, -rows),
                b"\x1b[B" | b"\x1bOB" => self.display.pan(0, rows),
                b"\x1b[C" | b"\x1bOC" => self.display.pan(columns, 0),
                b"\x1b[D" | b"\x1bOD" => self.display.pan(-columns, 0),
                _ => {}
            }
        }
        None
    }

    async fn frame(&mut self, frame: Option<Result<Frame, FrameError>>) -> Option<End> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Some(End::PodGone(Some(error.to_string()))),
            None => return Some(End::PodGone(self.complaint.take())),
        };
        let (display, outgoing) = (&mut self.display, &mut self.outgoing);
        let mut need = Need::Nothing;
        match frame {
            Frame::Output { offset, bytes } => {
                let end = offset + bytes.len() as u64;
                outgoing.append(Some(end), |out| need = display.output(&bytes, out));
            }
            Frame::Reset {
                offset,
                size,
                bytes,
                ..
            } => {
                outgoing.restart(offset);
                outgoing.append(None, |out| display.reset(size, &bytes, out));
            }
            Frame::ResetPart { bytes, .. } => {
                outgoing.append(None, |out| display.reset_part(&bytes, out));
            }
            Frame::ControllerChanged { you, name, .. } => {
                let lost = std::mem::replace(&mut self.in_control, you) && !you;
                if lost && self.purpose == Purpose::Attach {
                    return Some(End::ControlTaken(name));
                }
            }
            Frame::Exit { end, .. } => self.notice(&format!("the agent ended: {end}")),
            Frame::Error(complaint) => self.complaint = Some(complaint),
            // The repaint that follows tells the size; nothing else concerns a client.
            _ => {}
        }
        self.ask(need).await
    }

    /// Writes a line of our own below what the agent wrote.
    fn notice(&mut self, text: &str) {
        self.outgoing.append(None, |out| {
            out.extend_from_slice(format!("\x1b[m\r\n\x1b[7m {text} \x1b[m\r\n").as_bytes());
        });
    }

    fn draw(&mut self) {
        let display = &mut self.display;
        self.outgoing.append(None, |out| display.draw(out));
        self.next_draw = Instant::now() + DRAW_INTERVAL;
    }

    async fn acknowledge(&mut self) -> Option<End> {
        match self.outgoing.acknowledgement() {
            Some(offset) => self.send(Frame::Ack(offset)).await,
            None => None,
        }
    }

    async fn ask(&mut self, need: Need) -> Option<End> {
        match need {
            Need::Repaint => self.send(Frame::Repaint).await,
            Need::Nothing => None,
        }
    }

    /// Sends a frame; a pod that does not take it is gone for us.
    async fn send(&mut self, frame: Frame) -> Option<End> {
        match timeout(SEND_DEADLINE, self.stream.send(frame)).await {
            // The pod says why it closes before it does: that is read first.
            Ok(Ok(()) | Err(FrameError::Io(_))) => None,
            Ok(Err(error)) => Some(End::PodGone(Some(error.to_string()))),
            Err(_) => Some(End::PodGone(Some("the pod takes no input".into()))),
        }
    }
}

/// Waits until a time, if there is one.
async fn reach(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for names that are on their way.
async fn arrive(names: &mut Option<BoxFuture<'_, Vec<String>>>) -> Vec<String> {
    match names {
        Some(names) => names.await,
        None => std::future::pending().await,
    }
}

/// Waits for the answer to a command that is on its way.
async fn answer(console: &mut Option<Console<'_>>) {
    match console {
        Some(console) => console.answer().await,
        None => std::future::pending().await,
    }
}
