//! Lines as they appear in a terminal, over every break of the way to it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use podfleet_pod::terminal::Terminal;
use podfleet_protocol::client::AttachStream;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachResult, Position};
use tokio::time::{Instant, sleep, sleep_until};

use super::appearing::appeared;
use super::{Missed, Source, WINDOW};
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::output::Output;

/// The screen is looked at when nothing came for this long …
const QUIET: Duration = Duration::from_millis(150);
/// … and at least this often while something comes.
const LONGEST: Duration = Duration::from_secs(1);
/// How long the first wait for a broken way is; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// How often a pod is asked that does not answer as it should.
const TRIES: u32 = 6;
/// How long a wait for it is at most.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Prints lines as they appear, until the pod ends.
pub(super) async fn follow(
    source: &mut Source,
    ansi: bool,
    seen: Vec<String>,
    output: &mut Output,
) -> Outcome {
    let (result, mut stream) = source.attach(None).await?;
    let mut following = Following {
        source,
        ansi,
        seen,
        shown: Shown::blank(&result),
        wait: FIRST_WAIT,
    };
    loop {
        following.read(&mut stream, output).await?;
        stream = following.again(output).await?;
    }
}

struct Following<'a> {
    source: &'a mut Source,
    ansi: bool,
    /// The lines that were there at the last look.
    seen: Vec<String>,
    shown: Shown,
    /// How long the next wait for a broken way is.
    wait: Duration,
}

impl Following<'_> {
    /// Prints what appears until the stream ends.
    async fn read(&mut self, stream: &mut AttachStream, output: &mut Output) -> Result<(), Error> {
        let mut look_at: Option<(Instant, Instant)> = None;
        loop {
            let due = look_at.map(|(quiet, latest)| quiet.min(latest));
            tokio::select! {
                frame = stream.next() => {
                    let Some(Ok(frame)) = frame else {
                        return self.look(output);
                    };
                    self.wait = FIRST_WAIT;
                    if let Some(offset) = self.shown.take(frame) {
                        // A pod that is gone is noticed at the next frame.
                        let _ = stream.send(Frame::Ack(offset)).await;
                    }
                    let now = Instant::now();
                    let latest = look_at.map_or(now + LONGEST, |(_, latest)| latest);
                    look_at = Some((now + QUIET, latest));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    look_at = None;
                    self.look(output)?;
                }
            }
        }
    }

    fn look(&mut self, output: &mut Output) -> Result<(), Error> {
        // A part of a repaint says nothing of what is gone.
        if self.shown.position.is_none() {
            return Ok(());
        }
        let lines = self.shown.terminal.tail(WINDOW, self.ansi);
        for line in appeared(&self.seen, &lines) {
            output.line(line)?;
        }
        self.seen = lines;
        Ok(())
    }

    /// Goes on where the stream ended, as soon as there is a way.
    async fn again(&mut self, output: &mut Output) -> Result<AttachStream, Error> {
        let agent = self.source.agent();
        if let Source::Here(..) = self.source {
            let message = format!("the pod of `{agent}` ended");
            return Err(Error::message(Exit::No, message));
        }
        let mut told = false;
        let mut tries = TRIES;
        loop {
            // A way that ends at once is not asked for without a pause.
            sleep(self.wait).await;
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
            match self.source.attach(self.shown.position).await {
                Ok((result, stream)) => {
                    if self.shown.position.is_none() {
                        self.shown = Shown::blank(&result);
                    }
                    if told {
                        // From now on it is the agent that is silent.
                        let message = format!("note: the way to `{agent}` is there again");
                        output.say(message)?;
                    }
                    return Ok(stream);
                }
                Err(Missed::Gone(_)) => {
                    return Err(Error::message(Exit::No, format!("`{agent}` ended")));
                }
                Err(Missed::Perhaps(_)) if tries > 1 => tries -= 1,
                Err(Missed::Perhaps(error) | Missed::For(error)) => return Err(error),
                Err(Missed::Yet(error)) if !told => {
                    told = true;
                    let why = error.headline();
                    output.say(format_args!(
                        "note: the way to `{agent}` broke and is tried again: {why}"
                    ))?;
                }
                Err(Missed::Yet(_)) => {}
            }
        }
    }
}

/// What a terminal was said to show.
struct Shown {
    terminal: Terminal,
    /// Up to where it was told; nothing within a repaint.
    position: Option<Position>,
    /// Where the repaint that is being told ends.
    repainted: Option<Position>,
}

impl Shown {
    fn blank(result: &AttachResult) -> Self {
        Self {
            terminal: Terminal::new(result.size, WINDOW),
            position: None,
            repainted: None,
        }
    }

    /// Takes a frame in; returns the offset up to which the stream was read.
    fn take(&mut self, frame: Frame) -> Option<u64> {
        match frame {
            Frame::Output { offset, bytes } => {
                self.terminal.feed(&bytes);
                let offset = offset + bytes.len() as u64;
                if let Some(position) = &mut self.position {
                    position.offset = offset;
                }
                Some(offset)
            }
            Frame::Reset {
                offset,
                generation,
                run,
                size,
                bytes,
                more,
            } => {
                self.terminal = Terminal::new(size, WINDOW);
                self.repainted = Some(Position {
                    generation,
                    run,
                    offset,
                });
                self.repaint(&bytes, more);
                None
            }
            Frame::ResetPart { bytes, more, .. } => {
                self.repaint(&bytes, more);
                None
            }
            _ => None,
        }
    }

    fn repaint(&mut self, bytes: &[u8], more: bool) {
        self.terminal.feed(bytes);
        self.position = self.repainted.filter(|_| !more);
    }
}
