//! The graph of `depends_on`.

use std::cell::LazyCell;

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;
use crate::spelling::nearest;

/// The most names of a circle that a message shows.
const SHOWN: usize = 8;

/// The most circles that are reported. A graph can have more of them than agents.
const CIRCLES: usize = 64;

/// The most names among which the nearest one is looked for.
const SUGGESTED: usize = 256;

/// Every name in `depends_on` is an agent's. Where the name of an agent cannot be read, it may be
/// the one that is meant.
pub(super) fn unknown_dependencies(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let by_name = LazyCell::new(|| outline.by_name());
    let names = outline.named().map(|(_, name)| name.text);
    let names: Vec<&str> = names.take(SUGGESTED).collect();
    let agents = outline.agents.iter();
    let dependencies =
        agents.flat_map(|agent| agent.depends_on().map(move |target| (agent, target)));
    let unclear = LazyCell::new(|| !outline.knows_all_names());
    dependencies
        .filter(|(_, target)| !by_name.contains_key(target.text) && !*unclear)
        .map(|(agent, target)| {
            let message = format!(
                "{} depends on `{}`, which is not in the roster",
                agent.label(),
                shown(target.text)
            );
            let finding = Finding::new(Code::UnknownDependency, target.span, message);
            match nearest(target.text, names.iter().copied()) {
                Some(name) => finding.help(format!("did you mean `{name}`?")),
                None => finding.help("add that agent, or remove the dependency"),
            }
        })
        .collect()
}

/// No agent depends on itself, be it over others.
pub(super) fn dependency_cycles(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let graph = Graph::new(outline);
    let mut search = Search {
        graph: &graph,
        state: vec![State::New; graph.edges.len()],
        path: Vec::new(),
        findings: Vec::new(),
    };
    for start in 0..graph.edges.len() {
        search.from(start, outline);
    }
    search.findings
}

/// For each agent the agents that it depends on, with the place that says so.
struct Graph<'t> {
    edges: Vec<Vec<(usize, &'t Span)>>,
}

impl<'t> Graph<'t> {
    fn new(outline: &Outline<'t>) -> Self {
        let by_name = LazyCell::new(|| outline.by_name());
        let targets = |agent: &crate::outline::AgentOutline<'t>| {
            agent
                .depends_on()
                .filter_map(|target| Some((*by_name.get(target.text)?, target.span)))
                .collect()
        };
        Self {
            edges: outline.agents.iter().map(targets).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

/// A depth-first search, without recursion because a chain may be as long as the roster.
struct Search<'g, 't> {
    graph: &'g Graph<'t>,
    state: Vec<State>,
    /// The agents from the start to here, each with the number of edges that were followed.
    path: Vec<(usize, usize)>,
    findings: Vec<Finding>,
}

impl Search<'_, '_> {
    fn from(&mut self, start: usize, outline: &Outline<'_>) {
        if self.state[start] != State::New {
            return;
        }
        self.enter(start);
        while let Some((agent, followed)) = self.path.last_mut() {
            let agent = *agent;
            let edge = self.graph.edges[agent].get(*followed).copied();
            *followed += 1;
            match edge {
                None => {
                    self.state[agent] = State::Done;
                    self.path.pop();
                }
                Some((target, span)) => match self.state[target] {
                    State::New => self.enter(target),
                    State::OnPath if self.findings.len() < CIRCLES => {
                        self.report(target, span, outline);
                    }
                    State::OnPath | State::Done => {}
                },
            }
        }
    }

    fn enter(&mut self, agent: usize) {
        self.state[agent] = State::OnPath;
        self.path.push((agent, 0));
    }

    /// Reports the circle that an edge back to `target` closes.
    fn report(&mut self, target: usize, span: &Span, outline: &Outline<'_>) {
        let label = |agent: usize| outline.agents[agent].label();
        let circle = self.path.iter().map(|(agent, _)| *agent);
        let circle: Vec<usize> = circle.skip_while(|agent| *agent != target).collect();
        let message = if circle.len() == 1 {
            format!("{} depends on itself", label(target))
        } else {
            let mut names: Vec<String> = circle.iter().take(SHOWN).map(|a| label(*a)).collect();
            if circle.len() > SHOWN {
                names.push(format!("… ({} more)", circle.len() - SHOWN));
            }
            names.push(label(target));
            format!("agents depend on each other: {}", names.join(" → "))
        };
        let finding = Finding::new(Code::DependencyCycle, span, message)
            .help("remove one of these dependencies");
        self.findings.push(finding);
    }
}
