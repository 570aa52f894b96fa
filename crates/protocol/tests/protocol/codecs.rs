//! The codecs as tokio's `Framed` uses them.

use bytes::{BufMut, BytesMut};
use podfleet_protocol::codec::{LineCodec, LineError};
use podfleet_protocol::frame::{Frame, FrameCodec, FrameError};
use podfleet_protocol::limits::{MAX_FRAME, MAX_LINE};
use podfleet_protocol::rpc::Request;
use serde_json::Value;
use tokio_util::codec::{Decoder, Encoder};

#[test]
fn the_end_of_a_stream_between_lines_is_clean_and_within_one_is_not() {
    let mut codec = LineCodec::new();
    let mut buffer = BytesMut::from("{}\n");
    assert_eq!(codec.decode_eof(&mut buffer).unwrap().unwrap(), "{}");
    assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
    buffer.extend_from_slice(b"{\"jsonrpc\"");
    assert!(matches!(
        codec.decode_eof(&mut buffer),
        Err(LineError::Unterminated)
    ));
}

#[test]
fn the_end_of_a_stream_between_frames_is_clean_and_within_one_is_not() {
    let mut codec = FrameCodec::new();
    let mut buffer = BytesMut::new();
    codec.encode(Frame::Release, &mut buffer).unwrap();
    assert_eq!(codec.decode_eof(&mut buffer).unwrap(), Some(Frame::Release));
    assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
    buffer.put_u8(1);
    assert!(matches!(
        codec.decode_eof(&mut buffer),
        Err(FrameError::Unterminated)
    ));
}

#[test]
fn an_encoded_request_is_one_line_whatever_is_in_it() {
    let request = Request::new(1, "run", Value::String("a\nb\r\u{2028}".to_owned()));
    let mut buffer = BytesMut::new();
    LineCodec::new().encode(&request, &mut buffer).unwrap();
    assert_eq!(buffer.iter().filter(|byte| **byte == b'\n').count(), 1);
    let line = LineCodec::new().decode(&mut buffer).unwrap().unwrap();
    assert_eq!(Request::parse(&line).unwrap(), request);
}

#[test]
fn an_id_that_is_no_id_is_refused_in_words() {
    let refused = Request::parse(br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#).unwrap_err();
    let message = refused.error.unwrap().message;
    let words = "`id` is neither an integer of 64 bits nor a text";
    assert!(message.ends_with(words), "{message}");
}

#[test]
fn what_is_too_long_is_not_written_and_what_stands_before_it_stays() {
    let mut buffer = BytesMut::from("before");
    let long = "a".repeat(MAX_LINE);
    let written = LineCodec::new().encode(&Value::String(long), &mut buffer);
    assert!(matches!(written, Err(LineError::TooLong)));
    let input = Frame::Input(vec![b'a'; MAX_FRAME + 1].into());
    let written = FrameCodec::new().encode(input, &mut buffer);
    assert!(matches!(written, Err(FrameError::TooLong)));
    assert_eq!(buffer, "before");
}

#[test]
fn a_frame_that_announces_too_much_is_refused_before_it_is_read() {
    let mut header = BytesMut::new();
    header.put_slice(&[1, 0, 0, 0]);
    header.put_u32(u32::MAX);
    header.put_u64(0);
    assert!(matches!(
        FrameCodec::new().decode(&mut header),
        Err(FrameError::TooLong)
    ));
}
