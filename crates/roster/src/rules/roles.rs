//! The roles that agents' classes name.

use std::cell::LazyCell;

use super::class_floor;
use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;
use crate::spelling::nearest;

/// Every class has a role, so that the agent learns its mandate. A misspelt class that the fleet
/// cannot do without is left to the class floor.
pub(super) fn known_roles(outline: &Outline<'_>, known: &Known) -> Vec<Finding> {
    let lacking = LazyCell::new(|| class_floor::misspelt_seats(outline, known));
    let classes = outline
        .agents
        .iter()
        .filter_map(|agent| agent.text("class"));
    classes
        .filter(|class| !known.has_role(class.text) && !lacking.contains(&class.span))
        .map(|class| {
            let message = format!("there is no role for the class `{}`", shown(class.text));
            let finding = Finding::new(Code::UnknownRole, class.span, message);
            match nearest(class.text, known.roles()) {
                Some(role) => finding.help(format!("did you mean `{role}`?")),
                None => finding.help("write a role file of that name, or use a shipped class"),
            }
        })
        .collect()
}
