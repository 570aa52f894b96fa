//! Framing of the request phase: one JSON object a line.

use bytes::{Buf, BytesMut};

use crate::limits::MAX_LINE;

/// What came after a line that is longer than this is moved to memory of its own.
const KEPT: usize = 64 << 10;

/// A line could not be taken from the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The line is longer than [`MAX_LINE`]; the rest of it is not read.
    #[error("a line is longer than {} MiB", MAX_LINE >> 20)]
    TooLong,
    /// The stream ended in the middle of a line.
    #[error("the connection ended in the middle of a line")]
    Unterminated,
    /// Reading or writing failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}

/// Splits a byte stream into lines, whatever the pieces that it comes in.
///
/// It holds at most [`MAX_LINE`] bytes, and looks at each byte once. The memory of a long line goes
/// with the line.
#[derive(Debug, Clone, Default)]
pub struct LineCodec {
    scanned: usize,
}

impl LineCodec {
    /// Makes a codec at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next whole line, without its newline, out of `buffer`.
    ///
    /// # Errors
    /// Fails when more than [`MAX_LINE`] bytes came without a newline.
    pub fn next_line(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, LineError> {
        let found = buffer[self.scanned..]
            .iter()
            .position(|byte| *byte == b'\n');
        let Some(end) = found.map(|offset| self.scanned + offset) else {
            self.scanned = buffer.len();
            return if buffer.len() > MAX_LINE {
                Err(LineError::TooLong)
            } else {
                Ok(None)
            };
        };
        self.scanned = 0;
        if end > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let line = buffer.split_to(end);
        buffer.advance(1);
        if end > KEPT {
            *buffer = BytesMut::from(&buffer[..]);
        }
        Ok(Some(line))
    }
}

#[cfg(feature = "tokio")]
mod framed {
    use super::{LineCodec, LineError, MAX_LINE};
    use bytes::{BufMut, Bytes, BytesMut};
    use serde::Serialize;
    use tokio_util::codec::{Decoder, Encoder};

    impl Decoder for LineCodec {
        type Item = BytesMut;
        type Error = LineError;

        fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, LineError> {
            self.next_line(buffer)
        }

        fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, LineError> {
            match self.next_line(buffer)? {
                Some(line) => Ok(Some(line)),
                None if buffer.is_empty() => Ok(None),
                None => Err(LineError::Unterminated),
            }
        }
    }

    /// Takes a line that was made before, without its newline.
    impl Encoder<Bytes> for LineCodec {
        type Error = LineError;

        fn encode(&mut self, line: Bytes, buffer: &mut BytesMut) -> Result<(), LineError> {
            if line.len() > MAX_LINE {
                return Err(LineError::TooLong);
            }
            buffer.reserve(line.len() + 1);
            buffer.put_slice(&line);
            buffer.put_u8(b'\n');
            Ok(())
        }
    }

    impl<T: Serialize> Encoder<&T> for LineCodec {
        type Error = LineError;

        fn encode(&mut self, item: &T, buffer: &mut BytesMut) -> Result<(), LineError> {
            let start = buffer.len();
            serde_json::to_writer(buffer.writer(), item).map_err(std::io::Error::from)?;
            if buffer.len() - start > MAX_LINE {
                buffer.truncate(start);
                return Err(LineError::TooLong);
            }
            buffer.put_u8(b'\n');
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            lines in prop::collection::vec("[^\n]{0,40}", 0..8),
            cuts in prop::collection::vec(1_usize..9, 1..200),
        ) {
            let stream: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
            let mut codec = LineCodec::new();
            let mut buffer = BytesMut::new();
            let mut got = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                buffer.extend_from_slice(piece);
                rest = tail;
                while let Some(line) = codec.next_line(&mut buffer).unwrap() {
                    got.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            prop_assert_eq!(got, lines);
        }
    }

    #[test]
    fn the_memory_of_a_long_line_goes_with_the_line() {
        let mut codec = LineCodec::new();
        let mut buffer = BytesMut::from(vec![b'a'; MAX_LINE].as_slice());
        buffer.extend_from_slice(b"\nnext");
        let line = codec.next_line(&mut buffer).unwrap().unwrap();
        assert_eq!((line.len(), &buffer[..]), (MAX_LINE, &b"next"[..]));
        drop(line);
        assert!(!buffer.try_reclaim(MAX_LINE / 2), "its memory is kept");
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        let mut codec = LineCodec::new();
        let mut buffer = BytesMut::from(vec![b'a'; MAX_LINE].as_slice());
        assert!(matches!(codec.next_line(&mut buffer), Ok(None)));
        buffer.extend_from_slice(b"a");
        assert!(matches!(
            codec.next_line(&mut buffer),
            Err(LineError::TooLong)
        ));
    }
}
