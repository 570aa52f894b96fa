//! The last lines, in pages.

use podfleet_pod::terminal::Terminal;
use podfleet_protocol::Size;

#[test]
fn the_pages_of_the_last_lines_are_the_whole_though_further_lines_come_in_between() {
    let size = Size {
        columns: 20,
        rows: 4,
    };
    let mut terminal = Terminal::new(size, 50);
    for number in 0..60 {
        terminal.feed(format!("line {number}\r\n").as_bytes());
    }
    let whole = terminal.tail(40, false);
    let (mut lines, mut before) = (Vec::new(), None);
    loop {
        let page = terminal.tail_page(40 - lines.len(), before, 30, false);
        assert_eq!(page.lines.len(), 4);
        lines.splice(0..0, page.lines);
        terminal.feed(b"more\r\n");
        before = page.earlier;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(lines, whole);
}

#[test]
fn a_line_longer_than_its_page_is_given_whole_and_those_that_are_gone_are_left_out() {
    let size = Size {
        columns: 20,
        rows: 2,
    };
    let mut terminal = Terminal::new(size, 3);
    terminal.feed(b"a long line\r\nanother one\r\nlast\r\n");
    let page = terminal.tail_page(2, None, 1, false);
    assert_eq!(page.lines, ["last"]);
    let page = terminal.tail_page(1, page.earlier, 1, false);
    assert_eq!(
        (page.lines, page.earlier),
        (vec!["another one".to_owned()], None)
    );
    terminal.feed(b"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n");
    let gone = terminal.tail_page(9, Some(2), 100, false);
    assert_eq!((gone.lines, gone.earlier), (Vec::new(), None));
}
