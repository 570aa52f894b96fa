//! What the schema cannot say of a profile.

use std::collections::HashMap;

use crate::catalog::Code;
use crate::finding::{Finding, Span};
use crate::known::Known;
use crate::rules::secrets_below;
use crate::secret::shown;
use crate::spelling::nearest;
use crate::tree::{NodeId, Text, Tree};

use super::ORCHESTRATOR;

/// Returns the class to which `class` reports where its position does not say so.
pub(super) fn default_superior<'a>(
    class: &str,
    lead: &'a str,
    is_floor: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    if class == ORCHESTRATOR {
        None
    } else if class == lead || is_floor(class) {
        Some(ORCHESTRATOR)
    } else {
        Some(lead)
    }
}

/// Applies every rule to the profile below `root`, which is called `name`.
pub(super) fn rules(tree: &Tree, root: NodeId, name: &str, known: &Known) -> Vec<Finding> {
    let outline = Outline::new(tree, root);
    let mut findings = Vec::new();
    findings.extend(id_mismatch(&outline, name));
    findings.extend(outline.unknown_classes(known));
    findings.extend(outline.duplicate_classes());
    findings.extend(outline.outsiders());
    findings.extend(outline.reporting_cycles());
    findings.extend(secrets_below(tree, root));
    findings
}

/// Returns the id that a file of this name must have.
fn stem(name: &str) -> Option<&str> {
    let file = name.rsplit(['/', '\\']).next()?;
    file.strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".json"))
}

fn id_mismatch(outline: &Outline<'_>, name: &str) -> Option<Finding> {
    let stem = stem(name)?;
    let id = outline.id.as_ref().filter(|id| id.text != stem)?;
    let message = format!(
        "the id is `{}`, but the file is called `{}`",
        shown(id.text),
        shown(stem)
    );
    let help = format!("write `id: {}`, or rename the file", shown(stem));
    Some(Finding::new(Code::IdMismatch, id.span, message).help(help))
}

/// What can be read of a profile, whatever else is wrong with it.
struct Outline<'t> {
    id: Option<Text<'t>>,
    lead: Option<Text<'t>>,
    floor: Vec<Text<'t>>,
    positions: Vec<PositionOutline<'t>>,
    by_class: HashMap<&'t str, usize>,
}

struct PositionOutline<'t> {
    class: Text<'t>,
    reports_to: Option<Text<'t>>,
}

impl<'t> Outline<'t> {
    fn new(tree: &'t Tree, root: NodeId) -> Self {
        let list = |key| tree.get(root, key).map_or(&[][..], |list| tree.items(list));
        let position = |node: &NodeId| {
            Some(PositionOutline {
                class: tree.text_of(*node, "class")?,
                reports_to: tree.text_of(*node, "reports_to"),
            })
        };
        let positions: Vec<_> = list("roster").iter().filter_map(position).collect();
        let mut by_class = HashMap::new();
        for (index, position) in positions.iter().enumerate() {
            by_class.entry(position.class.text).or_insert(index);
        }
        Self {
            id: tree.text_of(root, "id"),
            lead: tree.text_of(root, "lead"),
            floor: list("floor")
                .iter()
                .filter_map(|id| tree.text(*id))
                .collect(),
            positions,
            by_class,
        }
    }

    fn unknown_classes(&self, known: &Known) -> impl Iterator<Item = Finding> {
        let classes = self.positions.iter().map(|position| &position.class);
        let unknown = classes.filter(|class| !known.has_role(class.text));
        unknown.map(|class| {
            let message = format!("there is no role for the class `{}`", shown(class.text));
            let finding = Finding::new(Code::UnknownClass, class.span, message);
            match nearest(class.text, known.roles()) {
                Some(role) => finding.help(format!("did you mean `{role}`?")),
                None => finding.help("write a role file of that name, or use a shipped class"),
            }
        })
    }

    fn duplicate_classes(&self) -> impl Iterator<Item = Finding> {
        let positions = self.positions.iter().enumerate();
        positions.filter_map(|(index, position)| {
            let class = &position.class;
            let first = *self.by_class.get(class.text)?;
            let message = format!("the class `{}` is listed twice", shown(class.text));
            (first != index).then(|| {
                Finding::new(Code::DuplicateClass, class.span, message)
                    .related(self.positions[first].class.span, "first listed here")
                    .help("list it once, with `multiplicity`")
            })
        })
    }

    /// Classes that the profile refers to without listing them.
    fn outsiders(&self) -> impl Iterator<Item = Finding> {
        let lead = self.lead.iter().map(|class| ("`lead`", class));
        let floor = self.floor.iter().map(|class| ("`floor`", class));
        let superiors = self.positions.iter();
        let superiors = superiors.filter_map(|position| position.reports_to.as_ref());
        let superiors = superiors.map(|class| ("`reports_to`", class));
        let referred = lead.chain(floor).chain(superiors);
        // Where no class can be read at all, that is the fault to mend.
        let referred = referred.filter(|_| !self.positions.is_empty());
        let outside = referred.filter(|(_, class)| !self.by_class.contains_key(class.text));
        outside.map(|(key, class)| {
            let name = shown(class.text);
            let message = format!("{key} names `{name}`, which `roster` does not list");
            let finding = Finding::new(Code::OutsideRoster, class.span, message);
            let listed = self.positions.iter().map(|position| position.class.text);
            match nearest(class.text, listed) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("add `- class: {name}` to `roster`")),
            }
        })
    }

    /// The position to which one reports, with the place that says so.
    fn superior(&self, index: usize) -> Option<(usize, &'t Span)> {
        let position = &self.positions[index];
        let (superior, span) = match &position.reports_to {
            Some(class) => (class.text, class.span),
            None => {
                let lead = self.lead.as_ref()?.text;
                let is_floor = |class: &str| self.floor.iter().any(|floor| floor.text == class);
                let superior = default_superior(position.class.text, lead, is_floor)?;
                (superior, position.class.span)
            }
        };
        Some((*self.by_class.get(superior)?, span))
    }

    /// Each class has one superior at most, so every circle is found by going up from its members.
    fn reporting_cycles(&self) -> Vec<Finding> {
        const NEW: usize = usize::MAX;
        let mut walk_of = vec![NEW; self.positions.len()];
        let mut findings = Vec::new();
        for start in 0..self.positions.len() {
            let mut path = Vec::new();
            let mut at = start;
            while walk_of[at] == NEW {
                walk_of[at] = start;
                let Some((superior, span)) = self.superior(at) else {
                    break;
                };
                path.push((at, span));
                if walk_of[superior] == start {
                    let circle = path.iter().skip_while(|(index, _)| *index != superior);
                    findings.push(self.circle(&circle.copied().collect::<Vec<_>>()));
                }
                at = superior;
            }
        }
        findings
    }

    fn circle(&self, circle: &[(usize, &Span)]) -> Finding {
        let label = |index: usize| format!("`{}`", shown(self.positions[index].class.text));
        let names: Vec<String> = circle.iter().map(|(index, _)| label(*index)).collect();
        let first = circle
            .first()
            .map(|(index, _)| label(*index))
            .unwrap_or_default();
        // What is written rather than implied is what can be mended.
        let written = circle.iter().rev();
        let mut written = written.filter(|(index, _)| self.positions[*index].reports_to.is_some());
        let span = written
            .next()
            .or(circle.last())
            .map(|(_, span)| (*span).clone());
        let message = match names.as_slice() {
            [_] => format!("{first} reports to itself"),
            names => format!(
                "classes report to each other: {} → {first}",
                names.join(" → ")
            ),
        };
        Finding::new(Code::ReportingCycle, &span.unwrap_or_default(), message)
            .help("change one `reports_to`; in the end everybody reports to the orchestrator")
    }
}
