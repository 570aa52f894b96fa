//! One change, as a change of the value: what the change of the text has to come to.

use serde_json::{Map, Value};

use super::change::{Change, Target};
use crate::spelling::is_key;

/// The index of an agent in the list.
pub(super) fn agent_index(roster: &Value, agent: &str) -> Option<usize> {
    let agents = roster.get("agents")?.as_array()?;
    agents
        .iter()
        .position(|one| one.get("name").and_then(Value::as_str) == Some(agent))
}

/// Carries a change out on the value.
pub(super) fn apply(roster: &mut Value, change: &Change) {
    match change {
        Change::Add(fields) => {
            if let Some(agents) = roster.get_mut("agents").and_then(Value::as_array_mut) {
                agents.push(Value::Object(fields.iter().cloned().collect()));
            }
        }
        Change::Remove(agent) => {
            let index = agent_index(roster, agent);
            let agents = roster.get_mut("agents").and_then(Value::as_array_mut);
            if let (Some(index), Some(agents)) = (index, agents) {
                agents.remove(index);
            }
        }
        Change::Set(target, value) => {
            if let Some(mapping) = target_mapping(roster, target) {
                set(mapping, &target.path, value);
            }
        }
        Change::Clear(target) => {
            if let Some(mapping) = target_mapping(roster, target) {
                clear(mapping, &target.path);
            }
        }
    }
}

fn target_mapping<'v>(
    roster: &'v mut Value,
    target: &Target,
) -> Option<&'v mut Map<String, Value>> {
    match &target.agent {
        None => roster.as_object_mut(),
        Some(agent) => {
            let index = agent_index(roster, agent)?;
            roster.get_mut("agents")?.get_mut(index)?.as_object_mut()
        }
    }
}

fn spelled(mapping: &Map<String, Value>, key: &str) -> String {
    let found = mapping.keys().find(|spelled| is_key(spelled, key));
    found.cloned().unwrap_or_else(|| key.to_owned())
}

fn set(mapping: &mut Map<String, Value>, path: &[String], value: &Value) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let key = spelled(mapping, key);
    if rest.is_empty() {
        mapping.insert(key, value.clone());
        return;
    }
    let inner = mapping.entry(key).or_insert_with(|| Map::new().into());
    if let Some(inner) = inner.as_object_mut() {
        set(inner, rest, value);
    }
}

/// A mapping that has nothing left goes too.
fn clear(mapping: &mut Map<String, Value>, path: &[String]) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let key = spelled(mapping, key);
    if rest.is_empty() {
        mapping.remove(&key);
        return;
    }
    let Some(inner) = mapping.get_mut(&key).and_then(Value::as_object_mut) else {
        return;
    };
    let before = inner.len();
    clear(inner, rest);
    if inner.is_empty() && before > 0 {
        mapping.remove(&key);
    }
}
