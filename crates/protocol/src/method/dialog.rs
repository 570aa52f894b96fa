//! Dialogs of the agent, and answering them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::ScreenStatus;

/// A dialog on an agent's screen, whose choices can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dialog {
    /// Stands for all that it says: a dialog that says anything else has another.
    pub id: String,
    /// What it asks for, such as `permission` or `trust`.
    pub kind: String,
    /// Its lines, without its choices.
    pub text: Vec<String>,
    /// Whether it may have begun above the screen, so that its first lines are not in `text`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Its choices, in their order.
    pub choices: Vec<Choice>,
}

/// A choice of a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The key that stands for it.
    pub key: String,
    /// Its words.
    pub label: String,
}

/// Result of `dialog`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DialogResult {
    /// The dialog; absent when there is none, or when its choices cannot be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Dialog>,
    /// What is on the screen.
    pub screen: ScreenStatus,
}

/// Parameters of `answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerParams {
    /// The id of the dialog that is answered.
    pub dialog: String,
    /// The key of the choice.
    pub key: String,
}

/// Result of `answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerResult {
    /// Whether the key was pressed. It is not, unless the very same dialog still stands, and the
    /// agent has taken what was pressed before.
    pub pressed: bool,
    /// The dialog that was found instead, if one was; the same one, if keys are still on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Dialog>,
    /// What was on the screen when that was decided.
    pub screen: ScreenStatus,
}
