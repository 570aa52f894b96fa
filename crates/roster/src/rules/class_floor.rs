//! The classes that a fleet must have.

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::outline::Outline;
use crate::spelling::nearest;
use crate::tree::{Stated, Text};

const ORCHESTRATOR: &str = "orchestrator";
const ENHANCER: &str = "enhancer";

/// Exactly one orchestrator and at least one enhancer, unless the fleet is a small one: a single
/// agent, or neither of the two.
pub(super) fn class_floor(outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
    let Some(agents) = outline.agents_span() else {
        return Vec::new();
    };
    let is_unclear = |stated| matches!(stated, Stated::Unclear);
    let mut classes = outline.agents.iter().map(|agent| agent.stated("class"));
    if outline.agents.is_empty() || classes.any(is_unclear) {
        return Vec::new();
    }
    let orchestrators = Seat::of_class(ORCHESTRATOR, outline, known);
    let enhancers = Seat::of_class(ENHANCER, outline, known);
    if outline.agents.len() == 1 || (orchestrators.is_unknown() && enhancers.is_unknown()) {
        let message = match outline.agents.len() {
            1 => "the fleet is a single agent, so it has no lead",
            _ => "the fleet has no orchestrator and no enhancer, so it has no lead",
        };
        let help = "add an agent of class `orchestrator` and one of class `enhancer`";
        return vec![Finding::new(Code::NoLead, agents, message).help(help)];
    }
    let too_many = orchestrators.too_many();
    [
        orchestrators.empty(agents),
        too_many,
        enhancers.empty(agents),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The misspelt classes that the class floor reports: those of agents that were to have a seat which
/// otherwise nobody has.
pub(super) fn misspelt_seats<'t>(outline: &Outline<'t>, known: &Known) -> Vec<&'t Span> {
    if outline.agents.len() == 1 {
        return Vec::new();
    }
    let seats = [ORCHESTRATOR, ENHANCER].map(|class| Seat::of_class(class, outline, known));
    let misspelt = seats.into_iter().filter_map(|seat| seat.misspelt);
    misspelt.map(|class| class.span).collect()
}

/// A class that the fleet cannot do without, and who has it.
struct Seat<'t> {
    class: &'static str,
    agents: Vec<Text<'t>>,
    /// Where nobody has it: a class without a role that most likely means it.
    misspelt: Option<Text<'t>>,
}

impl<'t> Seat<'t> {
    fn of_class(class: &'static str, outline: &Outline<'t>, known: &Known) -> Self {
        let classes = || {
            outline
                .agents
                .iter()
                .filter_map(|agent| agent.text("class"))
        };
        let agents: Vec<_> = classes().filter(|found| found.text == class).collect();
        let mut unknown = classes().filter(|found| !known.has_role(found.text));
        let misspelt = match agents.is_empty() {
            true => unknown.find(|found| nearest(found.text, known.roles()) == Some(class)),
            false => None,
        };
        Self {
            class,
            agents,
            misspelt,
        }
    }

    /// Whether nobody has it or was to have it.
    fn is_unknown(&self) -> bool {
        self.agents.is_empty() && self.misspelt.is_none()
    }

    /// The finding that nobody has it.
    fn empty(&self, agents: &Span) -> Option<Finding> {
        let class = self.class;
        let needed = match class {
            ORCHESTRATOR => "exactly 1 is needed",
            _ => "at least 1 is needed",
        };
        let message = format!("the fleet has 0 agents of class `{class}`, {needed}");
        let found = |span| Finding::new(Code::ClassFloor, span, message);
        match (self.agents.as_slice(), &self.misspelt) {
            ([_, ..], _) => None,
            ([], Some(misspelt)) => {
                Some(found(misspelt.span).help(format!("did you mean `{class}`?")))
            }
            ([], None) => Some(found(agents).help(format!("give one agent `class: {class}`"))),
        }
    }

    /// The finding that more than one agent has it.
    fn too_many(&self) -> Option<Finding> {
        let [first, second, ..] = self.agents.as_slice() else {
            return None;
        };
        let (count, class) = (self.agents.len(), self.class);
        let message =
            format!("the fleet has {count} agents of class `{class}`, exactly 1 is needed");
        let finding = Finding::new(Code::ClassFloor, second.span, message)
            .related(first.span, "the first one")
            .help("give all but one of them another class");
        Some(finding)
    }
}
