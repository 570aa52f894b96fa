//! The key parser.

use podfleet_sim_agent::input::{Key, KeyParser, Reply};
use proptest::prelude::*;

fn parse(chunks: &[&[u8]], bracketed_paste: bool) -> Vec<Key> {
    let mut parser = KeyParser::new();
    parser.set_bracketed_paste(bracketed_paste);
    let mut keys: Vec<Key> = chunks.iter().flat_map(|chunk| parser.feed(chunk)).collect();
    keys.extend(parser.flush());
    keys
}

/// Pieces of input that make sense, and pieces that do not.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\x1b[200~".to_vec()),
        Just(b"\x1b[201~".to_vec()),
        Just(b"\x1b".to_vec()),
        Just(b"\x1b\r".to_vec()),
        Just(b"\x1b[?62;4c".to_vec()),
        Just(b"\x1b[12;34R".to_vec()),
        Just(b"\x1b]11;rgb:0/0/0\x1b\\".to_vec()),
        Just(b"\x1b]10;rgb:0/0/0\x07".to_vec()),
        Just(b"\x1bP".to_vec()),
        Just(b"\x1b[I".to_vec()),
        Just(vec![b'7'; 5000]),
        "[ -~]{0,8}".prop_map(String::into_bytes),
        any::<String>().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
    ]
}

fn cut<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut chunks = Vec::new();
    for length in lengths {
        let (chunk, after) = rest.split_at((*length).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks.push(rest);
    chunks
}

proptest! {
    #[test]
    fn the_same_bytes_give_the_same_keys_however_they_are_cut(
        fragments in prop::collection::vec(fragment(), 0..12),
        lengths in prop::collection::vec(0_usize..9, 0..200),
        bracketed_paste: bool,
    ) {
        let bytes = fragments.concat();
        let whole = parse(&[&bytes], bracketed_paste);
        prop_assert_eq!(parse(&cut(&bytes, &lengths), bracketed_paste), whole);
    }

    #[test]
    fn a_paste_comes_whole_wherever_its_frame_is_cut(
        text in "[^\u{1b}]{0,80}",
        lengths in prop::collection::vec(1_usize..7, 0..60),
    ) {
        let bytes = format!("\x1b[200~{text}\x1b[201~\r").into_bytes();
        let keys = parse(&cut(&bytes, &lengths), true);
        prop_assert_eq!(keys, vec![Key::Paste(text), Key::Enter]);
    }
}

#[test]
fn an_end_mark_inside_a_paste_ends_it_and_the_rest_is_typed() {
    let keys = parse(&[b"\x1b[200~rm\x1b[201~\ry\x1b[201~"], true);
    let expected = [
        Key::Paste("rm".to_owned()),
        Key::Enter,
        Key::Char('y'),
        Key::StrayPasteMark,
    ];
    assert_eq!(keys, expected);
}

#[test]
fn without_bracketed_paste_a_frame_is_two_stray_marks_around_typed_keys() {
    let keys = parse(&[b"\x1b[200~a\n\x1b[201~"], false);
    assert_eq!(
        keys,
        [
            Key::StrayPasteMark,
            Key::Char('a'),
            Key::Enter,
            Key::StrayPasteMark
        ]
    );
}

#[test]
fn answers_of_the_terminal_are_told_apart() {
    let keys = parse(
        &[b"\x1b[?62;22c\x1b[5;1R\x1b]10;rgb:ffff/ffff/ffff\x07\x1b]11;rgb:0/0/0\x1b\\"],
        true,
    );
    let expected = [
        Reply::DeviceAttributes("?62;22".to_owned()),
        Reply::CursorPosition("5;1".to_owned()),
        Reply::Foreground("rgb:ffff/ffff/ffff".to_owned()),
        Reply::Background("rgb:0/0/0".to_owned()),
    ];
    assert_eq!(keys, expected.map(Key::Reply));
}

#[test]
fn focus_reports_and_other_sequences_type_nothing() {
    let keys = parse(
        &[b"\x1b[I\x1b[O\x1b[<0;3;4M\x1b[1;5C\x1bOP\x1bx\x1b_apc\x1b\\"],
        true,
    );
    assert!(keys.iter().all(|key| *key == Key::Ignored), "{keys:?}");
}

#[test]
fn an_escape_is_a_key_only_once_nothing_follows() {
    let mut parser = KeyParser::new();
    assert!(parser.feed(b"\x1b").is_empty());
    assert!(parser.has_lone_escape());
    assert_eq!(parser.feed(b"[A"), [Key::Up]);
    assert_eq!(parser.flush(), None);
    assert_eq!(parser.feed(b"\x1b\x1b"), [Key::Escape]);
    assert_eq!(parser.flush(), Some(Key::Escape));
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    assert_eq!(
        parse(&[b"\xffa\xe6\xbc"], true),
        [Key::Char(char::REPLACEMENT_CHARACTER), Key::Char('a'),]
    );
    assert_eq!(parse(&[b"\xe6\xbc\xa2"], true), [Key::Char('漢')]);
}
