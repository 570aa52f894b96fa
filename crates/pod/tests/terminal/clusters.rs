//! A grapheme cluster takes the columns that the agents count for it.

use podfleet_pod::terminal::Terminal;
use podfleet_protocol::Size;

/// The columns that `text` takes, and what stands there.
fn print(text: &str) -> (u16, String) {
    let mut terminal = Terminal::new(
        Size {
            columns: 40,
            rows: 2,
        },
        0,
    );
    terminal.feed(text.as_bytes());
    let screen = terminal.screen();
    (screen.cursor.column, screen.rows[0].text.clone())
}

#[test]
fn emoji_clusters_take_two_columns() {
    for cluster in [
        "💻",
        "👩\u{200D}💻",
        "👨\u{200D}👩\u{200D}👧\u{200D}👦",
        "👍🏽",
        "☝🏽",
        "❤\u{FE0F}",
        "⚠\u{FE0F}",
        "ℹ\u{FE0F}",
        "🏳\u{FE0F}\u{200D}🌈",
        "👩🏽\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👨🏾",
        "❤\u{FE0F}\u{200D}🔥",
        "1\u{FE0F}\u{20E3}",
        "🇩🇪",
        "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        "漢",
        "한",
    ] {
        assert_eq!(print(cluster), (2, cluster.to_owned()), "{cluster}");
        let neighbours = format!("{cluster}|{cluster}|");
        assert_eq!(print(&neighbours), (6, neighbours.clone()), "{cluster}");
    }
}

#[test]
fn other_text_keeps_its_columns() {
    for (text, columns) in [
        ("abc", 3),
        ("é", 1),
        ("e\u{301}", 1),
        ("❤", 1),
        ("☀\u{FE0E}", 1),
        ("a\u{FE0F}b", 2),
        ("👩x", 3),
        ("👩👩", 4),
        ("a\u{200D}b", 2),
        ("1\u{20E3}", 1),
    ] {
        assert_eq!(print(text).0, columns, "{text:?}");
    }
}

#[test]
fn nothing_joins_across_a_cursor_movement() {
    let (columns, text) = print("👩\u{200D}\x1b[10G💻");
    assert_eq!((columns, text.as_str()), (11, "👩       💻"));
}

#[test]
fn a_cluster_at_the_right_margin_stays_in_its_row() {
    let mut terminal = Terminal::new(
        Size {
            columns: 4,
            rows: 2,
        },
        0,
    );
    terminal.feed("ab👩\u{200D}💻c".as_bytes());
    let rows: Vec<_> = terminal
        .screen()
        .rows
        .into_iter()
        .map(|row| row.text)
        .collect();
    assert_eq!(rows, ["ab👩\u{200D}💻", "c"]);
}

#[test]
fn a_cell_holds_a_bounded_number_of_code_points() {
    let text = format!("a{}", "\u{301}".repeat(100_000));
    assert!(print(&text).1.len() < 100);
}
