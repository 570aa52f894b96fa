//! One text, before there is a roster that it could stand in.

use super::Subject;
use super::evaluate::{follow, published};
use super::message::{self, Place};
use crate::finding::{Finding, Span, locate};
use crate::secret::kind_of;
use crate::source::Source;
use crate::tree::{Node, NodeKind, Tree};

/// Says why a text cannot be the value of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidText {
    message: String,
    hint: Option<String>,
}

impl InvalidText {
    /// Returns what would be right, where that can be said.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Checks whether a text may be the value of a key of the roster, as the published schema has it; for
/// programs that ask for one value after the other. A secret may be the value of none.
///
/// ```
/// use podfleet_roster::check_text;
///
/// assert!(check_text("connector.discord.channel_id", "1234").is_ok());
/// let error = check_text("connector.discord.channel_id", "#general").unwrap_err();
/// assert_eq!(error.to_string(), "`channel_id` is `#general`");
/// assert_eq!(error.hint(), Some("expected the channel's id, digits only"));
/// ```
///
/// # Errors
/// Fails if the text is none that the schema allows there, or if there is no such key.
pub fn check_text(path: &str, text: &str) -> Result<(), InvalidText> {
    let refused = |message: String, hint: Option<&str>| InvalidText {
        message,
        hint: hint.map(str::to_owned),
    };
    let key = path.rsplit('.').next().unwrap_or(path);
    if text.is_empty() {
        return Err(refused(format!("`{key}` is empty"), None));
    }
    if let Some(kind) = kind_of(text) {
        let hint = "secrets come from the environment, or from a file of mode 0600";
        return Err(refused(
            format!("`{key}` has the shape of {kind}"),
            Some(hint),
        ));
    }
    let schema = published();
    let rule = path.split('.').try_fold(schema, |at, key| {
        Some(follow(schema, at.get("properties")?.get(key)?))
    });
    let Some(rule) = rule else {
        return Err(refused(format!("a roster has no key `{path}`"), None));
    };
    let value = text.into();
    // A test proves that the schema compiles.
    let Ok(validator) = jsonschema::validator_for(rule) else {
        return Ok(());
    };
    let mut tree = Tree::default();
    let span: Span = 0..text.len();
    let kind = NodeKind::Text(text.to_owned());
    let node = tree.push(Node { span, kind });
    let mut place = Place::root(Subject::Roster, text, &tree, node);
    key.clone_into(&mut place.path);
    let errors = validator.iter_errors(&value);
    let findings: Vec<Finding> = errors
        .flat_map(|error| message::findings(&error, &place, rule))
        .collect();
    match locate(findings, &Source::new("", text)).into_iter().next() {
        Some(found) => Err(InvalidText {
            message: found.message,
            hint: found.help,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_judged_by_the_key_that_it_is_for() {
        for (path, right, wrong) in [
            ("fleet", "web", "two words"),
            ("connector.discord.channel_id", "1", "general"),
            (
                "connector.matrix.homeserver_url",
                "https://m.example",
                "m.example",
            ),
            ("connector.matrix.user_id", "@a:b", "a"),
            ("connector.matrix.room_id", "#r:b", "r"),
            ("connector.kind", "x-irc", "irc"),
        ] {
            assert_eq!(check_text(path, right), Ok(()), "{path}");
            let error = check_text(path, wrong).unwrap_err();
            assert!(error.to_string().contains(wrong), "{path}: {error}");
            assert!(check_text(path, "").is_err(), "{path}");
        }
    }

    #[test]
    fn a_secret_is_refused_and_not_repeated() {
        let secret = "https://fleet:hunter2@matrix.example.org";
        let error = check_text("connector.matrix.homeserver_url", secret).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`homeserver_url` has the shape of a password in an address"
        );
    }

    #[test]
    fn a_key_that_there_is_not_takes_no_text() {
        assert!(check_text("connector.irc", "x").is_err());
    }
}
