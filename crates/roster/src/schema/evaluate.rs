//! Evaluates the schema over the tree and makes findings of the errors.

use std::collections::HashSet;
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;

use super::Subject;
use super::key_index::KeyIndex;
use super::message::{self, Place};
use super::tree_json::{Node, TreeJson};
use crate::finding::Finding;
use crate::secret::shown;
use crate::spelling::nearest;
use crate::tree::{NodeId, NodeKind, Tree};

/// The schema with its compiled form; compiled at first use, once a process.
struct Compiled {
    schema: Value,
    validator: Option<Validator<TreeJson>>,
}

fn compiled(subject: Subject) -> &'static Compiled {
    static ROSTER: OnceLock<Compiled> = OnceLock::new();
    static PROFILE: OnceLock<Compiled> = OnceLock::new();
    let compiled = match subject {
        Subject::Roster => &ROSTER,
        Subject::Profile => &PROFILE,
    };
    compiled.get_or_init(|| {
        let schema = subject.schema();
        // All that it uses means the same in draft 07, by whose meta-schema it is checked in a
        // fraction of the time. A test proves that the schemas compile.
        let options = jsonschema::options_for::<TreeJson>().with_draft(Draft::Draft7);
        let validator = options.build(&schema).ok();
        Compiled { schema, validator }
    })
}

/// Returns the roster's [`json_schema`](super::json_schema), made once a process.
pub(crate) fn published() -> &'static Value {
    &compiled(Subject::Roster).schema
}

/// Returns what the schema of `subject` finds wrong with the tree below `root`. `text` is what the
/// tree was read from.
pub(crate) fn evaluate(subject: Subject, text: &str, tree: &Tree, root: NodeId) -> Vec<Finding> {
    let Compiled { schema, validator } = compiled(subject);
    let Some(validator) = validator else {
        return Vec::new();
    };
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(Node::Value(tree, root)).collect();
    let keys = KeyIndex::default();
    let mistyped: HashSet<&str> = errors
        .iter()
        .filter(|error| matches!(error.kind(), Kind::Type { .. }))
        .map(|error| error.instance_path().as_str())
        .collect();
    let faults: Vec<Fault<'_>> = errors
        .iter()
        // A value of the wrong type is reported as that, not also as none of the allowed ones.
        .filter(|error| {
            matches!(error.kind(), Kind::Type { .. })
                || !mistyped.contains(error.instance_path().as_str())
        })
        .map(|error| Fault {
            error,
            place: follow_pointer(
                Place::root(subject, text, tree, root),
                &keys,
                error.instance_path().as_str(),
            ),
            rule: rule(schema, error),
        })
        .collect();
    let meant: HashSet<(NodeId, &str)> = faults.iter().flat_map(Fault::meant_keys).collect();
    let mut seen = HashSet::new();
    faults
        .iter()
        .filter(|fault| !fault.lacks_one_of(&meant))
        .filter(|fault| seen.insert(fault.identity()))
        .flat_map(|fault| message::findings(fault.error, &fault.place, fault.rule))
        .collect()
}

/// An error of the validator with what it is about.
struct Fault<'a> {
    error: &'a ValidationError<'a>,
    place: Place<'a>,
    rule: &'a Value,
}

impl<'a> Fault<'a> {
    /// The keys that the unknown ones at this place most likely meant.
    fn meant_keys(&self) -> Vec<(NodeId, &'a str)> {
        let Kind::AdditionalProperties { unexpected } = self.error.kind() else {
            return Vec::new();
        };
        let free = message::free_keys(&self.place, self.rule);
        unexpected
            .iter()
            .filter_map(|key| nearest(key, free.iter().copied()))
            .map(|key| (self.place.node, key))
            .collect()
    }

    /// What makes it the same fault as one that was met behind another alias.
    fn identity(&self) -> (NodeId, &str, Option<&Value>) {
        let property = match self.error.kind() {
            Kind::Required { property } => Some(property),
            _ => None,
        };
        let schema_path = self.error.schema_path().as_str();
        (self.place.node, schema_path, property)
    }

    /// Whether the error says no more than that a misspelt key is missing in its right spelling.
    fn lacks_one_of(&self, meant: &HashSet<(NodeId, &str)>) -> bool {
        let missing = match self.error.kind() {
            Kind::Required { property } => Some(property),
            Kind::AnyOf { .. } => message::required_key(self.rule),
            _ => None,
        };
        missing
            .and_then(Value::as_str)
            .is_some_and(|key| meant.contains(&(self.place.node, key)))
    }
}

/// Follows a JSON pointer through the tree.
fn follow_pointer<'t>(root: Place<'t>, keys: &KeyIndex<'t>, pointer: &str) -> Place<'t> {
    let mut place = root;
    for segment in segments(pointer) {
        if !step(&mut place, keys, &segment) {
            break;
        }
    }
    place
}

/// Goes one segment further, and says whether there was a way.
fn step<'t>(place: &mut Place<'t>, keys: &KeyIndex<'t>, segment: &str) -> bool {
    match &place.tree.node(place.node).kind {
        NodeKind::List(items) => {
            let index = segment.parse().ok();
            let Some(item) = index.and_then(|index: usize| items.get(index)) else {
                return false;
            };
            place.node = *item;
            place.entry = None;
            place.path.push_str(&format!("[{segment}]"));
        }
        NodeKind::Mapping(_) => {
            let Some(entry) = keys.entry(place.tree, place.node, segment) else {
                return false;
            };
            place.node = entry.value;
            place.entry = Some(entry);
            if !place.path.is_empty() {
                place.path.push('.');
            }
            place.path.push_str(&shown(segment));
        }
        _ => return false,
    }
    true
}

fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}

/// Returns the schema object whose keyword failed, references followed.
fn rule<'s>(schema: &'s Value, error: &ValidationError<'_>) -> &'s Value {
    let path: Vec<String> = segments(error.schema_path().as_str()).collect();
    let parents = path.split_last().map_or(&[][..], |(_, parents)| parents);
    parents.iter().fold(schema, |at, segment| {
        let next = match at {
            Value::Array(items) => segment
                .parse()
                .ok()
                .and_then(|index: usize| items.get(index)),
            other => other.get(segment),
        };
        next.map_or(&Value::Null, |next| follow(schema, next))
    })
}

pub(super) fn follow<'s>(schema: &'s Value, at: &'s Value) -> &'s Value {
    at.get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| schema.pointer(reference.strip_prefix('#')?))
        .unwrap_or(at)
}
