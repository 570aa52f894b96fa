//! A repaint brings a fresh terminal to the same state, from which the stream goes on the same.

use podfleet_pod::terminal::{Terminal, ViewStream};
use podfleet_protocol::Size;
use proptest::prelude::*;

use crate::output::output;
use crate::recordings;

const SCROLLBACK: usize = 200;

/// All of a terminal's state that can be seen from outside. A repaint contains what the other
/// parts do not show: saved cursor, margins, charsets, stacks.
fn state(terminal: &Terminal) -> String {
    let (screen, modes) = (terminal.screen(), terminal.modes());
    let text = terminal.text(.., true);
    let repaint = terminal.repaint(SCROLLBACK);
    format!(
        "{screen:?}\n{modes:?}\n{text:?}\n{}",
        repaint.escape_ascii()
    )
}

fn assert_same(client: &Terminal, terminal: &Terminal) {
    let (client, terminal) = (state(client), state(terminal));
    let differing = client
        .lines()
        .zip(terminal.lines())
        .find(|(is, should)| is != should);
    assert_eq!(differing, None);
}

fn view(bytes: &[u8], stream: &mut ViewStream) -> Vec<u8> {
    let mut view = Vec::new();
    stream.feed(bytes, &mut view);
    view
}

/// Goes through `stream` with a detour over a repaint at `split`.
fn take_detour(size: Size, stream: &[u8], split: usize, client: &mut Terminal) {
    let mut filter = ViewStream::new();
    let (before, after) = stream.split_at(split);
    let (before, after) = (view(before, &mut filter), view(after, &mut filter));
    let mut terminal = Terminal::new(size, SCROLLBACK);
    terminal.feed(&before);
    client.feed(&terminal.repaint(SCROLLBACK));
    assert_same(client, &terminal);
    terminal.feed(&after);
    client.feed(&after);
    assert_same(client, &terminal);
}

#[test]
fn a_client_may_join_where_a_line_feed_led_to_a_row_that_has_wrapped_already() {
    let size = Size {
        columns: 2,
        rows: 5,
    };
    let before = "xxxxxxxxxxxxxxxxxxx\x1b[d漢字\n";
    let stream = format!("{before}aa");
    let mut client = Terminal::new(size, SCROLLBACK);
    take_detour(size, stream.as_bytes(), before.len(), &mut client);
}

#[test]
fn a_client_may_join_a_recorded_session_at_any_moment() {
    for recording in recordings::all() {
        for part in 0..=8 {
            let split = recording.stream.len() * part / 8;
            let mut client = Terminal::new(recording.size, SCROLLBACK);
            take_detour(recording.size, &recording.stream, split, &mut client);
        }
    }
}

#[test]
fn a_cursor_that_is_restored_in_origin_mode_is_within_the_margins() {
    let size = Size {
        columns: 2,
        rows: 3,
    };
    let stream = b"\x1b[?6h\x1b[2;3r\x1b[ux";
    let split = stream.len() - 1;
    take_detour(size, stream, split, &mut Terminal::new(size, SCROLLBACK));
}

#[test]
fn a_mark_on_what_a_tab_left_is_repainted_as_one_on_a_blank() {
    let size = Size {
        columns: 9,
        rows: 1,
    };
    let mark = "\u{FE0F}".as_bytes();
    let stream = [b"\x1b[1;40mxxxx\x1b[8G\t", mark].concat();
    let split = stream.len() - mark.len() - 1;
    take_detour(size, &stream, split, &mut Terminal::new(size, SCROLLBACK));
}

#[test]
fn a_repaint_replaces_whatever_a_client_showed() {
    let size = Size {
        columns: 20,
        rows: 5,
    };
    let mut client = Terminal::new(size, 0);
    client.feed(
        b"\x1b]2;old\x07\x1b[?1049h\x1b[?1000;1006;2004;1h\x1b=\x1b[2;3r\x1b[?6h\x1b[4h\x1b(0old\
          \x1b[3 q\x1b[>7u\x1b[>4;2m\x1b]11;#ffffff\x07\x1b[?7l\x1b[?25l\x1b]8;;http://old\x07\x1b[41m",
    );
    let mut terminal = Terminal::new(size, 0);
    terminal.feed(b"new\r\n");
    client.feed(&terminal.repaint(0));
    assert_same(&client, &terminal);
}

#[test]
fn a_cursor_that_went_up_from_the_end_of_a_row_is_repainted() {
    let size = Size {
        columns: 2,
        rows: 2,
    };
    let stream = b"a   \x1bMaa";
    let mut client = Terminal::new(size, SCROLLBACK);
    take_detour(size, stream, stream.len() - 2, &mut client);
}

proptest! {
    #[test]
    fn a_client_may_join_any_session_at_any_moment(
        before in output(), after in output(), columns in 2..30u16, rows in 1..8u16,
    ) {
        let size = Size { columns, rows };
        let stream = [&*before.0, &*after.0].concat();
        take_detour(size, &stream, before.0.len(), &mut Terminal::new(size, SCROLLBACK));
    }
}
