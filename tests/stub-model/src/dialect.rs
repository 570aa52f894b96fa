//! The three dialects, and what they have in common.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{anthropic, chat, responses};

/// A way to ask a model over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Anthropic Messages, `POST …/messages`.
    Messages,
    /// OpenAI Chat Completions, `POST …/chat/completions`.
    Chat,
    /// OpenAI Responses, `POST …/responses`.
    Responses,
}

/// What the model says.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It answers.
    Text(String),
    /// It asks for a tool to be run.
    Tool {
        /// The tool.
        name: String,
        /// The part of the client's tools that it belongs to, where a dialect has such parts.
        namespace: Option<String>,
        /// Its arguments, an object.
        arguments: Value,
    },
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamEvent {
    pub(crate) name: Option<String>,
    pub(crate) data: String,
    /// Whether it carries a word of the answer, before which a slow model pauses.
    pub(crate) is_word: bool,
}

impl StreamEvent {
    /// Makes an event whose name is its data's `type`.
    pub(crate) fn typed(data: &Value) -> Self {
        Self {
            name: data["type"].as_str().map(str::to_owned),
            ..Self::plain(data)
        }
    }

    /// Makes an event without a name.
    pub(crate) fn plain(data: &Value) -> Self {
        Self {
            name: None,
            data: data.to_string(),
            is_word: false,
        }
    }

    pub(crate) fn word(self) -> Self {
        Self {
            is_word: true,
            ..self
        }
    }
}

impl Dialect {
    /// Returns the dialect that is spoken at a path.
    pub fn of_path(path: &str) -> Option<Self> {
        let ends = |end| path.ends_with(end);
        if ends("/chat/completions") {
            Some(Self::Chat)
        } else if ends("/messages") {
            Some(Self::Messages)
        } else if ends("/responses") {
            Some(Self::Responses)
        } else {
            None
        }
    }

    pub(crate) fn stream(self, reply: &Reply, model: &str) -> Vec<StreamEvent> {
        match self {
            Self::Messages => anthropic::stream(reply, model),
            Self::Chat => chat::stream(reply, model),
            Self::Responses => responses::stream(reply, model),
        }
    }

    pub(crate) fn whole(self, reply: &Reply, model: &str) -> Value {
        match self {
            Self::Messages => anthropic::whole(reply, model),
            Self::Chat => chat::whole(reply, model),
            Self::Responses => responses::whole(reply, model),
        }
    }
}

/// Splits a text into its words, each with the white space after it.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut blank = false;
    for (at, character) in text.char_indices() {
        if blank && !character.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        blank = character.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_joined_are_the_text() {
        for text in ["", "one", "one two\n\nthree ", "  地图  x", "\n"] {
            assert_eq!(words(text).concat(), text);
        }
        assert_eq!(words("a b\n c"), ["a ", "b\n ", "c"]);
    }

    #[test]
    fn a_path_tells_the_dialect() {
        let of = Dialect::of_path;
        assert_eq!(of("/v1/messages"), Some(Dialect::Messages));
        assert_eq!(of("/v1/chat/completions"), Some(Dialect::Chat));
        assert_eq!(of("/v1/responses"), Some(Dialect::Responses));
        assert_eq!(of("/v1/messages/count_tokens"), None);
    }
}
