//! What a pod says of itself: to who asks, and in its heartbeat.

use std::time::{Duration, Instant};

use podfleet_harness::{Classification, ScreenState};
use podfleet_protocol::{AgentPhase, HoldReason, PodStatus, ScreenStatus};

use super::Controller;
use super::agent::Phase;
use super::lane::Fault;
use crate::clock::BootMillis;
use crate::heartbeat::{Heartbeat, Status};

/// Named instead of a harness's rule while the pod types a message.
const TYPING: &str = "message";

/// When a heartbeat was last due, and what the last one said.
#[derive(Debug, Default)]
pub(super) struct Beat {
    round: Option<Instant>,
    said: Option<Said>,
    /// When the pod last looked after its children.
    looked: Option<Instant>,
}

/// What makes a new heartbeat worth writing before its time.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    phase: &'static str,
    screen: ScreenState,
    agent_pid: Option<u32>,
    /// Its detail may change with every frame of a spinner.
    hold: Option<HoldReason>,
}

impl Beat {
    /// Returns when the next one is due; the first one is at once.
    pub(super) fn due(&self, interval: Duration, now: Instant) -> Instant {
        self.round.map_or(now, |round| round + interval)
    }

    /// Takes note of what is to be said; returns whether that is worth a heartbeat. One that is written
    /// because something changed puts off none that is due, and what is done with it.
    fn says(&mut self, said: Said, due: bool, now: Instant) -> bool {
        if due {
            self.round = Some(now);
        }
        let news = self.said.as_ref() != Some(&said);
        self.said = Some(said);
        due || news
    }

    /// Returns whether it is time to look after the children, at this heartbeat; at the first one they
    /// may be starting, as the pod is.
    fn looks_after_children(&mut self, interval: Duration, now: Instant) -> bool {
        let looked = *self.looked.get_or_insert(now);
        let due = now >= looked + interval;
        if due {
            self.looked = Some(now);
        }
        due
    }
}

impl Controller {
    /// Tells what changed to whoever waits for it.
    pub(super) fn publish(&mut self) {
        let status = self.status();
        let changed = self.setup.shared.status.send_if_modified(|published| {
            let changed = *published != status;
            if changed {
                published.clone_from(&status);
            }
            changed
        });
        if changed {
            self.setup.shared.events.status(&status);
        }
        let now = Instant::now();
        self.keep_chronicle(now);
        let due = self.heartbeat.due(self.setup.heartbeat_interval, now) <= now;
        if due {
            // What could not be committed is tried again at the heartbeat's pace.
            self.dirty |= self.fault.as_mut().is_some_and(Fault::doubt);
            // Some rules hold only for so long after the start.
            self.dirty |= self.live.classification.state == ScreenState::Starting;
            self.head_wanted = true;
            // Whoever changed its relations may have found nobody to tell.
            self.setup.shared.journal.copy_outbox();
            self.adopted.reap();
            let typed = self.live.keys.uncounted(now);
            self.count_typing(typed);
        }
        if changed || due {
            self.beat(now, due);
        }
    }

    pub(super) fn status(&self) -> PodStatus {
        let shared = &self.setup.shared;
        let live = &self.live;
        PodStatus {
            identity: shared.identity.clone(),
            generation: shared.fence.generation,
            run: live.run,
            pod_pid: std::process::id(),
            build: shared.build.clone(),
            agent: self.agent_phase(),
            screen: self.screen_status(),
            says: live.own_word.as_ref().map(|word| word.report().clone()),
            last_output: live.output_at.map(|at| at.wall),
            inbox: live.waiting,
            hold: live.hold.clone(),
            size: live.terminal.size(),
            controller: live.clients.controller().map(str::to_owned),
            viewers: live.clients.count(),
            paused: self.paused.clone(),
            resumed: self.talk.is_resumed(),
        }
    }

    pub(super) fn screen_status(&self) -> ScreenStatus {
        let shown = self.told_screen();
        ScreenStatus {
            state: shown.state.to_string(),
            rule: shown.rule,
            line: shown.line,
            since: self.live.since.wall,
        }
    }

    /// Returns the state of the screen that others are told: a text of ours that is being typed is
    /// nobody's draft.
    pub(super) fn told_screen(&self) -> Classification {
        let live = &self.live;
        let state = self.told_state();
        if state == live.classification.state {
            return live.classification.clone();
        }
        Classification {
            state,
            rule: TYPING.into(),
            line: None,
        }
    }

    /// Returns the state alone.
    pub(super) fn told_state(&self) -> ScreenState {
        match self.live.classification.state {
            ScreenState::Draft if self.live.delivery.is_typing() => ScreenState::Busy,
            state => state,
        }
    }

    fn agent_phase(&self) -> AgentPhase {
        match &self.phase {
            Phase::Idle | Phase::Launching(_) => AgentPhase::Idle,
            Phase::Running => AgentPhase::Running {
                pid: self.agent_pid.unwrap_or_default(),
                since: self.live.started_at.wall,
            },
            Phase::BackingOff {
                last, until, ends, ..
            } => AgentPhase::BackingOff {
                last: last.clone(),
                until: *until,
                ends: *ends,
                allowed: self.setup.spec.restart.max_restarts,
            },
            Phase::Ended(last) => AgentPhase::Ended { last: last.clone() },
            Phase::Quarantined(account) => AgentPhase::Quarantined {
                account: account.clone(),
            },
        }
    }

    fn beat(&mut self, now: Instant, due: bool) {
        let said = Said {
            phase: self.phase.word(),
            screen: self.told_state(),
            agent_pid: self.agent_pid,
            hold: self.live.hold.as_ref().map(|hold| hold.reason),
        };
        if !self.heartbeat.says(said, due, now) {
            return;
        }
        let heartbeat = self.compose();
        if let Err(error) = heartbeat.write(&self.setup.shared.paths.heartbeat) {
            tracing::warn!(%error, "cannot write the heartbeat");
        }
        self.setup.shared.beats.notify_one();
        if self
            .heartbeat
            .looks_after_children(self.setup.heartbeat_interval, now)
        {
            self.setup.shared.journal.look_after_children();
        }
    }

    fn compose(&self) -> Heartbeat {
        let live = &self.live;
        let shown = self.told_screen();
        let state = shown.state;
        let account = match &self.phase {
            Phase::Idle | Phase::Launching(_) | Phase::Running => None,
            Phase::BackingOff { last, .. } | Phase::Ended(last) => Some(last.to_string()),
            Phase::Quarantined(account) => Some(account.clone()),
        };
        let blocked = matches!(state, ScreenState::Blocked(_));
        let line = shown.line.filter(|_| blocked);
        Heartbeat {
            ts: jiff::Timestamp::now().to_string(),
            boottime: BootMillis::now(),
            boot_id: self.setup.boot_id.clone(),
            interval_s: self.setup.heartbeat_interval.as_secs(),
            pid: std::process::id(),
            agent_pid: self.agent_pid,
            guard: self
                .process
                .as_ref()
                .and_then(crate::agent_process::AgentProcess::guard),
            status: match (&self.phase, state) {
                (Phase::Running, ScreenState::Busy) => Status::Busy,
                (Phase::Running, ScreenState::Blocked(_)) => Status::Blocked,
                _ => Status::Ok,
            },
            generation: self.setup.shared.fence.generation,
            run: live.run,
            phase: self.phase.word().to_owned(),
            screen: state.to_string(),
            rule: shown.rule,
            since: live.since.boot,
            output: live.output_at.map(|at| at.boot),
            model: self.setup.spec.model.clone(),
            detail: account.or(line),
            hold: live.hold.as_ref().map(ToString::to_string),
            build: self.setup.shared.build.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_all_the_time_puts_off_no_heartbeat_that_is_due() {
        let (start, interval) = (Instant::now(), Duration::from_secs(15));
        let mut beat = Beat::default();
        let mut rounds = 0;
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            let due = beat.due(interval, now) <= now;
            rounds += u32::from(due);
            let said = Said {
                phase: "running",
                screen: ScreenState::Ready,
                agent_pid: u32::try_from(second).ok(),
                hold: None,
            };
            assert!(beat.says(said, due, now));
        }
        assert_eq!(rounds, 4);
    }
}
