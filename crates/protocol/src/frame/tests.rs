use super::*;
use proptest::prelude::*;

fn size() -> impl Strategy<Value = Size> {
    (1..=1000_u16, 1..=1000_u16).prop_map(|(columns, rows)| Size { columns, rows })
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from)
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (any::<u64>(), payload()).prop_map(|(offset, bytes)| Frame::Output { offset, bytes }),
        (any::<u64>(), any::<u64>(), any::<u64>(), size(), payload()).prop_map(
            |(offset, generation, run, size, bytes)| Frame::Reset {
                offset,
                generation: Generation(generation),
                run: Run(run),
                size,
                bytes,
                more: false
            }
        ),
        (any::<u64>(), size()).prop_map(|(offset, size)| Frame::Geometry { offset, size }),
        (any::<u32>(), any::<bool>(), ".{0,20}")
            .prop_map(|(epoch, you, name)| Frame::ControllerChanged { epoch, you, name }),
        (any::<u64>(), any::<u64>(), ".{0,20}").prop_map(|(offset, run, end)| Frame::Exit {
            offset,
            run: Run(run),
            end
        }),
        payload().prop_map(Frame::Pong),
        any::<u32>().prop_map(|epoch| Frame::NotController { epoch }),
        ".{0,20}".prop_map(Frame::Error),
        payload().prop_map(Frame::Input),
        size().prop_map(Frame::Resize),
        any::<u64>().prop_map(Frame::Ack),
        Just(Frame::Release),
        payload().prop_map(Frame::Ping),
        Just(Frame::Repaint),
    ]
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_frames(
        frames in prop::collection::vec(frame(), 0..10),
        step in 1_usize..50,
    ) {
        let mut stream = BytesMut::new();
        for frame in &frames {
            frame.write(&mut stream).unwrap();
        }
        let mut codec = FrameCodec::new();
        let mut buffer = BytesMut::new();
        let mut got = Vec::new();
        for piece in stream.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = codec.next_frame(&mut buffer).unwrap() {
                got.push(frame);
            }
        }
        prop_assert_eq!(got, frames);
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut buffer = BytesMut::from(bytes.as_slice());
        let mut codec = FrameCodec::new();
        while let Ok(Some(_)) = codec.next_frame(&mut buffer) {}
    }
}

#[test]
fn a_reset_of_several_frames_is_told_apart_from_several_resets() {
    let parts = [
        Frame::Reset {
            offset: 7,
            generation: Generation(1),
            run: Run(2),
            size: Size::DEFAULT,
            bytes: Bytes::from_static(b"a"),
            more: true,
        },
        Frame::ResetPart {
            offset: 7,
            bytes: Bytes::from_static(b"b"),
            more: false,
        },
        Frame::Reset {
            offset: 9,
            generation: Generation(1),
            run: Run(2),
            size: Size::DEFAULT,
            bytes: Bytes::new(),
            more: false,
        },
    ];
    let mut buffer = BytesMut::new();
    for part in &parts {
        part.write(&mut buffer).unwrap();
    }
    let mut codec = FrameCodec::new();
    for part in parts {
        assert_eq!(codec.next_frame(&mut buffer).unwrap(), Some(part));
    }
}

#[test]
fn the_bytes_on_the_wire_are_those_of_the_documentation() {
    let wire = |frame: Frame| {
        let mut buffer = BytesMut::new();
        frame.write(&mut buffer).unwrap();
        let words: Vec<String> = buffer
            .chunks(4)
            .map(|word| data_encoding::HEXLOWER.encode(word))
            .collect();
        words.join(" ")
    };
    let output = Frame::Output {
        offset: 0x0102,
        bytes: Bytes::from_static(b"hi"),
    };
    let reset = Frame::Reset {
        offset: 7,
        generation: Generation(3),
        run: Run(1),
        size: Size::DEFAULT,
        bytes: Bytes::from_static(b"x"),
        more: true,
    };
    let frames = [output, reset, Frame::Resize(Size::DEFAULT), Frame::Ack(9)];
    insta::assert_snapshot!(frames.map(wire).join("\n"), @"
    01000000 00000002 00000000 00000102 6869
    02010000 00000015 00000000 00000007 00000000 00000003 00000000 00000001 00780028 78
    82000000 00000004 00000000 00000000 00780028
    83000000 00000000 00000000 00000009
    ");
}

#[test]
fn a_size_of_nothing_counts_as_the_smallest() {
    let nothing = Size {
        columns: 0,
        rows: u16::MAX,
    };
    let mut buffer = BytesMut::new();
    Frame::Resize(nothing).write(&mut buffer).unwrap();
    let read = FrameCodec::new().next_frame(&mut buffer).unwrap();
    assert_eq!(read, Some(Frame::Resize(nothing.clamped())));
}
