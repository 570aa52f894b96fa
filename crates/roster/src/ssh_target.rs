//! How ssh is told which machine is meant.

use serde::de::{Deserializer, Error};

use crate::absent;

/// What may be given to ssh as a target: one word that is no option. An empty text counts as absent.
pub(crate) const SSH_TARGET_PATTERN: &str =
    r"^([^-\s\x00-\x1f\x7f-\x9f][^\s\x00-\x1f\x7f-\x9f]*)?$";

/// Returns whether a text can be given to `ssh` as a target, and as nothing else.
///
/// ```
/// assert!(podfleet_roster::is_ssh_target("me@build-box"));
/// assert!(!podfleet_roster::is_ssh_target("-oProxyCommand=reboot"));
/// ```
#[must_use]
pub fn is_ssh_target(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    !text.is_empty() && !text.starts_with('-') && !text.contains(odd)
}

/// Reads an optional target; an empty one is absent. For `#[serde(deserialize_with)]`.
///
/// The types refuse what the schema refuses: not everybody who reads a roster asks the schema.
pub(crate) fn if_any<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    let text = absent::if_empty(text)?;
    match text {
        Some(text) if !is_ssh_target(&text) => {
            Err(D::Error::custom("this cannot be given to ssh as a target"))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_option_is_no_target() {
        assert!(is_ssh_target("me@oak"));
        for odd in ["", "-oProxyCommand=x", "me@oak rm", "oak\n", "\u{1b}oak"] {
            assert!(!is_ssh_target(odd), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn the_schema_and_the_types_refuse_the_same(text in "[-@a \\n\\x00\\x1b\\x7f\u{85}漢]{0,4}") {
            let rule = serde_json::json!({ "pattern": SSH_TARGET_PATTERN });
            let validator = jsonschema::validator_for(&rule).unwrap();
            let right = text.is_empty() || is_ssh_target(&text);
            prop_assert_eq!(validator.is_valid(&text.into()), right);
        }
    }
}
