//! The agent's runs: how they end, what follows, and ending for good.

use std::time::{Duration, Instant};

use podfleet_pod_store::PodState;
use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::method::ShutdownParams;
use podfleet_protocol::{Event, Hold, HoldReason, RunEnd, UnixMillis};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;

use super::Controller;
use super::terminal_io::READ;
use crate::agent_process::{GuardReport, Launch};
use crate::clock::{self, Moment};
use crate::guard::{Order, belongings};
use crate::lifecycle::Lifecycle;
use crate::process::{ProcessRef, group_of, own_group};
use crate::restart::Decision;

/// How long the last output of a run is waited for after its end was reported.
const DRAIN: Duration = Duration::from_millis(200);
/// When which order follows if an agent does not end, counted from the first.
const TERMINATE_AFTER: Duration = Duration::from_secs(1);
const KILL_AFTER: Duration = Duration::from_secs(3);
/// When a guard that does not even obey the last order is killed: it may be stopped.
const ABANDON_AFTER: Duration = Duration::from_secs(5);

/// What the agent does.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    /// This is on its way to the session log; the agent is started when it is there.
    Launching(Box<Launch>),
    Running,
    BackingOff {
        last: RunEnd,
        at: Instant,
        until: UnixMillis,
        ends: u32,
    },
    Ended(RunEnd),
    Quarantined(String),
}

impl Phase {
    pub(super) fn backing_off(last: RunEnd, now: Instant, after: Duration, ends: u32) -> Self {
        let millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        Self::BackingOff {
            last,
            at: now + after,
            until: UnixMillis(clock::wall().0.saturating_add(millis)),
            ends,
        }
    }

    /// Returns the word that stands for it in the heartbeat.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Idle | Self::Launching(_) => "idle",
            Self::Running => "running",
            Self::BackingOff { .. } => "backing_off",
            Self::Ended(_) => "ended",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// Returns when the agent is to be started.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::BackingOff { at, .. } => Some(*at),
            _ => None,
        }
    }
}

/// An agent that is being ended: the orders to it become stricter.
#[derive(Debug)]
pub(super) struct Ending {
    since: Instant,
    pub(super) due: Instant,
}

impl Ending {
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            since: now,
            due: now,
        }
    }
}

/// An agent that is being ended for good.
#[derive(Debug)]
pub(super) struct Stopping {
    reason: String,
    ending: Ending,
    /// Whether the parent knows that the agent has ended, and the pod is started again.
    untold: bool,
}

impl Controller {
    pub(super) async fn reported(&mut self, report: GuardReport) {
        match report {
            GuardReport::Started(pid) => {
                self.agent_pid = Some(pid);
                let run = self.live.run;
                self.tell(Event::AgentStarted { run });
            }
            GuardReport::Ended(end) => {
                self.drain().await;
                if let Some(process) = self.process.take() {
                    if end == RunEnd::Lost {
                        end_orphans(self.agent_pid);
                    }
                    process.wait().await;
                }
                self.terminal = None;
                self.hear_the_rest().await;
                self.ended(end).await;
            }
        }
    }

    /// Takes in what the agent wrote last.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + DRAIN;
        while let Some(terminal) = &mut self.terminal {
            if self.unread.is_empty() {
                self.unread.reserve(READ);
                let reading = terminal.output.read_buf(&mut self.unread);
                match tokio::time::timeout_at(deadline, reading).await {
                    Ok(Ok(length)) if length > 0 => {}
                    _ => return,
                }
            }
            self.output();
            if tokio::time::Instant::now() >= deadline {
                break;
            }
        }
        self.unread.clear();
    }

    /// Draws the conclusions from the end of a run, or from a start that failed.
    pub(super) async fn ended(&mut self, end: RunEnd) {
        self.interruption_is_over(false);
        self.take_up_changes().await;
        self.close_chronicle(Instant::now());
        self.agent_pid = None;
        self.live.since = Moment::now();
        self.live.outgoing.clear();
        let actions = self.live.delivery.agent_ended(&end);
        self.act(actions);
        self.live.clients.end_run(&end);
        let anew = self.conversation_ended(&end);
        self.settle_typing(None);
        tracing::warn!(%end, run = %self.live.run, "the agent ended");
        self.setup.shared.journal.note(Entry::Exit {
            run: self.live.run,
            end: end.clone(),
        });
        self.tell(Event::AgentEnded {
            run: self.live.run,
            end: end.clone(),
        });
        self.dirty = true;
        if self.stopping.is_some() {
            self.phase = Phase::Ended(end);
            return;
        }
        if self.renewing.take().is_some() {
            // By our order: it is no failure, and no policy is asked.
            self.forget_conversation();
            self.begin().await;
            return;
        }
        if anew {
            // Without the conversation nothing has failed yet.
            self.begin().await;
            return;
        }
        self.report(Lifecycle::Errored(format!("its agent ended: {end}")));
        let now = Instant::now();
        self.phase = match self.restarts.ended(now, &end) {
            Decision::Leave => Phase::Ended(end),
            Decision::Again { after, ends } => Phase::backing_off(end, now, after, ends),
            Decision::Quarantine { account } => {
                tracing::warn!(account, "the agent is quarantined");
                self.remember_quarantine(&account).await;
                self.tell(Event::Errored {
                    detail: account.clone(),
                });
                Phase::Quarantined(account)
            }
        };
    }

    pub(super) async fn remember_quarantine(&self, account: &str) {
        let shared = &self.setup.shared;
        let state = PodState::Quarantined {
            account: account.to_owned(),
        };
        if let Err(error) = shared
            .store
            .set_pod_state(shared.fence, state, clock::wall())
            .await
        {
            tracing::error!(%error, "cannot record the quarantine");
        }
    }

    /// Begins to end agent and pod. The agent is asked as a closed terminal asks, then terminated,
    /// then killed.
    pub(super) fn shut_down(
        &mut self,
        params: ShutdownParams,
        answer: Option<oneshot::Sender<()>>,
    ) {
        self.shutdown_answers.extend(answer);
        let ShutdownParams { reason, restarts } = params;
        if let Some(stopping) = &mut self.stopping {
            stopping.untold &= restarts;
            return;
        }
        tracing::info!(reason, "shutting down");
        let has_ended = matches!(self.phase, Phase::Ended(_) | Phase::Quarantined(_));
        self.stop_reason.clone_from(&reason);
        self.stopping = Some(Stopping {
            reason,
            ending: Ending::begin(Instant::now()),
            untold: restarts && has_ended,
        });
    }

    /// Begins to end agent and pod as a signal asks.
    pub(super) fn signalled(&mut self, signal: &str) {
        // What follows a request to end is not another one.
        if self.stopping.is_none() {
            let reason = signal.to_owned();
            let params = ShutdownParams {
                reason,
                restarts: false,
            };
            self.shut_down(params, None);
        }
    }

    /// Begins to end the agent, so that the next run begins a new conversation.
    pub(super) fn renew(&mut self) {
        if self.stopping.is_none() && self.renewing.is_none() {
            self.renewing = Some(Ending::begin(Instant::now()));
        }
    }

    /// Returns when the next order to an agent that is to end is due.
    pub(super) fn order_due(&self) -> Option<Instant> {
        let stopping = self.stopping.as_ref().map(|stopping| &stopping.ending);
        stopping.or(self.renewing.as_ref()).map(|ending| ending.due)
    }

    /// Gives the order that is due.
    pub(super) async fn press_stop(&mut self, now: Instant) {
        let stopping = self.stopping.as_mut().map(|stopping| &mut stopping.ending);
        let Some(ending) = stopping.or(self.renewing.as_mut()) else {
            return;
        };
        let waited = now.saturating_duration_since(ending.since);
        if waited >= ABANDON_AFTER
            && let Some(process) = &mut self.process
        {
            tracing::warn!("the guard does not end its agent, so it is killed");
            process.kill_guard();
        }
        let (order, next) = if waited >= KILL_AFTER {
            (Order::Kill, ABANDON_AFTER - KILL_AFTER)
        } else if waited >= TERMINATE_AFTER {
            (Order::Terminate, KILL_AFTER - waited)
        } else {
            (Order::Hangup, TERMINATE_AFTER - waited)
        };
        ending.due = now + next;
        if let Some(process) = &mut self.process {
            process.order(order).await;
        }
    }

    /// Returns whether the pod has nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        self.stopping.is_some() && self.process.is_none()
    }

    /// Writes the last things, and answers who asked for the end.
    pub(super) async fn farewell(mut self) {
        self.put_back(Hold {
            reason: HoldReason::Stopped,
            detail: String::new(),
        });
        self.abandon_launch();
        self.settle_typing(None);
        let reason = std::mem::take(&mut self.stop_reason);
        if !self.stopping.as_ref().is_some_and(|stop| stop.untold) {
            self.report(Lifecycle::ShutDown(reason));
        }
        let shared = &self.setup.shared;
        shared.journal.flush().await;
        if !matches!(self.phase, Phase::Quarantined(_)) {
            let stopped =
                shared
                    .store
                    .set_pod_state(shared.fence, PodState::Stopped, clock::wall());
            if let Err(error) = stopped.await {
                tracing::error!(%error, "cannot record the end");
            }
        }
        let stopping = self.stopping.as_ref();
        self.tell(Event::ShutDown {
            reason: stopping.map_or_else(String::new, |stopping| stopping.reason.clone()),
        });
        for answer in self.shutdown_answers.drain(..) {
            let _ = answer.send(());
        }
    }
}

/// Ends what a lost guard left behind, and returns when it is gone: this process adopts the
/// guard's children, so they are among its own, and the next run must not meet them. Pods that this
/// one or its agent started live on.
fn end_orphans(agent: Option<u32>) {
    for process in belongings(std::process::id()) {
        // What is started by this process itself, such as `systemctl`, is in its group.
        if group_of(process.pid) == Some(own_group()) {
            continue;
        }
        process.signal(rustix::process::Signal::KILL);
        process.reap();
    }
    // It may have ended with its guard.
    if let Some(agent) = agent.and_then(ProcessRef::of) {
        agent.reap();
    }
}
