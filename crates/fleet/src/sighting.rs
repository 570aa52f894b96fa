//! What can be seen of a pod without asking it: its record, its heartbeat file and its socket.

use std::time::Duration;

use podfleet_pod::clock::{self, BootMillis};
use podfleet_pod::heartbeat::{Heartbeat, Status};
use podfleet_pod::paths::StatePaths;
use podfleet_pod_store::{PodRecord, PodState, PodSummary};
use podfleet_protocol::{HoldReason, UnixMillis};

use crate::listeners::Listeners;
use crate::lock;
use crate::plan::Observed;
use crate::readiness::{
    AgentProcess, Facts, HeartbeatAge, Judgement, PodAnswer, Readiness, ScreenEvidence, judge,
};

/// A message that waits longer than this deserves a look.
const HELD_AFTER: Duration = Duration::from_secs(120);
/// How long after its start a pod has written its first heartbeat at the latest.
const FIRST_BEAT: Duration = Duration::from_secs(10);

/// The clocks at the moment of a look.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) boot: BootMillis,
    pub(crate) boot_id: String,
    pub(crate) wall: UnixMillis,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            boot: BootMillis::now(),
            boot_id: clock::boot_id(),
            wall: clock::wall(),
        }
    }

    /// Returns the wall time of a moment of this boot; only for people.
    pub(crate) fn wall_of(&self, boot: BootMillis) -> Option<UnixMillis> {
        let ago = i64::try_from(self.boot.since(boot)?).ok()?;
        Some(UnixMillis(self.wall.0 - ago))
    }

    /// Returns the time from a wall time to now; zero for one in the future.
    pub(crate) fn since_wall(&self, then: UnixMillis) -> Duration {
        Duration::from_millis(u64::try_from(self.wall.0 - then.0).unwrap_or(0))
    }

    /// Returns the time from a moment of this boot to now.
    pub(crate) fn since_boot(&self, then: BootMillis) -> Option<Duration> {
        self.boot.since(then).map(Duration::from_millis)
    }
}

/// The message that waits longest, where the store was looked at for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Head {
    /// Nothing is wrong with it, or nothing was looked at.
    #[default]
    Sound,
    /// Its record cannot be read.
    Damaged,
    /// Its pod ended while it was typed.
    Interrupted,
}

/// One look at one pod.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) summary: PodSummary,
    /// The heartbeat of the pod's present generation; or of a later one, which an old store that took
    /// the place of a newer one does not know.
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) answer: PodAnswer,
    /// What is known of the message that waits longest besides what its pod says.
    pub(crate) head: Head,
}

impl Sighting {
    /// Looks at a pod: one file read, and one silent connection attempt at most. Nothing can block.
    pub(crate) fn of(summary: PodSummary, listeners: &Listeners, state: &StatePaths) -> Self {
        let endpoint = summary.record.endpoint.as_ref();
        let heartbeat = endpoint
            .and_then(|endpoint| Heartbeat::read(&endpoint.heartbeat).ok())
            .filter(|heartbeat| heartbeat.generation >= summary.record.generation);
        let answer = endpoint.map_or(PodAnswer::Refused, |endpoint| {
            match listeners.answer(&endpoint.socket) {
                // What holds its lock lives, whatever became of its files.
                PodAnswer::Refused if lock::is_held(&state.lock(summary.record.identity.id)) => {
                    PodAnswer::Hidden
                }
                answer => answer,
            }
        });
        Self {
            summary,
            heartbeat,
            answer,
            head: Head::Sound,
        }
    }

    /// Returns whether a message has waited for so long that it deserves a look.
    pub(crate) fn has_held(&self, now: &Moment) -> bool {
        let oldest = self.summary.oldest;
        oldest.is_some_and(|oldest| now.since_wall(oldest) > HELD_AFTER)
    }

    /// Returns whether the pod says that nothing can be delivered, whatever the agent does.
    pub(crate) fn has_fault(&self) -> bool {
        let hold = self.live_heartbeat().and_then(|beat| beat.hold.as_deref());
        hold.is_some_and(|hold| hold.starts_with(HoldReason::Log.as_str()))
    }

    /// Returns what the first message waits for, if that is known.
    pub(crate) fn hold(&self) -> Option<String> {
        let by_heartbeat = self.heartbeat.as_ref().and_then(|beat| beat.hold.clone());
        by_heartbeat.or_else(|| Some(self.summary.hold.as_ref()?.to_string()))
    }

    /// Returns whether somebody listens in the place of a recorded pod.
    pub(crate) fn is_listening(record: &PodRecord) -> bool {
        let endpoint = record.endpoint.as_ref();
        endpoint.is_some_and(|endpoint| {
            Listeners::unlisted().answer(&endpoint.socket) != PodAnswer::Refused
        })
    }

    pub(crate) fn record(&self) -> &PodRecord {
        &self.summary.record
    }

    pub(crate) fn name(&self) -> &str {
        self.record().identity.name.as_str()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.answer != PodAnswer::Refused
    }

    /// Returns the account of a quarantine, if the agent is in one.
    pub(crate) fn quarantine(&self) -> Option<String> {
        if let PodState::Quarantined { account } = &self.record().state {
            return Some(account.clone());
        }
        let heartbeat = self.live_heartbeat()?;
        (heartbeat.phase == "quarantined").then(|| heartbeat.detail.clone().unwrap_or_default())
    }

    /// Returns the heartbeat of a pod that is up; that of one that was killed says nothing any
    /// more.
    fn live_heartbeat(&self) -> Option<&Heartbeat> {
        self.heartbeat.as_ref().filter(|_| self.is_up())
    }

    pub(crate) fn heartbeat_age(&self, now: &Moment) -> HeartbeatAge {
        let Some(heartbeat) = &self.heartbeat else {
            return HeartbeatAge::Missing;
        };
        if heartbeat.boot_id != now.boot_id {
            return HeartbeatAge::Untimed;
        }
        now.since_boot(heartbeat.boottime)
            .map_or(HeartbeatAge::Untimed, |age| HeartbeatAge::Known {
                age,
                interval: Duration::from_secs(heartbeat.interval_s),
            })
    }

    /// Returns when the agent last wrote, else since when its screen is as it is.
    pub(crate) fn last_output(&self) -> Option<BootMillis> {
        let heartbeat = self.heartbeat.as_ref()?;
        Some(heartbeat.output.unwrap_or(heartbeat.since))
    }

    pub(crate) fn facts(&self, now: &Moment, idle_threshold: Duration) -> Facts {
        let heartbeat = self.heartbeat.as_ref();
        let quiet = self.last_output().and_then(|at| now.since_boot(at));
        Facts {
            quarantined: self.quarantine().is_some(),
            expected: self.record().expected,
            pod: self.answer,
            heartbeat: self.heartbeat_age(now),
            agent: heartbeat.map_or(AgentProcess::NotYet, |heartbeat| process(&heartbeat.phase)),
            screen: heartbeat.map_or(ScreenEvidence::None, screen),
            quiet: quiet.unwrap_or_default(),
            idle_threshold,
        }
    }

    pub(crate) fn judge(&self, now: &Moment, idle_threshold: Duration) -> Judgement {
        judge(&self.facts(now, idle_threshold))
    }

    /// Returns what a plan needs to know.
    pub(crate) fn observed(&self, now: &Moment) -> Observed {
        if let Some(account) = self.quarantine() {
            return Observed::Quarantined { account };
        }
        let ended = self
            .live_heartbeat()
            .filter(|heartbeat| heartbeat.phase == "ended");
        if let Some(heartbeat) = ended {
            let how = heartbeat.detail.clone().unwrap_or_default();
            return Observed::AgentEnded { how };
        }
        match self.judge(now, Duration::MAX).readiness {
            Readiness::Stopped => Observed::Down,
            _ if !self.is_up() => Observed::Dead,
            _ if self.answer == PodAnswer::Hidden => Observed::Hidden,
            _ if self.is_stray(now) => Observed::Stray,
            _ => Observed::Up,
        }
    }
}

impl Sighting {
    /// Returns whether what listens is of another generation than the record, such as where a store
    /// was restored under running pods. One that has just been started has not beaten yet.
    fn is_stray(&self, now: &Moment) -> bool {
        self.heartbeat.is_none() && now.since_wall(self.record().updated) > FIRST_BEAT
    }
}

fn process(phase: &str) -> AgentProcess {
    match phase {
        "running" => AgentProcess::Running,
        "ended" | "backing_off" | "quarantined" => AgentProcess::Gone,
        _ => AgentProcess::NotYet,
    }
}

/// The heartbeat's one word knows more than the screen: a pod whose log cannot be written is
/// blocked whatever its agent shows.
fn screen(heartbeat: &Heartbeat) -> ScreenEvidence {
    match heartbeat.status {
        Status::Blocked => ScreenEvidence::Blocked,
        Status::Busy => ScreenEvidence::Busy,
        Status::Ok => ScreenEvidence::from_word(&heartbeat.screen),
    }
}
