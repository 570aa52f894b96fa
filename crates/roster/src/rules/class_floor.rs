//! The classes that a fleet must have.

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::{AgentOutline, Outline};
use crate::spelling::nearest;
use crate::tree::Text;

/// Exactly one orchestrator and at least one enhancer, unless the fleet is a small one: a single
/// agent, or neither of the two.
pub(super) fn class_floor(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let Some(agents) = outline.agents_span() else {
        return Vec::new();
    };
    if outline.agents.is_empty() || outline.agents.iter().any(is_unclear) {
        return Vec::new();
    }
    let orchestrators = of_class(outline, "orchestrator");
    let enhancers = of_class(outline, "enhancer");
    if outline.agents.len() == 1 || (orchestrators.is_empty() && enhancers.is_empty()) {
        let message = match outline.agents.len() {
            1 => "the fleet is a single agent, so it has no lead",
            _ => "the fleet has no orchestrator and no enhancer, so it has no lead",
        };
        let help = "add an agent of class `orchestrator` and one of class `enhancer`";
        return vec![Finding::new(Code::NoLead, agents, message).help(help)];
    }
    let mut findings = Vec::new();
    findings.extend(too_few_or_many(&orchestrators, agents));
    findings.extend(enhancers.is_empty().then(|| {
        let message = "the fleet has 0 agents of class `enhancer`, at least 1 is needed";
        Finding::new(Code::ClassFloor, agents, message).help("give one agent `class: enhancer`")
    }));
    findings
}

fn too_few_or_many(orchestrators: &[Text<'_>], agents: &Span) -> Option<Finding> {
    let count = orchestrators.len();
    let message =
        format!("the fleet has {count} agents of class `orchestrator`, exactly 1 is needed");
    match orchestrators {
        [] => Some(
            Finding::new(Code::ClassFloor, agents, message)
                .help("give one agent `class: orchestrator`"),
        ),
        [_] => None,
        [first, second, ..] => Some(
            Finding::new(Code::ClassFloor, second.span, message)
                .related(first.span, "the first one")
                .help("give all but one of them another class"),
        ),
    }
}

fn of_class<'t>(outline: &Outline<'t>, class: &str) -> Vec<Text<'t>> {
    let classes = outline
        .agents
        .iter()
        .filter_map(|agent| agent.text("class"));
    classes.filter(|found| found.text == class).collect()
}

/// Whether the agent's class cannot be known: it is no text, or its key is misspelt. Counting
/// would then only report that fault once more.
fn is_unclear(agent: &AgentOutline<'_>) -> bool {
    if agent.has("class") {
        return agent.text("class").is_none();
    }
    let mut keys = agent.tree.entries(agent.node).iter();
    keys.any(|entry| nearest(&entry.key, ["class", "alias"]) == Some("class"))
}
