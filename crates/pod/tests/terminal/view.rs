//! The view stream: the agent's output without questions and without reach.

use podfleet_pod::terminal::{Terminal, ViewStream};
use podfleet_protocol::Size;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::output::{QUESTIONS, output};
use crate::recordings;

fn view(bytes: &[u8]) -> Vec<u8> {
    view_of_chunks([bytes])
}

fn view_of_chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = ViewStream::new();
    let mut out = Vec::new();
    for chunk in chunks {
        let start = out.len();
        stream.feed(chunk, &mut out);
        assert_clean(&out[start..]);
    }
    out
}

/// Reads a part of a view stream by the rules of ECMA-48 and nothing else, and fails at whatever a
/// terminal could answer, at any control string but a known OSC, and at an unfinished end.
fn assert_clean(view: &[u8]) {
    let text = std::str::from_utf8(view).expect("ends on a character's boundary");
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character.is_control()) {
        let control = rest[at..].chars().next().unwrap();
        rest = &rest[at + control.len_utf8()..];
        match control {
            '\x1b' => rest = after_sequence(rest),
            '\x07'..='\x0f' => {}
            other => panic!("control {other:?}"),
        }
    }
}

/// Checks the sequence that `rest` goes on with after its ESC; returns what follows.
fn after_sequence(rest: &str) -> &str {
    let (introducer, rest) = rest.split_at(1);
    match introducer {
        "[" => {
            let end = rest
                .find(|c: char| ('@'..='~').contains(&c))
                .expect("CSI has an end");
            let (body, rest) = rest.split_at(end + 1);
            assert!(!body.contains(char::is_control), "control in CSI {body:?}");
            assert!(is_harmless(body), "CSI {body:?}");
            rest
        }
        "]" => {
            let (body, rest) = rest.split_once("\x1b\\").expect("OSC has an end");
            assert!(!body.contains(char::is_control), "control in OSC {body:?}");
            let code = body.split(';').next().unwrap();
            let asks = matches!(code, "4" | "10" | "11" | "12") && body.contains('?');
            let known = [
                "0", "2", "4", "8", "10", "11", "12", "104", "110", "111", "112",
            ];
            assert!(known.contains(&code) && !asks, "OSC {body:?}");
            rest
        }
        "(" | ")" | "#" => &rest[1..],
        "7" | "8" | "D" | "E" | "M" | "c" | "=" | ">" => rest,
        other => panic!("ESC {other:?}"),
    }
}

fn is_harmless(body: &str) -> bool {
    let (parameters, action) = body.split_at(body.len() - 1);
    let (start, end) = (parameters.chars().next(), parameters.chars().last());
    match action {
        "c" | "i" | "n" | "p" | "v" | "w" | "x" | "y" | "z" | "|" | "g" | "W" | "R" => false,
        "q" => end == Some(' '),
        "t" => matches!(parameters.split(';').next(), Some("22" | "23")),
        "u" => start != Some('?') && !matches!(end, Some('$' | '&')),
        "m" => start != Some('?'),
        "S" | "T" => start.is_none_or(|first| first.is_ascii_digit() || first == ';'),
        "h" | "l" => !["2031", "2048", "2031", "1016", "996"].iter().any(|mode| {
            parameters
                .trim_start_matches('?')
                .split(';')
                .any(|is| is == *mode)
        }),
        _ => end.is_none_or(|last| last.is_ascii_digit() || last == ';'),
    }
}

#[test]
fn no_question_of_a_recording_survives() {
    for recording in recordings::all() {
        assert_clean(&view(&recording.stream));
    }
}

#[test]
fn a_client_that_reads_the_view_of_a_recording_shows_the_same_and_is_silent() {
    for recording in recordings::all() {
        let mut agent = Terminal::new(recording.size, 100);
        let mut client = Terminal::new(recording.size, 100);
        agent.feed(&recording.stream);
        assert_eq!(client.feed(&view(&recording.stream)), b"");
        assert_eq!(client.screen(), agent.screen(), "{}", recording.name);
        assert_eq!(client.modes(), agent.modes(), "{}", recording.name);
    }
}

#[test]
fn every_known_question_is_dropped_whatever_surrounds_it() {
    for question in QUESTIONS {
        let shown = view(question);
        assert_clean(&shown);
        // What is left is at most text that the question's broken form prints.
        assert!(!shown.contains(&0x1B), "{question:?} left {shown:?}");
        let surrounded = [b"a", *question, b"\x1b\\b"].concat();
        let shown = view(&surrounded);
        assert!(
            shown.starts_with(b"a") && shown.ends_with(b"b"),
            "{question:?}: {shown:?}"
        );
    }
}

#[test]
fn every_cut_of_a_recording_gives_the_same_view() {
    for recording in recordings::all() {
        let whole = view(&recording.stream);
        for size in [1, 2, 3, 7, 64, 1000] {
            assert!(
                view_of_chunks(recording.stream.chunks(size)) == whole,
                "{}",
                recording.name
            );
        }
    }
}

#[test]
fn a_long_sequence_is_dropped_up_to_its_end() {
    let clipboard = [b"a\x1b]0;", &*vec![b'x'; 10_000_000], b"\x07b"].concat();
    assert_eq!(view(&clipboard), b"ab");
    let control = [b"a\x1b[", &*vec![b'1'; 100_000], b"mb"].concat();
    assert_eq!(view(&control), b"ab");
}

#[test]
fn an_unfinished_sequence_is_held_back() {
    assert_eq!(view(b"a\x1b[3"), b"a");
    assert_eq!(view(b"a\x1b]0;title"), b"a");
    assert_eq!(view("a漢".as_bytes().split_last().unwrap().1), b"a");
}

#[test]
fn sequences_are_let_through_in_the_form_that_the_model_knows() {
    let cases: [(&[u8], &[u8]); 14] = [
        (b"\x1b[?25;2031;1h", b"\x1b[?25h\x1b[?1h"),
        (b"\x1b[?2031h", b""),
        (b"\x1b[?47h", b"\x1b[?1049h"),
        (b"\x1b[?1048h\x1b[?1048l", b"\x1b7\x1b8"),
        (b"\x1b[4;12h", b"\x1b[4h"),
        (b"\x1b]10;#123456;?\x07", b"\x1b]10;#123456\x1b\\"),
        (b"\x1b]4;1;?;2;rgb:1/2/3\x07", b"\x1b]4;2;rgb:1/2/3\x1b\\"),
        (
            b"\x1b]0;a\x01\xc2\x9bb\xff\x07",
            "\x1b]0;ab\u{FFFD}\x1b\\".as_bytes(),
        ),
        (b"\x1b[3\nm", b"\n\x1b[3m"),
        (b"\x1b[3\x18m", b"m"),
        (b"\xc3\xa9\x1b[m\x1b[2b", "é\x1b[méé".as_bytes()),
        (b"\xff\x80\xc3(", "\u{FFFD}\u{FFFD}(".as_bytes()),
        (b"\xe6\xbc\x1b[m", "\u{FFFD}\x1b[m".as_bytes()),
        (b"a\x00\x7f\x11b\xc2\xa0", "ab\u{A0}".as_bytes()),
    ];
    for (output, shown) in cases {
        assert_eq!(view(output), shown, "{:?}", String::from_utf8_lossy(output));
    }
}

proptest! {
    #[test]
    fn every_cut_of_any_bytes_gives_the_same_view(
        bytes in vec(prop_oneof![any::<u8>(), prop::sample::select(b"\x1b[]P_;?\\\x07\x18cn06".to_vec())], 0..200),
        cuts in vec(0..200usize, 0..20),
    ) {
        let whole = view(&bytes);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);
        prop_assert_eq!(view_of_chunks(chunks), whole);
    }

    #[test]
    fn what_the_model_hands_on_is_the_view_and_its_answers_stay_the_same(
        output in output(), cut in 0..200usize,
    ) {
        let size = Size { columns: 20, rows: 5 };
        let (mut handing_on, mut alone) = (Terminal::new(size, 50), Terminal::new(size, 50));
        let (mut seen, mut answers) = (b"before".to_vec(), Vec::new());
        let (first, second) = output.0.split_at(cut.min(output.0.len()));
        for chunk in [first, second] {
            answers.extend(handing_on.feed_seen(chunk, &mut seen));
        }
        prop_assert_eq!(seen, [b"before", &*view(&output.0)].concat());
        prop_assert_eq!(answers, alone.feed(&output.0));
        prop_assert!(handing_on.repaint(50) == alone.repaint(50));
    }

    #[test]
    fn a_client_that_reads_the_view_shows_the_same_and_is_silent(
        output in output(), columns in 2..30u16, rows in 1..8u16,
    ) {
        let size = Size { columns, rows };
        let (mut agent, mut client) = (Terminal::new(size, 50), Terminal::new(size, 50));
        agent.feed(&output.0);
        let view = view(&output.0);
        assert_clean(&view);
        prop_assert_eq!(client.feed(&view), b"");
        prop_assert!(client.repaint(50) == agent.repaint(50));
        prop_assert_eq!(client.screen(), agent.screen());
    }
}
