//! An agent that stops itself on a key, as programs do under a shell. Its group is an orphaned one,
//! so the kernel lets the signal fall, and the agent waits with its line editor off for somebody to
//! say `fg`: that is the pod.

use std::time::{Duration, Instant};

use podfleet_pod_store::session_log::Entry;
use podfleet_protocol::Address;
use rustix::process::{Pid, Signal, kill_process_group};

use super::Controller;
use crate::agent_process::Holder;

/// How long an agent may take to end or to go on. It may not even have begun to wait for the signal.
const GOES_ON: Duration = Duration::from_millis(500);
/// A program that lent its terminal to an editor looks the same, and is not asked for ever.
const TRIES: u8 = 5;

/// A suspension that lasts.
#[derive(Debug)]
pub(super) struct Suspension {
    last_try: Instant,
    tries: u8,
}

impl Suspension {
    fn next_try(&self) -> Option<Instant> {
        (self.tries < TRIES).then(|| self.last_try + GOES_ON)
    }
}

impl Controller {
    /// Has an agent go on that stopped itself.
    pub(super) fn end_suspension(&mut self, holder: Option<Holder>, now: Instant) {
        let agent = self.agent_pid;
        let ends = self.stopping.is_some() || self.renewing.is_some();
        let suspends = self.setup.harness.suspends() && !ends;
        let suspended = suspends && self.live.prompt.gave_up(holder, agent);
        let Some(holder) = holder.filter(|_| suspended) else {
            self.live.suspension = None;
            return;
        };
        // At first sight it may be about to end.
        let suspension = self.live.suspension.get_or_insert(Suspension {
            last_try: now,
            tries: 0,
        });
        if suspension.next_try().is_none_or(|at| at > now) {
            return;
        }
        suspension.last_try = now;
        suspension.tries += 1;
        if suspension.tries == 1 {
            let identity = &self.setup.shared.identity;
            self.setup.shared.journal.note(Entry::Control {
                action: "continue".into(),
                by: Address::new(&identity.host, identity.name.as_str()),
                detail: "it had stopped itself".into(),
            });
        }
        if let Some(group) = i32::try_from(holder.group).ok().and_then(Pid::from_raw) {
            // A group that ended meanwhile needs no signal.
            let _ = kill_process_group(group, Signal::CONT);
        }
    }

    /// Returns when to see whether an agent that was stopped goes on.
    pub(super) fn suspension_look(&self) -> Option<Instant> {
        let suspension = self.live.suspension.as_ref();
        suspension.and_then(Suspension::next_try)
    }
}
