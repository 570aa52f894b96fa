//! Attach streams: who may type, and that what clients see is what the agent's terminal shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use podfleet_pod::terminal::Terminal;
use podfleet_protocol::frame::Frame;
use podfleet_protocol::method::{AttachParams, AttachRole, GetScreen, Nothing, Position};
use podfleet_protocol::rpc::ErrorCode;
use podfleet_protocol::{Outcome, Size};
use podfleet_sim_agent::Kind;
use test_case::test_case;

use super::client::{Attached, attach_as};
use super::pod::{Pod, Pods};
use crate::world::until;

/// Waits until the agent has written all that it will, and returns the end of the view stream.
fn end_of_output(pod: &Pod) -> u64 {
    let mut last = pod.end().offset;
    until(|| {
        let before = std::mem::replace(&mut last, pod.end().offset);
        if before == last {
            Ok(last)
        } else {
            Err(format!("{before}, then {last}"))
        }
    })
}

/// A client's terminal and the part of the stream that it was sent since it began or was repainted.
struct Viewed {
    terminal: Terminal,
    start: u64,
    bytes: Vec<u8>,
    resets: u32,
}

impl Viewed {
    fn from(start: u64) -> Self {
        Self {
            terminal: Terminal::new(Size::DEFAULT, 2000),
            start,
            bytes: Vec::new(),
            resets: 0,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Takes a frame in, and fails the test if the stream has a gap or says something twice.
    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Reset { offset, bytes, .. } => {
                self.resets += 1;
                self.start = offset;
                self.bytes.clear();
                self.feed(&bytes);
            }
            Frame::ResetPart { bytes, .. } => self.feed(&bytes),
            Frame::Output { offset, bytes } => {
                assert_eq!(offset, self.end(), "a gap or a repetition");
                self.feed(&bytes);
                self.bytes.extend_from_slice(&bytes);
            }
            _ => {}
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let answers = self.terminal.feed(bytes);
        assert!(
            answers.is_empty(),
            "a client's terminal is asked something: {answers:?}"
        );
    }

    /// Reads and acknowledges until the stream comes to an offset, which is asked for before each
    /// frame.
    fn read_to(&mut self, stream: &mut Attached, offset: impl Fn() -> u64) {
        while self.resets == 0 || self.end() < offset() {
            let frame = stream.receive().expect("the pod closed the connection");
            let acknowledged = matches!(frame, Frame::Output { .. });
            self.take(frame);
            if acknowledged {
                stream.send(&Frame::Ack(self.end()));
            }
        }
    }

    fn rows(&self) -> Vec<String> {
        self.terminal
            .screen()
            .rows
            .into_iter()
            .map(|row| row.text)
            .collect()
    }
}

#[test]
fn a_viewer_that_types_or_resizes_is_sent_off_and_the_others_stay() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let mut quiet = pod.view();
    for frame in [
        Frame::Input(b"rm -rf /\r".to_vec().into()),
        Frame::Resize(Size {
            columns: 10,
            rows: 5,
        }),
    ] {
        let mut viewer = pod.view();
        viewer.send(&frame);
        let why = viewer.until(|frame| match frame {
            Frame::Error(why) => Some(why),
            _ => None,
        });
        assert!(why.contains("viewer"), "{why}");
        assert!(viewer.receive().is_none());
    }
    quiet.send(&Frame::Ping(b"still here".to_vec().into()));
    quiet.until(|frame| (frame == Frame::Pong(b"still here".to_vec().into())).then_some(()));

    let id = pod.order("SAY:unharmed");
    pod.connect().until(id, Outcome::Answered);
    assert!(pods.received("a", Kind::Lost).is_empty());
    assert_eq!(pods.received("a", Kind::Submit).len(), 1);
    assert_eq!(pod.settled().size, Size::DEFAULT);
}

#[test]
fn control_that_was_taken_discards_late_keys_and_says_so() {
    let (pods, pod) = Pods::one("{}");
    pod.settled();
    let (_, mut first) = pod
        .connect()
        .attach(attach_as(AttachRole::Controller))
        .unwrap();
    let refused = pod
        .connect()
        .attach(attach_as(AttachRole::Controller))
        .err()
        .unwrap();
    assert_eq!(refused.code, ErrorCode::ControlTaken);

    let taking = AttachParams {
        take: true,
        ..attach_as(AttachRole::Controller)
    };
    let (result, mut second) = pod.connect().attach(taking).unwrap();
    assert!(result.in_control);
    first.type_text("too late\r");
    let epoch = first.until(|frame| match frame {
        Frame::NotController { epoch } => Some(epoch),
        _ => None,
    });
    assert_eq!(epoch, result.epoch);
    second.type_text("in time\r");
    until(|| match pods.received("a", Kind::Submit).as_slice() {
        [one] if one == "in time" => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn only_the_controllers_size_is_applied() {
    let (_pods, pod) = Pods::one("{}");
    pod.settled();
    let sized = |role, columns| AttachParams {
        size: Some(Size { columns, rows: 30 }),
        ..attach_as(role)
    };
    let _viewer = pod.connect().attach(sized(AttachRole::Viewer, 61)).unwrap();
    let (_, mut controller) = pod
        .connect()
        .attach(sized(AttachRole::Controller, 90))
        .unwrap();
    let changed = |frame| match frame {
        Frame::Geometry { size, .. } => Some(size),
        _ => None,
    };
    assert_eq!(
        controller.until(changed),
        Size {
            columns: 90,
            rows: 30
        }
    );
    controller.send(&Frame::Resize(Size {
        columns: 70,
        rows: 20,
    }));
    assert_eq!(
        controller.until(changed),
        Size {
            columns: 70,
            rows: 20
        }
    );
    let screen = pod.connect().call::<GetScreen>(Nothing {}).unwrap();
    assert_eq!((screen.size.columns, screen.rows.len()), (70, 20));
}

#[test]
fn who_attaches_again_gets_exactly_the_bytes_that_it_missed() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 10}"#);
    pod.settled();
    let (mut all, mut whole) = (pod.view(), Viewed::from(0));
    let (mut part, mut seen) = (pod.view(), Viewed::from(0));
    let answered = |text: &str| {
        let id = pod.order(text);
        pod.connect().until(id, Outcome::Answered);
        pod.end()
    };
    let here = answered("FLOOD:20000");
    seen.read_to(&mut part, || here.offset);
    drop(part);

    let there = answered("FLOOD:100000");
    assert!(there.offset - here.offset > 100_000);
    let from = AttachParams {
        from: Some(Position {
            offset: seen.end(),
            ..here
        }),
        ..attach_as(AttachRole::Viewer)
    };
    let (result, mut again) = pod.connect().attach(from).unwrap();
    assert_eq!(result.position.offset, seen.end());
    seen.read_to(&mut again, || there.offset);
    whole.read_to(&mut all, || there.offset);

    assert_eq!((seen.resets, whole.resets), (1, 1));
    let from = usize::try_from(seen.start - whole.start).unwrap();
    assert!(seen.bytes == whole.bytes[from..], "the streams differ");
    assert_eq!(seen.rows(), whole.rows());
}

#[test]
fn who_was_away_too_long_gets_a_repaint() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 10}"#);
    pod.settled();
    let before = pod.end();
    let id = pod.order("FLOOD:1500000");
    pod.connect().until(id, Outcome::Answered);
    for from in [
        before,
        Position {
            run: before.run.next(),
            ..before
        },
    ] {
        let params = AttachParams {
            from: Some(from),
            ..attach_as(AttachRole::Viewer)
        };
        let (_, mut stream) = pod.connect().attach(params).unwrap();
        assert!(matches!(stream.receive(), Some(Frame::Reset { .. })));
    }
}

#[test]
fn whenever_a_client_attaches_it_shows_what_the_terminal_shows() {
    let (_pods, pod) = Pods::one(r#"{"turn_ms": 10}"#);
    pod.settled();
    let id = pod.order("FLOOD:3000000");
    let mut client = pod.connect();
    let mut watching = Vec::new();
    let mut next = 0;
    let last = Arc::new(AtomicU64::new(u64::MAX));
    while !client
        .until(id, Outcome::Accepted)
        .outcome
        .reaches(Outcome::Answered)
    {
        // One for each twelfth of the flood: were it for each moment, the more would watch the longer it
        // lasts, and each of them has a terminal to draw.
        let end = pod.end().offset;
        if end < next {
            continue;
        }
        next = end + 250_000;
        let mut stream = pod.view();
        let (writer, last) = (stream.writer(), Arc::clone(&last));
        let watch = thread::spawn(move || {
            let mut viewed = Viewed::from(0);
            viewed.read_to(&mut stream, || last.load(Ordering::SeqCst));
            viewed
        });
        watching.push((writer, watch));
    }
    assert!(
        watching.len() > 1,
        "only {} attached during the flood",
        watching.len()
    );
    last.store(end_of_output(&pod), Ordering::SeqCst);
    let screen = pod.connect().call::<GetScreen>(Nothing {}).unwrap();
    for (mut writer, watch) in watching {
        // Who has read all waits for a frame.
        writer.send(&Frame::Ping(Vec::new().into()));
        let viewed = watch.join().unwrap();
        assert_eq!(viewed.rows(), screen.rows);
        let cursor = viewed.terminal.screen().cursor;
        assert_eq!(
            (cursor.row, cursor.column),
            (screen.cursor_row, screen.cursor_column)
        );
    }
}

#[test_case(&[0x82, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9],
    "the payload of a frame of type 0x82 is malformed"; "half a size")]
#[test_case(&[0x81, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "a frame is longer than 64 KiB"; "a frame of a mebibyte")]
#[test_case(&[0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "a client sends no frames of type 0x99"; "a type that is none")]
#[test_case(&[0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "a client sends no frames of type 0x01"; "a type of the pod")]
fn what_is_no_frame_of_a_client_is_answered_with_what_is_wrong(bytes: &[u8], wrong: &str) {
    let (_pods, pod) = Pods::one("{}");
    let (_, mut client) = pod
        .connect()
        .attach(attach_as(AttachRole::Controller))
        .unwrap();
    client.write(bytes).unwrap();
    let why = client.until(|frame| match frame {
        Frame::Error(why) => Some(why),
        _ => None,
    });
    assert_eq!(why, wrong);
    assert!(client.receive().is_none());
}

#[test]
fn the_agents_questions_are_answered_by_the_pod_and_never_shown_to_clients() {
    // It asks when a key comes, so that somebody is attached by then.
    let script = "stty raw -echo; printf ready; dd bs=1 count=1 2>/dev/null >&2; \
        printf 'a\\033[cb\\033[6nc\\033]11;?\\007d\\033[?2026$pe\\033P+q544e\\033\\\\f'; \
        dd bs=1 count=9 2>/dev/null | od -An -c | tr -d ' \\n'; printf done; sleep 100";
    let mut pods = Pods::new();
    let pod = pods.start_script("a", script);
    let (_, mut client) = pod
        .connect()
        .attach(attach_as(AttachRole::Controller))
        .unwrap();
    until(|| {
        let screen = pod.connect().call::<GetScreen>(Nothing {}).unwrap();
        if screen.rows[0].starts_with("ready") {
            Ok(())
        } else {
            Err(screen.rows[0].clone())
        }
    });
    client.type_text("k");
    let mut viewed = Viewed::from(0);
    while !String::from_utf8_lossy(&viewed.bytes).contains("done") {
        viewed.take(client.receive().unwrap());
    }
    let shown = String::from_utf8_lossy(&viewed.bytes);
    assert!(shown.contains("abcdef"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    // The beginning of the answer to the first question: the device attributes.
    assert!(shown.contains("033[?"), "{shown:?}");
}
