//! Who speaks to whom: the preamble in front of every message.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::message::Class;

/// What a chat user's name keeps: `[A-Za-z0-9_.@-]`; all else is percent-encoded.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'@')
    .remove(b'-');

/// One end of a conversation: a session on a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Short host name.
    pub host: String,
    /// Name of the agent, or `operator`, or a chat user's name.
    pub session: String,
}

impl Address {
    /// The session name of the person at the command line.
    pub const OPERATOR: &'static str = "operator";

    /// Makes an address.
    pub fn new(host: impl Into<String>, session: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            session: session.into(),
        }
    }

    /// What stands for the host of those who speak in a chat.
    pub const CHAT: &'static str = "chat";

    /// Returns the address of a person in a chat, by the carrier's name of them.
    pub fn chat(sender: impl Into<String>) -> Self {
        Self::new(Self::CHAT, sender)
    }

    /// Returns the operator's address on `host`.
    pub fn operator(host: impl Into<String>) -> Self {
        Self::new(host, Self::OPERATOR)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text| utf8_percent_encode(text, ESCAPED);
        write!(f, "{}:{}", part(&self.host), part(&self.session))
    }
}

/// A text is no valid preamble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid address preamble: {0}")]
pub struct PreambleError(&'static str);

impl FromStr for Address {
    type Err = PreambleError;

    fn from_str(text: &str) -> Result<Self, PreambleError> {
        let (host, session) = text
            .split_once(':')
            .ok_or(PreambleError("an address has the form `host:session`"))?;
        let part = |text: &str| {
            if text.is_empty() {
                return Err(PreambleError("host and session must not be empty"));
            }
            if utf8_percent_encode(text, ESCAPED)
                .any(|piece| piece.starts_with('%') && piece != "%25")
            {
                return Err(PreambleError(
                    "characters outside `[A-Za-z0-9_.@-]` must be percent-encoded",
                ));
            }
            percent_decode_str(text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| PreambleError("percent-encoding gives invalid UTF-8"))
        };
        Ok(Self::new(part(host)?, part(session)?))
    }
}

/// The bracketed line head that says who speaks to whom, and about what:
/// `[host:from -> host:to class=reaction thread=ID]`.
///
/// ```
/// use podfleet_protocol::{Address, Preamble};
///
/// let preamble = Preamble::new(Address::operator("fern"), Address::new("fern", "coder"));
/// assert_eq!(preamble.to_string(), "[fern:operator -> fern:coder]");
/// let (parsed, body) = Preamble::split("[fern:operator -> fern:coder] hello")?;
/// assert_eq!((parsed, body), (preamble, "hello"));
/// # Ok::<(), podfleet_protocol::PreambleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preamble {
    /// Who sends.
    pub from: Address,
    /// Who receives.
    pub to: Address,
    /// What the message asks for; [`Class::Actionable`] is not printed.
    pub class: Class,
    /// The conversation it belongs to.
    pub thread: Option<String>,
}

impl Preamble {
    /// Makes the preamble of an actionable message outside any thread.
    #[must_use]
    pub fn new(from: Address, to: Address) -> Self {
        Self {
            from,
            to,
            class: Class::Actionable,
            thread: None,
        }
    }

    /// Splits a text into its preamble and its body.
    ///
    /// # Errors
    /// Fails when the text does not begin with a preamble, or a tag in it is unknown, empty,
    /// doubled or out of order.
    pub fn split(text: &str) -> Result<(Self, &str), PreambleError> {
        let inner = text
            .strip_prefix('[')
            .ok_or(PreambleError("it must begin with `[`"))?;
        let (head, body) = inner
            .split_once(']')
            .ok_or(PreambleError("the closing `]` is missing"))?;
        let body = match body.strip_prefix(' ') {
            Some(body) => body,
            None if body.is_empty() => body,
            None => return Err(PreambleError("a space must follow the closing `]`")),
        };
        let (from, rest) = head
            .split_once(" -> ")
            .ok_or(PreambleError("` -> ` between the addresses is missing"))?;
        let mut words = rest.split(' ');
        let to = words.next().unwrap_or_default().parse()?;
        let mut preamble = Self::new(from.parse()?, to);
        let mut tags = words.peekable();
        if let Some(class) = tags.peek().and_then(|tag| tag.strip_prefix("class=")) {
            preamble.class = class
                .parse()
                .map_err(|()| PreambleError("unknown class in the `class=` tag"))?;
            tags.next();
        }
        if let Some(thread) = tags.peek().and_then(|tag| tag.strip_prefix("thread=")) {
            preamble.thread = Some(decode_thread(thread)?);
            tags.next();
        }
        match tags.next() {
            None => Ok((preamble, body)),
            Some(_) => Err(PreambleError(
                "only the tags `class=` and `thread=` are known, once each and in this order",
            )),
        }
    }
}

/// Returns the thread that somebody names who has read it in a preamble, where it is percent-encoded,
/// or elsewhere, where it is not.
#[must_use]
pub fn thread_as_told(text: &str) -> String {
    decode_thread(text).unwrap_or_else(|_| text.to_owned())
}

fn decode_thread(text: &str) -> Result<String, PreambleError> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| PreambleError("percent-encoding of the thread gives invalid UTF-8"))?;
    if decoded.is_empty() {
        return Err(PreambleError("the `thread=` tag is empty"));
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for Preamble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} -> {}", self.from, self.to)?;
        if self.class != Class::Actionable {
            write!(f, " class={}", self.class)?;
        }
        if let Some(thread) = &self.thread {
            write!(f, " thread={}", utf8_percent_encode(thread, ESCAPED))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use test_case::test_case;

    fn address() -> impl Strategy<Value = Address> {
        (".{1,20}", ".{1,20}").prop_map(|(host, session)| Address::new(host, session))
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_again(
            from in address(),
            to in address(),
            class in prop::sample::select(Class::ALL.to_vec()),
            thread in prop::option::of(".{1,20}"),
            body in ".{0,80}",
        ) {
            let preamble = Preamble { from, to, class, thread };
            let text = format!("{preamble} {body}");
            prop_assert_eq!(Preamble::split(&text), Ok((preamble, body.as_str())));
        }

        #[test]
        fn splitting_any_text_never_panics(text in "\\PC{0,80}") {
            let _ = Preamble::split(&text);
        }
    }

    #[test_case("%24root", "$root"; "as a preamble has it")]
    #[test_case("$root", "$root"; "as it is")]
    #[test_case("50% done", "50% done"; "not encoded")]
    #[test_case("%ff", "%ff"; "no text if decoded")]
    fn a_thread_is_taken_as_it_was_read(told: &str, thread: &str) {
        assert_eq!(thread_as_told(told), thread);
    }

    #[test_case("hello")]
    #[test_case("[a:b -> c:d]x")]
    #[test_case("[a:b -> c:d class=loud] x")]
    #[test_case("[a:b -> c:d thread=] x")]
    #[test_case("[a:b -> c:d thread=1 class=human] x"; "tags out of order")]
    #[test_case("[a:b -> c:d class=human class=human] x"; "a tag twice")]
    #[test_case("[a:b -> c] x")]
    fn a_bad_preamble_is_refused(text: &str) {
        assert!(Preamble::split(text).is_err());
    }
}
