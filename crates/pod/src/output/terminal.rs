//! What an agent's terminal shows, by its view stream: what was written since an offset is drawn
//! into a terminal of its own. A program that draws over what it wrote leaves lines twice or cuts
//! them; so this is told to be approximate.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures_util::StreamExt;
use podfleet_pod_store::PodRecord;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole, Position, ReadOutputResult};
use podfleet_protocol::{Generation, OutputCursor, Run, Size};

use super::OutputError;
use crate::terminal::Terminal;
use podfleet_protocol::client::{ClientErrorKind, Introduction, PodClient};

/// Lines that are kept while output is drawn.
const LINES: usize = 20_000;
/// How long what was written already may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// A place in what an agent wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    position: Position,
    /// Lines from there on that were given already.
    given: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position {
            generation,
            run,
            offset,
        } = self.position;
        write!(f, "t.{generation}.{run}.{offset}.{}", self.given)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('.').collect();
        let ["t", generation, run, offset, given] = parts[..] else {
            return Err(());
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| ());
        Ok(Self {
            position: Position {
                generation: Generation(number(generation)?),
                run: Run(number(run)?),
                offset: number(offset)?,
            },
            given: usize::try_from(number(given)?).map_err(|_| ())?,
        })
    }
}

/// Returns the place that a cursor names; nothing if it is none of a terminal.
pub(super) fn place(cursor: &OutputCursor) -> Option<Place> {
    cursor.as_str().parse().ok()
}

/// Reads what the terminal of a pod's agent showed since a place; all that is left without one.
pub(super) async fn read(
    pod: &PodRecord,
    who: &Introduction,
    from: Option<Place>,
    limit: usize,
) -> Result<ReadOutputResult, OutputError> {
    let endpoint = pod.endpoint.as_ref().ok_or(OutputError::NotRunning)?;
    let mut client =
        PodClient::connect(&endpoint.socket, who)
            .await
            .map_err(|error| match error.kind() {
                ClientErrorKind::NotListening => OutputError::NotRunning,
                _ => error.into(),
            })?;
    let scrollback = client.tail(u32::MAX, false).await?;
    let end = scrollback.position;
    let same_run = |place: &Place| {
        let at = place.position;
        (at.generation, at.run) == (end.generation, end.run) && at.offset <= end.offset
    };
    if let Some(place) = from.filter(same_run)
        && let Some(lines) = written_since(endpoint.socket.as_path(), who, place, end).await?
    {
        return Ok(answer(lines, place, end, limit));
    }
    // Nothing is known of what came before this run, or of what the pod keeps no longer.
    let start = Place {
        position: Position { offset: 0, ..end },
        given: 0,
    };
    Ok(answer(scrollback.lines, start, end, limit))
}

/// Draws what was written between two places; nothing if the pod does not have all of it any more.
async fn written_since(
    socket: &std::path::Path,
    who: &Introduction,
    place: Place,
    end: Position,
) -> Result<Option<Vec<String>>, OutputError> {
    if place.position.offset == end.offset {
        return Ok(Some(Vec::new()));
    }
    let params = AttachParams {
        role: AttachRole::Viewer,
        take: false,
        size: None,
        from: Some(place.position),
    };
    let (attached, mut stream) = PodClient::attach(socket, who, params).await?;
    if attached.position.offset != place.position.offset {
        return Ok(None);
    }
    let size = Size {
        rows: 1,
        ..attached.size
    };
    let mut terminal = Terminal::new(size.clamped(), LINES);
    let reading = async {
        let mut at = place.position.offset;
        while at < end.offset {
            match stream.next().await {
                Some(Ok(Frame::Output { offset, bytes })) => {
                    at = offset + bytes.len() as u64;
                    terminal.feed(&bytes);
                }
                Some(Ok(Frame::Reset { .. })) | Some(Err(_)) | None => return false,
                Some(Ok(_)) => {}
            }
        }
        true
    };
    let whole = tokio::time::timeout(PATIENCE, reading).await;
    Ok(whole
        .unwrap_or(false)
        .then(|| terminal.tail(usize::MAX, false)))
}

/// Cuts lines to the limit, and says where to go on.
fn answer(mut lines: Vec<String>, from: Place, end: Position, limit: usize) -> ReadOutputResult {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let mut text = String::new();
    let mut given = from.given.min(lines.len());
    let first = given;
    for line in &lines[first..] {
        // One line is always given, or a limit that is too small would give nothing for ever.
        if given > first && text.len() + line.len() + 1 > limit {
            break;
        }
        text.push_str(line);
        text.push('\n');
        given += 1;
    }
    let more = given < lines.len();
    let next = if more {
        Place { given, ..from }
    } else {
        Place {
            position: end,
            given: 0,
        }
    };
    ReadOutputResult {
        text,
        cursor: cursor(next),
        approximate: true,
        more,
    }
}

fn cursor(place: Place) -> OutputCursor {
    // A place is a short text without blanks, and so is what stands in for it if that ever changes.
    let text = place.to_string();
    text.parse().unwrap_or_else(|_| OutputCursor::start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(offset: u64) -> Position {
        Position {
            generation: Generation(3),
            run: Run(1),
            offset,
        }
    }

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|line| format!("line {line}")).collect()
    }

    #[test]
    fn what_does_not_fit_is_given_next_without_repetition() {
        let from = Place {
            position: at(10),
            given: 0,
        };
        let first = answer(lines(3), from, at(99), 14);
        assert_eq!(first.text, "line 0\nline 1\n");
        assert!(first.more && first.approximate);
        let next: Place = first.cursor.as_str().parse().unwrap();
        let second = answer(lines(3), next, at(120), 14);
        assert_eq!(second.text, "line 2\n");
        assert!(!second.more);
        assert_eq!(second.cursor.as_str(), "t.3.1.120.0");
    }

    #[test]
    fn a_line_longer_than_the_limit_is_given_whole() {
        let from = Place {
            position: at(0),
            given: 0,
        };
        let answer = answer(vec!["x".repeat(100), "y".into()], from, at(9), 10);
        assert_eq!(answer.text.len(), 101);
        assert!(answer.more);
    }

    proptest! {
        #[test]
        fn a_place_comes_back_as_it_was_given(generation: u64, run: u64, offset: u64, given: u32) {
            let place = Place {
                position: Position { generation: Generation(generation), run: Run(run), offset },
                given: given as usize,
            };
            prop_assert_eq!(cursor(place).as_str().parse(), Ok(place));
        }
    }
}
