//! What the submit key did, and how that is known.

use std::time::{Duration, Instant};

use podfleet_harness::{BlockKind, Composer, Holding, ScreenState};
use podfleet_protocol::{Evidence, Outcome, Source};

use super::super::{Finding, Look};
use super::{STEADY, Step, Submission};

/// How long a swallowed submit key is waited for before it is pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(1);
/// How long an echoed line may lie in the kernel before that is told.
const READS: Duration = Duration::from_secs(1);
/// How often the submit key is pressed at most: once, and three times again.
const PRESSES: u8 = 4;
/// How far apart the two looks at an empty composer are.
const EMPTY_TWICE: Duration = Duration::from_millis(50);
/// How long a composer that vanished may take to come back and tell.
const COMES_BACK: Duration = Duration::from_secs(5);

impl Submission {
    /// Looks for what the submit key did.
    pub(super) fn after_key(&mut self, look: &Look<'_>, pressed: Instant, unread: bool) -> Step {
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
    pub(super) fn after_proof(
        &mut self,
        look: &Look<'_>,
        since: Instant,
        finding: Finding,
    ) -> Step {
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
}

/// Says why it is not known whether the agent works on a message.
const fn without_proof(was_busy: bool) -> &'static str {
    if was_busy {
        "the agent was busy before, so nothing shows whether it has begun with this"
    } else {
        "the agent gave no sign of work"
    }
}
