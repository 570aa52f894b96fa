//! Names that cannot stand beside each other.

use std::collections::HashMap;

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;
use crate::tree::Text;

/// Names that senders of messages and sessions of the fleet itself have.
const RESERVED: [(&str, &str); 3] = [
    ("operator", "the human who operates the fleet"),
    ("chat", "what comes from the chat"),
    ("_chat", "the session of the chat"),
];

/// No two agents have the same name.
pub(super) fn duplicate_names(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    clashes(outline, str::to_owned, |_, _| true)
        .map(|(first, second)| {
            let message = format!("the name `{}` is given twice", shown(second.text));
            Finding::new(Code::DuplicateName, second.span, message)
                .related(first.span, "first given here")
                .help("names are addresses; give each agent its own")
        })
        .collect()
}

/// No two names differ in case only.
pub(super) fn case_twins(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    clashes(outline, str::to_lowercase, |first, second| first != second)
        .map(|(first, second)| {
            let message = format!(
                "the names `{}` and `{}` differ in case only",
                shown(first.text),
                shown(second.text)
            );
            Finding::new(Code::CaseTwin, second.span, message)
                .related(first.span, "the other one")
                .help("names must be told apart when case is ignored")
        })
        .collect()
}

/// No two names are the same session after tmux's renaming.
pub(super) fn session_clashes(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let differ = |first: &str, second: &str| !first.eq_ignore_ascii_case(second);
    clashes(outline, session_key, differ)
        .map(|(first, second)| {
            let message = format!(
                "`{}` and `{}` are the same session for tmux, `{}`",
                shown(first.text),
                shown(second.text),
                shown(&session(second.text))
            );
            Finding::new(Code::SessionClash, second.span, message)
                .related(first.span, "the other one")
                .help("tmux writes `.` and `:` as `_`; use `-` instead")
        })
        .collect()
}

/// No agent has a name that belongs to the fleet itself.
pub(super) fn reserved_names(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    let holder = outline.holder_session();
    let holder_use = "the session that keeps the tmux server alive";
    outline
        .named()
        .filter_map(|(_, name)| {
            let taken = |reserved: &str| session_key(name.text) == session_key(reserved);
            let shipped = RESERVED.into_iter().find(|(reserved, _)| taken(reserved));
            let (_, purpose) = shipped.or_else(|| taken(holder).then_some((holder, holder_use)))?;
            let message = format!("the name `{}` is reserved for {purpose}", shown(name.text));
            let finding = Finding::new(Code::ReservedName, name.span, message);
            Some(match name.text {
                "operator" => finding.help("an agent of class operator is called `ops`"),
                _ => finding.help("choose another name"),
            })
        })
        .collect()
}

/// A session's name as tmux changes it.
fn session(name: &str) -> String {
    name.replace(['.', ':'], "_")
}

fn session_key(name: &str) -> String {
    session(name).to_lowercase()
}

/// Pairs every name with the first earlier one of the same key, where they `count` as a clash.
/// A name that is repeated exactly is paired once only, as a duplicate.
fn clashes<'a, 't>(
    outline: &'a Outline<'t>,
    key: impl Fn(&str) -> String,
    count: impl Fn(&str, &str) -> bool,
) -> impl Iterator<Item = (&'a Text<'t>, &'a Text<'t>)> {
    let mut first: HashMap<String, &Text<'t>> = HashMap::new();
    let mut exact: HashMap<&str, ()> = HashMap::new();
    let mut pairs = Vec::new();
    for (_, name) in outline.named() {
        let repeated = exact.insert(name.text, ()).is_some();
        let earlier = *first.entry(key(name.text)).or_insert(name);
        let itself = std::ptr::eq(earlier, name);
        let same = earlier.text == name.text;
        if !itself && (same || !repeated) && count(earlier.text, name.text) {
            pairs.push((earlier, name));
        }
    }
    pairs.into_iter()
}
