//! The delivery of one message into a terminal that no pod owns, by looking at it from outside.
//!
//! The steps and the evidence are those of a pod's own delivery: the same gate, the same check that
//! the composer holds our text before each submit key, the same proof after it. What only the owner
//! of a terminal knows is missing: which keys a person presses, and whether output is on its way.
//! There is no inbox either: a message that cannot be typed now is refused, and what the screen does
//! not show is unknown.

mod input;

use std::future::Future;
use std::time::{Duration, Instant};

use podfleet_harness::{Classification, Composer, Harness, Screen, ScreenState, Signals};
use podfleet_protocol::{Hold, HoldReason, Message, MessageId, Outcome, Preamble, Receipt};

pub use input::TerminalInput;

use crate::clock;
use crate::delivery::{
    Action, CANONICAL_LINE, Conditions, Delivery, Finding, Job, Look, TYPED_TAB, hold, typed_text,
};

/// How far apart two looks are: each costs the other side some work.
const BETWEEN_LOOKS: Duration = Duration::from_millis(60);
/// For how long a screen that shows nothing known may be in the middle of a repaint.
const HALF_DRAWN: Duration = Duration::from_millis(50);
/// When a submission that a dialog keeps from its end is left as it is.
const VERDICT: Duration = Duration::from_secs(20);

/// A terminal that can be looked at and typed into from outside.
pub trait BareTerminal: Send {
    /// Why it could not be reached.
    type Error: Send;

    /// Returns what it shows now.
    fn screen(&mut self) -> impl Future<Output = Result<Screen, Self::Error>> + Send;

    /// Puts a text in, as a paste where the program asked for that, without a submit key.
    fn put(&mut self, text: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Presses a key, given by its bytes.
    fn press(&mut self, key: &[u8]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Returns what the kernel knew of its input at the last look; nothing where it cannot be asked,
    /// such as on another machine.
    fn input(&self) -> Option<TerminalInput>;
}

/// A message for a bare terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    id: MessageId,
    text: String,
    now: bool,
    until: Outcome,
    patience: Duration,
}

impl Parcel {
    /// Makes a parcel of a message. It is followed until it came as far as `until`, but at least
    /// until it is submitted; `patience` is for the terminal to be free, and then for `until`.
    ///
    /// # Errors
    /// Gives the rule that forbids the message.
    pub fn new(message: &Message, until: Outcome, patience: Duration) -> Result<Self, String> {
        let preamble = Preamble {
            from: message.from.clone(),
            to: message.to.clone(),
            class: message.class,
            thread: message.thread.clone(),
        };
        Ok(Self {
            id: message.id,
            text: typed_text(&preamble, &message.body, message.typing)?,
            now: message.typing.now,
            until: if until.reaches(Outcome::Submitted) {
                until
            } else {
                Outcome::Submitted
            },
            patience,
        })
    }

    /// Returns the exact text that is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A delivery ended because the terminal could not be reached any more.
#[derive(Debug)]
pub struct BrokenOff<E> {
    /// Why.
    pub error: E,
    /// What is known of the message; nothing if nothing of it was typed.
    pub receipt: Option<Receipt>,
}

/// Delivers a message, and follows what becomes of it.
///
/// A receipt that says `refused` means that nothing was typed. Whoever drops the future after it
/// began to type knows nothing of the message.
///
/// # Errors
/// Fails when the terminal cannot be reached; the error tells whether something had been typed.
pub async fn deliver<T: BareTerminal>(
    terminal: &mut T,
    harness: &Harness,
    parcel: &Parcel,
) -> Result<Receipt, BrokenOff<T::Error>> {
    let mut watch = Watch::new(harness, parcel);
    let delivered = match typable(harness, &parcel.text) {
        Ok(()) => watch.deliver(terminal).await,
        Err(why) => Ok(watch.receipt_of(Outcome::Refused, why)),
    };
    delivered.map_err(|error| BrokenOff {
        error,
        receipt: watch.typed.map(|_| watch.receipt_at_end()),
    })
}

/// Checks that a text would arrive as one message, and whole.
fn typable(harness: &Harness, text: &str) -> Result<(), String> {
    let most = harness.comfortable_bytes();
    if text.len() > most {
        return Err(format!(
            "it is longer than {most} bytes: put it into a file that the agent can read, and send \
             the file's name"
        ));
    }
    // A program with a composer takes a paste whole. Any other may read line by line.
    if harness.has_composer() {
        return Ok(());
    }
    if text.contains('\n') {
        let why = "several lines would be several messages to a program that reads line by line";
        return Err(why.into());
    }
    if text.len() > CANONICAL_LINE {
        return Err(format!(
            "a line of {} bytes would be cut: programs may read lines of at most {CANONICAL_LINE} \
             bytes",
            text.len()
        ));
    }
    Ok(())
}

/// One delivery, and what was seen so far.
struct Watch<'a> {
    harness: &'a Harness,
    parcel: &'a Parcel,
    delivery: Delivery,
    /// When something may first have been typed.
    typed: Option<Instant>,
    screen: Screen,
    /// When the screen last changed, as far as looks can tell.
    changed: Instant,
    state: ScreenState,
    found: Option<Finding>,
}

/// What one look saw, besides the screen.
struct Seen {
    now: Instant,
    input: Option<TerminalInput>,
    quiet_for: Duration,
    classification: Classification,
}

impl<'a> Watch<'a> {
    fn new(harness: &'a Harness, parcel: &'a Parcel) -> Self {
        Self {
            harness,
            parcel,
            delivery: Delivery::new(),
            typed: None,
            screen: Screen::default(),
            changed: now(),
            state: ScreenState::Unknown,
            found: None,
        }
    }

    async fn deliver<T: BareTerminal>(&mut self, terminal: &mut T) -> Result<Receipt, T::Error> {
        if let Some(hold) = self.gate(terminal).await? {
            let why = format!("nothing was typed, for this is in the way: {hold}");
            return Ok(self.receipt_of(Outcome::Refused, why));
        }
        self.typed = Some(now());
        // A tab that is no paste would be a completion key.
        let text = &self.parcel.text;
        if self.harness.has_composer() {
            terminal.put(text).await?;
        } else {
            terminal.put(&text.replace('\t', TYPED_TAB)).await?;
        }
        let typed = now();
        self.changed = typed;
        let job = Job {
            id: self.parcel.id,
            text: self.parcel.text.clone(),
            now: self.parcel.now,
            command: false,
        };
        self.delivery.typed(job, typed);
        self.follow(terminal, typed).await
    }

    /// Waits until the message can be typed; returns what is in the way when patience ends.
    async fn gate<T: BareTerminal>(&mut self, terminal: &mut T) -> Result<Option<Hold>, T::Error> {
        let begun = now();
        let conditions = Conditions {
            now: self.parcel.now,
            ..Conditions::default()
        };
        loop {
            let closed = match self.look(terminal).await? {
                Some(seen) => hold(&self.as_look(&seen), &conditions).or_else(|| self.line_begun()),
                None => Some(Hold {
                    reason: HoldReason::Starting,
                    detail: "its screen does not rest".into(),
                }),
            };
            if closed.is_none() || now().duration_since(begun) >= self.parcel.patience {
                return Ok(closed);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn follow<T: BareTerminal>(
        &mut self,
        terminal: &mut T,
        typed: Instant,
    ) -> Result<Receipt, T::Error> {
        loop {
            if let Some(seen) = self.look(terminal).await? {
                for action in self
                    .delivery
                    .look(&as_look(self.harness, &self.screen, &seen))
                {
                    match action {
                        Action::Submit => terminal.press(&self.harness.submit().key).await?,
                        Action::Found(_, finding) => self.found = Some(finding),
                    }
                }
            }
            if self.is_over(now().duration_since(typed)) {
                return Ok(self.receipt_at_end());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    fn is_over(&self, waited: Duration) -> bool {
        let enough = |found: &Finding| found.settled || found.outcome.reaches(self.parcel.until);
        let shown = |found: &Finding| found.outcome.reaches(Outcome::Submitted);
        match &self.found {
            Some(found) if enough(found) => true,
            Some(found) if shown(found) => waited >= self.parcel.patience,
            // A verdict comes by itself, unless a dialog stands before it.
            _ => waited >= self.parcel.patience.max(VERDICT),
        }
    }

    /// Looks once; nothing if the screen seems to be half drawn.
    async fn look<T: BareTerminal>(&mut self, terminal: &mut T) -> Result<Option<Seen>, T::Error> {
        let screen = terminal.screen().await?;
        let input = terminal.input();
        let seen = now();
        if screen != self.screen {
            self.changed = seen;
            self.screen = screen;
        }
        let quiet_for = seen.saturating_duration_since(self.changed);
        let classification = self.harness.classify(
            &self.screen,
            &Signals {
                quiet_for,
                // It has run for longer than we look, and has written what it shows.
                running_for: Duration::MAX,
                output_seen: true,
                was_ready: true,
                away: input.is_some_and(|input| input.away),
            },
        );
        let nowhere = |state| matches!(state, ScreenState::Starting | ScreenState::Unknown);
        if nowhere(classification.state) && !nowhere(self.state) && quiet_for < HALF_DRAWN {
            return Ok(None);
        }
        self.state = classification.state;
        Ok(Some(Seen {
            now: seen,
            input,
            quiet_for,
            classification,
        }))
    }

    fn as_look<'s>(&'s self, seen: &'s Seen) -> Look<'s> {
        as_look(self.harness, &self.screen, seen)
    }

    /// Where there is no composer, nobody tells of the keys that a person pressed: what stands behind
    /// the usual end of a prompt may be a command that somebody has begun.
    fn line_begun(&self) -> Option<Hold> {
        if self.harness.composer(&self.screen) != Composer::Unknown {
            return None;
        }
        let row = self.screen.rows.get(usize::from(self.screen.cursor.row))?;
        let ends = ["$ ", "# ", "% ", "> ", "❯ "];
        let end = ends
            .iter()
            .filter_map(|end| Some(row.text.rfind(end)? + end.len()))
            .max()?;
        let begun = !row.text[end..].trim().is_empty();
        begun.then(|| Hold {
            reason: HoldReason::Draft,
            detail: "text stands behind the prompt".into(),
        })
    }

    fn receipt_of(&self, outcome: Outcome, reason: impl Into<String>) -> Receipt {
        Receipt {
            outcome,
            settled: true,
            reason: Some(reason.into()),
            ..Receipt::accepted(self.parcel.id, clock::wall())
        }
    }

    /// Returns what is known; nobody looks on, so nothing more will be.
    fn receipt_at_end(&self) -> Receipt {
        let Some(found) = &self.found else {
            let doubt = "it was typed, and what became of it could not be seen";
            return self.receipt_of(Outcome::Unknown, doubt);
        };
        Receipt {
            id: self.parcel.id,
            outcome: found.outcome,
            settled: true,
            evidence: found.evidence.clone(),
            hold: None,
            reason: found.reason.clone(),
            submit_keys: found.submit_keys,
            at: clock::wall(),
        }
    }
}

/// The clock of the runtime, which a test may hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn as_look<'a>(harness: &'a Harness, screen: &'a Screen, seen: &'a Seen) -> Look<'a> {
    Look {
        now: seen.now,
        harness,
        screen,
        classification: &seen.classification,
        quiet_for: seen.quiet_for,
        written: true,
        unread: seen.input.map(|input| input.unread),
    }
}

#[cfg(test)]
mod tests;
