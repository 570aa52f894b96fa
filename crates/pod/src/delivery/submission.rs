//! From the typed text to the proof that the agent took it.

mod proof;

use std::time::{Duration, Instant};

use podfleet_harness::{Composer, Holding, ScreenState};
use podfleet_protocol::{Evidence, Hold, HoldReason, MessageId, Outcome, RunEnd, Source};

use super::echo::Echo;
use super::gate::dialog;
use super::{Finding, Job, Look};

/// How long a typed text may take to show in the composer, once the agent has read it.
const APPEARS: Duration = Duration::from_secs(5);
/// How long an agent may leave what is typed unread before that is told.
const UNREAD: Duration = Duration::from_secs(10);
/// How long the composer must have shown our text unchanged where something else on the screen, such
/// as a spinner, never rests.
const STEADY: Duration = Duration::from_millis(500);

/// A message whose text was typed.
#[derive(Debug)]
pub(super) struct Submission {
    job: Job,
    /// When all of the text had gone to the terminal, and was last seen to lie there unread.
    written: Option<Instant>,
    /// The submit keys so far, and the last one's moment, or when it was last seen to lie unread.
    presses: u8,
    pressed: Option<Instant>,
    /// When the agent was last seen to have read all that was typed.
    read: Instant,
    /// When the composer was first seen empty after a submit key.
    empty: Option<Instant>,
    /// When the submission was shown.
    confirmed: Option<(Instant, Finding)>,
    /// How the composer shows our text, and since when.
    held: Option<(String, Instant)>,
    /// When the submit key may be pressed if nothing moves until then.
    press_at: Option<Instant>,
    /// How the echo stood when the key was pressed, where the program has no composer, so that its
    /// echo tells.
    echo: Option<Echo>,
    /// Whether the agent was busy when the key was pressed, so that busy proves nothing.
    was_busy: bool,
    /// What was told last while it is neither submitted nor given up.
    reported: Option<Outcome>,
}

/// What a look leads to.
#[derive(Debug)]
pub(super) enum Step {
    Wait,
    Press,
    Report(Finding),
    /// It stands in the agent's own queue.
    Queued(Finding),
    /// The agent works on it, or may do so unseen: the message has left the composer.
    Working(Finding),
}

impl Submission {
    pub(super) fn new(job: Job, now: Instant) -> Self {
        Self {
            job,
            written: None,
            presses: 0,
            pressed: None,
            read: now,
            empty: None,
            confirmed: None,
            held: None,
            press_at: None,
            echo: None,
            was_busy: false,
            reported: None,
        }
    }

    pub(super) fn id(&self) -> MessageId {
        self.job.id
    }

    /// Returns the text that was typed.
    pub(super) fn text(&self) -> &str {
        &self.job.text
    }

    /// Returns whether the submit key was pressed, so that the agent may have it.
    pub(super) const fn was_submitted(&self) -> bool {
        self.presses > 0
    }

    /// Returns what is known when the agent says itself that it has the message.
    pub(super) fn taken(&self, outcome: Outcome, source: Source, detail: &str) -> Finding {
        Finding::new(outcome, false, self.presses).evidence(Evidence {
            source,
            detail: detail.to_owned(),
        })
    }

    /// Returns whether our text may stand in the composer, with no dialog over it that a person
    /// has to answer.
    pub(super) fn is_typing(&self) -> bool {
        self.confirmed.is_none() && self.reported.is_none()
    }

    pub(super) fn look(&mut self, look: &Look<'_>) -> Step {
        if let Some((since, finding)) = self.confirmed.clone() {
            return self.after_proof(look, since, finding);
        }
        let unread = self.is_unread(look);
        if look.written && (self.written.is_none() || unread) {
            self.written = Some(look.now);
        }
        match self.pressed {
            None => self.before_key(look, unread),
            Some(_) if unread => {
                self.pressed = Some(look.now);
                self.after_key(look, look.now, unread)
            }
            Some(pressed) => self.after_key(look, pressed, unread),
        }
    }

    /// Returns whether what was typed lies in the kernel, and takes notice of it. An agent that does
    /// not read shows nothing, and nothing can be concluded from that. Where the terminal echoes, it
    /// tells of itself.
    fn is_unread(&mut self, look: &Look<'_>) -> bool {
        let unread = !look.written || (look.unread == Some(true) && self.echo.is_none());
        if !unread {
            self.read = look.now;
        }
        unread
    }

    pub(super) fn next_look(&self, now: Instant) -> Instant {
        if let Some(press_at) = self.press_at {
            return press_at;
        }
        // A few looks a second are cheap, and end with the delivery.
        let soon = Duration::from_millis(10);
        let later = Duration::from_millis(250);
        let waiting = self.reported.is_some();
        now + if waiting { later } else { soon }
    }

    /// Waits until the composer holds the text and nothing moves.
    fn before_key(&mut self, look: &Look<'_>, unread: bool) -> Step {
        self.press_at = None;
        let Some(written) = self.written else {
            return self.lies_unread(look);
        };
        if let ScreenState::Blocked(kind) = look.classification.state {
            return self.behind_dialog(look, &kind.to_string());
        }
        if unread {
            return self.lies_unread(look);
        }
        let submit = look.harness.submit();
        let shown = match look.harness.holds(look.screen, &self.job.text) {
            Holding::Text => "the text".to_owned(),
            Holding::Placeholder(placeholder) => format!("`{placeholder}`"),
            Holding::No | Holding::Unknown => {
                self.held = None;
                return self.not_shown(look, written);
            }
        };
        let steady = self.steady_for(shown, look.now);
        let busy = look.classification.state == ScreenState::Busy;
        let by_echo = look.harness.composer(look.screen) == Composer::Unknown;
        if busy && !by_echo && !self.job.now {
            return self.report_once(Finding::new(Outcome::TypedNotSubmitted, false, 0).hold(
                Hold {
                    reason: HoldReason::Busy,
                    detail: "it became busy while the text was typed".into(),
                },
            ));
        }
        let still_in = submit.quiet.saturating_sub(look.quiet_for);
        let still_at = look.now + still_in.min(STEADY.saturating_sub(steady));
        let press_at = still_at.max(written + submit.gap);
        if look.now < press_at {
            self.press_at = Some(press_at);
            return Step::Wait;
        }
        self.echo = by_echo.then(|| Echo::of(look.screen));
        self.was_busy = busy;
        self.press(look.now)
    }

    /// Returns for how long the composer has shown our text as it does now.
    fn steady_for(&mut self, shown: String, now: Instant) -> Duration {
        match &self.held {
            Some((before, since)) if *before == shown => now.duration_since(*since),
            _ => {
                self.held = Some((shown, now));
                Duration::ZERO
            }
        }
    }

    fn press(&mut self, now: Instant) -> Step {
        self.presses += 1;
        self.pressed = Some(now);
        self.empty = None;
        self.reported = None;
        Step::Press
    }

    /// The agent does not read what was typed.
    fn lies_unread(&mut self, look: &Look<'_>) -> Step {
        if look.now < self.read + UNREAD {
            return Step::Wait;
        }
        self.report_once(
            Finding::new(Outcome::TypedNotSubmitted, false, self.presses)
                .reason("the agent does not read its terminal"),
        )
    }

    fn not_shown(&mut self, look: &Look<'_>, written: Instant) -> Step {
        let composer = look.harness.composer(look.screen);
        if look.now < written + APPEARS {
            return Step::Wait;
        }
        Step::Report(match composer {
            Composer::Holds(_) => Finding::new(Outcome::TypedNotSubmitted, true, 0)
                .reason("the composer does not hold the whole text, so it was not submitted"),
            _ => Finding::new(Outcome::Unknown, true, 0).reason(
                "the typed text did not show on the screen within 5 s, so it was not submitted",
            ),
        })
    }

    fn behind_dialog(&mut self, look: &Look<'_>, kind: &str) -> Step {
        let line = look.classification.line.clone().unwrap_or_default();
        let (outcome, reason) = if self.presses == 0 {
            (
                Outcome::TypedNotSubmitted,
                "a dialog opened after the text was typed; no key was pressed",
            )
        } else {
            (
                Outcome::Unknown,
                "a dialog opened after the submit key; no further key was pressed",
            )
        };
        self.report_once(
            Finding::new(outcome, false, self.presses)
                .reason(reason)
                .hold(Hold {
                    reason: HoldReason::Dialog,
                    detail: dialog(kind, &line),
                }),
        )
    }

    fn report_once(&mut self, finding: Finding) -> Step {
        if self.reported == Some(finding.outcome) {
            return Step::Wait;
        }
        self.reported = Some(finding.outcome);
        Step::Report(finding)
    }

    pub(super) fn cut_short(self, end: &RunEnd) -> Finding {
        let reason = format!("the agent ended meanwhile: {end}");
        match self.confirmed {
            Some((_, finding)) => Finding {
                settled: true,
                ..finding
            }
            .reason(reason),
            None => Finding::new(Outcome::Unknown, true, self.presses).reason(reason),
        }
    }
}
