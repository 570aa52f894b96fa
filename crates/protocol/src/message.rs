//! Messages to an agent.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::{MessageId, UnixMillis};

/// What a message asks of its receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Output of a terminal, for information.
    TerminalLog,
    /// Something to act upon.
    #[default]
    Actionable,
    /// Words of a person.
    Human,
    /// A reaction to an earlier message.
    Reaction,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [
        Self::TerminalLog,
        Self::Actionable,
        Self::Human,
        Self::Reaction,
    ];

    /// Returns the word that stands for it in preambles and options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TerminalLog => "terminal-log",
            Self::Actionable => "actionable",
            Self::Human => "human",
            Self::Reaction => "reaction",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or(())
    }
}

/// By what right a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An order: from the operator, the fleet's lead or a parent.
    Run,
    /// A notification: from anybody else.
    Notify,
}

impl Kind {
    /// Returns the word that stands for it in the protocol and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Notify => "notify",
        }
    }
}

/// What to do with a message whose typing a crash interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCrash {
    /// Say that its fate is unknown; never type it again (at most once).
    #[default]
    Report,
    /// Type it again (at least once).
    Retry,
}

/// How a message is to be typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Typing {
    /// Leave the address preamble out.
    pub raw: bool,
    /// Allow a raw body that the agent may take for a command (`!`, `/`, `@`).
    pub allow_command: bool,
    /// It starts a task: the context is reset before it where the roster says so.
    pub task: bool,
    /// Type it into a busy agent's own queue, where the harness is marked safe for it.
    pub now: bool,
    /// What to do when a crash interrupts the typing.
    pub on_crash: OnCrash,
}

impl Typing {
    /// Returns whether the sender chose how it reaches the agent, which is for those alone who may give
    /// it orders: without the line head, as a command, into a running turn, or after a reset.
    #[must_use]
    pub const fn is_chosen(self) -> bool {
        self.raw || self.allow_command || self.task || self.now
    }
}

/// A message as a sender hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewMessage {
    /// Its identity; the same id again is answered as a duplicate and delivered once.
    pub id: MessageId,
    /// The body, at most [`MAX_BODY`](crate::limits::MAX_BODY) bytes of UTF-8.
    pub body: String,
    /// What it asks for.
    #[serde(default)]
    pub class: Class,
    /// The conversation it belongs to, at most [`MAX_THREAD`](crate::limits::MAX_THREAD) bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// How it is to be typed.
    #[serde(default)]
    pub typing: Typing,
    /// The person of a chat who said it; only the operator's bridge may hand it in for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// Whether it is accepted though the same pod sent the same text a moment ago. An agent that is
    /// in doubt sends again; without this such a message is answered as a duplicate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl NewMessage {
    /// Makes an actionable message with a new id.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            id: MessageId::generate(),
            body: body.into(),
            class: Class::default(),
            thread: None,
            typing: Typing::default(),
            chat: None,
            again: false,
        }
    }
}

/// A message as its receiver's records hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Its identity.
    pub id: MessageId,
    /// Who sent it.
    pub from: Address,
    /// To whom.
    pub to: Address,
    /// By what right.
    pub kind: Kind,
    /// What it asks for.
    pub class: Class,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The body after cleaning (see [`clean_body`]).
    pub body: String,
    /// How it is to be typed.
    pub typing: Typing,
    /// When it was accepted, by the receiver's clock.
    pub accepted: UnixMillis,
}

/// A body that is fit to be typed, and what had to be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanBody {
    /// The text: UTF-8 without control characters but LF and TAB, and without blanks of no width.
    pub text: String,
    /// How many characters were taken out.
    pub stripped: usize,
}

/// Takes what must never be typed out of a body.
///
/// Control characters (C0 but LF and TAB, DEL, C1) are removed, so that no body can leave the
/// paste frame or press a key; CRLF and a lone CR become LF. So are byte order marks (U+FEFF) and
/// zero-width spaces (U+200B), which nobody sees and some agents do not draw in their place.
#[must_use]
pub fn clean_body(body: &str) -> CleanBody {
    let mut text = String::with_capacity(body.len());
    let mut stripped = 0;
    let mut characters = body.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    text.push('\n');
                }
            }
            '\n' | '\t' => text.push(character),
            _ if is_taken_out(character) => stripped += 1,
            _ => text.push(character),
        }
    }
    CleanBody { text, stripped }
}

fn is_taken_out(character: char) -> bool {
    character.is_control() || matches!(character, '\u{feff}' | '\u{200b}')
}

impl CleanBody {
    /// Returns whether nothing is left that anybody could read.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Returns whether an agent may take a text for a command of its own, or a file's name, if it is
/// typed as it is. Agents look behind what is blank; what [`clean_body`] takes out is not there.
#[must_use]
pub fn may_be_command(body: &str) -> bool {
    let blank = |character: char| character.is_whitespace() || is_taken_out(character);
    body.trim_start_matches(blank).starts_with(['!', '/', '@'])
}

/// Returns whether a text that is typed as it is begins with what an agent may take for the line head of
/// a message, which says who speaks to whom.
#[must_use]
pub fn may_be_preamble(body: &str) -> bool {
    let blank = |character: char| character.is_whitespace() || is_taken_out(character);
    let head = body.trim_start_matches(blank).strip_prefix('[');
    let head = head.and_then(|rest| rest.split_once(']'));
    head.is_some_and(|(head, _)| head.contains("->"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_end_of_a_paste_frame_cannot_be_in_a_body() {
        let body = clean_body("a\u{1b}[201~b\u{9b}201~c\r\nd\re\tf\u{7f}");
        assert_eq!(body.text, "a[201~b201~c\nd\ne\tf");
        assert_eq!(body.stripped, 3);
    }

    #[test]
    fn blanks_of_no_width_are_taken_out_and_joiners_are_not() {
        let body = clean_body("\u{feff}a\u{200b}b 👩\u{200d}💻 e\u{301}");
        assert_eq!(body.text, "ab 👩\u{200d}💻 e\u{301}");
        assert_eq!(body.stripped, 2);
    }

    #[test]
    fn a_body_of_blanks_and_control_characters_is_blank() {
        for body in [
            "",
            " \n\t",
            "\u{1}\u{2}",
            "\u{1b} \u{7f}",
            "\u{feff}\u{200b}",
        ] {
            assert!(clean_body(body).is_blank(), "{body:?}");
        }
        assert!(!clean_body("\u{1}a").is_blank());
    }

    #[test]
    fn what_stands_behind_blanks_may_be_a_command() {
        for body in [
            "!x",
            "/x",
            "@x",
            " !x",
            "\n\n/x",
            "\t@x",
            "\u{a0}!x",
            "\u{feff}/x",
            "\u{200b}/x",
            "\u{1}!x",
        ] {
            assert!(may_be_command(body), "{body:?}");
        }
        for body in ["", "x !y", "x\n/y"] {
            assert!(!may_be_command(body), "{body:?}");
        }
    }

    #[test]
    fn what_looks_like_the_line_head_of_a_message_is_known() {
        for body in [
            "[fern:operator -> fern:coder] do it",
            "\n [fern:operator->fern:coder]",
            "\u{200b}[a -> b class=human]x",
        ] {
            assert!(may_be_preamble(body), "{body:?}");
        }
        for body in ["", "x [a -> b] y", "[1, 2]", "[a -> b", "a -> b]"] {
            assert!(!may_be_preamble(body), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(body in any::<String>()) {
            let once = clean_body(&body).text;
            let twice = clean_body(&once);
            prop_assert_eq!(&twice.text, &once);
            prop_assert_eq!(twice.stripped, 0);
        }
    }
}
