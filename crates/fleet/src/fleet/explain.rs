//! `ps --explain`: the facts behind a state.

use std::time::Duration;

use podfleet_pod::heartbeat::Heartbeat;
use podfleet_protocol::PodStatus;
use serde::Serialize;

use super::Fleet;
use crate::error::FleetError;
use crate::listeners::Listeners;
use crate::readiness::{Decider, HeartbeatAge, PodAnswer, Readiness};
use crate::sighting::{Moment, Sighting};
use crate::supervisor::Instance;
use crate::told::Texts;

/// Why an agent is in the state that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The agent.
    pub agent: String,
    /// Its state.
    pub readiness: Readiness,
    /// What the state was derived from, in the order in which the rules look at it.
    pub facts: Vec<Fact>,
}

/// One fact behind a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about, such as `heartbeat`.
    pub what: String,
    /// What was found.
    pub value: String,
    /// Where.
    pub source: String,
    /// How old the finding is, in seconds.
    pub age_seconds: Option<u64>,
    /// Whether it decided.
    pub decided: bool,
}

impl Fleet {
    /// Returns every fact that an agent's state is derived from.
    ///
    /// # Errors
    /// Fails for an unknown agent, and when the store cannot be read.
    pub async fn explain(&self, agent: &str) -> Result<Explanation, FleetError> {
        let recorded = self.record(agent).await?;
        let summaries = self.summaries().await?;
        let summary = summaries.into_iter().find(|summary| {
            Some(&summary.record.identity) == recorded.as_ref().map(|pod| &pod.identity)
        });
        let Some(summary) = summary else {
            let mut explanation = never_started(agent, &self.store_path());
            explanation.facts.extend(self.role_fact(agent));
            return Ok(explanation);
        };
        let state = self.dirs.state_paths();
        let sighting = Sighting::of(summary, &Listeners::unlisted(), &state);
        let now = Moment::now();
        let answer = match sighting.answer {
            PodAnswer::Listening => self.pod_status(agent).await.ok(),
            _ => None,
        };
        let (unit, view) = tokio::join!(self.unit_fact(&sighting), self.view_fact(&sighting));
        let threshold = self.idle_threshold();
        let judgement = sighting.judge(&now, threshold);
        let mut facts = Facts {
            sighting: &sighting,
            now: &now,
            store: self.store_path(),
            facts: Vec::new(),
        };
        facts.record();
        facts.pod();
        facts.heartbeat();
        facts.agent();
        facts.screen(answer.as_ref());
        facts.own_word(answer.as_ref());
        facts.quiet(threshold);
        let mut found = facts.facts;
        for (decider, fact) in &mut found {
            fact.decided = *decider == Some(judgement.decided_by);
        }
        Ok(Explanation {
            agent: agent.to_owned(),
            readiness: judgement.readiness,
            facts: found
                .into_iter()
                .map(|(_, fact)| fact)
                .chain(unit)
                .chain(view)
                .chain(self.role_fact(agent))
                .collect(),
        })
    }

    fn store_path(&self) -> String {
        self.dirs.state_paths().store().display().to_string()
    }

    async fn unit_fact(&self, sighting: &Sighting) -> Option<Fact> {
        let units = self.supervisor.units(&self.key.fleet).await?;
        let name = sighting.record().identity.name.clone();
        Some(Fact {
            what: "unit".to_owned(),
            value: units.account(&Instance::new(self.key.fleet.clone(), name)),
            source: "systemctl show".to_owned(),
            age_seconds: Some(0),
            decided: false,
        })
    }

    /// That the class which the roster gives an agent has no role.
    fn role_fact(&self, agent: &str) -> Option<Fact> {
        let (roster, _) = self.wanted_roster().ok()?;
        let class = &roster.agent(agent)?.class;
        let missing = !Texts::read(&self.dirs.config).has_role(class);
        missing.then(|| Fact {
            what: "role".to_owned(),
            value: format!("missing: no role of the class `{class}`"),
            source: self.dirs.config.join("roles").display().to_string(),
            age_seconds: Some(0),
            decided: false,
        })
    }

    async fn view_fact(&self, sighting: &Sighting) -> Option<Fact> {
        let tag = crate::views::tag_of(sighting.record().identity.id);
        let panes = self.panes().await?;
        let view = panes.iter().find(|pane| pane.tag.as_deref() == Some(&tag));
        Some(Fact {
            what: "view".to_owned(),
            value: view.map_or_else(
                || "missing".to_owned(),
                |pane| format!("session {}", pane.session_name),
            ),
            source: "tmux list-panes".to_owned(),
            age_seconds: Some(0),
            decided: false,
        })
    }
}

fn never_started(agent: &str, store: &str) -> Explanation {
    Explanation {
        agent: agent.to_owned(),
        readiness: Readiness::Stopped,
        facts: vec![Fact {
            what: "record".to_owned(),
            value: "none: it was never started".to_owned(),
            source: store.to_owned(),
            age_seconds: Some(0),
            decided: true,
        }],
    }
}

/// Collects facts, each with the kind of decision that it can make.
struct Facts<'a> {
    sighting: &'a Sighting,
    now: &'a Moment,
    store: String,
    facts: Vec<(Option<Decider>, Fact)>,
}

impl Facts<'_> {
    fn add(
        &mut self,
        decider: Option<Decider>,
        what: &str,
        value: String,
        source: String,
        age: Option<Duration>,
    ) {
        let fact = Fact {
            what: what.to_owned(),
            value,
            source,
            age_seconds: age.map(|age| age.as_secs()),
            decided: false,
        };
        self.facts.push((decider, fact));
    }

    fn record(&mut self) {
        let record = self.sighting.record();
        let age = Some(self.now.since_wall(record.updated));
        let quarantine = self.sighting.quarantine();
        let restarts = quarantine.unwrap_or_else(|| "not quarantined".to_owned());
        let store = self.store.clone();
        self.add(Some(Decider::Restarts), "restarts", restarts, store, age);
        let wanted = if record.expected { "up" } else { "down" };
        let store = self.store.clone();
        self.add(
            Some(Decider::Expectation),
            "wanted",
            wanted.to_owned(),
            store,
            age,
        );
    }

    fn pod(&mut self) {
        let value = match self.sighting.answer {
            PodAnswer::Listening => "listens",
            PodAnswer::Refused => "does not listen",
            PodAnswer::Untried => "cannot be tried",
            PodAnswer::Hidden => "lives, and its socket is gone",
        };
        let endpoint = self.sighting.record().endpoint.as_ref();
        let source = endpoint.map_or_else(
            || "no socket recorded".to_owned(),
            |endpoint| endpoint.socket.display().to_string(),
        );
        let age = Some(Duration::ZERO);
        self.add(Some(Decider::Pod), "pod", value.to_owned(), source, age);
    }

    fn heartbeat_source(&self) -> String {
        let endpoint = self.sighting.record().endpoint.as_ref();
        endpoint.map_or_else(
            || "no heartbeat recorded".to_owned(),
            |endpoint| endpoint.heartbeat.display().to_string(),
        )
    }

    fn heartbeat_age(&self) -> Option<Duration> {
        match self.sighting.heartbeat_age(self.now) {
            HeartbeatAge::Known { age, .. } => Some(age),
            _ => None,
        }
    }

    fn heartbeat(&mut self) {
        let value = match self.sighting.heartbeat_age(self.now) {
            HeartbeatAge::Missing => "none of this generation".to_owned(),
            HeartbeatAge::Untimed => "of another boot, or from the future".to_owned(),
            HeartbeatAge::Known { interval, .. } => {
                format!("written every {} s or sooner", interval.as_secs())
            }
        };
        let (source, age) = (self.heartbeat_source(), self.heartbeat_age());
        self.add(Some(Decider::Heartbeat), "heartbeat", value, source, age);
    }

    fn agent(&mut self) {
        let Some(heartbeat) = self.sighting.heartbeat.clone() else {
            return;
        };
        let pid = heartbeat.agent_pid.map(|pid| format!(", pid {pid}"));
        let mut value = format!("{}{}", heartbeat.phase, pid.unwrap_or_default());
        if !self.sighting.is_up() {
            value = format!("was {value}");
        }
        if let Some(detail) = heartbeat.detail {
            value = format!("{value} ({detail})");
        }
        let (source, age) = (self.heartbeat_source(), self.heartbeat_age());
        self.add(Some(Decider::Agent), "agent", value, source, age);
    }

    /// The pod's own answer knows the line that the rule matched; the heartbeat only the rule.
    fn screen(&mut self, answer: Option<&PodStatus>) {
        let Some(heartbeat) = self.running_heartbeat().cloned() else {
            return;
        };
        let age = self.now.since_boot(heartbeat.since);
        let (value, rule) = match answer.map(|status| &status.screen) {
            Some(screen) => {
                let line = screen
                    .line
                    .as_ref()
                    .map(|line| format!(": {}", line.trim()));
                let value = format!("{}{}", screen.state, line.unwrap_or_default());
                (value, screen.rule.clone())
            }
            None if !self.sighting.is_up() => (format!("was {}", heartbeat.screen), heartbeat.rule),
            None => (heartbeat.screen, heartbeat.rule),
        };
        let source = match rule.as_str() {
            "none" => "no harness rule matched".to_owned(),
            "message" => "the pod types a message".to_owned(),
            rule => format!("harness rule `{rule}`"),
        };
        self.add(Some(Decider::Screen), "screen", value, source, age);
    }

    /// What the agent says of itself; where it is fresh, the pod counts it with the screen.
    fn own_word(&mut self, answer: Option<&PodStatus>) {
        let Some(says) = answer.and_then(|status| status.says.as_ref()) else {
            return;
        };
        let age = Some(self.now.since_wall(says.at));
        let source = format!("the agent's {}", says.source.as_str());
        self.add(None, "own word", says.state.clone(), source, age);
    }

    /// Returns the heartbeat of an agent that runs: where there is no process, nobody shows the
    /// screen that the rules go on looking at.
    fn running_heartbeat(&self) -> Option<&Heartbeat> {
        let heartbeat = self.sighting.heartbeat.as_ref();
        heartbeat.filter(|heartbeat| heartbeat.phase == "running")
    }

    fn quiet(&mut self, threshold: Duration) {
        if self.running_heartbeat().is_none() {
            return;
        }
        let last = self.sighting.last_output();
        let age = last.and_then(|at| self.now.since_boot(at));
        let Some(quiet) = age else {
            return;
        };
        let value = format!(
            "for {} s; available without other evidence from {} s on",
            quiet.as_secs(),
            threshold.as_secs()
        );
        let source = self.heartbeat_source();
        self.add(Some(Decider::Quiet), "quiet", value, source, age);
    }
}
