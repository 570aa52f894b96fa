//! Whatever the bytes and the pieces that they come in, the codecs of the pod socket give the same
//! lines and frames, and what was read of them reads back the same.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use podfleet_protocol::codec::LineCodec;
use podfleet_protocol::frame::{Frame, FrameCodec, next_raw_frame};
use podfleet_protocol::rpc::{Incoming, Request, Response};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let piece = usize::from(piece).max(1);
    let mut codec = LineCodec::new();
    let lines = read(bytes, bytes.len().max(1), |buffer| line(&mut codec, buffer));
    let mut codec = LineCodec::new();
    assert_eq!(lines, read(bytes, piece, |buffer| line(&mut codec, buffer)));
    lines.iter().flatten().for_each(|line| messages(line));
    let mut codec = FrameCodec::new();
    let frames = read(bytes, bytes.len().max(1), |buffer| {
        frame(&mut codec, buffer)
    });
    let mut codec = FrameCodec::new();
    assert_eq!(
        frames,
        read(bytes, piece, |buffer| frame(&mut codec, buffer))
    );
    // Whoever passes frames on cuts the stream at the same places.
    let mut raw = BytesMut::from(bytes);
    for _ in frames.iter().take_while(|frame| frame.is_ok()) {
        assert!(matches!(next_raw_frame(&mut raw), Ok(Some(_))));
    }
    // Together: what goes on with a repaint is read as such behind its beginning alone.
    let mut written = BytesMut::new();
    for frame in frames.iter().flatten() {
        frame
            .write(&mut written)
            .expect("what was read is not too long");
    }
    let mut codec = FrameCodec::new();
    let again = read(&written, written.len().max(1), |buffer| {
        frame(&mut codec, buffer)
    });
    assert!(again.iter().flatten().eq(frames.iter().flatten()));
    assert!(again.iter().all(Result::is_ok));
});

/// Feeds the bytes in pieces; an error is the last thing that is read, as it ends a connection.
fn read<T>(
    bytes: &[u8],
    piece: usize,
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<T>, String>,
) -> Vec<Result<T, String>> {
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        while let Some(next) = next(&mut buffer).transpose() {
            found.push(next);
            if found.last().is_some_and(Result::is_err) {
                return found;
            }
        }
    }
    found
}

fn line(codec: &mut LineCodec, buffer: &mut BytesMut) -> Result<Option<Vec<u8>>, String> {
    let line = codec.next_line(buffer).map_err(|error| error.to_string())?;
    Ok(line.map(|line| line.to_vec()))
}

fn frame(codec: &mut FrameCodec, buffer: &mut BytesMut) -> Result<Option<Frame>, String> {
    codec.next_frame(buffer).map_err(|error| error.to_string())
}

fn messages(line: &[u8]) {
    if let Ok(request) = Request::parse(line) {
        let written = serde_json::to_vec(&request).expect("a request is JSON");
        assert_eq!(Request::parse(&written).expect("it is a request"), request);
    }
    if let Ok(response) = serde_json::from_slice::<Response>(line) {
        let written = serde_json::to_vec(&response).expect("a response is JSON");
        let again: Response = serde_json::from_slice(&written).expect("it is a response");
        assert_eq!(again, response);
    }
    let _ = Incoming::parse(line);
}
