//! Order without a queue: each agent waits for those that it has to come after, and only for them.

use std::collections::HashMap;

use tokio::sync::watch;

/// Whether what an agent's followers wait for has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Closed,
    /// It came.
    Open,
    /// It will not come.
    Failed,
}

/// One gate an agent.
pub(super) struct Gates {
    gates: HashMap<String, watch::Sender<Gate>>,
    waits: HashMap<String, Vec<String>>,
}

impl Gates {
    /// Makes the gates of agents, given in an order in which they could be worked on one by one;
    /// `after` names those that an agent comes after.
    ///
    /// An agent waits only for agents that stand before it, so a cycle cannot hold anybody up.
    pub(super) fn new(order: &[String], after: impl Fn(&str) -> Vec<String>) -> Self {
        let place: HashMap<_, _> = order.iter().zip(0..).collect();
        let waits = order.iter().map(|agent| {
            let earlier = |other: &String| place.get(other).is_some_and(|at| *at < place[agent]);
            let others = after(agent).into_iter().filter(earlier);
            (agent.clone(), others.collect())
        });
        Self {
            waits: waits.collect(),
            gates: order
                .iter()
                .map(|agent| (agent.clone(), watch::Sender::new(Gate::Closed)))
                .collect(),
        }
    }

    /// Waits until all that an agent comes after are through; gives one that failed.
    pub(super) async fn wait(&self, agent: &str) -> Result<(), String> {
        for other in self.waits.get(agent).into_iter().flatten() {
            let Some(gate) = self.gates.get(other) else {
                continue;
            };
            let mut gate = gate.subscribe();
            let passed = gate.wait_for(|gate| *gate != Gate::Closed).await;
            if passed.is_ok_and(|gate| *gate == Gate::Failed) {
                return Err(other.clone());
            }
        }
        Ok(())
    }

    /// Says that an agent is through.
    pub(super) fn pass(&self, agent: &str, gate: Gate) {
        if let Some(sender) = self.gates.get(agent) {
            sender.send_replace(gate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::cell::RefCell;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn everybody_comes_after_those_that_it_depends_on() {
        let order = texts(&["db", "api", "web", "alone"]);
        let gates = Gates::new(&order, |agent| match agent {
            "web" => texts(&["api", "db"]),
            "api" => texts(&["db", "not in the plan"]),
            _ => Vec::new(),
        });
        let done = RefCell::new(Vec::new());
        join_all(order.iter().rev().map(|agent| async {
            gates.wait(agent).await.unwrap();
            done.borrow_mut().push(agent.as_str());
            gates.pass(agent, Gate::Open);
        }))
        .await;
        assert_eq!(done.into_inner(), ["alone", "db", "api", "web"]);
    }

    #[tokio::test]
    async fn a_failure_reaches_those_that_wait_for_it() {
        let order = texts(&["db", "api"]);
        let gates = Gates::new(&order, |_| texts(&["db"]));
        gates.pass("db", Gate::Failed);
        assert_eq!(gates.wait("api").await, Err("db".to_owned()));
    }

    #[tokio::test]
    async fn a_cycle_holds_nobody_up() {
        let order = texts(&["a", "b"]);
        let gates = Gates::new(&order, |agent| match agent {
            "a" => texts(&["b"]),
            _ => texts(&["a"]),
        });
        gates.wait("a").await.unwrap();
        gates.pass("a", Gate::Open);
        gates.wait("b").await.unwrap();
    }
}
