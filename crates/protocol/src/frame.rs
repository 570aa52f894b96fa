//! Framing of the attach phase: binary frames.
//!
//! A frame is a header of 16 bytes and a payload of at most [`MAX_FRAME`] bytes; all numbers are
//! big-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | type |
//! | 1 | flags: bit 0 of a `reset` says that more frames of the same reset follow |
//! | 2 | reserved, zero |
//! | 4 | length of the payload |
//! | 8 | offset in the view stream; 0 where it means nothing |
//! | length | payload |
//!
//! | type | direction | offset | payload |
//! |---|---|---|---|
//! | 0x01 `output` | pod → client | of the first byte | bytes of the view stream |
//! | 0x02 `reset` | pod → client | where the stream goes on | first frame: generation u64, run u64, columns u16, rows u16; then, in all frames, bytes that repaint a terminal |
//! | 0x03 `geometry` | pod → client | where it takes effect | columns u16, rows u16 |
//! | 0x04 `controller_changed` | pod → client | – | epoch u32, 1 if it is you else 0 (u8), name of the controller or nothing |
//! | 0x05 `exit` | pod → client | end of the run | run u64, how it ended as text |
//! | 0x06 `pong` | pod → client | – | the ping's payload |
//! | 0x07 `not_controller` | pod → client | – | epoch u32: input was discarded |
//! | 0x08 `error` | pod → client | – | what is wrong; the connection is closed |
//! | 0x81 `input` | client → pod | – | bytes that a person typed |
//! | 0x82 `resize` | client → pod | – | columns u16, rows u16 |
//! | 0x83 `ack` | client → pod | up to where output was consumed | – |
//! | 0x84 `release` | client → pod | – | – |
//! | 0x85 `ping` | client → pod | – | anything, at most 64 bytes |
//! | 0x86 `repaint` | client → pod | – | –: asks for a reset |
//!
//! A client skips types that it does not know. A pod answers whatever is no frame of a client with an
//! `error`, and closes the connection. Sizes are brought into 1 to 1,000 cells a side.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::geometry::Size;
use crate::id::{Generation, Run};
use crate::limits::MAX_FRAME;

/// Length of a frame's header in bytes.
pub const HEADER: usize = 16;
const MORE: u8 = 1;

/// The types of frames, by their numbers.
pub mod kind {
    #![expect(
        missing_docs,
        reason = "the table of this module's parent says what they are"
    )]
    pub const OUTPUT: u8 = 0x01;
    pub const RESET: u8 = 0x02;
    pub const GEOMETRY: u8 = 0x03;
    pub const CONTROLLER_CHANGED: u8 = 0x04;
    pub const EXIT: u8 = 0x05;
    pub const PONG: u8 = 0x06;
    pub const NOT_CONTROLLER: u8 = 0x07;
    pub const ERROR: u8 = 0x08;
    pub const INPUT: u8 = 0x81;
    pub const RESIZE: u8 = 0x82;
    pub const ACK: u8 = 0x83;
    pub const RELEASE: u8 = 0x84;
    pub const PING: u8 = 0x85;
    pub const REPAINT: u8 = 0x86;
}

/// What stands before the payload of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type, one of [`kind`] or of a newer peer.
    pub kind: u8,
    /// Whether more frames of the same reset follow.
    pub more: bool,
    /// The length of the payload in bytes.
    pub length: usize,
    /// The place in the view stream.
    pub offset: u64,
}

impl Header {
    /// Reads the header at the beginning of a frame; nothing if it is not all there.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        let mut fields = &frame.first_chunk::<HEADER>()?[..];
        let (kind, flags) = (fields.get_u8(), fields.get_u8());
        fields.advance(2);
        Some(Self {
            kind,
            more: flags & MORE != 0,
            length: fields.get_u32() as usize,
            offset: fields.get_u64(),
        })
    }
}

/// One frame of an attach stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// The agent's output.
    Output {
        /// Place of the first byte in the view stream.
        offset: u64,
        /// The bytes; they end in the ground state of a terminal's parser.
        bytes: Bytes,
    },
    /// The first frame of a full repaint, which replaces all that was shown.
    Reset {
        /// Where the stream goes on.
        offset: u64,
        /// The start of the pod.
        generation: Generation,
        /// The start of its agent.
        run: Run,
        /// Size of the terminal.
        size: Size,
        /// What repaints it.
        bytes: Bytes,
        /// Whether more of it follows.
        more: bool,
    },
    /// A further frame of a full repaint.
    ResetPart {
        /// Where the stream goes on.
        offset: u64,
        /// What repaints it.
        bytes: Bytes,
        /// Whether more of it follows.
        more: bool,
    },
    /// The terminal has another size from this offset on.
    Geometry {
        /// Where it takes effect.
        offset: u64,
        /// The size.
        size: Size,
    },
    /// Another client has control now, or none.
    ControllerChanged {
        /// Counts the changes.
        epoch: u32,
        /// Whether it is the receiver of this frame.
        you: bool,
        /// The controller's name; empty for none.
        name: String,
    },
    /// A run of the agent ended.
    Exit {
        /// End of the run's view stream.
        offset: u64,
        /// The run.
        run: Run,
        /// How it ended.
        end: String,
    },
    /// The answer to a ping.
    Pong(Bytes),
    /// Input was discarded, since this client has no control any more.
    NotController {
        /// The present count of changes of control.
        epoch: u32,
    },
    /// The client broke the protocol; the connection is closed.
    Error(String),
    /// What a person typed.
    Input(Bytes),
    /// The controller's terminal has this size.
    Resize(Size),
    /// Output was consumed up to here.
    Ack(u64),
    /// The controller gives control back.
    Release,
    /// Asks for a pong.
    Ping(Bytes),
    /// Asks for a reset.
    Repaint,
    /// A frame of a newer peer.
    Other {
        /// Its type.
        kind: u8,
    },
}

/// A frame could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The payload is longer than [`MAX_FRAME`].
    #[error("a frame is longer than {} KiB", MAX_FRAME >> 10)]
    TooLong,
    /// The payload is not what the frame's type says.
    #[error("the payload of a frame of type {0:#04x} is malformed")]
    Malformed(u8),
    /// The type is none that the other side sends.
    #[error("a client sends no frames of type {0:#04x}")]
    Foreign(u8),
    /// The stream ended in the middle of a frame.
    #[error("the connection ended in the middle of a frame")]
    Unterminated,
    /// Reading or writing failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}

/// Reads and writes frames. Between frames of a reset it remembers that one is open.
#[derive(Debug, Clone, Default)]
pub struct FrameCodec {
    in_reset: bool,
}

impl FrameCodec {
    /// Makes a codec at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next whole frame out of `buffer`.
    ///
    /// # Errors
    /// Fails when the header announces more than [`MAX_FRAME`] bytes, or the payload is malformed.
    pub fn next_frame(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some((header, frame)) = next(buffer)? else {
            return Ok(None);
        };
        let Header {
            kind, more, offset, ..
        } = header;
        self.read(kind, more, offset, frame.slice(HEADER..))
            .map(Some)
            .ok_or(FrameError::Malformed(kind))
    }

    fn read(&mut self, kind: u8, more: bool, offset: u64, mut payload: Bytes) -> Option<Frame> {
        Some(match kind {
            kind::OUTPUT => Frame::Output {
                offset,
                bytes: payload,
            },
            kind::RESET if self.in_reset => {
                self.in_reset = more;
                Frame::ResetPart {
                    offset,
                    bytes: payload,
                    more,
                }
            }
            kind::RESET => {
                let generation = Generation(payload.try_get_u64().ok()?);
                let run = Run(payload.try_get_u64().ok()?);
                let size = read_size(&mut payload)?;
                self.in_reset = more;
                Frame::Reset {
                    offset,
                    generation,
                    run,
                    size,
                    bytes: payload,
                    more,
                }
            }
            kind::GEOMETRY => Frame::Geometry {
                offset,
                size: read_size(&mut payload)?,
            },
            kind::CONTROLLER_CHANGED => Frame::ControllerChanged {
                epoch: payload.try_get_u32().ok()?,
                you: payload.try_get_u8().ok()? != 0,
                name: read_text(&payload)?,
            },
            kind::EXIT => Frame::Exit {
                offset,
                run: Run(payload.try_get_u64().ok()?),
                end: read_text(&payload)?,
            },
            kind::PONG => Frame::Pong(payload),
            kind::NOT_CONTROLLER => Frame::NotController {
                epoch: payload.try_get_u32().ok()?,
            },
            kind::ERROR => Frame::Error(read_text(&payload)?),
            kind::INPUT => Frame::Input(payload),
            kind::RESIZE => Frame::Resize(read_size(&mut payload)?),
            kind::ACK => Frame::Ack(offset),
            kind::RELEASE => Frame::Release,
            kind::PING if payload.len() <= 64 => Frame::Ping(payload),
            kind::PING => return None,
            kind::REPAINT => Frame::Repaint,
            kind => Frame::Other { kind },
        })
    }
}

/// Takes the next whole frame out of `buffer` as it is, header included, for those who only pass
/// it on.
///
/// # Errors
/// Fails when the header announces more than [`MAX_FRAME`] bytes.
pub fn next_raw_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    Ok(next(buffer)?.map(|(_, frame)| frame))
}

/// Takes the next whole frame, header included, out of `buffer`.
fn next(buffer: &mut BytesMut) -> Result<Option<(Header, Bytes)>, FrameError> {
    let Some(header) = Header::of(buffer) else {
        return Ok(None);
    };
    if header.length > MAX_FRAME {
        return Err(FrameError::TooLong);
    }
    let whole = HEADER + header.length;
    if buffer.len() < whole {
        buffer.reserve(whole - buffer.len());
        return Ok(None);
    }
    Ok(Some((header, buffer.split_to(whole).freeze())))
}

impl Frame {
    /// Appends the frame to `buffer`.
    ///
    /// # Errors
    /// Fails when its payload is longer than [`MAX_FRAME`].
    pub fn write(&self, buffer: &mut BytesMut) -> Result<(), FrameError> {
        let start = buffer.len();
        buffer.put_bytes(0, HEADER);
        let (flags, offset) = self.write_payload(buffer);
        let length = buffer.len() - start - HEADER;
        if length > MAX_FRAME {
            buffer.truncate(start);
            return Err(FrameError::TooLong);
        }
        let mut header = &mut buffer[start..start + HEADER];
        header.put_u8(self.kind());
        header.put_u8(flags);
        header.put_u16(0);
        header.put_u32(u32::try_from(length).map_err(|_| FrameError::TooLong)?);
        header.put_u64(offset);
        Ok(())
    }

    /// Returns its type, one of [`kind`] or of a newer peer.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Output { .. } => kind::OUTPUT,
            Self::Reset { .. } | Self::ResetPart { .. } => kind::RESET,
            Self::Geometry { .. } => kind::GEOMETRY,
            Self::ControllerChanged { .. } => kind::CONTROLLER_CHANGED,
            Self::Exit { .. } => kind::EXIT,
            Self::Pong(_) => kind::PONG,
            Self::NotController { .. } => kind::NOT_CONTROLLER,
            Self::Error(_) => kind::ERROR,
            Self::Input(_) => kind::INPUT,
            Self::Resize(_) => kind::RESIZE,
            Self::Ack(_) => kind::ACK,
            Self::Release => kind::RELEASE,
            Self::Ping(_) => kind::PING,
            Self::Repaint => kind::REPAINT,
            Self::Other { kind } => *kind,
        }
    }

    /// Returns whether it is one that a client sends, and a pod takes.
    #[must_use]
    pub const fn is_from_client(&self) -> bool {
        matches!(
            self,
            Self::Input(_)
                | Self::Resize(_)
                | Self::Ack(_)
                | Self::Release
                | Self::Ping(_)
                | Self::Repaint
        )
    }

    /// Appends the payload to `buffer`. Returns the header's flags and offset.
    fn write_payload(&self, buffer: &mut BytesMut) -> (u8, u64) {
        match self {
            Self::Output { offset, bytes } => {
                buffer.put_slice(bytes);
                (0, *offset)
            }
            Self::Reset {
                offset,
                generation,
                run,
                size,
                bytes,
                more,
            } => {
                buffer.put_u64(generation.0);
                buffer.put_u64(run.0);
                put_size(buffer, *size);
                buffer.put_slice(bytes);
                (u8::from(*more), *offset)
            }
            Self::ResetPart {
                offset,
                bytes,
                more,
            } => {
                buffer.put_slice(bytes);
                (u8::from(*more), *offset)
            }
            Self::Geometry { offset, size } => {
                put_size(buffer, *size);
                (0, *offset)
            }
            Self::ControllerChanged { epoch, you, name } => {
                buffer.put_u32(*epoch);
                buffer.put_u8(u8::from(*you));
                buffer.put_slice(name.as_bytes());
                (0, 0)
            }
            Self::Exit { offset, run, end } => {
                buffer.put_u64(run.0);
                buffer.put_slice(end.as_bytes());
                (0, *offset)
            }
            Self::NotController { epoch } => {
                buffer.put_u32(*epoch);
                (0, 0)
            }
            Self::Error(text) => {
                buffer.put_slice(text.as_bytes());
                (0, 0)
            }
            Self::Pong(bytes) | Self::Input(bytes) | Self::Ping(bytes) => {
                buffer.put_slice(bytes);
                (0, 0)
            }
            Self::Resize(size) => {
                put_size(buffer, *size);
                (0, 0)
            }
            Self::Ack(offset) => (0, *offset),
            Self::Release | Self::Repaint | Self::Other { .. } => (0, 0),
        }
    }
}

/// Bytes of a reset's first frame before the repaint.
pub const RESET_HEAD: usize = 20;

/// Reads a size, brought into its bounds as everywhere.
fn read_size(payload: &mut Bytes) -> Option<Size> {
    let columns = payload.try_get_u16().ok()?;
    let rows = payload.try_get_u16().ok()?;
    Some(Size { columns, rows }.clamped())
}

fn put_size(buffer: &mut BytesMut, size: Size) {
    buffer.put_u16(size.columns);
    buffer.put_u16(size.rows);
}

fn read_text(payload: &[u8]) -> Option<String> {
    String::from_utf8(payload.to_vec()).ok()
}

#[cfg(feature = "tokio")]
mod framed {
    use super::{Frame, FrameCodec, FrameError};
    use bytes::BytesMut;
    use tokio_util::codec::{Decoder, Encoder};

    impl Decoder for FrameCodec {
        type Item = Frame;
        type Error = FrameError;

        fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
            self.next_frame(buffer)
        }

        fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
            match self.next_frame(buffer)? {
                Some(frame) => Ok(Some(frame)),
                None if buffer.is_empty() => Ok(None),
                None => Err(FrameError::Unterminated),
            }
        }
    }

    impl Encoder<Frame> for FrameCodec {
        type Error = FrameError;

        fn encode(&mut self, frame: Frame, buffer: &mut BytesMut) -> Result<(), FrameError> {
            frame.write(buffer)
        }
    }
}

#[cfg(test)]
mod tests;
