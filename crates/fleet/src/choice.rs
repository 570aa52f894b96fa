//! Which choice of a dialog a person means.

use podfleet_protocol::method::{AnswerResult, Choice, Dialog};

/// Why no single choice is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoChoice {
    /// None fits.
    #[error("the dialog has no choice `{0}`")]
    None(String),
    /// More than one fits.
    #[error("`{0}` fits several choices")]
    Several(String),
}

/// Finds the choice that is meant: its key, its words, or how they begin, in letters of any case.
///
/// # Errors
/// Fails when none fits, or several do.
pub fn meant_choice<'a>(dialog: &'a Dialog, words: &str) -> Result<&'a Choice, NoChoice> {
    let wanted = words.trim().to_lowercase();
    let by = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a Choice> {
        let choices = dialog.choices.iter();
        choices
            .filter(|choice| fits(&choice.label.to_lowercase()))
            .collect()
    };
    if let Some(choice) = dialog.choices.iter().find(|choice| choice.key == wanted) {
        return Ok(choice);
    }
    let whole = by(&|label| label == wanted);
    let begun = by(&|label| !wanted.is_empty() && label.starts_with(&wanted));
    match (whole.as_slice(), begun.as_slice()) {
        ([one], _) | ([], [one]) => Ok(one),
        ([], []) => Err(NoChoice::None(words.to_owned())),
        _ => Err(NoChoice::Several(words.to_owned())),
    }
}

/// Tells why nothing was pressed when the dialog of an id was answered.
pub fn why_not_pressed(result: &AnswerResult, meant: &str) -> String {
    match &result.dialog {
        Some(dialog) if dialog.id == meant => {
            "it has not taken yet what was pressed before".to_owned()
        }
        Some(_) => "another dialog stands there now".to_owned(),
        None => format!("the dialog is gone ({})", result.screen.state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_named_by_its_key_its_words_or_their_beginning() {
        let choices = ["Yes", "Yes, and do not ask again", "No"];
        let choices = choices.iter().zip(1..).map(|(label, key)| Choice {
            key: key.to_string(),
            label: (*label).to_owned(),
        });
        let dialog = Dialog {
            id: "d".into(),
            kind: "permission".into(),
            text: vec!["Do you want to proceed?".into()],
            cut: false,
            choices: choices.collect(),
        };
        let key = |words| {
            let choice = meant_choice(&dialog, words);
            choice
                .map(|choice| choice.key.clone())
                .map_err(|why| why.to_string())
        };
        assert_eq!(key("2"), Ok("2".into()));
        assert_eq!(key("yes"), Ok("1".into()));
        assert_eq!(key("Yes, and"), Ok("2".into()));
        assert_eq!(key("n"), Ok("3".into()));
        assert_eq!(key("ye"), Err("`ye` fits several choices".into()));
        assert_eq!(key("4"), Err("the dialog has no choice `4`".into()));
        assert_eq!(key(""), Err("the dialog has no choice ``".into()));
    }
}
