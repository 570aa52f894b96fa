//! How long terminals outlive the interest in them.
//!
//! A terminal that was opened here for another hub goes on while that hub is away, for a grace that
//! is counted from when anybody who may open terminals last asked for something; restarts of this
//! hub do not lengthen it. One whose program has ended is kept for a while to be looked at, as long as
//! there is room for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use podfleet_protocol::{Identity, PodId};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Hub, Order};
use crate::fault::Fault;
use crate::op::PtyState;

/// How often a file takes note of who asked.
const NOTED: Duration = Duration::from_secs(1);
/// How long the pauses between two looks are at most.
const PAUSE: Duration = Duration::from_secs(60);
/// How much memory the pods of ended terminals may have in all, in bytes.
const ROOM: u64 = 64 << 20;

/// How long terminals are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// After the last sign of who opens terminals here.
    pub away: Duration,
    /// After their program has ended.
    pub ended: Duration,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            away: Duration::from_secs(24 * 3600),
            ended: Duration::from_secs(3600),
        }
    }
}

/// When somebody last asked who may open terminals: the age of a file.
#[derive(Debug)]
pub(crate) struct Heard {
    path: PathBuf,
    noted: Mutex<Option<Instant>>,
}

impl Heard {
    /// Begins to take note in a file, which then is there.
    pub(super) fn at(path: PathBuf) -> Self {
        let heard = Self {
            path,
            noted: Mutex::default(),
        };
        if !heard.path.exists() {
            heard.touch();
        }
        heard
    }

    /// Takes note that somebody asks.
    pub(crate) fn now(&self) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_none_or(|noted| noted.elapsed() >= NOTED) {
            *noted = Some(Instant::now());
            self.touch();
        }
    }

    fn touch(&self) {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path);
        // A disk that takes nothing ends terminals early at worst, and says so elsewhere.
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// How long nobody has asked; not at all while that cannot be known.
    fn silence(&self) -> Duration {
        let modified = fs::metadata(&self.path).and_then(|file| file.modified());
        modified
            .ok()
            .and_then(|heard| heard.elapsed().ok())
            .unwrap_or_default()
    }
}

/// A terminal that is no longer of use, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    /// A pod of this machine.
    Pod(Box<Identity>, &'static str),
    /// The route to one that is no longer there.
    Route(PodId),
}

impl Hub {
    /// Ends terminals whose time is over, until `end`.
    pub(crate) async fn keep_grace(self: Arc<Self>, grace: Grace, end: CancellationToken) {
        let pause = (grace.away.min(grace.ended) / 10).clamp(Duration::from_millis(100), PAUSE);
        let mut over = BTreeMap::new();
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = end.cancelled() => return,
            }
            if let Err(fault) = self.end_terminals(grace, &mut over).await {
                tracing::warn!(%fault, "terminals whose time is over are not looked for");
            }
        }
    }

    /// `over` knows since when terminals are seen to have ended.
    async fn end_terminals(
        &self,
        grace: Grace,
        over: &mut BTreeMap<PodId, Instant>,
    ) -> Result<(), Fault> {
        let silence = self.heard.silence();
        let routes = self.list_terminals(&Order::default()).await?.terminals;
        let mut seen: BTreeMap<PodId, (PtyState, Due)> = routes
            .into_iter()
            .map(|view| {
                let session = view.route.session;
                (session, (view.state, Due::Route(session)))
            })
            .collect();
        let mut due = Vec::new();
        for (identity, state) in self.machine.terminals().await? {
            let (session, identity) = (identity.id, Box::new(identity));
            let of_ours = seen.contains_key(&session);
            if !of_ours && state == PtyState::Live && silence > grace.away {
                due.push(Due::Pod(
                    identity.clone(),
                    "who opened it was away for too long",
                ));
            }
            let ended = Due::Pod(identity, "its program has ended");
            seen.insert(session, (state, ended));
        }
        seen.retain(|_, (state, _)| matches!(state, PtyState::Ended | PtyState::Gone));
        over.retain(|session, _| seen.contains_key(session));
        let crowded = self.crowded_out(&seen, over).await?;
        for (session, (_, what)) in seen {
            let since = *over.entry(session).or_insert_with(Instant::now);
            if since.elapsed() > grace.ended || crowded.contains(&session) {
                due.push(what);
                due.push(Due::Route(session));
            }
        }
        for due in due {
            match due {
                Due::Pod(terminal, why) => {
                    let closed = self.machine.close_terminal_because(&terminal, why).await;
                    if let Err(fault) = closed {
                        let name = &terminal.name;
                        tracing::warn!(%fault, %name, "a terminal whose time is over is not ended");
                    }
                }
                Due::Route(session) => self.topology.drop_route(session)?,
            }
        }
        Ok(())
    }
}

impl Hub {
    /// Returns which of the ended terminals of this machine there is no room for.
    async fn crowded_out(
        &self,
        ended: &BTreeMap<PodId, (PtyState, Due)>,
        over: &BTreeMap<PodId, Instant>,
    ) -> Result<BTreeSet<PodId>, Fault> {
        let of_ours = ended
            .iter()
            .filter(|(_, (_, due))| matches!(due, Due::Pod(..)));
        let sessions: Vec<PodId> = of_ours.map(|(session, _)| *session).collect();
        if sessions.is_empty() {
            return Ok(BTreeSet::new());
        }
        let memory = self.machine.memory_of_pods().await?;
        let held = sessions.into_iter().filter_map(|session| {
            let since = over.get(&session).copied().unwrap_or_else(Instant::now);
            Some((since, *memory.get(&session)?, session))
        });
        Ok(beyond(ROOM, held.collect()))
    }
}

/// Returns those that do not fit into so many bytes, where whoever ended last is kept first.
fn beyond(room: u64, mut held: Vec<(Instant, u64, PodId)>) -> BTreeSet<PodId> {
    held.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0_u64;
    let beyond = held.into_iter().filter(|(_, bytes, _)| {
        sum = sum.saturating_add(*bytes);
        sum > room
    });
    beyond.map(|(_, _, session)| session).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_ended_first_go_when_there_is_no_room_for_all() {
        let now = Instant::now();
        let held = [(0, 30), (1, 30), (2, 5), (3, 30)]
            .map(|(second, bytes)| (now + Duration::from_secs(second), bytes, PodId::generate()));
        let [first, second, third, last] = held.map(|(_, _, session)| session);
        let gone = |room| beyond(room, held.to_vec());
        assert_eq!(gone(95), BTreeSet::new());
        assert_eq!(gone(94), BTreeSet::from([first]));
        assert_eq!(gone(64), BTreeSet::from([first, second]));
        assert_eq!(gone(30), BTreeSet::from([first, second, third]));
        assert_eq!(gone(0), BTreeSet::from([first, second, third, last]));
    }

    #[test]
    fn what_was_heard_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heard");
        let heard = Heard::at(path.clone());
        assert!(heard.silence() < Duration::from_secs(5));
        let long_ago = SystemTime::now() - Duration::from_secs(1000);
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
        let again = Heard::at(path);
        assert!(again.silence() >= Duration::from_secs(999));
        again.now();
        assert!(again.silence() < Duration::from_secs(5));
    }
}
