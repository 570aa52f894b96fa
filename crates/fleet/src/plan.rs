//! The plan: what has to be done so that the fleet is what its roster says.
//!
//! A pure function from what is wanted, recorded and observed to the steps in between.

use serde::Serialize;

/// What is wanted of one agent: what the roster says, reduced to what a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The agent.
    pub agent: String,
    /// How what is recorded differs from the roster; nothing for an agent without a record.
    pub drift: Drift,
    /// Why it cannot be started at all, such as an unknown runtime.
    pub fault: Option<String>,
    /// Whether it was spawned: it is in no roster, and wanted because it is named.
    pub spawned: bool,
}

impl Wanted {
    /// Returns what is wanted of a spawned pod that is named: that it runs, as it is recorded.
    pub(crate) fn spawned(agent: &str) -> Self {
        Self {
            agent: agent.to_owned(),
            drift: Drift::default(),
            fault: None,
            spawned: true,
        }
    }
}

/// What is recorded of one pod, and what was observed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The agent.
    pub agent: String,
    /// What its pod does.
    pub state: Observed,
    /// Whether it is seen to be idle, so that a restart cuts nothing off.
    pub idle: bool,
}

/// What a recorded pod does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// It listens, and its agent runs or will run.
    Up,
    /// It listens, and its agent ended for good.
    AgentEnded {
        /// How.
        how: String,
    },
    /// It was brought down, or never started.
    Down,
    /// It is expected and gone.
    Dead,
    /// It lives, and nobody finds its socket.
    Hidden,
    /// What listens is not the pod of its record.
    Stray,
    /// Its agent ended too often.
    Quarantined {
        /// The account of it.
        account: String,
    },
}

/// The fields in which a record differs from the roster, by the names of the roster's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Fields that an agent takes up at a start only.
    pub restart: Vec<String>,
    /// Fields that are taken up at a start too, but for which nobody who works is interrupted.
    pub at_start: Vec<String>,
    /// Fields that hold at once when they are recorded.
    pub live: Vec<String>,
}

impl Drift {
    /// Returns whether record and roster agree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.restart.is_empty() && self.at_start.is_empty() && self.live.is_empty()
    }
}

/// What is done with one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
#[non_exhaustive]
pub enum Action {
    /// Its pod is started.
    Start,
    /// Its pod is ended and started again.
    Restart {
        /// The fields that changed; empty if something else asks for it.
        fields: Vec<String>,
    },
    /// What changed is recorded; nothing is restarted.
    Reapply {
        /// The fields that changed.
        fields: Vec<String>,
    },
    /// Nothing now: what changed is taken up at its next start.
    Later {
        /// The fields that changed.
        fields: Vec<String>,
    },
    /// Nothing.
    Leave,
    /// Its pod is ended.
    Stop,
    /// Nothing, because it is quarantined.
    Quarantined,
    /// Nothing, because the roster's words about it cannot be followed.
    Impossible,
}

impl Action {
    /// Returns the word that stands for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart { .. } => "restart",
            Self::Reapply { .. } => "re-apply",
            Self::Later { .. } => "later",
            Self::Leave => "leave",
            Self::Stop => "stop",
            Self::Quarantined => "quarantined",
            Self::Impossible => "impossible",
        }
    }

    /// Returns whether carrying it out changes anything.
    #[must_use]
    pub const fn changes(&self) -> bool {
        !matches!(
            self,
            Self::Later { .. } | Self::Leave | Self::Quarantined | Self::Impossible
        )
    }
}

/// One agent's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The agent.
    pub agent: String,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// Why; a lowercase fragment.
    pub why: String,
}

/// What `up` would do, in the order in which it would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// One for each agent; those that leave the fleet are last.
    pub steps: Vec<Step>,
    /// Agents whose tmux view is missing and would be made.
    pub views: Vec<String>,
    /// What is worth knowing beyond single agents, such as a directory that would be made.
    pub notes: Vec<String>,
}

impl Plan {
    /// Returns whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty() && !self.steps.iter().any(|step| step.action.changes())
    }

    /// Returns how many agents are left as they are because they are quarantined.
    #[must_use]
    pub fn quarantined(&self) -> usize {
        let steps = self.steps.iter();
        steps
            .filter(|step| step.action == Action::Quarantined)
            .count()
    }
}

/// Plans: the wanted agents in their given order, then those that nobody wants any more.
///
/// `leaving` are the agents that the roster does not host any more and whose pods are up, or
/// expected to be.
#[must_use]
pub fn plan(wanted: &[Wanted], known: &[Known], leaving: &[String]) -> Vec<Step> {
    let find = |agent: &str| known.iter().find(|known| known.agent == agent);
    let wanted = wanted.iter().map(|wanted| {
        let (action, why) = step(wanted, find(&wanted.agent));
        Step {
            agent: wanted.agent.clone(),
            action,
            why,
        }
    });
    let leaving = leaving.iter().map(|agent| Step {
        agent: agent.clone(),
        action: Action::Stop,
        why: "the roster does not host it any more".to_owned(),
    });
    wanted.chain(leaving).collect()
}

fn step(wanted: &Wanted, known: Option<&Known>) -> (Action, String) {
    if let Some(fault) = &wanted.fault {
        return (Action::Impossible, fault.clone());
    }
    let Some(known) = known else {
        return (Action::Start, "it is new".to_owned());
    };
    match &known.state {
        Observed::Down => (Action::Start, "it is stopped".to_owned()),
        Observed::Dead => (Action::Start, "its pod is gone".to_owned()),
        Observed::Hidden => (Action::Leave, "it lives, and its socket is gone".to_owned()),
        Observed::Stray => (
            Action::Restart {
                fields: wanted.drift.restart.clone(),
            },
            "its pod is not the one that is recorded".to_owned(),
        ),
        Observed::Quarantined { account } => (Action::Quarantined, account.clone()),
        Observed::AgentEnded { how } => (
            Action::Restart {
                fields: wanted.drift.restart.clone(),
            },
            format!("its agent has ended ({how})"),
        ),
        Observed::Up if wanted.spawned => {
            (Action::Leave, "it runs, and is in no roster".to_owned())
        }
        Observed::Up => converge(&wanted.drift, known.idle),
    }
}

/// Returns what is done with an agent that is up, and why.
pub(crate) fn converge(drift: &Drift, idle: bool) -> (Action, String) {
    let changed = |fields: &[String]| format!("changed: {}", fields.join(", "));
    if !drift.restart.is_empty() || (idle && !drift.at_start.is_empty()) {
        let fields = [&drift.restart[..], &drift.at_start, &drift.live].concat();
        let mut why = changed(&fields);
        if !idle {
            why.push_str("; it is not idle, and is interrupted");
        }
        return (Action::Restart { fields }, why);
    }
    if !drift.live.is_empty() {
        let fields = drift.live.clone();
        let why = changed(&fields);
        return (Action::Reapply { fields }, why);
    }
    if !drift.at_start.is_empty() {
        let fields = drift.at_start.clone();
        let why = format!("{}; not idle, so at its next start", changed(&fields));
        return (Action::Later { fields }, why);
    }
    (Action::Leave, "it is as the roster says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wanted(agent: &str) -> Wanted {
        Wanted {
            agent: agent.into(),
            drift: Drift::default(),
            fault: None,
            spawned: false,
        }
    }

    fn pod(agent: &str, state: Observed) -> Known {
        Known {
            agent: agent.into(),
            state,
            idle: true,
        }
    }

    fn at_work(agent: &str) -> Known {
        Known {
            idle: false,
            ..pod(agent, Observed::Up)
        }
    }

    fn drift(restart: &[&str], live: &[&str]) -> Drift {
        let texts = |fields: &[&str]| fields.iter().map(ToString::to_string).collect();
        Drift {
            restart: texts(restart),
            live: texts(live),
            at_start: Vec::new(),
        }
    }

    #[test]
    fn nobody_who_works_is_interrupted_for_what_can_wait() {
        let mates = |live: &[&str]| Drift {
            at_start: vec!["fleet mates".into()],
            ..drift(&[], live)
        };
        let of = |agent: &str, drift: Drift| Wanted {
            drift,
            ..wanted(agent)
        };
        let wanted = [
            of("idle", mates(&[])),
            of("working", mates(&[])),
            of("renamed", mates(&["alias"])),
            of("changed", drift(&["class"], &[])),
        ];
        let known = [
            pod("idle", Observed::Up),
            at_work("working"),
            at_work("renamed"),
            at_work("changed"),
        ];
        insta::assert_snapshot!(lines(&plan(&wanted, &known, &[])), @r"
        restart idle: changed: fleet mates
        later working: changed: fleet mates; not idle, so at its next start
        re-apply renamed: changed: alias
        restart changed: changed: class; it is not idle, and is interrupted
        ");
    }

    fn lines(steps: &[Step]) -> String {
        steps
            .iter()
            .map(|step| format!("{} {}: {}\n", step.action.as_str(), step.agent, step.why))
            .collect()
    }

    #[test]
    fn every_step_says_why() {
        let wanted = [
            wanted("new"),
            wanted("stopped"),
            wanted("killed"),
            wanted("hidden"),
            wanted("stray"),
            wanted("fine"),
            wanted("crashing"),
            wanted("done"),
            Wanted {
                drift: drift(&["command", "env"], &["kickstart"]),
                ..wanted("changed")
            },
            Wanted {
                drift: drift(&[], &["alias", "restart"]),
                ..wanted("renamed")
            },
            Wanted {
                fault: Some("unknown runtime `cluade`".into()),
                ..wanted("typo")
            },
            Wanted {
                spawned: true,
                ..wanted("child")
            },
        ];
        let known = [
            pod("stopped", Observed::Down),
            pod("killed", Observed::Dead),
            pod("hidden", Observed::Hidden),
            pod("stray", Observed::Stray),
            pod("fine", Observed::Up),
            pod(
                "crashing",
                Observed::Quarantined {
                    account: "5 exits in 10m, last: exit 127".into(),
                },
            ),
            pod(
                "done",
                Observed::AgentEnded {
                    how: "exit 0".into(),
                },
            ),
            pod("changed", Observed::Up),
            pod("renamed", Observed::Up),
            pod("child", Observed::Up),
        ];
        let leaving = ["gone".to_owned()];
        insta::assert_snapshot!(lines(&plan(&wanted, &known, &leaving)), @r"
        start new: it is new
        start stopped: it is stopped
        start killed: its pod is gone
        leave hidden: it lives, and its socket is gone
        restart stray: its pod is not the one that is recorded
        leave fine: it is as the roster says
        quarantined crashing: 5 exits in 10m, last: exit 127
        restart done: its agent has ended (exit 0)
        restart changed: changed: command, env, kickstart
        re-apply renamed: changed: alias, restart
        impossible typo: unknown runtime `cluade`
        leave child: it runs, and is in no roster
        stop gone: the roster does not host it any more
        ");
    }

    proptest! {
        #[test]
        fn a_fleet_that_is_as_the_roster_says_is_left_alone(names in prop::collection::btree_set("[a-z]{1,6}", 0..8)) {
            let wanted: Vec<_> = names.iter().map(|name| wanted(name)).collect();
            let known: Vec<_> = names.iter().map(|name| pod(name, Observed::Up)).collect();
            let steps = plan(&wanted, &known, &[]);
            prop_assert!(steps.iter().all(|step| !step.action.changes()));
            let order: Vec<_> = steps.iter().map(|step| step.agent.clone()).collect();
            prop_assert_eq!(order, names.into_iter().collect::<Vec<_>>());
        }
    }
}
