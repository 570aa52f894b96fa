//! Names that cannot stand beside each other.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::catalog::Code;
use crate::finding::Finding;
use crate::known::Known;
use crate::outline::Outline;
use crate::secret::shown;
use crate::tree::Text;

/// Names that senders of messages, machines and sessions of the fleet itself have.
const RESERVED: [(&str, &str); 4] = [
    ("operator", "the human who operates the fleet"),
    ("local", "this machine"),
    ("chat", "what comes from the chat"),
    ("_chat", "the session of the chat"),
];

/// Returns what a name is reserved for, if no agent may have it. `holder_session` is the session that the
/// roster names so.
#[must_use]
pub fn reserved_for(name: &str, holder_session: &str) -> Option<&'static str> {
    let key = session_key(name);
    if key == session_key(holder_session) {
        return Some("the session that keeps the tmux server alive");
    }
    let mut reserved = RESERVED.into_iter();
    reserved.find_map(|(reserved, purpose)| (session_key(reserved) == key).then_some(purpose))
}

/// No two agents have the same name.
pub(super) fn duplicate_names(outline: &Outline<'_>, _: &Known) -> Vec<Finding> {
    clashes(outline, Cow::Borrowed, |_, _| true)
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
    clashes(outline, lowercase, |first, second| first != second)
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
    outline
        .named()
        .filter_map(|(_, name)| {
            let purpose = reserved_for(name.text, holder)?;
            let message = format!("the name `{}` is reserved for {purpose}", shown(name.text));
            let finding = Finding::new(Code::ReservedName, name.span, message);
            Some(match name.text {
                "operator" => finding.help("an agent of class operator is called `ops`"),
                _ => finding.help("choose another name"),
            })
        })
        .collect()
}

/// Whether no two names are the same session, whatever their case. Then they do not clash in any
/// other way either.
pub(crate) fn are_apart<'t>(names: impl Iterator<Item = &'t str>) -> bool {
    let mut sessions = HashSet::with_capacity(names.size_hint().1.unwrap_or_default());
    names.map(session_key).all(|key| sessions.insert(key))
}

/// A session's name as tmux changes it.
fn session(name: &str) -> Cow<'_, str> {
    if name.contains(['.', ':']) {
        Cow::Owned(name.replace(['.', ':'], "_"))
    } else {
        Cow::Borrowed(name)
    }
}

fn session_key(name: &str) -> Cow<'_, str> {
    match session(name) {
        Cow::Borrowed(name) => lowercase(name),
        Cow::Owned(name) => Cow::Owned(name.to_lowercase()),
    }
}

fn lowercase(name: &str) -> Cow<'_, str> {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_lower) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.to_lowercase())
    }
}

/// Pairs every name with the first earlier one of the same key, where they `count` as a clash.
/// A name that is repeated exactly is paired once only, as a duplicate.
fn clashes<'a, 't>(
    outline: &'a Outline<'t>,
    key: impl Fn(&'t str) -> Cow<'t, str>,
    count: impl Fn(&str, &str) -> bool,
) -> impl Iterator<Item = (&'a Text<'t>, &'a Text<'t>)> {
    let mut first: HashMap<Cow<'t, str>, &Text<'t>> = HashMap::new();
    let mut exact: HashSet<&str> = HashSet::new();
    let mut pairs = Vec::new();
    if outline.names_are_apart() {
        return pairs.into_iter();
    }
    for (_, name) in outline.named() {
        let repeated = !exact.insert(name.text);
        let earlier = *first.entry(key(name.text)).or_insert(name);
        let itself = std::ptr::eq(earlier, name);
        let same = earlier.text == name.text;
        if !itself && (same || !repeated) && count(earlier.text, name.text) {
            pairs.push((earlier, name));
        }
    }
    pairs.into_iter()
}
