//! The lane: the one message at a time that goes from the inbox into the terminal.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use podfleet_harness::{Classification, ScreenState, Signals};
use podfleet_pod_store::session_log::Entry;
use podfleet_pod_store::{CrashPoint, DeliveryState};
use podfleet_protocol::{
    Event, Hold, HoldReason, Kind, Message, MessageId, Outcome, Receipt, Typing,
};

use super::Controller;
use super::agent::Phase;
use crate::agent_process::AgentTerminal;
use crate::clock::{self, Moment};
use crate::delivery::{Action, Conditions, Finding, Job, Look, hold, opens_in};
use crate::journal::{Delivering, NotCommitted, Recording};
use crate::lifecycle::Lifecycle;

/// How long a repaint may leave the screen half drawn; the first look at a quiet screen is later.
const HALF_DRAWN: Duration = Duration::from_millis(50);

/// The messages that are not settled, and whether the store has them.
pub(super) type Open = HashMap<MessageId, bool>;

/// Why log or store cannot take what is to be typed.
#[derive(Debug)]
pub(super) struct Fault {
    account: String,
    /// Whether somebody will say when it is over; else the next attempt shows.
    stands: bool,
    /// Whether it may be over: the next message shows.
    doubted: bool,
}

impl Fault {
    /// Lets the next message try whether it is over, unless somebody will say; returns whether it does.
    pub(super) fn doubt(&mut self) -> bool {
        self.doubted = !self.stands;
        self.doubted
    }

    fn hold(&self) -> Hold {
        Hold {
            reason: HoldReason::Log,
            detail: self.account.clone(),
        }
    }
}

impl Controller {
    /// Looks at the screen and goes on with what it allows.
    pub(super) fn look(&mut self, now: Instant) {
        self.dirty = false;
        self.last_look = now;
        self.drained.take_if(|until| *until <= now);
        let screen = self.live.terminal.screen();
        let quiet_since = self.live.last_output.unwrap_or(self.live.started);
        let quiet_for = now.saturating_duration_since(quiet_since);
        let terminal = self.terminal.as_ref();
        let holder = terminal.and_then(AgentTerminal::holder);
        let watching = self.live.delivery.is_watching();
        let unread = Some(watching && terminal.is_some_and(AgentTerminal::has_unread));
        let signals = Signals {
            was_ready: self.live.prompt.was_ready(),
            away: self.live.prompt.is_away(holder, self.agent_pid),
            quiet_for,
            running_for: now.saturating_duration_since(self.live.started),
            output_seen: self.live.last_output.is_some(),
        };
        self.end_suspension(holder, now);
        let classification = self.setup.harness.classify(&screen, &signals);
        let classification = self.reconciled(classification, now);
        if self.is_half_drawn(classification.state, quiet_for) {
            return;
        }
        if classification.state == ScreenState::Ready {
            self.live.prompt.ready(holder);
            self.was_ready();
        }
        if classification.state != self.live.classification.state {
            self.live.since = Moment::now();
            self.report_change(&classification);
        }
        let before = std::mem::replace(&mut self.live.classification, classification).state;
        self.tell_of_screen(before);
        if !matches!(self.live.classification.state, ScreenState::Blocked(_)) {
            self.live.pick = None;
        }
        let look = Look {
            now,
            harness: &self.setup.harness,
            screen: &screen,
            classification: &self.live.classification,
            quiet_for,
            written: self.live.outgoing.is_empty(),
            unread,
        };
        let actions = self.live.delivery.look(&look);
        let closed = self.live.next.as_ref().map(|next| {
            let conditions = self.conditions(now, &next.message);
            hold(&look, &conditions).or_else(|| self.about_to_end(now))
        });
        self.act(actions);
        self.release_keys();
        // What keeps the agent busy may be the message that has just left.
        match closed.filter(|_| self.live.next.is_some()) {
            // What keeps everything from being delivered holds also while nothing waits.
            None => self.live.hold = self.standing_fault(),
            Some(_) if !self.live.delivery.may_begin() => self.live.hold = self.last_fault(),
            Some(Some(hold)) => self.live.hold = Some(hold),
            Some(None) => {
                self.live.hold = self.last_fault();
                self.begin_message();
            }
        }
    }

    /// Tells the parent of a new state that concerns it.
    fn report_change(&self, now: &Classification) {
        let line = || now.line.as_deref().unwrap_or_default().trim().to_owned();
        match (self.live.classification.state, now.state) {
            (ScreenState::Busy, ScreenState::Ready | ScreenState::Draft) => {
                self.report(Lifecycle::TurnEnded);
            }
            (_, ScreenState::Error) => self.report(Lifecycle::Errored(line())),
            (_, state @ ScreenState::Blocked(_)) => {
                self.report(Lifecycle::Blocked(format!("{state} {}", line())));
            }
            _ => {}
        }
    }

    /// Returns whether the screen seems to be in the middle of a repaint: nothing is concluded from
    /// it, since a moment of quiet will show the whole.
    fn is_half_drawn(&self, state: ScreenState, quiet_for: Duration) -> bool {
        let nowhere = |state| matches!(state, ScreenState::Starting | ScreenState::Unknown);
        let drawing = self.live.terminal.modes().synchronized_update;
        let vanished = nowhere(state) && !nowhere(self.live.classification.state);
        (drawing || vanished) && quiet_for < HALF_DRAWN
    }

    fn conditions(&self, now: Instant, message: &Message) -> Conditions {
        let outer = |reason, detail: &str| {
            Some(Hold {
                reason,
                detail: detail.to_owned(),
            })
        };
        let outer = if self.stopping.is_some() {
            outer(HoldReason::Stopped, "")
        } else if self.renewing.is_some() {
            outer(HoldReason::Starting, "a new conversation is begun")
        } else if self.live.interruption.is_some() {
            outer(HoldReason::Busy, "it is being interrupted")
        } else {
            match &self.phase {
                Phase::Running => None,
                Phase::Idle | Phase::Launching(_) => outer(HoldReason::Starting, ""),
                Phase::Quarantined(account) => outer(HoldReason::Quarantined, account),
                Phase::Ended(end) => outer(HoldReason::Stopped, &end.to_string()),
                Phase::BackingOff { last, .. } => {
                    outer(HoldReason::Starting, &format!("after {last}"))
                }
            }
        };
        Conditions {
            outer: outer.or_else(|| self.brake()).or_else(|| self.log_fault()),
            key_age: self.live.keys.age(now),
            open_keys: self.live.keys.is_open(),
            now: message.typing.now,
        }
    }

    fn brake(&self) -> Option<Hold> {
        let detail = self.paused.as_ref()?.to_string();
        Some(Hold {
            reason: HoldReason::Paused,
            detail,
        })
    }

    /// Returns what keeps a message back. What is in doubt keeps none back.
    fn log_fault(&self) -> Option<Hold> {
        let fault = self.fault.as_ref().filter(|fault| !fault.doubted)?;
        Some(fault.hold())
    }

    /// Returns what kept the last message back; that it is over shows when one is in the log.
    fn last_fault(&self) -> Option<Hold> {
        self.fault.as_ref().map(Fault::hold)
    }

    fn standing_fault(&self) -> Option<Hold> {
        let fault = self.fault.as_ref().filter(|fault| fault.stands)?;
        Some(fault.hold())
    }

    /// Takes notice that the store is lost, or is not any more.
    pub(super) fn store_lost(&mut self, lost: Option<String>) {
        self.fault = lost.map(|account| self.blocked(account, true));
        self.dirty = true;
    }

    /// Tells of a fault that keeps everything from being delivered.
    fn blocked(&self, account: String, stands: bool) -> Fault {
        self.tell(Event::Blocked {
            kind: "log".into(),
            detail: account.clone(),
        });
        Fault {
            account,
            stands,
            doubted: false,
        }
    }

    /// Returns when the clock alone may let the next message through.
    pub(super) fn gate_opens(&self) -> Option<Instant> {
        let next = self.live.next.as_ref()?;
        if !self.live.delivery.may_begin() {
            return None;
        }
        let conditions = self.conditions(self.last_look, &next.message);
        opens_in(&conditions).map(|wait| self.last_look + wait + Duration::from_millis(1))
    }

    /// Sends the next message's text to the log.
    fn begin_message(&mut self) {
        let Some(next) = self.live.next.clone() else {
            return;
        };
        let id = next.message.id;
        if self.needs_reset(&next.message) {
            return;
        }
        self.open.insert(id, next.stored);
        let text = match self.text(&next.message) {
            Ok(text) => text,
            Err(why) => return self.refuse(id, why),
        };
        if let Err(why) = self.typed_bytes(&text) {
            return self.refuse(id, why);
        }
        let job = Job {
            id,
            text: text.clone(),
            now: next.message.typing.now,
            command: is_command(&next.message),
        };
        let (harness, terminal) = (&self.setup.harness, &self.live.terminal);
        let answer = || harness.answer(&terminal.screen());
        self.live.delivery.begin(job, answer);
        let raw = text.clone();
        self.setup.shared.journal.deliver(Delivering {
            id,
            text,
            attempt: next.attempts + 1,
            receipt: next.stored.then(|| Receipt::accepted(id, clock::wall())),
            item: self.item(&next.message, &raw),
        });
    }

    /// Returns what else the log says of a text: that it comes from another pod, or resets the
    /// agent.
    fn item(&self, message: &Message, raw: &str) -> Option<Entry> {
        let raw = raw.to_owned();
        if self.resetting == Some(message.id) {
            return Some(Entry::Reset { text: raw });
        }
        (message.kind == Kind::Notify).then(|| Entry::SystemItem {
            kind: "notification".to_owned(),
            from: message.from.clone(),
            id: Some(message.id),
            raw,
            body: message.body.clone(),
        })
    }

    fn refuse(&mut self, id: MessageId, why: String) {
        self.found(
            id,
            Finding {
                outcome: Outcome::Refused,
                settled: true,
                evidence: None,
                hold: None,
                reason: Some(why),
                submit_keys: 0,
                answer: None,
            },
        );
    }

    /// Takes notice of what became of a text on its way to the log.
    pub(super) fn committed(&mut self, id: MessageId, result: Result<(), NotCommitted>) {
        match result {
            Ok(()) => {
                self.fault = None;
                self.type_message(id);
            }
            Err(NotCommitted::Withdrawn) => {
                self.live.delivery.withdraw();
                self.open.remove(&id);
                self.live.next.take_if(|next| next.message.id == id);
                self.live.waiting = self.live.waiting.saturating_sub(1);
                self.head_wanted = true;
                self.dirty = true;
            }
            Err(NotCommitted::Failed(error)) => {
                tracing::error!(error, message = %id, "cannot commit a message to the log");
                self.live.delivery.withdraw();
                match &mut self.fault {
                    // It is told already. What stands is why.
                    Some(fault) if fault.stands || fault.account == error => fault.doubted = false,
                    _ => self.fault = Some(self.blocked(error, false)),
                }
                self.dirty = true;
            }
        }
    }

    /// Types the message whose text is in the log now, if the agent still takes it.
    fn type_message(&mut self, id: MessageId) {
        let now = Instant::now();
        self.look(now);
        let next = self.live.next.as_ref();
        let closed = match next.filter(|next| next.message.id == id) {
            Some(next) => self.closed_again(now, &next.message),
            // One of the pod's own came before it.
            None => Some(Hold {
                reason: HoldReason::Starting,
                detail: String::new(),
            }),
        };
        if let Some(hold) = closed {
            return self.put_back(hold);
        }
        let Some(job) = self.live.delivery.withdraw() else {
            return;
        };
        match self.typed_bytes(&job.text) {
            Ok(bytes) => {
                CrashPoint::DeliverTyping.reach();
                self.conversation_used();
                self.live.outgoing.extend_from_slice(&bytes);
                self.live.delivery.typed(job, now);
            }
            Err(why) => self.refuse(id, why),
        }
    }

    /// Takes back a message whose text is in the log and was not typed.
    pub(super) fn put_back(&mut self, hold: Hold) {
        let Some(job) = self.live.delivery.withdraw() else {
            return;
        };
        self.live.hold = Some(hold.clone());
        let stored = self.open.remove(&job.id).unwrap_or(true);
        // Without this record a crash now would make it look as if it had been typed.
        let receipt = Receipt {
            outcome: Outcome::Held,
            hold: Some(hold),
            ..Receipt::accepted(job.id, clock::wall())
        };
        self.setup.shared.journal.record(Recording {
            receipt,
            state: stored.then_some(DeliveryState::Accepted),
            leaves: false,
            answer: None,
        });
    }

    fn closed_again(&self, now: Instant, message: &Message) -> Option<Hold> {
        let screen = self.live.terminal.screen();
        let look = Look {
            now,
            harness: &self.setup.harness,
            screen: &screen,
            classification: &self.live.classification,
            quiet_for: Duration::ZERO,
            written: true,
            unread: Some(false),
        };
        hold(&look, &self.conditions(now, message)).or_else(|| self.about_to_end(now))
    }

    pub(super) fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Submit => {
                    CrashPoint::DeliverSubmitting.reach();
                    let key = self.setup.harness.submit().key.clone();
                    self.live.outgoing.extend_from_slice(&key);
                }
                Action::Found(id, finding) => self.found(id, finding),
            }
        }
    }

    /// Records what was found out about a message.
    fn found(&mut self, id: MessageId, finding: Finding) {
        CrashPoint::DeliverFound.reach();
        let left = finding.settled || finding.outcome.reaches(Outcome::Submitted);
        let leaves = left
            && self
                .live
                .next
                .as_ref()
                .is_some_and(|next| next.message.id == id);
        if leaves {
            self.live.next = None;
            self.reset_left(id);
        }
        if finding.outcome == Outcome::Answered && self.talks() {
            self.keep_conversation();
        }
        let stored = self.open.get(&id).copied().unwrap_or(true);
        if finding.settled {
            self.open.remove(&id);
        }
        let state = if left {
            DeliveryState::Settled
        } else {
            DeliveryState::Delivering
        };
        let receipt = Receipt {
            id,
            outcome: finding.outcome,
            settled: finding.settled,
            evidence: finding.evidence,
            hold: finding.hold,
            reason: finding.reason,
            submit_keys: finding.submit_keys,
            at: clock::wall(),
        };
        self.head_wanted |= leaves && !stored;
        self.leaving |= leaves && stored;
        self.setup.shared.journal.record(Recording {
            receipt,
            state: stored.then_some(state),
            leaves: leaves && stored,
            answer: finding.answer.map(|words| (self.live.run, words)),
        });
    }
}

/// Returns whether a message is a command to the agent's program, such as the one that resets it.
fn is_command(message: &Message) -> bool {
    let Typing {
        raw, allow_command, ..
    } = message.typing;
    raw && allow_command && message.body.trim_start().starts_with('/')
}
