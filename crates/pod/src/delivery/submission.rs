//! From the typed text to the proof that the agent took it.

use std::time::{Duration, Instant};

use podfleet_harness::{BlockKind, Composer, Holding, ScreenState};
use podfleet_protocol::{Evidence, Hold, HoldReason, MessageId, Outcome, RunEnd, Source};

use super::echo::Echo;
use super::gate::dialog;
use super::{Finding, Job, Look};

/// How long a typed text may take to show in the composer, once the agent has read it.
const APPEARS: Duration = Duration::from_secs(5);
/// How long an agent may leave what is typed unread before that is told.
const UNREAD: Duration = Duration::from_secs(10);
/// How long a swallowed submit key is waited for before it is pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(1);
/// How long the composer must have shown our text unchanged where something else on the screen, such
/// as a spinner, never rests.
const STEADY: Duration = Duration::from_millis(500);
/// How long an echoed line may lie in the kernel before that is told.
const READS: Duration = Duration::from_secs(1);
/// How often the submit key is pressed at most: once, and three times again.
const PRESSES: u8 = 4;
/// How far apart the two looks at an empty composer are.
const EMPTY_TWICE: Duration = Duration::from_millis(50);
/// How long a composer that vanished may take to come back and tell.
const COMES_BACK: Duration = Duration::from_secs(5);

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

    /// Looks for what the submit key did.
    fn after_key(&mut self, look: &Look<'_>, pressed: Instant, unread: bool) -> Step {
        let holding = look.harness.holds(look.screen, &self.job.text);
        let ours = matches!(holding, Holding::Text | Holding::Placeholder(_));
        // While the composer holds it, what is queued is an equal message that came before.
        if !ours && let Some(finding) = self.queued(look) {
            return Step::Queued(finding);
        }
        match look.classification.state {
            ScreenState::Blocked(kind) => return self.behind_dialog(look, &kind.to_string()),
            ScreenState::Busy if !self.was_busy && self.echo.is_none() && !ours => {
                return Step::Working(self.started(look));
            }
            _ => {}
        }
        if unread {
            return self.lies_unread(look);
        }
        if ours {
            return self.still_there(look, pressed);
        }
        match look.harness.composer(look.screen) {
            Composer::Empty => self.seen_empty(look),
            Composer::Unknown if self.echo.is_some() => self.echoed(look, pressed),
            Composer::Holds(_) | Composer::Unknown => self.no_longer_seen(look, pressed),
        }
    }

    /// Where the terminal itself echoes, an echo is the kernel's doing: that a program has read the
    /// line tells the kernel too, or what the program writes after it.
    fn echoed(&mut self, look: &Look<'_>, pressed: Instant) -> Step {
        let went_on = || {
            let echo = self.echo.as_ref();
            echo.is_some_and(|echo| echo.is_followed(look.screen))
        };
        match look.unread {
            Some(true) => self.unread(look, pressed),
            Some(false) => self.prove(look, Source::Echo, "the echoed line was taken"),
            None if went_on() => {
                self.prove(look, Source::Echo, "more was written after the echoed line")
            }
            None if look.now < pressed + COMES_BACK => Step::Wait,
            None => Step::Report(
                Finding::new(Outcome::Unknown, true, self.presses)
                    .reason("the terminal echoed it; nothing shows that a program read it"),
            ),
        }
    }

    /// The kernel took the line, and keeps it for a program that does not read.
    fn unread(&mut self, look: &Look<'_>, pressed: Instant) -> Step {
        if look.now < pressed + READS {
            return Step::Wait;
        }
        self.report_once(
            Finding::new(Outcome::TypedNotSubmitted, false, self.presses)
                .reason("the terminal echoed it, and no program has read it yet"),
        )
    }

    fn queued(&self, look: &Look<'_>) -> Option<Finding> {
        let found = look.harness.queued(look.screen, &self.job.text)?;
        let finding = Finding::new(Outcome::QueuedByAgent, false, self.presses);
        Some(finding.evidence(Evidence {
            source: Source::QueueFooter,
            detail: format!("rule {}: {}", found.rule, found.line),
        }))
    }

    fn still_there(&mut self, look: &Look<'_>, pressed: Instant) -> Step {
        self.empty = None;
        let submit = look.harness.submit();
        let still = look.quiet_for >= submit.quiet || look.now >= pressed + PRESS_AGAIN + STEADY;
        if look.now < pressed + PRESS_AGAIN || !still {
            return Step::Wait;
        }
        if self.presses < PRESSES {
            return self.press(look.now);
        }
        Step::Report(
            Finding::new(Outcome::TypedNotSubmitted, true, self.presses).reason(format!(
                "the text still stands in the composer after {} submit keys",
                self.presses
            )),
        )
    }

    fn seen_empty(&mut self, look: &Look<'_>) -> Step {
        match self.empty {
            None => {
                self.empty = Some(look.now);
                Step::Wait
            }
            Some(first) if look.now < first + EMPTY_TWICE => Step::Wait,
            Some(_) => {
                let held = self.held.as_ref().map_or("", |(shown, _)| shown);
                let detail = format!("it held {held}, then was empty twice");
                self.prove(look, Source::Composer, &detail)
            }
        }
    }

    fn prove(&mut self, look: &Look<'_>, source: Source, detail: &str) -> Step {
        let finding = Finding::new(Outcome::Submitted, false, self.presses).evidence(Evidence {
            source,
            detail: detail.to_owned(),
        });
        if self.echo.is_some() {
            return Step::Working(finding);
        }
        if self.job.command {
            return Step::Report(Finding {
                settled: true,
                ..finding
            });
        }
        self.confirmed = Some((look.now, finding.clone()));
        Step::Report(finding)
    }

    fn no_longer_seen(&mut self, look: &Look<'_>, pressed: Instant) -> Step {
        self.empty = None;
        if look.now < pressed + COMES_BACK {
            return Step::Wait;
        }
        Step::Report(Finding::new(Outcome::Unknown, true, self.presses).reason(
            "after the submit key the composer was neither empty nor held the text for 5 s",
        ))
    }

    /// Waits for the agent to show that it works; without that, submitted is all that is known.
    fn after_proof(&mut self, look: &Look<'_>, since: Instant, finding: Finding) -> Step {
        if let Some(queued) = self.queued(look) {
            return Step::Queued(queued);
        }
        // Only an agent that works asks for leave.
        let works = matches!(
            look.classification.state,
            ScreenState::Busy | ScreenState::Blocked(BlockKind::Permission)
        );
        if works && !self.was_busy {
            return Step::Working(self.started(look));
        }
        let goes_on = self.was_busy && works;
        self.was_busy = goes_on;
        if look.now < since + look.harness.submit().turn_start {
            return Step::Wait;
        }
        Step::Report(Finding {
            settled: true,
            reason: Some(without_proof(goes_on).into()),
            ..finding
        })
    }

    fn started(&self, look: &Look<'_>) -> Finding {
        let line = look.classification.line.clone().unwrap_or_default();
        Finding::new(Outcome::Started, false, self.presses).evidence(Evidence {
            source: Source::StatusEdge,
            detail: format!(
                "idle to {}, rule {}: {line}",
                look.classification.state, look.classification.rule
            ),
        })
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

/// Says why it is not known whether the agent works on a message.
const fn without_proof(was_busy: bool) -> &'static str {
    if was_busy {
        "the agent was busy before, so nothing shows whether it has begun with this"
    } else {
        "the agent gave no sign of work"
    }
}
