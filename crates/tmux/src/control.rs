//! The control-mode protocol: what a `tmux -C` client prints.

use std::mem;

use crate::{PaneId, SessionId};

/// The longest line, and the longest reply, that the parser keeps.
const LIMIT: usize = 16 << 20;

/// Something that a control client said.
///
/// The set grows with tmux; what has no variant here is kept as [`ControlEvent::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlEvent {
    /// The answer to a command.
    Reply(Reply),
    /// A pane's output, unescaped.
    Output {
        /// The pane.
        pane: PaneId,
        /// The bytes that its program wrote.
        data: Vec<u8>,
        /// How far the client is behind, in milliseconds; given where flow control is on.
        age: Option<u64>,
    },
    /// A session was made or ended.
    SessionsChanged,
    /// The client now looks at this session.
    SessionChanged {
        /// The session.
        session: SessionId,
        /// Its name.
        name: String,
    },
    /// Output of this pane is held back until the client asks for it.
    Pause(PaneId),
    /// Output of this pane goes on.
    Continue(PaneId),
    /// The client ends; with a reason unless it was asked to.
    Exit(Option<String>),
    /// Any other line, as it came.
    Unknown(Vec<u8>),
}

/// The answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The command's number, counted by the server.
    pub number: u64,
    /// Whether the command came from this client; others are of the server's own doing.
    pub requested: bool,
    /// Whether the command succeeded.
    pub success: bool,
    /// What it printed, lines joined by line feeds.
    pub body: Vec<u8>,
}

/// The stream is not what tmux sends, or has outgrown the parser's limit of 16 MiB.
///
/// The parser has dropped what it could not keep and goes on at the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tmux sent a control-mode line or reply over 16 MiB")]
pub struct ControlError;

/// Turns the bytes of a control client into events, however they are cut.
///
/// ```
/// # use podfleet_tmux::{ControlEvent, ControlParser};
/// let mut parser = ControlParser::default();
/// assert!(parser.feed(b"%sessions-ch").is_empty());
/// assert_eq!(parser.feed(b"anged\n"), [Ok(ControlEvent::SessionsChanged)]);
/// ```
#[derive(Debug, Default)]
pub struct ControlParser {
    line: Vec<u8>,
    overlong: bool,
    reply: Option<OpenReply>,
}

/// A reply whose end has not come yet.
#[derive(Debug)]
struct OpenReply {
    guard: Guard,
    body: Vec<u8>,
}

/// The numbers of `%begin`, which the line that ends the reply repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Guard {
    time: u64,
    number: u64,
    flags: u64,
}

impl ControlParser {
    /// Takes more bytes and returns the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<ControlEvent, ControlError>> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                None => self.extend(piece),
                Some(end) => {
                    self.extend(end);
                    events.extend(self.end_line());
                }
            }
        }
        events
    }

    fn extend(&mut self, piece: &[u8]) {
        if self.overlong || self.line.len() + piece.len() > LIMIT {
            self.overlong = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(piece);
        }
    }

    fn end_line(&mut self) -> Option<Result<ControlEvent, ControlError>> {
        let mut line = mem::take(&mut self.line);
        if mem::take(&mut self.overlong) {
            return Some(Err(ControlError));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match self.reply.take() {
            Some(reply) => self.continue_reply(reply, &line),
            None => self.begin(line).map(Ok),
        }
    }

    fn begin(&mut self, line: Vec<u8>) -> Option<ControlEvent> {
        match guard(&line, b"%begin ") {
            Some(guard) => {
                self.reply = Some(OpenReply {
                    guard,
                    body: Vec::new(),
                });
                None
            }
            None => Some(notification(&line).unwrap_or(ControlEvent::Unknown(line))),
        }
    }

    fn continue_reply(
        &mut self,
        mut reply: OpenReply,
        line: &[u8],
    ) -> Option<Result<ControlEvent, ControlError>> {
        // A reply may print lines that look like an end; only the same numbers end it.
        for (word, success) in [(&b"%end "[..], true), (b"%error ", false)] {
            if guard(line, word) == Some(reply.guard) {
                let Guard { number, flags, .. } = reply.guard;
                let body = reply.body;
                let requested = flags & 1 == 1;
                return Some(Ok(ControlEvent::Reply(Reply {
                    number,
                    requested,
                    success,
                    body,
                })));
            }
        }
        let overgrown = reply.body.len() + line.len() > LIMIT;
        if overgrown {
            reply.body.clear();
        } else {
            reply.body.extend_from_slice(line);
            reply.body.push(b'\n');
        }
        self.reply = Some(reply);
        overgrown.then_some(Err(ControlError))
    }
}

fn guard(line: &[u8], word: &[u8]) -> Option<Guard> {
    let numbers = str::from_utf8(line.strip_prefix(word)?).ok()?;
    let mut numbers = numbers.split(' ').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Guard {
        time: next()?,
        number: next()?,
        flags: next()?,
    })
}

fn notification(line: &[u8]) -> Option<ControlEvent> {
    let (word, rest) = split_once(line, b' ').unwrap_or((line, b""));
    let text = || str::from_utf8(rest).ok();
    match word {
        b"%output" => {
            let (pane, data) = split_once(rest, b' ')?;
            Some(ControlEvent::Output {
                pane: parse(pane)?,
                data: unescape(data),
                age: None,
            })
        }
        b"%extended-output" => extended_output(rest),
        b"%sessions-changed" => Some(ControlEvent::SessionsChanged),
        b"%session-changed" => {
            let (session, name) = text()?.split_once(' ')?;
            let session = session.parse().ok()?;
            Some(ControlEvent::SessionChanged {
                session,
                name: name.to_owned(),
            })
        }
        b"%pause" => Some(ControlEvent::Pause(parse(rest)?)),
        b"%continue" => Some(ControlEvent::Continue(parse(rest)?)),
        b"%exit" => {
            let reason = String::from_utf8_lossy(rest).into_owned();
            Some(ControlEvent::Exit(
                Some(reason).filter(|reason| !reason.is_empty()),
            ))
        }
        _ => None,
    }
}

/// `%extended-output PANE AGE … : DATA`; fields that newer versions put before the colon are
/// skipped, as the protocol asks.
fn extended_output(rest: &[u8]) -> Option<ControlEvent> {
    let colon = rest.windows(3).position(|window| window == b" : ")?;
    let (fields, data) = (&rest[..colon], &rest[colon + 3..]);
    let mut fields = str::from_utf8(fields).ok()?.split(' ');
    let pane = fields.next()?.parse().ok()?;
    let age = fields.next()?.parse().ok()?;
    Some(ControlEvent::Output {
        pane,
        data: unescape(data),
        age: Some(age),
    })
}

fn parse<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Control characters and the backslash come as `\ooo`; anything else stands for itself.
fn unescape(mut escaped: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(escaped.len());
    while let [first, rest @ ..] = escaped {
        match (first, rest) {
            (
                b'\\',
                [
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    behind @ ..,
                ],
            ) => {
                data.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                escaped = behind;
            }
            _ => {
                data.push(*first);
                escaped = rest;
            }
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(bytes: &[u8]) -> Vec<ControlEvent> {
        ControlParser::default()
            .feed(bytes)
            .into_iter()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_reply_ends_only_with_its_own_numbers() {
        let stream = b"%begin 1 7 1\n%12\n%end 1 8 1\n%output %1 x\n%end 1 7 1\n\
                       %begin 2 9 0\nno such thing\n%error 2 9 0\n";
        let body = b"%12\n%end 1 8 1\n%output %1 x\n".to_vec();
        let refusal = b"no such thing\n".to_vec();
        assert_eq!(
            events(stream),
            [
                ControlEvent::Reply(Reply {
                    number: 7,
                    requested: true,
                    success: true,
                    body
                }),
                ControlEvent::Reply(Reply {
                    number: 9,
                    requested: false,
                    success: false,
                    body: refusal
                }),
            ]
        );
    }

    #[test]
    fn output_is_unescaped() {
        let stream = b"%output %3 a\\033[1m\\134\\012b\\9 \xe6\xbc\xa2\n\
                       %extended-output %3 250 new-field : c : d\n";
        let (pane, data) = (PaneId::new(3), b"a\x1b[1m\\\nb\\9 \xe6\xbc\xa2".to_vec());
        assert_eq!(
            events(stream),
            [
                ControlEvent::Output {
                    pane,
                    data,
                    age: None
                },
                ControlEvent::Output {
                    pane,
                    data: b"c : d".to_vec(),
                    age: Some(250)
                },
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let stream = b"%config-error /x:1\n%output nonsense\nstray\n%exit\n%exit too far behind\n";
        assert_eq!(
            events(stream),
            [
                ControlEvent::Unknown(b"%config-error /x:1".to_vec()),
                ControlEvent::Unknown(b"%output nonsense".to_vec()),
                ControlEvent::Unknown(b"stray".to_vec()),
                ControlEvent::Exit(None),
                ControlEvent::Exit(Some("too far behind".to_owned())),
            ]
        );
    }

    #[test]
    fn an_endless_line_is_dropped_and_the_next_one_read() {
        let mut parser = ControlParser::default();
        for _ in 0..=LIMIT >> 20 {
            assert!(parser.feed(&vec![b'x'; 1 << 20]).is_empty());
        }
        let events = parser.feed(b"\n%sessions-changed\n");
        assert_eq!(
            events,
            [Err(ControlError), Ok(ControlEvent::SessionsChanged)]
        );
    }

    fn escape(data: &[u8]) -> Vec<u8> {
        let escape = |byte: &u8| match byte {
            0..=31 | b'\\' => format!("\\{byte:03o}").into_bytes(),
            other => vec![*other],
        };
        data.iter().flat_map(escape).collect()
    }

    proptest! {
        #[test]
        fn any_output_comes_through(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let line = [b"%output %1 ", escape(&data).as_slice(), b"\n"].concat();
            prop_assert_eq!(
                events(&line),
                [ControlEvent::Output { pane: PaneId::new(1), data, age: None }]
            );
        }

        #[test]
        fn how_the_bytes_are_cut_does_not_matter(
            stream in "(%begin 1 1 1\n|%end 1 1 1\n|%output %1 [a\\\\01]{0,6}\n|%x\r?\n|[a% ]{0,4}|\n){0,12}",
            cut in 1usize..7,
        ) {
            let whole = ControlParser::default().feed(stream.as_bytes());
            let mut parser = ControlParser::default();
            let pieces: Vec<_> =
                stream.as_bytes().chunks(cut).flat_map(|piece| parser.feed(piece)).collect();
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            ControlParser::default().feed(&bytes);
        }
    }
}
