//! What a verb tells while it works, and when it is done.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::plan::Action;

/// What a verb tells while it works. Whoever shows it may drop any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It waits for something outside of the fleet; said once.
    Waiting {
        /// For what, such as `another fleet up to end`.
        what: String,
    },
    /// Something worth knowing; nothing failed.
    Note {
        /// The agent that it is about.
        agent: Option<String>,
        /// The text: a lowercase fragment.
        text: String,
    },
    /// The work on an agent begins.
    Begun {
        /// The agent.
        agent: String,
        /// What is done.
        action: Action,
    },
    /// The agent's pod answers; its terminal is not ready yet.
    Answering {
        /// The agent.
        agent: String,
    },
    /// The work on an agent is done.
    Done(AgentReport),
}

/// What became of every agent that a verb was about, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// One for each agent.
    pub agents: Vec<AgentReport>,
    /// What is worth knowing beyond single agents.
    pub notes: Vec<String>,
}

impl Report {
    /// Returns whether no agent failed.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Returns the agents that failed.
    pub fn failed(&self) -> impl Iterator<Item = &AgentReport> {
        self.agents
            .iter()
            .filter(|agent| matches!(agent.result, AgentResult::Failed(_)))
    }
}

/// What became of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentReport {
    /// The agent.
    pub agent: String,
    /// What was done.
    pub action: Action,
    /// Why.
    pub why: String,
    /// What came of it.
    pub result: AgentResult,
    /// How long it took.
    #[serde(rename = "elapsed_ms", serialize_with = "millis")]
    pub elapsed: Duration,
}

fn millis<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// What came of the work on one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
#[non_exhaustive]
pub enum AgentResult {
    /// Nothing was done because only the plan was asked for.
    Planned,
    /// Nothing had to be done.
    Unchanged,
    /// What changed is recorded and holds from now on; nothing was restarted.
    Applied,
    /// Its terminal is ready for input.
    Ready,
    /// Its terminal waits for a person.
    Blocked {
        /// For what, such as `permission`.
        reason: String,
    },
    /// Agent and pod have ended.
    Stopped,
    /// It was left alone on purpose; the report's `why` says the purpose.
    Kept,
    /// It failed.
    Failed(Failure),
}

/// How the work on one agent failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What did not come, and why.
    pub message: String,
    /// The last lines of its screen, if there is one.
    pub screen: Vec<String>,
    /// The last lines of the pod's own log, if the pod did not answer.
    pub log: Vec<String>,
    /// Where that log is.
    pub log_path: Option<PathBuf>,
    /// The program that is not there, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Box<MissingProgram>>,
}

/// A program that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingProgram {
    /// The directories in which it was looked for, with colons between.
    pub looked_in: String,
    /// The command that installs it, if its harness knows one.
    pub install: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }
}
