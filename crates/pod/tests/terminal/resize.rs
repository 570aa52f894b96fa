//! What a change of the size does to screen and scrollback.

use podfleet_pod::terminal::Terminal;
use podfleet_protocol::Size;
use proptest::prelude::*;

use crate::output::output;

fn terminal(columns: u16, rows: u16) -> Terminal {
    Terminal::new(Size { columns, rows }, 100)
}

fn numbered(count: usize) -> String {
    let lines: Vec<_> = (0..count).map(|line| format!("line {line}")).collect();
    lines.join("\r\n")
}

#[test]
fn lines_that_leave_the_screen_go_to_the_scrollback() {
    let mut terminal = terminal(20, 3);
    terminal.feed(numbered(5).as_bytes());
    assert_eq!(terminal.scrollback_len(), 2);
    let text = terminal.text(.., false);
    assert_eq!(text, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    assert_eq!(terminal.text(1..3, false), ["line 1", "line 2"]);
    assert_eq!(terminal.tail(2, false), ["line 3", "line 4"]);
    assert!(terminal.text(9.., false).is_empty());
}

#[test]
fn the_scrollback_keeps_the_newest_lines() {
    let mut terminal = Terminal::new(
        Size {
            columns: 20,
            rows: 3,
        },
        10,
    );
    terminal.feed(numbered(1000).as_bytes());
    assert_eq!(terminal.scrollback_len(), 10);
    assert_eq!(terminal.text(0..1, false), ["line 987"]);
}

#[test]
fn text_in_colours_stands_alone_line_by_line() {
    let mut terminal = terminal(20, 3);
    terminal.feed(b"\x1b[31mred\r\nstill \x1b[1;42mbold\x1b[m plain");
    assert_eq!(
        terminal.tail(2, true),
        [
            "\x1b[0;31mred\x1b[m",
            "\x1b[0;31mstill \x1b[0;1;31;42mbold\x1b[m plain"
        ]
    );
}

#[test]
fn a_lower_screen_pushes_lines_into_the_scrollback() {
    let mut terminal = terminal(20, 5);
    terminal.feed(numbered(5).as_bytes());
    terminal.resize(Size {
        columns: 20,
        rows: 3,
    });
    assert_eq!(
        terminal.text(.., false),
        ["line 0", "line 1", "line 2", "line 3", "line 4"]
    );
    assert_eq!(terminal.screen().rows.len(), 3);
}

#[test]
fn a_narrower_screen_wraps_lines_anew() {
    let mut terminal = terminal(20, 3);
    terminal.feed(b"abcdefghij\r\n$ ");
    terminal.resize(Size {
        columns: 5,
        rows: 3,
    });
    assert_eq!(terminal.tail(9, false), ["abcde", "fghij", "$"]);
    assert_eq!(terminal.screen().rows[0].text, "fghij");
}

#[test]
fn the_main_screen_behind_the_alternate_one_is_resized_too() {
    let mut terminal = terminal(20, 5);
    terminal.feed(numbered(5).as_bytes());
    terminal.feed(b"\x1b[?1049h\x1b[2J\x1b[Hfull screen");
    terminal.resize(Size {
        columns: 30,
        rows: 3,
    });
    assert_eq!(terminal.screen().rows[0].text, "full screen");
    assert_eq!(terminal.tail(10, false), ["full screen"]);
    terminal.feed(b"\x1b[?1049l");
    assert_eq!(
        terminal.text(.., false),
        ["line 0", "line 1", "line 2", "line 3", "line 4"]
    );
}

#[test]
fn a_skin_tone_that_stood_alone_joins_nothing_after_a_resize() {
    let mut terminal = terminal(10, 4);
    terminal.feed("\x1b[3C漢字é한👍🏽\r\x1b[b".as_bytes());
    terminal.resize(Size {
        columns: 18,
        rows: 9,
    });
    terminal.feed(b"     !");
    let mut client = Terminal::new(terminal.size(), 100);
    client.feed(&terminal.repaint(100));
    assert_eq!(client.screen().rows, terminal.screen().rows);
}

proptest! {
    #[test]
    fn any_output_at_any_size_is_survived(
        parts in prop::collection::vec((output(), 0..40u16, 0..12u16), 1..6),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut terminal = terminal(10, 4);
        for (output, columns, rows) in parts {
            terminal.feed(&output.0);
            terminal.resize(Size { columns, rows });
            terminal.feed(&noise);
            let screen = terminal.screen();
            prop_assert_eq!(screen.rows.len(), usize::from(terminal.size().rows));
            prop_assert!(screen.cursor.row < terminal.size().rows);
            prop_assert!(screen.cursor.column < terminal.size().columns);
            let mut client = Terminal::new(terminal.size(), 100);
            client.feed(&terminal.repaint(100));
            prop_assert_eq!(client.screen().rows, screen.rows);
        }
    }
}
